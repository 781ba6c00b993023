-- Webhooks: which events go to which endpoint, and what a delivery's outcome means.

-- The words by which a subscription may name a topic: itself, its group, everything.
CREATE OR REPLACE FUNCTION topic_words(p_topic text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[p_topic, split_part(p_topic, '.', 1) || '.*', '*']
$$;

-- Called by place_events() for the numbers it gave.
CREATE OR REPLACE FUNCTION webhook_fan_out(p_org text, p_from bigint, p_to bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM webhook w WHERE w.org_id = p_org AND w.active) THEN
    RETURN;
  END IF;
  WITH made AS (
    INSERT INTO webhook_delivery (org_id, delivery_id, webhook_id, event_id, topic, seq, ticket_id, body, next_attempt_at)
    SELECT p_org, uuid7(), w.webhook_id, e.event_id, e.topic, e.seq, e.ticket_id, event_body(e),
           greatest(now(), w.cooldown_until)
      FROM event e
      JOIN webhook w ON w.org_id = p_org AND w.active AND w.topics && topic_words(e.topic)
     WHERE e.org_id = p_org AND e.seq BETWEEN p_from AND p_to
       AND NOT ('webhooks' = ANY (string_to_array(COALESCE(e.suppress, ''), ',')))
       AND NOT (e.resource = 'webhook' AND e.resource_id = w.webhook_id::text) -- its own ups and downs
     ORDER BY e.seq
    RETURNING delivery_id, webhook_id, next_attempt_at)
  INSERT INTO due_job (org_id, kind, ref, lane, run_at)
  SELECT p_org, 'webhook', m.delivery_id, m.webhook_id::text, m.next_attempt_at FROM made m;
END
$$;

-- Seconds before the attempt after this one; null when it was the last.
CREATE OR REPLACE FUNCTION webhook_ladder(p_attempts int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
  SELECT ('{1,30,300,1800,7200,86400}'::int[])[p_attempts]
$$;

-- Stop calling an endpoint: what waits for it has failed, and can be replayed.
CREATE OR REPLACE FUNCTION webhook_disable(p_org text, p_webhook uuid, p_why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE webhook w SET active = false, disabled_reason = p_why, disabled_at = now(), cooldown_until = NULL
   WHERE w.org_id = p_org AND w.webhook_id = p_webhook AND w.active;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM webhook_stop(p_org, p_webhook, 'The endpoint was disabled.');
  PERFORM put_event(p_org, 'webhook.disabled', true, true, 'webhook', p_webhook::text, NULL, NULL,
    jsonb_build_object('webhook_id', p_webhook, 'reason', p_why));
END
$$;

CREATE OR REPLACE FUNCTION webhook_stop(p_org text, p_webhook uuid, p_why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM due_job d WHERE d.org_id = p_org AND d.kind = 'webhook' AND d.lane = p_webhook::text;
  UPDATE webhook_delivery d SET status = 'failed', error = p_why, next_attempt_at = NULL
   WHERE d.org_id = p_org AND d.webhook_id = p_webhook AND d.status = 'pending';
END
$$;

-- What an attempt came to: p_error is null for a 2xx. Nothing happens when the
-- claim was lost. After five failures in a row the endpoint is left alone for a
-- while, longer each time up to an hour; after five days of nothing else it is
-- disabled; a 410 disables it at once.
CREATE OR REPLACE FUNCTION webhook_finish(p_org text, p_delivery uuid, p_token bigint, p_status int, p_ms int,
  p_error text, p_response text, p_retry_after int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  d webhook_delivery;
  w webhook;
  tries int;
  base int;
  wait numeric;
  resting timestamptz;
BEGIN
  -- An outcome that a crash of PostgreSQL forgets is a delivery that comes twice: no wait for the disk.
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT j.attempts INTO tries FROM due_job j
   WHERE j.org_id = p_org AND j.kind = 'webhook' AND j.ref = p_delivery AND j.token = p_token AND j.state = 'running' FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'lost';
  END IF;
  SELECT * INTO d FROM webhook_delivery x WHERE x.org_id = p_org AND x.delivery_id = p_delivery FOR UPDATE;
  SELECT * INTO w FROM webhook x WHERE x.org_id = p_org AND x.webhook_id = d.webhook_id FOR UPDATE;
  INSERT INTO webhook_attempt (org_id, delivery_id, n, status, duration_ms, error, response)
  VALUES (p_org, p_delivery, d.attempts + 1, NULLIF(p_status, 0), p_ms, p_error, NULLIF(p_response, ''));
  IF p_error IS NULL THEN
    DELETE FROM due_job j WHERE j.org_id = p_org AND j.kind = 'webhook' AND j.ref = p_delivery;
    UPDATE webhook_delivery x SET status = 'delivered', attempts = d.attempts + 1, response_status = p_status, error = NULL,
           next_attempt_at = NULL, delivered_at = clock_timestamp()
     WHERE x.org_id = p_org AND x.delivery_id = p_delivery;
    UPDATE webhook x SET last_success_at = clock_timestamp(), consecutive_failures = 0, failing_since = NULL, cooldown_until = NULL
     WHERE x.org_id = p_org AND x.webhook_id = d.webhook_id
       AND (x.consecutive_failures > 0 OR x.last_success_at IS NULL OR x.last_success_at < clock_timestamp() - interval '10 seconds');
    IF w.cooldown_until IS NOT NULL THEN -- what waited for its recovery goes out now
      UPDATE due_job j SET run_at = clock_timestamp()
       WHERE j.org_id = p_org AND j.kind = 'webhook' AND j.lane = d.webhook_id::text AND j.state = 'ready'
         AND j.attempts = 0 AND j.run_at > clock_timestamp();
    END IF;
    RETURN 'delivered';
  END IF;
  base := webhook_ladder(tries);
  IF p_status IN (429, 503) AND p_retry_after > base THEN
    base := least(p_retry_after, 2 * base);
  END IF;
  wait := base * (0.8 + 0.4 * random());
  resting := CASE WHEN w.consecutive_failures + 1 >= 5
                  THEN clock_timestamp() + make_interval(secs => least(3600, 30 * 2 ^ least(w.consecutive_failures - 4, 10))) END;
  IF wait IS NULL THEN
    DELETE FROM due_job j WHERE j.org_id = p_org AND j.kind = 'webhook' AND j.ref = p_delivery;
  ELSE
    UPDATE due_job j SET state = 'ready', run_at = clock_timestamp() + make_interval(secs => wait::float8), lease_until = NULL, error = p_error
     WHERE j.org_id = p_org AND j.kind = 'webhook' AND j.ref = p_delivery;
  END IF;
  UPDATE webhook_delivery x
     SET status = CASE WHEN wait IS NULL THEN 'failed' ELSE 'pending' END, attempts = d.attempts + 1, response_status = NULLIF(p_status, 0),
         error = p_error, next_attempt_at = clock_timestamp() + make_interval(secs => wait::float8)
   WHERE x.org_id = p_org AND x.delivery_id = p_delivery;
  UPDATE webhook x SET last_failure_at = clock_timestamp(), consecutive_failures = x.consecutive_failures + 1,
         failing_since = COALESCE(x.failing_since, clock_timestamp()), cooldown_until = resting
   WHERE x.org_id = p_org AND x.webhook_id = d.webhook_id;
  IF p_status = 410 THEN
    PERFORM webhook_disable(p_org, d.webhook_id, 'It answered 410 Gone.');
  ELSIF w.failing_since < clock_timestamp() - interval '5 days' THEN
    PERFORM webhook_disable(p_org, d.webhook_id, 'Nothing but failures for five days.');
  ELSIF resting IS NOT NULL THEN -- the next one is a probe; the others wait for it
    UPDATE due_job j SET run_at = greatest(j.run_at, resting)
     WHERE j.org_id = p_org AND j.kind = 'webhook' AND j.lane = d.webhook_id::text AND j.state = 'ready' AND j.run_at < resting
       AND j.ref <> p_delivery;
  END IF;
  RETURN CASE WHEN wait IS NULL THEN 'failed' ELSE 'again' END;
END
$$;

-- An event that the endpoint's conditions do not want.
CREATE OR REPLACE FUNCTION webhook_skip(p_org text, p_delivery uuid, p_token bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM due_job j WHERE j.org_id = p_org AND j.kind = 'webhook' AND j.ref = p_delivery AND j.token = p_token;
  UPDATE webhook_delivery d SET status = 'skipped', next_attempt_at = NULL WHERE d.org_id = p_org AND d.delivery_id = p_delivery;
END
$$;

-- Send deliveries again: the same event and bytes, as deliveries of their own. Null p_delivery for a range.
CREATE OR REPLACE FUNCTION webhook_replay(p_org text, p_webhook uuid, p_delivery uuid, p_body jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  n int;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM webhook w WHERE w.org_id = p_org AND w.webhook_id = p_webhook AND w.active) THEN
    PERFORM fail(409, 'webhook_disabled', 'The webhook is disabled; enable it first.');
  END IF;
  WITH old AS (
    SELECT DISTINCT ON (d.event_id) d.* FROM webhook_delivery d
     WHERE d.org_id = p_org AND d.webhook_id = p_webhook AND d.status <> 'pending'
       AND CASE WHEN p_delivery IS NOT NULL THEN d.delivery_id = p_delivery
                ELSE d.created_at >= (p_body ->> 'since')::timestamptz
                 AND d.created_at < COALESCE((p_body ->> 'until')::timestamptz, 'infinity')
                 AND (p_body -> 'topics' IS NULL OR p_body -> 'topics' ?| topic_words(d.topic))
                 AND (NOT COALESCE((p_body ->> 'failed_only')::boolean, true) OR d.status = 'failed') END
     ORDER BY d.event_id, d.created_at DESC
     LIMIT 10000
  ), made AS (
    INSERT INTO webhook_delivery (org_id, delivery_id, webhook_id, event_id, topic, seq, ticket_id, body, replay_of)
    SELECT p_org, uuid7(), p_webhook, o.event_id, o.topic, o.seq, o.ticket_id, o.body, o.delivery_id
      FROM old o ORDER BY o.seq
    RETURNING delivery_id
  ), due AS (
    INSERT INTO due_job (org_id, kind, ref, lane) SELECT p_org, 'webhook', m.delivery_id, p_webhook::text FROM made m RETURNING 1)
  SELECT count(*) INTO n FROM due;
  PERFORM put_event(p_org, 'webhook.replayed', false, true, 'webhook', p_webhook::text, NULL, NULL, jsonb_build_object('count', n));
  RETURN n;
END
$$;

-- Health is no change of configuration: neither version nor log know of it.
CREATE OR REPLACE FUNCTION webhook_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.url, NEW.description, NEW.topics, NEW.conditions, NEW.secret, NEW.previous_secret, NEW.active) IS DISTINCT FROM
     (OLD.url, OLD.description, OLD.topics, OLD.conditions, OLD.secret, OLD.previous_secret, OLD.active) THEN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
  END IF;
  IF NEW.active AND NOT OLD.active THEN -- a fresh start
    NEW.disabled_reason := NULL;
    NEW.disabled_at := NULL;
    NEW.consecutive_failures := 0;
    NEW.failing_since := NULL;
    NEW.cooldown_until := NULL;
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON webhook FOR EACH ROW EXECUTE FUNCTION webhook_touch();

CREATE OR REPLACE FUNCTION webhook_stopped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM webhook_stop(OLD.org_id, OLD.webhook_id, 'The webhook was turned off.');
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER stopped AFTER UPDATE ON webhook FOR EACH ROW
  WHEN (OLD.active AND NOT NEW.active AND NEW.disabled_reason IS NULL) EXECUTE FUNCTION webhook_stopped();
CREATE OR REPLACE TRIGGER deleted AFTER DELETE ON webhook FOR EACH ROW EXECUTE FUNCTION webhook_stopped();

-- Only what a person changes is in the log.
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR DELETE
  OR UPDATE OF url, description, topics, conditions, secret, active ON webhook
  FOR EACH ROW EXECUTE FUNCTION record_change('webhook', 'webhook_id', 'audit', 'secret', 'previous_secret');

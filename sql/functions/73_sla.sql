-- SLA clocks. Minutes are counted by 35_calendar.sql; everything that happens to
-- a clock goes through here, with the timer's row locked.

CREATE OR REPLACE FUNCTION sla_note(t sla_timer, p_what text, p_reason text, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO sla_ledger (org_id, timer_id, n, what, reason, at, elapsed_minutes, due_at, actor_id)
  VALUES (t.org_id, t.timer_id,
          COALESCE((SELECT max(l.n) FROM sla_ledger l WHERE l.org_id = t.org_id AND l.timer_id = t.timer_id), 0) + 1,
          p_what, p_reason, p_at, round(t.elapsed_minutes, 3), t.due_at, actor_id());
END
$$;

-- When the clock rings, while it runs; and the due job that rings it.
CREATE OR REPLACE FUNCTION sla_arm(t sla_timer) RETURNS sla_timer LANGUAGE plpgsql AS $$
DECLARE
  warn numeric := t.target_minutes * t.warn_percent / 100 - t.elapsed_minutes;
BEGIN
  IF t.status <> 'running' THEN
    t.due_at := CASE WHEN t.status = 'paused' THEN NULL ELSE t.due_at END;
    t.warn_at := CASE WHEN t.status = 'paused' THEN NULL ELSE t.warn_at END;
    DELETE FROM due_job d WHERE d.org_id = t.org_id AND d.kind = 'sla' AND d.ref = t.timer_id;
  ELSE
    t.due_at := business_add(t.org_id, t.business_hours_id, t.running_since, greatest(t.target_minutes - t.elapsed_minutes, 0));
    t.warn_at := business_add(t.org_id, t.business_hours_id, t.running_since, greatest(warn, 0));
    IF t.due_at IS NOT NULL THEN
      PERFORM due_put(t.org_id, 'sla', t.timer_id, '', CASE WHEN t.warned_at IS NULL THEN least(t.warn_at, t.due_at) ELSE t.due_at END);
    ELSE -- a calendar that is never open has no due time
      DELETE FROM due_job d WHERE d.org_id = t.org_id AND d.kind = 'sla' AND d.ref = t.timer_id;
    END IF;
  END IF;
  UPDATE sla_timer x SET status = t.status, target_minutes = t.target_minutes, running_since = t.running_since, warn_percent = t.warn_percent,
         business_hours_id = t.business_hours_id, pause_statuses = t.pause_statuses, policy_id = t.policy_id,
         elapsed_minutes = t.elapsed_minutes, due_at = t.due_at, warn_at = t.warn_at, paused_at = t.paused_at,
         pause_reason = t.pause_reason, warned_at = t.warned_at, breached_at = t.breached_at, stopped_at = t.stopped_at
   WHERE x.org_id = t.org_id AND x.timer_id = t.timer_id;
  RETURN t;
END
$$;

CREATE OR REPLACE FUNCTION sla_elapsed(t sla_timer, p_at timestamptz) RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT t.elapsed_minutes + CASE WHEN t.running_since IS NULL THEN 0
    ELSE business_minutes_between(t.org_id, t.business_hours_id, t.running_since, p_at) END
$$;

CREATE OR REPLACE FUNCTION sla_event_data(t sla_timer, k ticket) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('timer_id', t.timer_id, 'policy_id', t.policy_id, 'metric', t.metric, 'name', t.name,
    'target_minutes', t.target_minutes, 'due_at', iso(t.due_at), 'ticket', ticket_summary(k))
$$;

CREATE OR REPLACE FUNCTION sla_event(t sla_timer, p_topic text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  k ticket;
BEGIN
  SELECT * INTO k FROM ticket x WHERE x.org_id = t.org_id AND x.ticket_id = t.ticket_id;
  PERFORM put_event(t.org_id, p_topic, true, true, 'sla_timer', t.timer_id::text, t.ticket_id, NULL, sla_event_data(t, k));
END
$$;

-- What somebody did to a clock by hand is written down, and told to nobody.
CREATE OR REPLACE FUNCTION sla_by_hand(t sla_timer, p_what text, p_reason text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM put_event(t.org_id, 'sla.timer.' || p_what, false, true, 'sla_timer', t.timer_id::text, t.ticket_id, NULL,
    jsonb_build_object('timer_id', t.timer_id, 'metric', t.metric, 'name', t.name, 'target_minutes', t.target_minutes, 'reason', p_reason));
END
$$;

-- Ring what is due at p_at: the warning, the breach, or both. Once each.
CREATE OR REPLACE FUNCTION sla_ring(t sla_timer, p_at timestamptz) RETURNS sla_timer LANGUAGE plpgsql AS $$
BEGIN
  IF t.status <> 'running' OR t.due_at IS NULL THEN
    RETURN t;
  END IF;
  IF t.warned_at IS NULL AND t.warn_at <= p_at AND t.due_at > p_at THEN
    t.warned_at := p_at;
    PERFORM sla_note(t, 'warned', NULL, p_at);
    PERFORM sla_event(t, 'sla.warning');
  END IF;
  IF t.due_at <= p_at THEN
    t.elapsed_minutes := t.target_minutes;
    t.running_since := t.due_at; -- goes on counting how late it gets
    t.breached_at := t.due_at;
    t.status := 'breached';
    PERFORM sla_note(t, 'breached', NULL, p_at);
    PERFORM sla_event(t, 'sla.breached');
  END IF;
  RETURN t;
END
$$;

CREATE OR REPLACE FUNCTION sla_pause(t sla_timer, p_reason text, p_at timestamptz) RETURNS sla_timer LANGUAGE plpgsql AS $$
BEGIN
  t := sla_ring(t, p_at);
  IF t.status = 'running' THEN
    t.elapsed_minutes := sla_elapsed(t, p_at);
    t.running_since := NULL;
    t.status := 'paused';
    t.paused_at := p_at;
    t.pause_reason := p_reason;
    PERFORM sla_note(t, 'paused', p_reason, p_at);
  END IF;
  RETURN sla_arm(t);
END
$$;

CREATE OR REPLACE FUNCTION sla_resume(t sla_timer, p_reason text, p_at timestamptz) RETURNS sla_timer LANGUAGE plpgsql AS $$
BEGIN
  t.status := 'running';
  t.running_since := p_at;
  t.paused_at := NULL;
  t.pause_reason := NULL;
  t := sla_arm(t);
  PERFORM sla_note(t, 'resumed', p_reason, p_at);
  RETURN t;
END
$$;

-- What was promised has happened, or (p_cancel) is not wanted any more.
CREATE OR REPLACE FUNCTION sla_stop(t sla_timer, p_cancel boolean, p_reason text, p_at timestamptz) RETURNS sla_timer LANGUAGE plpgsql AS $$
BEGIN
  IF NOT p_cancel THEN
    t := sla_ring(t, p_at);
  END IF;
  t.elapsed_minutes := sla_elapsed(t, p_at);
  t.running_since := NULL;
  t.paused_at := NULL;
  t.pause_reason := NULL;
  t.stopped_at := p_at;
  t.status := CASE WHEN t.breached_at IS NOT NULL THEN 'breached' WHEN p_cancel THEN 'cancelled' ELSE 'met' END;
  PERFORM sla_note(t, CASE WHEN p_cancel THEN 'cancelled' ELSE 'stopped' END, p_reason, p_at);
  RETURN sla_arm(t);
END
$$;

CREATE OR REPLACE FUNCTION sla_start(t sla_timer, p_reason text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  k ticket;
BEGIN
  SELECT * INTO k FROM ticket x WHERE x.org_id = t.org_id AND x.ticket_id = t.ticket_id;
  t.status := 'running';
  t.running_since := t.started_at;
  t.elapsed_minutes := 0;
  INSERT INTO sla_timer (org_id, timer_id, ticket_id, policy_id, metric, name, target_minutes, business_hours_id, pause_statuses,
                         warn_percent, started_at, running_since)
  VALUES (t.org_id, t.timer_id, t.ticket_id, t.policy_id, t.metric, t.name, t.target_minutes, t.business_hours_id, t.pause_statuses,
          t.warn_percent, t.started_at, t.started_at);
  t := sla_arm(t);
  PERFORM sla_note(t, 'started', p_reason, t.started_at);
  IF k.status = ANY (t.pause_statuses) THEN
    PERFORM sla_pause(t, 'status', now());
  END IF;
  RETURN t.timer_id;
END
$$;

-- Ring those of the clocks that are due at p_at and set their next due jobs, as
-- sla_ring() and sla_arm() do for one; the caller has locked them. A thousand may
-- be due in the same second, so that each step is one statement for all.
CREATE OR REPLACE FUNCTION sla_ring_all(p_org text, p_timers uuid[], p_at timestamptz)
RETURNS TABLE (timer uuid, breach boolean) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  WITH rung AS (
    UPDATE sla_timer t
       SET warned_at = CASE WHEN t.due_at > p_at THEN p_at ELSE t.warned_at END,
           elapsed_minutes = CASE WHEN t.due_at <= p_at THEN t.target_minutes ELSE t.elapsed_minutes END,
           running_since = CASE WHEN t.due_at <= p_at THEN t.due_at ELSE t.running_since END, -- goes on counting how late it gets
           breached_at = CASE WHEN t.due_at <= p_at THEN t.due_at END,
           status = CASE WHEN t.due_at <= p_at THEN 'breached' ELSE 'running' END
     WHERE t.org_id = p_org AND t.timer_id = ANY (p_timers) AND t.status = 'running'
       AND (t.due_at <= p_at OR (t.warned_at IS NULL AND t.warn_at <= p_at))
    RETURNING t
  ), noted AS (
    INSERT INTO sla_ledger (org_id, timer_id, n, what, at, elapsed_minutes, due_at, actor_id)
    SELECT p_org, (r.t).timer_id,
           COALESCE((SELECT max(l.n) FROM sla_ledger l WHERE l.org_id = p_org AND l.timer_id = (r.t).timer_id), 0) + 1,
           CASE (r.t).status WHEN 'breached' THEN 'breached' ELSE 'warned' END, p_at, round((r.t).elapsed_minutes, 3), (r.t).due_at, actor_id()
      FROM rung r
  ), told AS (
    INSERT INTO event (org_id, event_id, topic, public, audit, resource, resource_id, ticket_id,
                       actor_type, actor_id, address, request_id, suppress, data, occurred_at)
    SELECT p_org, uuid7(), CASE (r.t).status WHEN 'breached' THEN 'sla.breached' ELSE 'sla.warning' END, true, true,
           'sla_timer', (r.t).timer_id::text, k.ticket_id, guc('app.actor_type'), guc('app.actor_id'), guc('app.address'),
           guc('app.request_id'), guc('app.suppress'), sla_event_data(r.t, k), clock_timestamp()
      FROM rung r JOIN ticket k ON k.org_id = p_org AND k.ticket_id = (r.t).ticket_id)
  SELECT (r.t).timer_id, (r.t).status = 'breached' FROM rung r;
  DELETE FROM due_job d USING sla_timer t
   WHERE d.org_id = p_org AND d.kind = 'sla' AND d.ref = ANY (p_timers)
     AND t.org_id = p_org AND t.timer_id = d.ref AND t.status <> 'running';
  INSERT INTO due_job AS d (org_id, kind, ref, run_at)
  SELECT p_org, 'sla', t.timer_id, CASE WHEN t.warned_at IS NULL THEN least(t.warn_at, t.due_at) ELSE t.due_at END
    FROM sla_timer t
   WHERE t.org_id = p_org AND t.timer_id = ANY (p_timers) AND t.status = 'running' AND t.due_at IS NOT NULL
  ON CONFLICT (org_id, kind, ref) DO UPDATE
     SET run_at = excluded.run_at, state = 'ready', attempts = 0, lost = 0, error = NULL, token = d.token + 1, lease_until = NULL;
END
$$;

-- Due jobs of kind sla: those of the claim whose tokens still count. In one
-- transaction with their ends, so that each rings once. Clocks are locked before
-- their jobs, as everywhere.
CREATE OR REPLACE FUNCTION sla_fire(p_org text, p_refs uuid[], p_tokens bigint[]) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  counting uuid[];
BEGIN
  -- What a crash of PostgreSQL forgets rings again: no wait for the disk. The events get
  -- their numbers, and so their readers, by a later commit that does wait.
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM 1 FROM sla_timer t WHERE t.org_id = p_org AND t.timer_id = ANY (p_refs) ORDER BY t.timer_id FOR UPDATE;
  SELECT array_agg(x.ref) INTO counting
    FROM (SELECT d.ref FROM due_job d JOIN unnest(p_refs, p_tokens) AS c(ref, token) ON c.ref = d.ref AND c.token = d.token
           WHERE d.org_id = p_org AND d.kind = 'sla' AND d.state = 'running' FOR UPDATE OF d) x;
  DELETE FROM due_job d -- of a clock that is gone
   WHERE d.org_id = p_org AND d.kind = 'sla' AND d.ref = ANY (counting)
     AND NOT EXISTS (SELECT 1 FROM sla_timer t WHERE t.org_id = p_org AND t.timer_id = d.ref);
  RETURN (SELECT count(*) FROM sla_ring_all(p_org, counting, clock_timestamp()));
END
$$;

-- All clocks of the organisation that should have rung, now.
CREATE OR REPLACE FUNCTION sla_check(p_org text) RETURNS TABLE (checked bigint, warned uuid[], breached uuid[]) LANGUAGE plpgsql AS $$
DECLARE
  late uuid[];
BEGIN
  SELECT count(*) INTO checked FROM sla_timer x WHERE x.org_id = p_org AND x.status = 'running';
  SELECT array_agg(x.timer_id) INTO late
    FROM (SELECT t.timer_id FROM sla_timer t
           WHERE t.org_id = p_org AND t.status = 'running' AND (t.due_at <= now() OR (t.warned_at IS NULL AND t.warn_at <= now()))
           ORDER BY t.timer_id LIMIT 10000 FOR UPDATE) x;
  SELECT COALESCE(array_agg(r.timer ORDER BY r.timer) FILTER (WHERE NOT r.breach), '{}'),
         COALESCE(array_agg(r.timer ORDER BY r.timer) FILTER (WHERE r.breach), '{}')
    INTO warned, breached
    FROM sla_ring_all(p_org, late, now()) r;
  RETURN NEXT;
END
$$;

-- A clock keeps its calendar until it stops; afterwards it names it still, be it gone or not.
CREATE OR REPLACE FUNCTION sla_timer_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM business_hours b WHERE b.org_id = NEW.org_id AND b.business_hours_id = NEW.business_hours_id FOR KEY SHARE;
  IF NOT FOUND THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such calendar.', 'business_hours_id');
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER check_insert BEFORE INSERT ON sla_timer
  FOR EACH ROW WHEN (NEW.business_hours_id IS NOT NULL) EXECUTE FUNCTION sla_timer_before();
CREATE OR REPLACE TRIGGER check_update BEFORE UPDATE ON sla_timer
  FOR EACH ROW WHEN (NEW.business_hours_id IS NOT NULL AND NEW.stopped_at IS NULL
    AND (NEW.business_hours_id IS DISTINCT FROM OLD.business_hours_id OR OLD.stopped_at IS NOT NULL))
  EXECUTE FUNCTION sla_timer_before();

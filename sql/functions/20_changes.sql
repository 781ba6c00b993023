-- The change log. Every change leaves its event in the same transaction,
-- whoever makes it: the API, a bulk job, a workflow or an administrator.

-- plpgsql keeps its plans for the session; a function in SQL would be planned
-- anew at each call from a trigger, which tripled the cost of a write.
-- The time is the clock's, not the transaction's: two changes of one row come in
-- the order in which they held the row, and events of one transaction in theirs.
CREATE OR REPLACE FUNCTION put_event(p_org text, p_topic text, p_public boolean, p_audit boolean,
  p_resource text, p_id text, p_ticket uuid, p_changes jsonb, p_data jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO event (org_id, event_id, topic, public, audit, resource, resource_id, ticket_id,
                     actor_type, actor_id, address, request_id, suppress, changes, data, occurred_at)
  VALUES (p_org, uuid7(), p_topic, p_public, p_audit, p_resource, p_id, p_ticket,
          guc('app.actor_type'), guc('app.actor_id'), guc('app.address'), guc('app.request_id'),
          guc('app.suppress'), p_changes, p_data, clock_timestamp());
END
$$;

-- An event as every receiver sees it: GET /api/v1/events, the stream, webhooks.
CREATE OR REPLACE FUNCTION event_body(e event) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT row_to_json(x)::text
    FROM (SELECT e.event_id, e.org_id, e.seq, e.topic, e.resource, e.resource_id, e.ticket_id, e.actor_type,
                 e.actor_id, e.request_id, e.changes, e.data,
                 iso(e.occurred_at) AS occurred_at) x
$$;

-- Bulk loaders of our own and imports write no events. Anybody may set app.quiet, but
-- it counts for no statement of the workers' role: an import runs with its owner's
-- rights, in import_batch(), which asks for the scheduler's lease.
CREATE OR REPLACE FUNCTION is_quiet() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT COALESCE(guc('app.quiet') IN ('on', 'import') AND current_user <> 'serviceos_app', false)
$$;
CREATE OR REPLACE FUNCTION is_import() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT COALESCE(guc('app.quiet') = 'import' AND current_user <> 'serviceos_app', false)
$$;

-- {"field": {"from": …, "to": …}} of what differs, without the named columns, as the API
-- writes it; {} is no row.
CREATE OR REPLACE FUNCTION diff(old_row jsonb, new_row jsonb, without text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT jsonb_object_agg(n.key, jsonb_build_object('from', as_shown(n.key, old_row -> n.key),
                                                           'to', as_shown(n.key, new_row -> n.key)))
            FROM jsonb_each(CASE WHEN new_row = '{}' THEN old_row ELSE new_row END) n
           WHERE n.key <> ALL (without) AND new_row -> n.key IS DISTINCT FROM old_row -> n.key);
END
$$;

-- Trigger for configuration and customers: resource name, id column, whether
-- the events are public, then columns whose values are never written down.
CREATE OR REPLACE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before jsonb;
  after jsonb;
  this jsonb;
  changes jsonb;
  secret text;
  verb text;
BEGIN
  IF is_quiet() THEN
    RETURN NULL;
  END IF;
  before := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  after := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  this := COALESCE(after, before);
  -- A row that stays for a while is deleted once: when deleted_at is set.
  IF TG_OP = 'DELETE' AND before ->> 'deleted_at' IS NOT NULL THEN
    RETURN NULL;
  END IF;
  verb := CASE WHEN TG_OP = 'INSERT' THEN 'created'
               WHEN TG_OP = 'DELETE' OR (before ->> 'deleted_at' IS NULL AND after ->> 'deleted_at' IS NOT NULL) THEN 'deleted'
               ELSE 'updated' END;
  changes := CASE verb
    WHEN 'updated' THEN diff(before, after, '{version,updated_at,last_assigned_at,last_login_at}')
    WHEN 'created' THEN diff('{}', jsonb_strip_nulls(after), '{org_id,version,created_at,updated_at}')
    ELSE diff(jsonb_strip_nulls(before), '{}', '{org_id,version,created_at,updated_at}') END;
  IF changes IS NULL THEN
    RETURN NULL;
  END IF;
  FOREACH secret IN ARRAY TG_ARGV[3:] LOOP
    IF changes ? secret THEN
      changes := changes || jsonb_build_object(secret, '"[redacted]"'::jsonb);
    END IF;
  END LOOP;
  IF changes ? 'url' THEN -- what comes after the host is often all that a sender must know
    changes := changes || jsonb_build_object('url', (SELECT jsonb_object_agg(u.key, regexp_replace(u.value, '^(https?://[^/?#]*)[/?#].+', '\1/[redacted]'))
                                                       FROM jsonb_each_text(changes -> 'url') u));
  END IF;
  PERFORM put_event(this ->> 'org_id', TG_ARGV[0] || '.' || verb, TG_ARGV[2] = 'public', true,
    TG_ARGV[0], this ->> TG_ARGV[1], NULL, changes,
    jsonb_build_object(TG_ARGV[1], this ->> TG_ARGV[1]));
  RETURN NULL;
END
$$;

-- Give an organisation's new public events their numbers. The lock makes the
-- numbers commit in their order; what is new is read in a statement of its own
-- after it, so that a second relay that waited here does not number them again.
CREATE OR REPLACE FUNCTION place_events(p_org text, p_most int, OUT placed bigint, OUT newest bigint)
LANGUAGE plpgsql AS $$
DECLARE
  base bigint;
BEGIN
  SELECT s.last_seq INTO base FROM event_sequence s WHERE s.org_id = p_org FOR UPDATE;
  WITH fresh AS (
    SELECT e.event_id, row_number() OVER (ORDER BY e.occurred_at, e.event_id) AS n
      FROM event e
     WHERE e.org_id = p_org AND e.seq IS NULL AND e.public AND base IS NOT NULL
     ORDER BY e.occurred_at, e.event_id
     LIMIT p_most
  ), numbered AS (
    UPDATE event e SET seq = base + fresh.n
      FROM fresh
     WHERE e.org_id = p_org AND e.event_id = fresh.event_id
    RETURNING e.seq
  )
  SELECT count(*), max(seq) INTO placed, newest FROM numbered;
  IF placed > 0 THEN
    UPDATE event_sequence s SET last_seq = newest WHERE s.org_id = p_org;
    PERFORM event_fan_out(p_org, base + 1, newest);
  END IF;
END
$$;

-- What starts of itself because of these events, in the transaction that numbers them.
CREATE OR REPLACE FUNCTION event_fan_out(p_org text, p_from bigint, p_to bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM webhook_fan_out(p_org, p_from, p_to);
  PERFORM sla_fan_out(p_org, p_from, p_to);
  PERFORM workflow_fan_out(p_org, p_from, p_to);
  PERFORM notify_fan_out(p_org, p_from, p_to);
END
$$;

-- The directory follows the credentials.
CREATE OR REPLACE FUNCTION directory_sync() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  kind_ text := TG_ARGV[0];
  old_digests text[] := '{}';
  new_digests text[] := '{}';
  id_ uuid;
  org text;
BEGIN
  IF kind_ = 'email' THEN
    IF TG_OP <> 'INSERT' THEN
      old_digests := ARRAY[encode(sha256(convert_to(lower(OLD.email), 'UTF8')), 'hex')];
      id_ := OLD.user_id; org := OLD.org_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
      id_ := NEW.user_id; org := NEW.org_id;
      IF NEW.active THEN
        new_digests := ARRAY[encode(sha256(convert_to(lower(NEW.email), 'UTF8')), 'hex')];
      END IF;
    END IF;
  ELSIF kind_ = 'api_key' THEN
    IF TG_OP <> 'INSERT' THEN
      old_digests := ARRAY[OLD.secret_hash, OLD.previous_hash]; id_ := OLD.key_id; org := OLD.org_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
      id_ := NEW.key_id; org := NEW.org_id;
      IF NEW.revoked_at IS NULL THEN
        new_digests := ARRAY[NEW.secret_hash, NEW.previous_hash];
      END IF;
    END IF;
  ELSE
    IF TG_OP <> 'INSERT' THEN
      old_digests := ARRAY[OLD.refresh_hash, OLD.previous_hash]; id_ := OLD.session_id; org := OLD.org_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
      new_digests := ARRAY[NEW.refresh_hash, NEW.previous_hash]; id_ := NEW.session_id; org := NEW.org_id;
    END IF;
  END IF;
  DELETE FROM directory d
   WHERE d.kind = kind_ AND d.org_id = org AND d.digest = ANY (old_digests) AND d.id = id_
     AND d.digest <> ALL (array_remove(new_digests, NULL));
  IF new_digests <> '{}' THEN -- the scheduler, which deletes sessions, may not insert here
    INSERT INTO directory (kind, digest, org_id, id)
    SELECT kind_, d, org, id_ FROM unnest(new_digests) d WHERE d IS NOT NULL
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
$$;

-- What events say of a ticket: never its description or comments, so that
-- erasing a customer need not rewrite history.
CREATE OR REPLACE FUNCTION ticket_summary(t ticket) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('ticket_id', t.ticket_id, 'number', t.number, 'title', t.title,
    'status', t.status, 'priority', t.priority, 'customer_id', t.customer_id, 'team_id', t.team_id,
    'queue_id', t.queue_id, 'assignee_user_id', t.assignee_user_id, 'tags', t.tags,
    'version', t.version)
$$;

-- One change to many tickets: for the bulk endpoints and for bulk jobs.

-- The results of bulk_tickets() as the API shows them; a job keeps the times to the microsecond, for undo.
CREATE OR REPLACE FUNCTION bulk_shown(p_results jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT COALESCE(jsonb_agg(CASE WHEN r.item ? 'before'
           THEN r.item || jsonb_build_object('before', (SELECT COALESCE(jsonb_object_agg(b.key, as_shown(b.key, b.value)), '{}')
                                                          FROM jsonb_each(r.item -> 'before') b))
           ELSE r.item END ORDER BY r.n), '[]')
    FROM jsonb_array_elements(p_results) WITH ORDINALITY AS r(item, n)
$$;

-- One ticket, as every way of making one does it: the API, bulk creation, mail.
-- Whoever makes it puts it into its queue afterwards, because conditions are compiled
-- in C; a worker that does not know yet that there are such queues is told so.
CREATE OR REPLACE FUNCTION ticket_create(p_org text, p_ticket uuid, p_number bigint, p_body jsonb)
RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  IF guc('app.routed') IS NULL AND p_body ->> 'queue_id' IS NULL AND EXISTS (
       SELECT 1 FROM queue q WHERE q.org_id = p_org AND q.active AND q.conditions <> '{}') THEN
    RAISE EXCEPTION USING ERRCODE = 'SVRUN', MESSAGE = 'There are queues that may want the ticket.';
  END IF;
  INSERT INTO ticket (org_id, ticket_id, number, title, description, status, priority, customer_id,
                      company_id, team_id, queue_id, assignee_user_id, required_skills, tags, channel,
                      external_id, custom_fields, created_by)
  SELECT o.org_id, p_ticket, p_number, b.title, COALESCE(b.description, ''), COALESCE(b.status, 'new'),
         COALESCE(b.priority, 'normal'), COALESCE(b.customer_id, o.default_customer_id),
         COALESCE(b.company_id, (SELECT c.company_id FROM customer c
                                  WHERE c.org_id = p_org AND c.customer_id = b.customer_id)),
         b.team_id, b.queue_id, b.assignee_user_id, COALESCE(b.required_skills, '{}'),
         COALESCE(b.tags, '{}'), COALESCE(b.channel, 'api'), b.external_id,
         CASE WHEN COALESCE(b.custom_fields, '{}') <> '{}'
                OR EXISTS (SELECT 1 FROM custom_field f
                            WHERE f.org_id = p_org AND f.deleted_at IS NULL
                              AND (f.required OR f.default_value IS NOT NULL))
              THEN custom_fields_complete(p_org, COALESCE(b.custom_fields, '{}'))
              ELSE '{}' END,
         NULLIF(current_setting('app.actor_id', true), '')
    FROM organization o,
         jsonb_to_record(p_body) AS b(title text, description text, status text, priority text,
           customer_id uuid, company_id uuid, team_id uuid, queue_id uuid, assignee_user_id uuid,
           required_skills text[], tags text[], channel text, external_id text, custom_fields jsonb)
   WHERE o.org_id = p_org;
  RETURN p_ticket;
END
$$;

-- What a change names changes; null when there is no such ticket.
CREATE OR REPLACE FUNCTION ticket_update(p_org text, p_ticket uuid, p_body jsonb)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  found_ uuid;
BEGIN
  UPDATE ticket t
     SET (title, description, status, priority, customer_id, company_id, team_id, queue_id,
          assignee_user_id, required_skills, tags, external_id, custom_fields) =
         (SELECT p.title, p.description, p.status, p.priority, p.customer_id, p.company_id, p.team_id,
                 p.queue_id, p.assignee_user_id, p.required_skills, p.tags, p.external_id,
                 CASE WHEN p_body ? 'custom_fields'
                      THEN custom_fields_merge(p_org, t.custom_fields, p.custom_fields, 'custom_fields')
                      ELSE t.custom_fields END
            FROM jsonb_populate_record(t, p_body) p)
   WHERE t.org_id = p_org AND t.ticket_id = p_ticket AND t.deleted_at IS NULL
  RETURNING t.ticket_id INTO found_;
  RETURN found_;
END
$$;

-- Which fields of a ticket an operation changes: what undo must remember. With the
-- status go its times, with the queue the team and the agent that it gives.
CREATE OR REPLACE FUNCTION bulk_touches(p_op text, p_body jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE p_op WHEN 'tag' THEN ARRAY['tags'] WHEN 'delete' THEN ARRAY['deleted_at']
                   WHEN 'close' THEN ARRAY['status', 'resolved_at', 'closed_at', 'reopened_count']
                   ELSE ARRAY(SELECT jsonb_object_keys(p_body -> 'changes'))
                     || CASE WHEN p_body -> 'changes' ? 'status' THEN ARRAY['resolved_at', 'closed_at', 'reopened_count'] END
                     || CASE WHEN p_body -> 'changes' ? 'queue_id' THEN ARRAY['team_id', 'assignee_user_id'] END END
$$;

CREATE OR REPLACE FUNCTION members_of(p_row jsonb, p_names text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT COALESCE(jsonb_object_agg(n, p_row -> n), '{}') FROM unnest(p_names) n
$$;

-- A ticket that nobody has changed since comes back as it was: a status with its times, "new"
-- too, and of the custom fields those that it had, no more.
CREATE OR REPLACE FUNCTION ticket_put_back(p_org text, p_ticket uuid, p_before jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.undo', 'on', true);
  UPDATE ticket t
     SET (title, description, status, priority, customer_id, company_id, team_id, queue_id, assignee_user_id,
          required_skills, tags, external_id, custom_fields, resolved_at, closed_at, reopened_count, deleted_at) =
         (SELECT p.title, p.description, p.status, p.priority, p.customer_id, p.company_id, p.team_id, p.queue_id,
                 p.assignee_user_id, p.required_skills, p.tags, p.external_id, p.custom_fields, p.resolved_at,
                 p.closed_at, p.reopened_count, p.deleted_at
            FROM jsonb_populate_record(t, p_before) p)
   WHERE t.org_id = p_org AND t.ticket_id = p_ticket;
  PERFORM set_config('app.undo', '', true);
END
$$;

-- One operation on one ticket; null when there is no such ticket.
CREATE OR REPLACE FUNCTION bulk_apply(p_org text, p_op text, p_ticket uuid, p_body jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  found_ uuid;
BEGIN
  IF p_op = 'update' THEN
    RETURN ticket_update(p_org, p_ticket, p_body -> 'changes');
  ELSIF p_op = 'close' THEN
    RETURN ticket_update(p_org, p_ticket, '{"status": "closed"}');
  ELSIF p_op = 'delete' THEN
    UPDATE ticket t SET deleted_at = now()
     WHERE t.org_id = p_org AND t.ticket_id = p_ticket AND t.deleted_at IS NULL
    RETURNING t.ticket_id INTO found_;
  ELSE
    UPDATE ticket t
       SET tags = ARRAY(SELECT x FROM unnest(t.tags) x WHERE NOT COALESCE(p_body -> 'remove', '[]') ? x)
                  || ARRAY(SELECT jsonb_array_elements_text(COALESCE(p_body -> 'add', '[]')))
     WHERE t.org_id = p_org AND t.ticket_id = p_ticket AND t.deleted_at IS NULL
    RETURNING t.ticket_id INTO found_;
  END IF;
  RETURN found_;
END
$$;

-- An error as the API words it. The rest of the world's trouble is not the item's: it is raised again.
CREATE OR REPLACE FUNCTION bulk_failure(p_state text, p_message text, p_detail text, p_constraint text, p_column text)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  field text := NULLIF(split_part(p_constraint, '__', 2), '');
BEGIN
  RETURN CASE
    WHEN p_state LIKE 'SV%' THEN
      jsonb_build_object('code', p_message, 'message', p_detail, 'field', NULLIF(p_column, ''))
    WHEN p_state = '23505' THEN
      jsonb_build_object('code', 'already_exists', 'message', 'The value is taken.', 'field', field)
    WHEN p_state = '23503' THEN
      jsonb_build_object('code', 'unknown_reference', 'message', 'There is no such resource.', 'field', field)
    ELSE jsonb_build_object('code', 'invalid', 'message', 'The value is outside of what is allowed.', 'field', field) END;
END
$$;

-- One operation on many tickets, or the creation of many. Each is tried on its
-- own: what one breaks does not touch the others, unless all or none is wanted.
-- A dry run does everything and takes it back. "refused" has the errors of new
-- tickets whose fields are not valid, by position: those are not tried.
CREATE OR REPLACE FUNCTION bulk_tickets(p_org text, p_op text, p_ids uuid[], p_body jsonb, p_numbers bigint[])
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  dry boolean := COALESCE((p_body ->> 'dry_run')::boolean, false);
  atomic_ boolean := COALESCE((p_body ->> 'atomic')::boolean, false);
  touched text[] := bulk_touches(p_op, p_body);
  results jsonb[] := '{}';
  failed int := 0;
  n int := 0;
  one uuid;
  was ticket;
  item jsonb;
  wrong jsonb;
  state_ text; message_ text; detail_ text; constraint_ text; column_ text;
BEGIN
  BEGIN
    -- Locked in one order, so that two calls with the same tickets cannot deadlock.
    PERFORM 1 FROM ticket t WHERE t.org_id = p_org AND t.ticket_id = ANY (p_ids) ORDER BY t.ticket_id FOR UPDATE;
    FOREACH one IN ARRAY p_ids LOOP
      n := n + 1;
      wrong := p_body -> 'refused' -> (n - 1)::text;
      BEGIN
        IF wrong IS NOT NULL THEN
          item := (wrong -> 0) || jsonb_build_object('errors', wrong, 'status', 'failed');
          failed := failed + 1;
        ELSIF p_op = 'create' THEN
          PERFORM ticket_create(p_org, one, p_numbers[n], p_body -> 'tickets' -> (n - 1));
          item := '{"status": "ok"}';
        ELSE
          SELECT * INTO was FROM ticket t WHERE t.org_id = p_org AND t.ticket_id = one;
          item := jsonb_build_object('before', members_of(to_jsonb(was), touched), 'status', 'ok');
          IF bulk_apply(p_org, p_op, one, p_body) IS NULL THEN
            PERFORM fail(404, 'not_found', 'There is no such ticket.');
          END IF;
        END IF;
      EXCEPTION WHEN integrity_constraint_violation OR data_exception OR SQLSTATE 'SV404' OR SQLSTATE 'SV403'
                  OR SQLSTATE 'SV409' OR SQLSTATE 'SV422' THEN
        GET STACKED DIAGNOSTICS state_ = RETURNED_SQLSTATE, message_ = MESSAGE_TEXT, detail_ = PG_EXCEPTION_DETAIL,
                                constraint_ = CONSTRAINT_NAME, column_ = COLUMN_NAME;
        IF constraint_ = 'ticket__number' THEN -- a doubtful lease: the whole call is tried again
          RAISE;
        END IF;
        failed := failed + 1;
        item := bulk_failure(state_, message_, detail_, constraint_, column_) || '{"status": "failed"}';
      END;
      results := results || (item || jsonb_build_object('index', n - 1, 'ticket_id', one));
    END LOOP;
    IF dry OR (atomic_ AND failed > 0) THEN
      RAISE EXCEPTION USING ERRCODE = 'SVDRY';
    END IF;
  EXCEPTION WHEN SQLSTATE 'SVDRY' THEN
    NULL;
  END;
  RETURN jsonb_build_object('dry_run', dry, 'atomic', atomic_,
    'succeeded', CASE WHEN atomic_ AND failed > 0 THEN 0 ELSE n - failed END, 'failed', failed,
    'results', (SELECT COALESCE(jsonb_agg(r
         || CASE WHEN atomic_ AND failed > 0 AND r ->> 'status' = 'ok' THEN '{"status": "rolled_back"}'::jsonb ELSE '{}' END
         -- a ticket that is not there has no id
         || CASE WHEN p_op = 'create' AND (dry OR (atomic_ AND failed > 0) OR r ->> 'status' = 'failed')
                 THEN '{"ticket_id": null}'::jsonb ELSE '{}' END
       ORDER BY (r ->> 'index')::int), '[]') FROM unnest(results) r));
END
$$;

-- A job's items back to what they were, where nobody has changed them since.
-- Gives the last item looked at, or null at the end.
DROP FUNCTION IF EXISTS bulk_undo(text, uuid, text, jsonb, bigint, int); -- which asked for the operation too
CREATE OR REPLACE FUNCTION bulk_undo(p_org text, p_job uuid, p_after bigint, p_most int,
  OUT last_n bigint, OUT undone int, OUT skipped int) LANGUAGE plpgsql AS $$
DECLARE
  i record;
  t ticket;
BEGIN
  undone := 0;
  skipped := 0;
  FOR i IN SELECT j.n, j.item::uuid AS ticket_id, j.before, j.message FROM job_item j
            WHERE j.org_id = p_org AND j.job_id = p_job AND j.outcome = 'done' AND j.n > p_after
            ORDER BY j.n LIMIT p_most LOOP
    last_n := i.n;
    SELECT * INTO t FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = i.ticket_id FOR UPDATE;
    -- message holds the ticket's version after the job's change.
    IF t.ticket_id IS NULL OR t.version::text <> i.message THEN
      skipped := skipped + 1;
      CONTINUE;
    END IF;
    BEGIN
      PERFORM ticket_put_back(p_org, i.ticket_id, i.before);
      undone := undone + 1;
    EXCEPTION WHEN integrity_constraint_violation OR SQLSTATE 'SV409' OR SQLSTATE 'SV422' THEN
      skipped := skipped + 1;
    END;
  END LOOP;
END
$$;

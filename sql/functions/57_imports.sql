-- Imports: a batch of rows that src/jobs/import.c has read and checked becomes
-- tickets with their threads, or customers. Everything is done by sets; only a
-- batch that breaks a rule is tried again row by row.

-- ---- customers by e-mail address
CREATE OR REPLACE FUNCTION customer_email_sync() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM customer_email e WHERE e.org_id = NEW.org_id AND e.customer_id = NEW.customer_id;
  END IF;
  IF NEW.email IS NOT NULL AND NEW.merged_into_id IS NULL THEN
    INSERT INTO customer_email (org_id, email, customer_id) VALUES (NEW.org_id, lower(NEW.email), NEW.customer_id);
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER email_insert AFTER INSERT ON customer
  FOR EACH ROW WHEN (NEW.email IS NOT NULL) EXECUTE FUNCTION customer_email_sync();
CREATE OR REPLACE TRIGGER email_update AFTER UPDATE ON customer
  FOR EACH ROW WHEN ((NEW.email, NEW.merged_into_id) IS DISTINCT FROM (OLD.email, OLD.merged_into_id))
  EXECUTE FUNCTION customer_email_sync();

-- ---- what an export says of authors, so that an import elsewhere knows them
CREATE OR REPLACE FUNCTION author_email(p_org text, p_type text, p_id text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF p_type = 'user' THEN
    RETURN (SELECT u.email FROM app_user u WHERE u.org_id = p_org AND u.user_id::text = p_id);
  ELSIF p_type = 'customer' AND p_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
    RETURN (SELECT c.email FROM customer c WHERE c.org_id = p_org AND c.customer_id = p_id::uuid);
  END IF;
  RETURN NULL;
END
$$;

-- ---- silence
-- An import starts nothing and is one entry of the audit log, not one for each
-- row. A worker is quiet only in the transaction of an import that runs.
CREATE OR REPLACE FUNCTION import_begin(p_org text, p_job uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM job j WHERE j.org_id = p_org AND j.job_id = p_job AND j.kind = 'import' AND j.state = 'running';
  IF NOT FOUND THEN
    PERFORM fail(409, 'conflict', 'There is no such import at work.');
  END IF;
  PERFORM set_config('app.quiet', 'import', true);
  -- The tables grow while it works: a plan made for a small one must not stay.
  PERFORM set_config('plan_cache_mode', 'force_custom_plan', true);
END
$$;

-- ---- people
-- Who is meant by a key of the batch: by our id, by the other desk's, by address.
-- Sub-selects rather than joins: on tables that the planner knows nothing of yet, as in
-- a first import, it would turn a join round and read every customer for each row.
-- The address comes in lower case: lower() here would keep the index from being used.
CREATE OR REPLACE FUNCTION import_known_people(p_org text, p_people jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT COALESCE(jsonb_strip_nulls(jsonb_object_agg(p.key, COALESCE(
              (SELECT COALESCE(c.merged_into_id, c.customer_id) FROM customer c
                WHERE c.org_id = p_org AND c.customer_id = p.customer_id),
              (SELECT COALESCE(c.merged_into_id, c.customer_id) FROM customer c
                WHERE c.org_id = p_org AND c.external_id = p.external_id),
              (SELECT e.customer_id FROM customer_email e
                WHERE e.org_id = p_org AND e.email = p.address LIMIT 1)))), '{}')
      FROM jsonb_to_recordset(p_people) AS p(key text, customer_id uuid, external_id text, address text));
END
$$;

CREATE OR REPLACE FUNCTION import_people(p_org text, p_people jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  known jsonb := import_known_people(p_org, p_people);
BEGIN
  INSERT INTO customer (org_id, customer_id, external_id, name, email, phone, created_at, updated_at)
  SELECT p_org, COALESCE(p.customer_id, uuid7()), p.external_id, COALESCE(p.name, ''), p.email, p.phone,
         COALESCE(p.since, now()), COALESCE(p.since, now())
    FROM (SELECT DISTINCT ON (COALESCE(x.address, x.key)) x.*
            FROM jsonb_to_recordset(p_people) AS x(key text, customer_id uuid, external_id text, email text, address text,
                                                   name text, phone text, since timestamptz)
           WHERE NOT known ? x.key
           ORDER BY COALESCE(x.address, x.key), x.since) p
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN known;
  END IF;
  RETURN import_known_people(p_org, p_people);
END
$$;

-- ---- tickets
-- What is wrong with a row's custom fields, or null.
CREATE OR REPLACE FUNCTION import_custom_problem(p_org text, p_fields jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT COALESCE('custom_fields.' || v.key || ': ' || CASE WHEN f.key IS NULL
                   THEN 'The organization has no such custom field.' ELSE custom_value_problem(f, v.value) END, NULL)
            FROM jsonb_each(p_fields) v
            LEFT JOIN custom_field f ON f.org_id = p_org AND f.key = v.key AND f.deleted_at IS NULL
           WHERE f.key IS NULL OR custom_value_problem(f, v.value) IS NOT NULL
           LIMIT 1);
END
$$;

CREATE OR REPLACE FUNCTION import_outcome(p_row jsonb, p_outcome text, p_code text, p_message text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_object('line', p_row -> 'line', 'item', COALESCE(p_row ->> 'external_id', p_row ->> 'ticket_id',
    p_row ->> 'customer_id', p_row ->> 'email'), 'outcome', p_outcome, 'code', p_code, 'message', p_message)
$$;

-- The row with what its words mean here: ids of people, teams and queues, the
-- ticket that is there already ("known"), and why it cannot be taken ("problem").
CREATE OR REPLACE FUNCTION import_resolve(p_org text, p_rows jsonb, p_people jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  agents jsonb := (SELECT COALESCE(jsonb_object_agg(lower(u.email), u.user_id), '{}') FROM app_user u WHERE u.org_id = p_org);
  teams jsonb := (SELECT COALESCE(jsonb_object_agg(lower(m.name), m.team_id), '{}') FROM team m WHERE m.org_id = p_org);
  queues jsonb := (SELECT COALESCE(jsonb_object_agg(lower(q.name), q.queue_id), '{}') FROM queue q WHERE q.org_id = p_org);
  unknown uuid := (SELECT o.default_customer_id FROM organization o WHERE o.org_id = p_org);
BEGIN
  RETURN (
    SELECT jsonb_agg(r.row || jsonb_build_object(
             'ticket_id', COALESCE(t.ticket_id, CASE WHEN NOT EXISTS (
                 SELECT 1 FROM ticket taken WHERE taken.org_id = p_org AND taken.ticket_id = r.id) THEN r.id END, uuid7()),
             'known', t.ticket_id IS NOT NULL,
             'problem', CASE
               WHEN r.nth > 1 THEN 'repeated: The row has the id of another one of this file.'
               WHEN t.status = 'merged' THEN 'ticket_merged: The ticket was merged into another one.'
               WHEN r.row ? 'custom_fields' THEN 'custom_fields: ' || import_custom_problem(p_org, r.row -> 'custom_fields') END,
             'customer_id', COALESCE(p_people ->> (r.row ->> 'requester_key'), unknown::text),
             'assignee_user_id', agents -> lower(r.row ->> 'assignee_email'),
             'team_id', teams -> lower(r.row ->> 'team'),
             'queue_id', queues -> lower(r.row ->> 'queue')) ORDER BY r.n)
      FROM (SELECT x.value AS row, x.ordinality AS n, x.value ->> 'external_id' AS external_id,
                   (x.value ->> 'ticket_id')::uuid AS id,
                   row_number() OVER (PARTITION BY COALESCE('x' || (x.value ->> 'external_id'), 'i' || (x.value ->> 'ticket_id'),
                                                            'n' || x.ordinality) ORDER BY x.ordinality) AS nth
              FROM jsonb_array_elements(p_rows) WITH ORDINALITY x) r
      LEFT JOIN LATERAL (
        SELECT k.ticket_id, k.status FROM ticket k
         WHERE k.org_id = p_org AND k.external_id = r.external_id
        UNION ALL
        SELECT k.ticket_id, k.status FROM ticket k
         WHERE k.org_id = p_org AND r.external_id IS NULL AND k.ticket_id = r.id
        LIMIT 1) t ON true);
END
$$;

-- Numbers: the old one where it is free, else a new one.
CREATE OR REPLACE FUNCTION import_numbers(p_org text, p_rows jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  kept jsonb;
  highest bigint;
  missing int;
  next_ bigint;
BEGIN
  SELECT COALESCE(jsonb_object_agg(w.ticket_id, w.number), '{}'), max(w.number) INTO kept, highest
    FROM (SELECT DISTINCT ON (r.number) r.ticket_id, r.number
            FROM jsonb_to_recordset(p_rows) AS r(ticket_id text, number bigint) WHERE r.number IS NOT NULL) w
   WHERE NOT EXISTS (SELECT 1 FROM ticket t WHERE t.org_id = p_org AND t.number = w.number);
  UPDATE ticket_counter c SET next_number = highest + 1 WHERE c.org_id = p_org AND c.next_number <= highest;
  missing := jsonb_array_length(p_rows) - (SELECT count(*) FROM jsonb_object_keys(kept));
  IF missing = 0 THEN
    RETURN kept;
  END IF;
  next_ := take_numbers(p_org, missing);
  RETURN kept || (SELECT jsonb_object_agg(r.ticket_id, next_ + r.n - 1)
                    FROM (SELECT x.ticket_id, row_number() OVER () AS n
                            FROM jsonb_to_recordset(p_rows) AS x(ticket_id text) WHERE NOT kept ? x.ticket_id) r);
END
$$;

CREATE OR REPLACE FUNCTION import_new_tickets(p_org text, p_rows jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  numbers jsonb := import_numbers(p_org, p_rows);
BEGIN
  INSERT INTO ticket (org_id, ticket_id, number, title, description, status, priority, customer_id, company_id,
                      team_id, queue_id, assignee_user_id, required_skills, tags, channel, external_id,
                      custom_fields, first_response_at, last_customer_comment_at, last_agent_comment_at,
                      resolved_at, closed_at, reopened_count, created_by, created_at, updated_at)
  SELECT p_org, b.ticket_id, (numbers ->> b.ticket_id::text)::bigint, b.title, COALESCE(b.description, ''),
         COALESCE(b.status, 'new'), COALESCE(b.priority, 'normal'), b.customer_id,
         (SELECT c.company_id FROM customer c WHERE c.org_id = p_org AND c.customer_id = b.customer_id),
         b.team_id, b.queue_id, b.assignee_user_id, COALESCE(b.required_skills, '{}'), COALESCE(b.tags, '{}'),
         COALESCE(b.channel, 'import'), b.external_id, COALESCE(b.custom_fields, '{}'),
         COALESCE(b.first_response_at, s.first_reply), COALESCE(b.last_customer_comment_at, s.last_customer),
         COALESCE(b.last_agent_comment_at, s.last_agent),
         COALESCE(b.resolved_at, CASE WHEN b.status IN ('resolved', 'closed') THEN COALESCE(b.updated_at, b.created_at) END),
         COALESCE(b.closed_at, CASE WHEN b.status = 'closed' THEN COALESCE(b.updated_at, b.created_at) END),
         COALESCE(b.reopened_count, 0), COALESCE(b.created_by, guc('app.actor_id')),
         COALESCE(b.created_at, now()), COALESCE(b.updated_at, b.created_at, now())
    FROM jsonb_to_recordset(p_rows) AS b(
           ticket_id uuid, title text, description text, status text, priority text, customer_id uuid,
           team_id uuid, queue_id uuid, assignee_user_id uuid, required_skills text[], tags text[],
           channel text, external_id text, custom_fields jsonb, first_response_at timestamptz,
           last_customer_comment_at timestamptz, last_agent_comment_at timestamptz,
           resolved_at timestamptz, closed_at timestamptz, reopened_count int, created_by text,
           created_at timestamptz, updated_at timestamptz, comments jsonb)
    LEFT JOIN LATERAL (
      SELECT min(c.created_at) FILTER (WHERE c.author_type <> 'customer') AS first_reply,
             max(c.created_at) FILTER (WHERE c.author_type = 'customer') AS last_customer,
             max(c.created_at) FILTER (WHERE c.author_type <> 'customer') AS last_agent
        FROM jsonb_to_recordset(b.comments) AS c(author_type text, internal boolean, created_at timestamptz)
       WHERE c.internal IS NOT TRUE AND c.author_type <> 'system') s ON true;
  INSERT INTO ticket_tag (org_id, tag, ticket_id)
  SELECT p_org, btrim(g), b.ticket_id
    FROM jsonb_to_recordset(p_rows) AS b(ticket_id uuid, tags text[]), unnest(b.tags) g
   WHERE btrim(g) <> ''
  ON CONFLICT DO NOTHING;
END
$$;

-- Only what the row names changes.
CREATE OR REPLACE FUNCTION import_old_tickets(p_org text, p_rows jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ticket t
     SET (title, description, status, priority, customer_id, team_id, queue_id, assignee_user_id, required_skills,
          tags, custom_fields, resolved_at, closed_at, created_at, updated_at) =
         (SELECT p.title, p.description, p.status, p.priority, p.customer_id, p.team_id, p.queue_id,
                 p.assignee_user_id, p.required_skills, p.tags,
                 CASE WHEN b.row ? 'custom_fields' THEN t.custom_fields || (b.row -> 'custom_fields') ELSE t.custom_fields END,
                 CASE WHEN p.status IN ('resolved', 'closed') THEN COALESCE(p.resolved_at, p.updated_at) END,
                 CASE WHEN p.status = 'closed' THEN COALESCE(p.closed_at, p.updated_at) END,
                 p.created_at, CASE WHEN b.row ? 'updated_at' THEN p.updated_at ELSE now() END
            FROM jsonb_populate_record(t, jsonb_strip_nulls(CASE WHEN b.row ? 'requester_key' THEN b.row ELSE b.row - 'customer_id' END)
                                          - '{number,external_id,channel}'::text[]) p)
    FROM (SELECT x.value AS row, (x.value ->> 'ticket_id')::uuid AS ticket_id FROM jsonb_array_elements(p_rows) x) b
   WHERE t.org_id = p_org AND t.ticket_id = b.ticket_id;
END
$$;

-- The threads. A comment that is there already, by its id, stays as it is; one
-- without an id is taken with a new ticket only.
CREATE OR REPLACE FUNCTION import_comments(p_org text, p_rows jsonb, p_people jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  agents jsonb := (SELECT COALESCE(jsonb_object_agg(lower(u.email), u.user_id), '{}') FROM app_user u WHERE u.org_id = p_org);
BEGIN
  INSERT INTO comment (org_id, comment_id, ticket_id, internal, author_type, author_id, body, external_id,
                       created_at, updated_at)
  SELECT p_org, COALESCE(c.comment_id, uuid7()), r.ticket_id, COALESCE(c.internal, false), a.kind,
         CASE a.kind WHEN 'customer' THEN COALESCE(p_people ->> c.author_key, r.customer_id)
                     WHEN 'user' THEN COALESCE(agents ->> lower(c.author_email), c.author_id)
                     WHEN 'api_key' THEN c.author_id
                     WHEN 'legacy' THEN left(COALESCE(c.author_name, c.author_email, c.author_id), 127) END,
         c.body, c.external_id, at.at, at.at
    FROM jsonb_to_recordset(p_rows) AS r(ticket_id uuid, customer_id text, known boolean, comments jsonb,
                                         created_at timestamptz)
    CROSS JOIN LATERAL (
      SELECT x.*, row_number() OVER () AS n
        FROM jsonb_to_recordset(r.comments) AS x(comment_id uuid, external_id text, internal boolean, author_type text,
          author_id text, author_key text, author_email text, author_name text, body text, created_at timestamptz)) c
    CROSS JOIN LATERAL (
      SELECT CASE WHEN c.author_type IN ('customer', 'system') THEN c.author_type
                  WHEN agents ? lower(c.author_email) THEN 'user'
                  WHEN c.author_type = 'user' AND EXISTS (
                    SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id::text = c.author_id) THEN 'user'
                  WHEN c.author_type = 'api_key' AND EXISTS (
                    SELECT 1 FROM api_key k WHERE k.org_id = p_org AND k.key_id::text = c.author_id) THEN 'api_key'
                  ELSE 'legacy' END AS kind) a
    CROSS JOIN LATERAL (
      SELECT COALESCE(c.created_at, r.created_at + c.n * interval '1 millisecond', clock_timestamp()) AS at) at
   WHERE NOT r.known OR c.external_id IS NOT NULL OR c.comment_id IS NOT NULL
  ON CONFLICT DO NOTHING;
END
$$;

-- Comments on lines of their own, as an export has them behind its tickets.
CREATE OR REPLACE FUNCTION import_threads(p_org text, p_rows jsonb, p_people jsonb) RETURNS jsonb[] LANGUAGE plpgsql AS $$
DECLARE
  results jsonb[];
  good jsonb;
BEGIN
  SELECT array_agg(jsonb_build_object('line', r.line, 'item', r.item, 'outcome', r.outcome,
           'code', CASE r.outcome WHEN 'failed' THEN 'unknown_ticket' WHEN 'skipped' THEN 'already_exists' END,
           'message', CASE r.outcome WHEN 'failed' THEN 'There is no ticket for the comment.'
                                     WHEN 'skipped' THEN 'The comment is there already.' END)),
         jsonb_agg(jsonb_build_object('ticket_id', r.ticket_id, 'customer_id', r.customer_id, 'known', true,
                                      'created_at', r.created_at, 'comments', r.comments)) FILTER (WHERE r.outcome = 'created')
    INTO results, good
    FROM (SELECT x.line, x.item, x.comments, t.ticket_id, t.customer_id, t.created_at,
                 CASE WHEN t.ticket_id IS NULL THEN 'failed' WHEN EXISTS (
                        SELECT 1 FROM comment c WHERE c.org_id = p_org AND c.comment_id = x.comment_id) THEN 'skipped'
                      ELSE 'created' END AS outcome
            FROM jsonb_to_recordset(p_rows) AS x(line bigint, item text, ticket_id uuid, comment_id uuid, comments jsonb)
            LEFT JOIN LATERAL (SELECT k.ticket_id, k.customer_id, k.created_at FROM ticket k
                                WHERE k.org_id = p_org AND k.ticket_id = x.ticket_id LIMIT 1) t ON true) r;
  IF good IS NOT NULL THEN
    PERFORM import_comments(p_org, good, p_people);
  END IF;
  RETURN results;
END
$$;

CREATE OR REPLACE FUNCTION import_tickets(p_org text, p_rows jsonb, p_people jsonb, p_update boolean) RETURNS jsonb[]
LANGUAGE plpgsql AS $$
DECLARE
  people jsonb := import_people(p_org, p_people);
  rows_ jsonb := import_resolve(p_org, p_rows, people);
  good jsonb;
  results jsonb[];
BEGIN
  SELECT array_agg(CASE
           WHEN r ->> 'problem' IS NOT NULL THEN
             import_outcome(r, 'failed', split_part(r ->> 'problem', ': ', 1), substr(r ->> 'problem', strpos(r ->> 'problem', ': ') + 2))
           WHEN (r -> 'known')::boolean AND NOT p_update THEN import_outcome(r, 'skipped', 'already_exists', 'The ticket is there already.')
           ELSE import_outcome(r, CASE WHEN (r -> 'known')::boolean THEN 'updated' ELSE 'created' END, NULL, NULL) END)
         || COALESCE(array_agg(import_outcome(r, 'done', 'unknown_assignee', 'There is no user with the address ' || (r ->> 'assignee_email') || '; the ticket has no agent.'))
              FILTER (WHERE r ? 'assignee_email' AND r -> 'assignee_user_id' = 'null'), '{}')
         || COALESCE(array_agg(import_outcome(r, 'done', 'unknown_team', 'There is no team ' || (r ->> 'team') || '; the ticket has none.'))
              FILTER (WHERE r ? 'team' AND r -> 'team_id' = 'null'), '{}')
         || COALESCE(array_agg(import_outcome(r, 'done', 'unknown_queue', 'There is no queue ' || (r ->> 'queue') || '; the ticket has none.'))
              FILTER (WHERE r ? 'queue' AND r -> 'queue_id' = 'null'), '{}'),
         jsonb_agg(r) FILTER (WHERE r ->> 'problem' IS NULL AND (p_update OR NOT (r -> 'known')::boolean))
    INTO results, good FROM jsonb_array_elements(rows_) r;
  IF good IS NOT NULL THEN
    PERFORM import_new_tickets(p_org, n.rows) FROM (
      SELECT jsonb_agg(r) AS rows FROM jsonb_array_elements(good) r WHERE NOT (r -> 'known')::boolean) n
     WHERE n.rows IS NOT NULL;
    PERFORM import_old_tickets(p_org, n.rows) FROM (
      SELECT jsonb_agg(r) AS rows FROM jsonb_array_elements(good) r WHERE (r -> 'known')::boolean) n
     WHERE n.rows IS NOT NULL;
    PERFORM import_comments(p_org, good, people);
  END IF;
  RETURN results;
END
$$;

-- ---- customers
CREATE OR REPLACE FUNCTION import_companies(p_org text, p_rows jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO company (org_id, company_id, name)
  SELECT p_org, uuid7(), n.name
    FROM (SELECT DISTINCT ON (lower(r.company)) r.company AS name
            FROM jsonb_to_recordset(p_rows) AS r(company text) WHERE r.company IS NOT NULL) n
   WHERE NOT EXISTS (SELECT 1 FROM company c WHERE c.org_id = p_org AND lower(c.name) = lower(n.name));
  RETURN (SELECT COALESCE(jsonb_object_agg(lower(c.name), c.company_id), '{}') FROM company c
           WHERE c.org_id = p_org
             AND lower(c.name) IN (SELECT lower(r.company) FROM jsonb_to_recordset(p_rows) AS r(company text)));
END
$$;

CREATE OR REPLACE FUNCTION import_customers(p_org text, p_rows jsonb, p_update boolean) RETURNS jsonb[] LANGUAGE plpgsql AS $$
DECLARE
  companies jsonb := import_companies(p_org, p_rows);
  known jsonb := import_known_people(p_org, p_rows);
  first_ jsonb := (SELECT jsonb_object_agg(r.key, r.line) FROM (
      SELECT x ->> 'key' AS key, min((x ->> 'line')::bigint) AS line FROM jsonb_array_elements(p_rows) x GROUP BY 1) r);
  results jsonb[];
BEGIN
  results := ARRAY(SELECT CASE
      WHEN (first_ ->> (r ->> 'key'))::bigint <> (r ->> 'line')::bigint
        THEN import_outcome(r, 'failed', 'repeated', 'The row has the id of another one of this file.')
      WHEN NOT known ? (r ->> 'key') THEN import_outcome(r, 'created', NULL, NULL)
      WHEN p_update THEN import_outcome(r, 'updated', NULL, NULL)
      ELSE import_outcome(r, 'skipped', 'already_exists', 'The customer is there already.') END
    FROM jsonb_array_elements(p_rows) r);
  IF p_update THEN
    UPDATE customer c
       SET (external_id, name, email, phone, company_id, attributes, created_at) =
           (SELECT p.external_id, p.name, p.email, p.phone, p.company_id, c.attributes || COALESCE(b.row -> 'attributes', '{}'), p.created_at
              FROM jsonb_populate_record(c, jsonb_strip_nulls((b.row - 'customer_id')
                || jsonb_build_object('company_id', companies -> lower(b.row ->> 'company')))) p)
      FROM (SELECT r AS row, known ->> (r ->> 'key') AS id FROM jsonb_array_elements(p_rows) r
             WHERE (first_ ->> (r ->> 'key'))::bigint = (r ->> 'line')::bigint) b
     WHERE c.org_id = p_org AND c.customer_id = b.id::uuid AND c.erased_at IS NULL;
  END IF;
  INSERT INTO customer (org_id, customer_id, external_id, name, email, phone, company_id, attributes, created_at, updated_at)
  SELECT p_org, COALESCE(b.customer_id, uuid7()), b.external_id, COALESCE(b.name, ''), b.email, b.phone,
         (companies ->> lower(b.company))::uuid, COALESCE(b.attributes, '{}'),
         COALESCE(b.created_at, now()), COALESCE(b.updated_at, b.created_at, now())
    FROM jsonb_to_recordset(p_rows) AS b(line bigint, key text, customer_id uuid, external_id text, name text, email text,
           phone text, company text, attributes jsonb, created_at timestamptz, updated_at timestamptz)
   WHERE NOT known ? b.key AND (first_ ->> b.key)::bigint = b.line;
  RETURN results;
END
$$;

-- ---- a batch
CREATE OR REPLACE FUNCTION import_rows(p_org text, p_kind text, p_rows jsonb, p_people jsonb, p_update boolean) RETURNS jsonb[]
LANGUAGE plpgsql AS $$
DECLARE
  tickets jsonb;
  threads jsonb;
  results jsonb[] := '{}';
BEGIN
  IF p_kind = 'customers' THEN
    RETURN import_customers(p_org, p_rows, p_update);
  END IF;
  SELECT jsonb_agg(r) FILTER (WHERE NOT r ? 'thread'), jsonb_agg(r) FILTER (WHERE r ? 'thread')
    INTO tickets, threads FROM jsonb_array_elements(p_rows) r;
  IF tickets IS NOT NULL THEN
    results := import_tickets(p_org, tickets, p_people, p_update);
  END IF;
  IF threads IS NOT NULL THEN
    results := results || import_threads(p_org, threads, import_people(p_org, p_people));
  END IF;
  RETURN results;
END
$$;

-- One by one, so that what one row breaks does not touch the others.
CREATE OR REPLACE FUNCTION import_singly(p_org text, p_kind text, p_rows jsonb, p_people jsonb, p_update boolean) RETURNS jsonb[]
LANGUAGE plpgsql AS $$
DECLARE
  results jsonb[] := '{}';
  r jsonb;
  failure jsonb;
  state_ text; message_ text; detail_ text; constraint_ text; column_ text;
BEGIN
  FOR r IN SELECT jsonb_array_elements(p_rows) LOOP
    BEGIN
      results := results || import_rows(p_org, p_kind, jsonb_build_array(r), p_people, p_update);
    EXCEPTION WHEN integrity_constraint_violation OR data_exception OR SQLSTATE 'SV409' OR SQLSTATE 'SV422' THEN
      GET STACKED DIAGNOSTICS state_ = RETURNED_SQLSTATE, message_ = MESSAGE_TEXT, detail_ = PG_EXCEPTION_DETAIL,
                              constraint_ = CONSTRAINT_NAME, column_ = COLUMN_NAME;
      failure := bulk_failure(state_, message_, detail_, constraint_, column_);
      results := results || import_outcome(r, 'failed', failure ->> 'code',
        concat_ws(': ', failure ->> 'field', failure ->> 'message'));
    END;
  END LOOP;
  RETURN results;
END
$$;

-- p_refused are rows that were refused while reading. A dry run does everything
-- and takes it back. At most 10,000 words are kept of rows; they are all counted.
CREATE OR REPLACE FUNCTION import_batch(p_org text, p_job uuid, p_spec jsonb, p_rows jsonb, p_people jsonb, p_refused jsonb,
  OUT created bigint, OUT updated bigint, OUT skipped bigint, OUT failed bigint) LANGUAGE plpgsql AS $$
DECLARE
  kind_ text := p_spec ->> 'kind';
  update_ boolean := p_spec ->> 'on_conflict' = 'update';
  results jsonb[] := '{}';
  kept bigint;
BEGIN
  PERFORM import_begin(p_org, p_job);
  IF p_rows <> '[]' THEN
    BEGIN
      BEGIN
        results := import_rows(p_org, kind_, p_rows, p_people, update_);
      EXCEPTION WHEN integrity_constraint_violation OR data_exception OR SQLSTATE 'SV409' OR SQLSTATE 'SV422' THEN
        results := import_singly(p_org, kind_, p_rows, p_people, update_);
      END;
      IF (p_spec ->> 'dry_run')::boolean THEN
        -- The ticket may have been in a batch that was taken back.
        results := ARRAY(SELECT CASE x ->> 'code' WHEN 'unknown_ticket' THEN x || '{"outcome": "created"}' ELSE x END
                           FROM unnest(results) x);
        RAISE EXCEPTION USING ERRCODE = 'SVDRY';
      END IF;
    EXCEPTION WHEN SQLSTATE 'SVDRY' THEN
      NULL;
    END;
  END IF;
  results := results || ARRAY(SELECT x || '{"outcome": "failed"}' FROM jsonb_array_elements(p_refused) x);
  SELECT count(*) FILTER (WHERE x ->> 'outcome' = 'created'), count(*) FILTER (WHERE x ->> 'outcome' = 'updated'),
         count(*) FILTER (WHERE x ->> 'outcome' = 'skipped'), count(*) FILTER (WHERE x ->> 'outcome' = 'failed')
    INTO created, updated, skipped, failed FROM unnest(results) x;
  IF created + updated < cardinality(results) THEN
    SELECT COALESCE(max(i.n), 0) INTO kept FROM job_item i WHERE i.org_id = p_org AND i.job_id = p_job;
    INSERT INTO job_item (org_id, job_id, n, item, outcome, line, code, message)
    SELECT p_org, p_job, kept + row_number() OVER (ORDER BY (x ->> 'line')::bigint), left(x ->> 'item', 255),
           x ->> 'outcome', (x ->> 'line')::bigint, x ->> 'code', left(x ->> 'message', 500)
      FROM unnest(results) x WHERE x ->> 'outcome' IN ('skipped', 'failed', 'done')
     ORDER BY (x ->> 'line')::bigint LIMIT greatest(0, 10000 - kept);
  END IF;
END
$$;

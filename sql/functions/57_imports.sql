-- Imports: a batch of rows that src/jobs/import.c has read and checked becomes
-- tickets with their threads (58_import_tickets.sql), or customers. Everything is
-- done by sets; only a batch that breaks a rule is tried again row by row.

-- ---- customers by e-mail address
CREATE OR REPLACE FUNCTION customer_email_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO customer_email (org_id, email, customer_id)
  SELECT n.org_id, lower(n.email), n.customer_id FROM fresh n WHERE n.email IS NOT NULL AND n.merged_into_id IS NULL;
  RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION customer_email_sync() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM customer_email e WHERE e.org_id = NEW.org_id AND e.customer_id = NEW.customer_id;
  IF NEW.email IS NOT NULL AND NEW.merged_into_id IS NULL THEN
    INSERT INTO customer_email (org_id, email, customer_id) VALUES (NEW.org_id, lower(NEW.email), NEW.customer_id);
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER email_insert AFTER INSERT ON customer REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION customer_email_new();
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
-- row. Only who holds the lease of an import that runs may be so quiet: a
-- scheduler, or serviceosctl as the owner.
CREATE OR REPLACE FUNCTION import_begin(p_org text, p_job uuid, p_secret uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM job j LEFT JOIN import_lease l USING (org_id, job_id)
    WHERE j.org_id = p_org AND j.job_id = p_job AND j.kind = 'import' AND j.state = 'running'
      AND (l.secret = p_secret OR session_user <> 'serviceos_app');
  IF NOT FOUND THEN
    PERFORM fail(409, 'conflict', 'There is no such import at work.');
  END IF;
  PERFORM set_config('app.quiet', 'import', true);
END
$$;

-- Plans are made for the tables as they were when they were last looked at. What
-- an import fills from nothing is looked at again each time it is four times as large.
CREATE OR REPLACE FUNCTION import_look_again() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT c.relname FROM pg_class c
            WHERE c.oid IN ('customer'::regclass, 'customer_email'::regclass, 'ticket'::regclass, 'comment'::regclass)
              AND c.relpages < 2000 AND pg_relation_size(c.oid) / current_setting('block_size')::int > 4 * greatest(c.relpages, 4) LOOP
    EXECUTE format('ANALYZE %I', t.relname);
  END LOOP;
END
$$;

-- ---- people
-- Who is meant by a key of the batch: by our id, by the other desk's, by address; by
-- name where nothing else is said ("n:"), and then only who alone has it, or has nothing
-- but a name: an answer must not go to another person of the same name.
-- Each table is asked once for all keys: asked for each of them, on tables that the
-- planner knows nothing of yet, it may read every customer each time.
-- The address comes in lower case: lower() here would keep the index from being used.
CREATE OR REPLACE FUNCTION import_known_people(p_org text, p_people jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  ids uuid[];
  externals text[];
  addresses text[];
  names text[];
BEGIN
  SELECT array_agg(DISTINCT p.customer_id), array_agg(DISTINCT p.external_id), array_agg(DISTINCT p.address),
         array_agg(DISTINCT p.name) FILTER (WHERE p.key LIKE 'n:%')
    INTO ids, externals, addresses, names
    FROM jsonb_to_recordset(p_people) AS p(key text, customer_id uuid, external_id text, address text, name text);
  RETURN (
    WITH by_id AS MATERIALIZED (
      SELECT c.customer_id AS id, COALESCE(c.merged_into_id, c.customer_id) AS customer_id FROM customer c
       WHERE c.org_id = p_org AND c.customer_id = ANY (ids)
    ), by_external AS MATERIALIZED (
      SELECT c.external_id, COALESCE(c.merged_into_id, c.customer_id) AS customer_id FROM customer c
       WHERE c.org_id = p_org AND c.external_id = ANY (externals)
    ), by_address AS MATERIALIZED (
      SELECT DISTINCT ON (e.email) e.email, e.customer_id FROM customer_email e
       WHERE e.org_id = p_org AND e.email = ANY (addresses)
    ), by_name AS MATERIALIZED (
      SELECT DISTINCT ON (n.name) 'n:' || n.name AS key, n.customer_id
        FROM (SELECT c.name, c.customer_id, c.email IS NULL AND c.external_id IS NULL AS bare,
                     count(*) OVER (PARTITION BY c.name) AS of_name
                FROM customer c
               WHERE c.org_id = p_org AND c.name = ANY (names) AND c.merged_into_id IS NULL AND c.erased_at IS NULL) n
       WHERE n.bare OR n.of_name = 1
       ORDER BY n.name, n.bare DESC, n.customer_id
    )
    SELECT COALESCE(jsonb_object_agg(p.key, COALESCE(i.customer_id, x.customer_id, e.customer_id, n.customer_id))
             FILTER (WHERE COALESCE(i.customer_id, x.customer_id, e.customer_id, n.customer_id) IS NOT NULL), '{}')
      FROM jsonb_to_recordset(p_people) AS p(key text, customer_id uuid, external_id text, address text)
      LEFT JOIN by_id i ON i.id = p.customer_id
      LEFT JOIN by_external x ON x.external_id = p.external_id
      LEFT JOIN by_address e ON e.email = p.address
      LEFT JOIN by_name n ON n.key = p.key);
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

-- A ticket's row that was looked at ("known") has its customer's id as well.
CREATE OR REPLACE FUNCTION import_outcome(p_row jsonb, p_outcome text, p_code text, p_message text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_object('line', p_row -> 'line', 'item', COALESCE(p_row ->> 'external_id', p_row ->> 'ticket_id',
    CASE WHEN NOT p_row ? 'known' THEN p_row ->> 'customer_id' END, p_row ->> 'email'), 'outcome', p_outcome, 'code', p_code, 'message', p_message)
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

-- Of rows that mean the same customer the first one counts.
CREATE OR REPLACE FUNCTION import_customers(p_org text, p_rows jsonb, p_update boolean) RETURNS jsonb[] LANGUAGE plpgsql AS $$
DECLARE
  companies jsonb := import_companies(p_org, p_rows);
  known jsonb := import_known_people(p_org, p_rows);
  rows_ jsonb;
  results jsonb[];
BEGIN
  SELECT jsonb_agg(x.row) FILTER (WHERE x.nth = 1), array_agg(CASE
           WHEN x.nth > 1 THEN import_outcome(x.row, 'skipped', 'repeated', 'Another row of this file is the same customer.')
           WHEN x.id IS NULL THEN import_outcome(x.row, 'created', NULL, NULL)
           WHEN p_update THEN import_outcome(x.row, 'updated', NULL, NULL)
           ELSE import_outcome(x.row, 'skipped', 'already_exists', 'The customer is there already.') END)
    INTO rows_, results
    FROM (SELECT r.value AS row, known ->> (r.value ->> 'key') AS id,
                 row_number() OVER (PARTITION BY COALESCE(known ->> (r.value ->> 'key'), r.value ->> 'key')
                                    ORDER BY r.ordinality) AS nth
            FROM jsonb_array_elements(p_rows) WITH ORDINALITY r) x;
  IF p_update THEN
    UPDATE customer c
       SET (external_id, name, email, phone, company_id, attributes, created_at) =
           (SELECT p.external_id, p.name, p.email, p.phone, p.company_id, c.attributes || COALESCE(b.row -> 'attributes', '{}'), p.created_at
              FROM jsonb_populate_record(c, jsonb_strip_nulls((b.row - 'customer_id')
                || jsonb_build_object('company_id', companies -> lower(b.row ->> 'company')))) p)
      FROM (SELECT r AS row, known ->> (r ->> 'key') AS id FROM jsonb_array_elements(rows_) r) b
     WHERE c.org_id = p_org AND c.customer_id = b.id::uuid AND c.erased_at IS NULL;
  END IF;
  INSERT INTO customer (org_id, customer_id, external_id, name, email, phone, company_id, attributes, created_at, updated_at)
  SELECT p_org, COALESCE(b.customer_id, uuid7()), b.external_id, COALESCE(b.name, ''), b.email, b.phone,
         (companies ->> lower(b.company))::uuid, COALESCE(b.attributes, '{}'),
         COALESCE(b.created_at, now()), COALESCE(b.updated_at, b.created_at, now())
    FROM jsonb_to_recordset(rows_) AS b(key text, customer_id uuid, external_id text, name text, email text,
           phone text, company text, attributes jsonb, created_at timestamptz, updated_at timestamptz)
   WHERE NOT known ? b.key;
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
  IF p_rows @? '$[*].thread' THEN
    SELECT jsonb_agg(r) FILTER (WHERE NOT r ? 'thread'), jsonb_agg(r) FILTER (WHERE r ? 'thread')
      INTO tickets, threads FROM jsonb_array_elements(p_rows) r;
  ELSE
    tickets := p_rows;
  END IF;
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
CREATE OR REPLACE FUNCTION import_batch(p_org text, p_job uuid, p_secret uuid, p_spec jsonb, p_rows jsonb, p_people jsonb,
  p_refused jsonb, OUT created bigint, OUT updated bigint, OUT skipped bigint, OUT failed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '32MB' AS $$
DECLARE
  kind_ text := p_spec ->> 'kind';
  update_ boolean := p_spec ->> 'on_conflict' = 'update';
  results jsonb[] := '{}';
  kept bigint;
BEGIN
  PERFORM import_begin(p_org, p_job, p_secret);
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
  PERFORM set_config('app.quiet', '', true);
  PERFORM import_look_again();
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
REVOKE ALL ON FUNCTION import_batch(text, uuid, uuid, jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;

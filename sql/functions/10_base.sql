-- What every table uses: ids, rules, versions.

-- UUID version 7 (RFC 9562): 48 bits of milliseconds, the version, then what is
-- random in a version 4. One expression, so that the planner inlines it.
CREATE OR REPLACE FUNCTION uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
          || replace(substr(gen_random_uuid()::text, 16), '-', ''))::uuid
$$;

-- A time as the API writes it.
CREATE OR REPLACE FUNCTION iso(p_at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- A member of a row's to_jsonb(), which has times in a form of its own, as the API
-- writes it. Times, and they alone, are named so in every table whose rows are shown
-- this way; tests/api/test_schema.py looks.
CREATE OR REPLACE FUNCTION as_shown(p_name text, p_value jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p_name ~ '_(at|until|since)$' AND jsonb_typeof(p_value) = 'string'
              THEN to_jsonb(iso((p_value #>> '{}')::timestamptz)) ELSE p_value END
$$;

-- A rule that the caller broke: SQLSTATE SV<status>, the code as message. The
-- API answers with this status, code and sentence, on this field.
CREATE OR REPLACE FUNCTION fail(status int, code text, sentence text, field text DEFAULT '')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'SV' || status, MESSAGE = code, DETAIL = sentence, COLUMN = field;
END
$$;

CREATE OR REPLACE FUNCTION is_blank(p_text text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p_text !~ '\S'
$$;

CREATE OR REPLACE FUNCTION guc(name text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT NULLIF(current_setting(name, true), '')
$$;

-- An update that changes nothing keeps version and time, and leaves no event.
CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW IS DISTINCT FROM OLD THEN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
  END IF;
  RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION take_numbers(p_org text, p_count int) RETURNS bigint LANGUAGE sql AS $$
  UPDATE ticket_counter SET next_number = next_number + p_count
   WHERE org_id = p_org RETURNING next_number - p_count
$$;

-- A ticket's tags: sorted, without duplicates or blank ends, no more than it may have.
CREATE OR REPLACE FUNCTION normal_tags(tags text[]) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  normal text[] := (SELECT COALESCE(array_agg(DISTINCT btrim(t) ORDER BY btrim(t)), '{}')
                      FROM unnest(tags) t WHERE btrim(t) <> '');
BEGIN
  IF cardinality(normal) > 100 THEN
    PERFORM fail(422, 'too_many', 'A ticket has at most 100 tags.', 'tags');
  END IF;
  RETURN normal;
END
$$;

-- A tenant with what it cannot be without. Runs with app.org set to the new id.
CREATE OR REPLACE FUNCTION create_organization(p_org text, p_name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  unknown uuid := uuid7();
BEGIN
  INSERT INTO organization (org_id, name) VALUES (p_org, p_name);
  INSERT INTO ticket_counter (org_id) VALUES (p_org);
  INSERT INTO event_sequence (org_id) VALUES (p_org);
  INSERT INTO customer (org_id, customer_id, name) VALUES (p_org, unknown, 'Unknown customer');
  UPDATE organization SET default_customer_id = unknown WHERE org_id = p_org;
  RETURN p_org;
END
$$;

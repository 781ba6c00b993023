-- Custom fields: their definitions, and the values of tickets. Every writer
-- meets these rules; what a statement leaves alone is not looked at again.

-- What is wrong with a value, as a sentence; null when nothing is.
CREATE OR REPLACE FUNCTION custom_value_problem(f custom_field, v jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  kind text := jsonb_typeof(v);
  word text := v #>> '{}';
BEGIN
  IF f.type = 'number' THEN
    IF kind <> 'number' THEN
      RETURN 'Must be a number.';
    ELSIF word::numeric < f.minimum THEN
      RETURN format('At least %s.', f.minimum);
    ELSIF word::numeric > f.maximum THEN
      RETURN format('At most %s.', f.maximum);
    END IF;
    RETURN NULL;
  ELSIF f.type = 'boolean' THEN
    RETURN CASE WHEN kind <> 'boolean' THEN 'Must be true or false.' END;
  ELSIF f.type = 'multiselect' THEN
    IF kind <> 'array' OR EXISTS (SELECT 1 FROM jsonb_array_elements(v) x
                                   WHERE jsonb_typeof(x) <> 'string' OR x #>> '{}' <> ALL (f.options)) THEN
      RETURN format('Must be an array of: %s.', array_to_string(f.options, ', '));
    END IF;
    RETURN CASE WHEN (SELECT count(DISTINCT x) < count(*) FROM jsonb_array_elements(v) x)
                THEN 'Each option at most once.' END;
  ELSIF kind <> 'string' THEN
    RETURN 'Must be a string.';
  ELSIF f.type = 'dropdown' THEN
    RETURN CASE WHEN word <> ALL (f.options) THEN format('One of: %s.', array_to_string(f.options, ', ')) END;
  ELSIF f.type = 'date' THEN
    IF word ~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' AND word >= '0001'
       AND substr(word, 9)::int <= extract(day FROM make_date(substr(word, 1, 4)::int, substr(word, 6, 2)::int, 1)
                                           + interval '1 month - 1 day') THEN
      RETURN NULL;
    END IF;
    RETURN 'Must be a date such as 2026-06-13.';
  ELSIF f.type = 'email' THEN
    RETURN CASE WHEN length(word) > 254 OR word !~ '^[^@[:space:],;<>"]+@[^@[:space:],;<>".]+(\.[^@[:space:],;<>".]+)+$'
                THEN 'Must be an e-mail address.' END;
  ELSIF f.type = 'url' THEN
    RETURN CASE WHEN length(word) > 2048 OR word !~* '^https?://[^/?#:@[:space:]\\"<>][^[:space:]\\"<>]*$'
                THEN 'Must be an http or https address.' END;
  END IF;
  RETURN CASE WHEN length(word) > 5000 THEN 'At most 5000 characters.' END;
END
$$;

-- What does not count as an answer to a required field.
CREATE OR REPLACE FUNCTION custom_value_blank(v jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT v IS NULL OR v IN ('null', '[]') OR (jsonb_typeof(v) = 'string' AND is_blank(v #>> '{}'))
$$;

CREATE OR REPLACE FUNCTION custom_field_named(p_org text, p_key text) RETURNS custom_field LANGUAGE sql STABLE AS $$
  SELECT f FROM custom_field f WHERE f.org_id = p_org AND f.key = p_key AND f.deleted_at IS NULL
$$;

-- The values that are new or differ; p_place is where the caller wrote them.
CREATE OR REPLACE FUNCTION custom_values_check(p_org text, was jsonb, now_ jsonb, p_place text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v record;
  f custom_field;
  problem text;
BEGIN
  FOR v IN SELECT n.key, n.value FROM jsonb_each(now_) n WHERE n.value IS DISTINCT FROM was -> n.key LOOP
    f := custom_field_named(p_org, v.key);
    IF f.org_id IS NULL THEN
      PERFORM fail(422, 'unknown_field', 'The organization has no such custom field.', p_place || '.' || v.key);
    END IF;
    problem := custom_value_problem(f, v.value);
    IF problem IS NOT NULL THEN
      PERFORM fail(422, 'not_allowed', problem, p_place || '.' || v.key);
    END IF;
  END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION ticket_custom_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND is_import() THEN -- which has looked at all of them
    RETURN NEW;
  ELSIF TG_OP = 'INSERT' AND guc('app.clone') = 'on' THEN -- values that a ticket has keep
    RETURN NEW;
  END IF;
  PERFORM custom_values_check(NEW.org_id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.custom_fields ELSE '{}' END,
                              NEW.custom_fields, 'custom_fields');
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER custom_insert BEFORE INSERT ON ticket
  FOR EACH ROW WHEN (NEW.custom_fields <> '{}') EXECUTE FUNCTION ticket_custom_before();
CREATE OR REPLACE TRIGGER custom_update BEFORE UPDATE ON ticket
  FOR EACH ROW WHEN (NEW.custom_fields IS DISTINCT FROM OLD.custom_fields)
  EXECUTE FUNCTION ticket_custom_before();

-- A long text is found by its beginning; the filter looks at the rest itself.
CREATE OR REPLACE FUNCTION custom_words(p_fields jsonb) RETURNS TABLE (key text, word text, number numeric)
LANGUAGE sql IMMUTABLE AS $$
  SELECT e.key, left(x.word, 200), CASE WHEN jsonb_typeof(e.value) = 'number' THEN x.word::numeric END
    FROM jsonb_each(p_fields) e,
         LATERAL (SELECT jsonb_array_elements_text(e.value) AS word WHERE jsonb_typeof(e.value) = 'array'
                  UNION SELECT e.value #>> '{}' WHERE jsonb_typeof(e.value) <> 'array') x
$$;

CREATE OR REPLACE FUNCTION ticket_fields_sync() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND is_import() THEN -- which keeps those of all its tickets at once
    RETURN NULL;
  ELSIF TG_OP = 'UPDATE' THEN
    DELETE FROM ticket_field g WHERE g.org_id = NEW.org_id AND g.ticket_id = NEW.ticket_id;
  END IF;
  INSERT INTO ticket_field (org_id, key, word, number, ticket_id)
  SELECT NEW.org_id, f.key, f.word, f.number, NEW.ticket_id FROM custom_words(NEW.custom_fields) f
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER fields_insert AFTER INSERT ON ticket
  FOR EACH ROW WHEN (NEW.custom_fields <> '{}') EXECUTE FUNCTION ticket_fields_sync();
CREATE OR REPLACE TRIGGER fields_update AFTER UPDATE ON ticket
  FOR EACH ROW WHEN (NEW.custom_fields IS DISTINCT FROM OLD.custom_fields)
  EXECUTE FUNCTION ticket_fields_sync();

-- A change names some of the fields; null takes one away, be it of a deleted field.
-- A required one keeps a value.
CREATE OR REPLACE FUNCTION custom_fields_merge(p_org text, was jsonb, given jsonb, p_place text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  key_ text;
  f custom_field;
BEGIN
  FOR key_ IN SELECT g.key FROM jsonb_each(given) g
               WHERE custom_value_blank(g.value) AND g.value IS DISTINCT FROM was -> g.key LOOP
    f := custom_field_named(p_org, key_);
    IF f.required THEN
      PERFORM fail(422, 'required', 'The field is required.', p_place || '.' || key_);
    ELSIF f.org_id IS NULL AND NOT was ? key_ THEN
      PERFORM fail(422, 'unknown_field', 'The organization has no such custom field.', p_place || '.' || key_);
    END IF;
  END LOOP;
  RETURN jsonb_strip_nulls(was || given);
END
$$;

-- What a caller gives for a new ticket, with the defaults; required fields must be there,
-- unless nobody could give them: of a message that came in, of a ticket that is only tried.
CREATE OR REPLACE FUNCTION custom_fields_complete(p_org text, given jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  f custom_field;
  complete jsonb := custom_fields_merge(p_org, '{}', given, 'custom_fields');
BEGIN
  FOR f IN SELECT * FROM custom_field x
            WHERE x.org_id = p_org AND x.deleted_at IS NULL AND (x.required OR x.default_value IS NOT NULL)
            ORDER BY x.position, x.field_id LOOP
    IF NOT given ? f.key AND f.default_value IS NOT NULL THEN
      complete := complete || jsonb_build_object(f.key, f.default_value);
    END IF;
    IF f.required AND custom_value_blank(complete -> f.key) AND guc('app.lenient') IS NULL THEN
      PERFORM fail(422, 'required', 'The field is required.', 'custom_fields.' || f.key);
    END IF;
  END LOOP;
  RETURN complete;
END
$$;

-- Definitions.

CREATE OR REPLACE FUNCTION custom_field_before() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  problem text;
BEGIN
  IF NEW.deleted_at IS NOT NULL THEN
    RETURN NEW;
  END IF;
  IF (NEW.type IN ('dropdown', 'multiselect')) <> (NEW.options <> '{}') THEN
    PERFORM fail(422, CASE WHEN NEW.options = '{}' THEN 'required' ELSE 'not_allowed' END,
      'Options belong to the types dropdown and multiselect, and they need at least one.', 'options');
  ELSIF (SELECT count(DISTINCT o) < count(*) FROM unnest(NEW.options) o) THEN
    PERFORM fail(422, 'repeated', 'An option is given twice.', 'options');
  ELSIF NEW.type <> 'number' AND (NEW.minimum IS NOT NULL OR NEW.maximum IS NOT NULL) THEN
    PERFORM fail(422, 'not_allowed', 'Only a number has bounds.', CASE WHEN NEW.minimum IS NULL THEN 'maximum' ELSE 'minimum' END);
  END IF;
  IF NEW.minimum > NEW.maximum THEN
    PERFORM fail(422, 'range', 'The minimum is above the maximum.',
      CASE WHEN TG_OP = 'UPDATE' AND NEW.minimum IS NOT DISTINCT FROM OLD.minimum THEN 'maximum' ELSE 'minimum' END);
  ELSIF NEW.required AND NEW.default_value IS NOT NULL AND custom_value_blank(NEW.default_value) THEN
    PERFORM fail(422, 'not_allowed', 'The default of a required field is not blank.', 'default_value');
  END IF;
  problem := CASE WHEN NEW.default_value IS NOT NULL THEN custom_value_problem(NEW, NEW.default_value) END;
  IF problem IS NOT NULL THEN
    PERFORM fail(422, 'not_allowed', problem, 'default_value');
  END IF;
  IF TG_OP = 'INSERT' AND EXISTS (
       SELECT 1 FROM custom_field f WHERE f.org_id = NEW.org_id AND f.key = NEW.key AND f.deleted_at IS NOT NULL
                                      AND f.type <> NEW.type) THEN
    PERFORM fail(409, 'key_in_use', 'A deleted field of another type still has values under this key; they go 30 days after its deletion.', 'key');
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER check_field BEFORE INSERT OR UPDATE ON custom_field
  FOR EACH ROW EXECUTE FUNCTION custom_field_before();
CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON custom_field FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON custom_field
  FOR EACH ROW EXECUTE FUNCTION record_change('custom_field', 'field_id', 'audit');

CREATE OR REPLACE FUNCTION custom_field_create(p_org text, p_field uuid, p_body jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  b custom_field := jsonb_populate_record(NULL::custom_field, p_body);
BEGIN
  IF (SELECT count(*) FROM custom_field f WHERE f.org_id = p_org AND f.deleted_at IS NULL) >= 200 THEN
    PERFORM fail(409, 'too_many', 'An organization has at most 200 custom fields.');
  END IF;
  b.key := COALESCE(b.key, left(btrim(regexp_replace(lower(b.label), '[^a-z0-9]+', '_', 'g'), '_'), 63));
  IF b.key !~ '^[a-z][a-z0-9_]{0,62}$' THEN
    PERFORM fail(422, 'format', 'A letter, then letters, digits and underscores; lower case, at most 63.', 'key');
  END IF;
  -- A field that comes back takes over the values of the deleted one.
  DELETE FROM custom_field f WHERE f.org_id = p_org AND f.key = b.key AND f.type = b.type AND f.deleted_at IS NOT NULL;
  INSERT INTO custom_field (org_id, field_id, key, label, description, type, required, options,
                            default_value, minimum, maximum, position)
  VALUES (p_org, p_field, b.key, b.label, COALESCE(b.description, ''), b.type, COALESCE(b.required, false),
          COALESCE(b.options, '{}'), NULLIF(b.default_value, 'null'), b.minimum, b.maximum, COALESCE(b.position, 0));
  RETURN p_field;
END
$$;

-- Run by the scheduler: what was deleted 30 days ago leaves the tickets, some at a time.
-- As in an import, merged tickets change too, and no ticket seems to be worked on.
CREATE OR REPLACE FUNCTION custom_fields_purge(p_org text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  f custom_field;
  most int := 1000;
  n int;
BEGIN
  PERFORM set_config('app.quiet', 'import', true);
  FOR f IN SELECT * FROM custom_field x WHERE x.org_id = p_org AND x.deleted_at < now() - interval '30 days' LOOP
    UPDATE ticket t SET custom_fields = t.custom_fields - f.key
     WHERE t.org_id = p_org
       AND t.ticket_id IN (SELECT g.ticket_id FROM ticket_field g
                            WHERE g.org_id = p_org AND g.key = f.key LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n = 0 THEN
      DELETE FROM custom_field x WHERE x.org_id = p_org AND x.field_id = f.field_id;
    END IF;
    most := most - n;
    EXIT WHEN most <= 0;
  END LOOP;
  PERFORM set_config('app.quiet', '', true);
END
$$;

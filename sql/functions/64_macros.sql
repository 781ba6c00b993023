-- Macros: templates, actions, and applying them. Actions are one language for
-- macros and whatever else acts on tickets by rule.

-- What a template may name, for one ticket.
CREATE OR REPLACE FUNCTION template_values(p_org text, p_ticket uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
           'ticket.ticket_id', t.ticket_id, 'ticket.number', t.number, 'ticket.title', t.title,
           'ticket.status', t.status, 'ticket.priority', t.priority,
           'customer.name', NULLIF(c.name, ''), 'customer.first_name', NULLIF(split_part(c.name, ' ', 1), ''),
           'customer.email', c.email, 'company.name', k.name,
           'agent.name', a.name, 'agent.first_name', NULLIF(split_part(a.name, ' ', 1), ''), 'agent.email', a.email,
           'organization.name', o.name)
         || (SELECT COALESCE(jsonb_object_agg('ticket.custom_fields.' || f.key,
                      CASE WHEN jsonb_typeof(t.custom_fields -> f.key) = 'array'
                           THEN (SELECT string_agg(x.word, ', ' ORDER BY x.n)
                                   FROM jsonb_array_elements_text(t.custom_fields -> f.key) WITH ORDINALITY AS x(word, n))
                           ELSE NULLIF(t.custom_fields ->> f.key, '') END), '{}')
               FROM custom_field f WHERE f.org_id = t.org_id AND f.deleted_at IS NULL)
    FROM ticket t
    JOIN organization o ON o.org_id = t.org_id
    JOIN customer c ON c.org_id = t.org_id AND c.customer_id = t.customer_id
    LEFT JOIN company k ON k.org_id = t.org_id AND k.company_id = t.company_id
    LEFT JOIN app_user a ON a.org_id = t.org_id
     AND a.user_id = COALESCE((SELECT u.user_id FROM app_user u WHERE u.org_id = p_org AND u.user_id::text = actor_id()),
                              t.assignee_user_id)
   WHERE t.org_id = p_org AND t.ticket_id = p_ticket
$$;

-- A template in pieces: the text before the first variable, then each variable with the
-- text behind it. \{{ stays as it is written, and so do braces that open nothing.
CREATE OR REPLACE FUNCTION template_parts(p_text text)
RETURNS TABLE (n bigint, name text, otherwise text, rest text) LANGUAGE sql IMMUTABLE AS $$
  SELECT p.n, btrim(m[1], E' \t\r\n'), substr(m[2], 2),
         replace(CASE WHEN p.n = 1 THEN p.piece WHEN m IS NULL THEN '{{' || p.piece ELSE m[3] END, U&'\E000', '{{')
    FROM regexp_split_to_table(replace(p_text, '\{{', U&'\E000'), '\{\{(?!\{)') WITH ORDINALITY AS p(piece, n)
    LEFT JOIN LATERAL regexp_match(CASE WHEN p.n > 1 THEN p.piece END, '^([^{}|]*)(\|[^{}]*)?\}\}(.*)$') AS m ON true
$$;

-- {{name}} becomes its value, {{name|otherwise}} the other when there is none.
-- Values are put in once: braces in them mean nothing.
CREATE OR REPLACE FUNCTION template_render(p_text text, p_values jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN (SELECT string_agg(COALESCE(p_values ->> p.name, p.otherwise, '') || p.rest, '' ORDER BY p.n)
            FROM template_parts(p_text) p);
END
$$;

-- Every variable must be one that tickets have.
CREATE OR REPLACE FUNCTION template_check(p_org text, p_text text, p_field text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name_ text;
BEGIN
  FOR name_ IN SELECT DISTINCT p.name FROM template_parts(p_text) p WHERE p.name IS NOT NULL LOOP
    IF name_ NOT IN ('ticket.ticket_id', 'ticket.number', 'ticket.title', 'ticket.status', 'ticket.priority',
                     'customer.name', 'customer.first_name', 'customer.email', 'company.name', 'agent.name',
                     'agent.first_name', 'agent.email', 'organization.name')
       AND NOT (name_ LIKE 'ticket.custom\_fields.%' AND (custom_field_named(p_org, substr(name_, 22))).org_id IS NOT NULL) THEN
      PERFORM fail(422, 'unknown_variable', format('There is no variable {{%s}}.', left(name_, 60)), p_field);
    END IF;
  END LOOP;
END
$$;

-- What an action refers to must be there when it is written down: it could not work later.
CREATE OR REPLACE FUNCTION action_refers(p_org text, p_action jsonb, p_place text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t ticket := jsonb_populate_record(NULL::ticket, COALESCE(p_action -> 'changes', '{}'));
  fields text := p_place || '.changes.custom_fields';
  missing text;
BEGIN
  missing := CASE
    WHEN NOT EXISTS (SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id = t.assignee_user_id AND u.active)
     AND t.assignee_user_id IS NOT NULL THEN 'changes.assignee_user_id'
    WHEN NOT EXISTS (SELECT 1 FROM team x WHERE x.org_id = p_org AND x.team_id = t.team_id)
     AND t.team_id IS NOT NULL THEN 'changes.team_id'
    WHEN NOT EXISTS (SELECT 1 FROM queue q WHERE q.org_id = p_org AND q.queue_id = t.queue_id)
     AND t.queue_id IS NOT NULL THEN 'changes.queue_id'
    WHEN NOT EXISTS (SELECT 1 FROM customer c WHERE c.org_id = p_org AND c.customer_id = t.customer_id)
     AND t.customer_id IS NOT NULL THEN 'changes.customer_id'
    WHEN NOT EXISTS (SELECT 1 FROM company k WHERE k.org_id = p_org AND k.company_id = t.company_id)
     AND t.company_id IS NOT NULL THEN 'changes.company_id'
    WHEN NOT EXISTS (SELECT 1 FROM webhook w WHERE w.org_id = p_org AND w.webhook_id = (p_action ->> 'webhook_id')::uuid)
     AND p_action ? 'webhook_id' THEN 'webhook_id'
    WHEN NOT EXISTS (SELECT 1 FROM macro m WHERE m.org_id = p_org AND m.macro_id = (p_action ->> 'macro_id')::uuid
                        FOR KEY SHARE) -- lest macro_delete() has not seen the workflow yet
     AND p_action ? 'macro_id' THEN 'macro_id' END;
  IF missing IS NOT NULL THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such resource.', p_place || '.' || missing);
  ELSIF t.custom_fields IS NOT NULL THEN
    PERFORM custom_values_check(p_org, '{}', custom_fields_merge(p_org, '{}', t.custom_fields, fields), fields);
  END IF;
END
$$;

-- Actions that are new: their templates, and what they refer to.
CREATE OR REPLACE FUNCTION actions_check(p_org text, p_actions jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  a record;
BEGIN
  FOR a IN SELECT x, format('actions[%s]', n - 1) AS place FROM jsonb_array_elements(p_actions) WITH ORDINALITY AS e(x, n) LOOP
    PERFORM template_check(p_org, a.x ->> 'body', a.place || '.body');
    PERFORM action_refers(p_org, a.x, a.place);
  END LOOP;
END
$$;

-- A reply or a note in the caller's name, as the answer shows it. p_place is what it was made of.
CREATE OR REPLACE FUNCTION ticket_say(p_org text, p_ticket uuid, p_text text, p_internal boolean, p_place text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  id uuid := uuid7();
BEGIN
  IF is_blank(p_text) THEN
    PERFORM fail(422, 'too_short', 'Nothing is left once the variables are filled in.', p_place);
  ELSIF length(p_text) > 65536 THEN
    PERFORM fail(422, 'too_long', format('At most 65536 characters once the variables are filled in; this has %s.', length(p_text)), p_place);
  END IF;
  -- What a workflow writes is no answer: it neither opens the ticket nor stops a clock.
  IF NOT p_internal AND guc('app.actor_type') IS DISTINCT FROM 'workflow' THEN
    PERFORM ticket_commented(p_org, p_ticket, false);
  END IF;
  INSERT INTO comment (org_id, comment_id, ticket_id, internal, author_type, author_id, body)
  VALUES (p_org, id, p_ticket, p_internal, COALESCE(guc('app.actor_type'), 'system'), guc('app.actor_id'), p_text);
  RETURN jsonb_build_object('comment_id', id, 'internal', p_internal, 'body', p_text);
END
$$;

-- One action on one ticket; what it has said, or null.
CREATE OR REPLACE FUNCTION ticket_act(p_org text, p_ticket uuid, p_action jsonb, p_place text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  what text := p_action ->> 'action';
BEGIN
  IF what = 'update' THEN
    PERFORM ticket_update(p_org, p_ticket, p_action -> 'changes');
  ELSIF what = 'add_tags' THEN
    PERFORM bulk_apply(p_org, 'tag', p_ticket, jsonb_build_object('add', p_action -> 'tags'));
  ELSIF what = 'remove_tags' THEN
    PERFORM bulk_apply(p_org, 'tag', p_ticket, jsonb_build_object('remove', p_action -> 'tags'));
  ELSIF what = 'assign' THEN
    PERFORM ticket_assign(p_org, p_ticket, jsonb_build_object('strategy', p_action ->> 'strategy'));
  ELSIF what = 'snooze' THEN
    PERFORM ticket_snooze(p_org, p_ticket, now() + make_interval(mins => (p_action ->> 'minutes')::int), false);
  ELSE
    RETURN ticket_say(p_org, p_ticket, template_render(p_action ->> 'body', template_values(p_org, p_ticket)),
                      what = 'note', p_place || '.body');
  END IF;
  RETURN NULL;
END
$$;

-- Only what changes is looked at: a macro whose field is gone can still be switched off.
CREATE OR REPLACE FUNCTION macro_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.reply IS NULL AND NEW.actions = '[]' THEN
    PERFORM fail(422, 'required', 'A macro has a reply, actions, or both.', 'reply');
  END IF;
  IF TG_OP = 'INSERT' OR NEW.reply IS DISTINCT FROM OLD.reply THEN
    PERFORM template_check(NEW.org_id, NEW.reply, 'reply');
  END IF;
  IF TG_OP = 'INSERT' OR NEW.actions <> OLD.actions THEN
    PERFORM actions_check(NEW.org_id, NEW.actions);
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER check_macro BEFORE INSERT OR UPDATE ON macro FOR EACH ROW EXECUTE FUNCTION macro_before();
CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON macro FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON macro
  FOR EACH ROW EXECUTE FUNCTION record_change('macro', 'macro_id', 'audit');

-- Null when there is no such macro. One that an enabled workflow applies stays.
CREATE OR REPLACE FUNCTION macro_delete(p_org text, p_macro uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  found_ uuid;
  user_ text;
BEGIN
  PERFORM 1 FROM macro m WHERE m.org_id = p_org AND m.macro_id = p_macro FOR UPDATE;
  SELECT w.name INTO user_ FROM workflow w
   WHERE w.org_id = p_org AND w.enabled
     AND EXISTS (SELECT 1 FROM jsonb_array_elements(w.actions) x WHERE (x ->> 'macro_id')::uuid = p_macro)
   ORDER BY w.position, w.created_at LIMIT 1;
  IF user_ IS NOT NULL THEN
    PERFORM fail(409, 'in_use', format('The workflow "%s" applies the macro.', user_));
  END IF;
  DELETE FROM macro m WHERE m.org_id = p_org AND m.macro_id = p_macro RETURNING m.macro_id INTO found_;
  RETURN found_;
END
$$;

-- The reply first, then the actions in their order. A dry run does it all and
-- takes it back. Null when there is no such ticket or macro.
CREATE OR REPLACE FUNCTION macro_apply(p_org text, p_ticket uuid, p_macro uuid, p_body jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  dry boolean := COALESCE((p_body ->> 'dry_run')::boolean, false);
  m macro;
  was ticket;
  t ticket;
  reply_ text;
  said jsonb;
  comments jsonb[] := '{}';
  a record;
BEGIN
  SELECT * INTO m FROM macro x WHERE x.org_id = p_org AND x.macro_id = p_macro AND x.active;
  SELECT * INTO was FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = p_ticket AND x.deleted_at IS NULL FOR UPDATE;
  IF m.macro_id IS NULL OR was.ticket_id IS NULL THEN
    RETURN NULL;
  END IF;
  reply_ := COALESCE(p_body ->> 'reply', template_render(m.reply, template_values(p_org, p_ticket)));
  BEGIN
    IF reply_ IS NOT NULL THEN
      comments := ARRAY[ticket_say(p_org, p_ticket, reply_, m.internal, 'reply')];
    END IF;
    FOR a IN SELECT x, format('actions[%s]', n - 1) AS place FROM jsonb_array_elements(m.actions) WITH ORDINALITY AS e(x, n) LOOP
      said := ticket_act(p_org, p_ticket, a.x, a.place);
      comments := comments || CASE WHEN said IS NOT NULL THEN ARRAY[said] ELSE '{}' END;
    END LOOP;
    SELECT * INTO t FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = p_ticket;
    IF dry THEN
      RAISE EXCEPTION USING ERRCODE = 'SVDRY';
    END IF;
  EXCEPTION WHEN SQLSTATE 'SVDRY' THEN
    comments := ARRAY(SELECT c || '{"comment_id": null}' FROM unnest(comments) WITH ORDINALITY AS u(c, n) ORDER BY n);
  END;
  RETURN jsonb_build_object('dry_run', dry, 'reply', reply_, 'internal', m.internal,
    'comment_id', CASE WHEN reply_ IS NOT NULL THEN comments[1] -> 'comment_id' END, 'comments', to_jsonb(comments),
    'changes', COALESCE(ticket_changes(was, t), '{}'));
END
$$;

-- The rules of tickets and their comments.

CREATE OR REPLACE FUNCTION ticket_may_go(from_status text, to_status text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE from_status
    WHEN 'new' THEN to_status IN ('open', 'pending', 'on_hold', 'resolved', 'closed')
    WHEN 'open' THEN to_status IN ('pending', 'on_hold', 'resolved', 'closed')
    WHEN 'pending' THEN to_status IN ('open', 'on_hold', 'resolved', 'closed')
    WHEN 'on_hold' THEN to_status IN ('open', 'pending', 'resolved', 'closed')
    WHEN 'resolved' THEN to_status IN ('open', 'closed')
    WHEN 'closed' THEN to_status = 'open'
    ELSE false END
$$;

CREATE OR REPLACE FUNCTION within_reopen_window(t ticket) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT now() <= t.closed_at + make_interval(hours => o.reopen_window_hours)
    FROM organization o WHERE o.org_id = t.org_id
$$;

-- Called when the status changes: the transition table, and its timestamps.
CREATE OR REPLACE FUNCTION ticket_transition(was ticket, INOUT t ticket) LANGUAGE plpgsql AS $$
BEGIN
  IF t.status = 'merged' OR (was.status = 'merged' AND guc('app.unmerge') = 'on') THEN
    RETURN; -- the times belong to the status that an unmerge brings back
  END IF;
  IF guc('app.undo') = 'on' AND was.status <> 'merged' THEN
    RETURN; -- bulk_undo() brings back the times too
  END IF;
  IF was.status = 'merged' THEN
    PERFORM fail(409, 'ticket_merged', 'The ticket was merged into another one; undo the merge first.');
  END IF;
  IF NOT ticket_may_go(was.status, t.status) THEN
    PERFORM fail(409, 'invalid_transition',
      format('A ticket cannot go from %s to %s.', was.status, t.status), 'status');
  END IF;
  IF was.status = 'closed' AND NOT within_reopen_window(was) THEN
    PERFORM fail(409, 'ticket_closed',
      'The time in which a closed ticket can be opened again is over; clone it instead.', 'status');
  END IF;
  IF t.status = 'open' AND was.status IN ('resolved', 'closed') THEN
    t.reopened_count := was.reopened_count + 1;
    t.resolved_at := NULL;
    t.closed_at := NULL;
  END IF;
  IF t.status IN ('resolved', 'closed') THEN
    t.resolved_at := COALESCE(was.resolved_at, now());
  END IF;
  IF t.status = 'closed' THEN
    t.closed_at := now();
  END IF;
END
$$;

-- A ticket without what is generated from it, which is not there before it is written.
CREATE OR REPLACE FUNCTION ticket_plain(t ticket) RETURNS ticket LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  t.first_reply_seconds := NULL;
  t.resolution_seconds := NULL;
  t.tags_hash := NULL;
  t.topic := NULL;
  t.model_overridden := NULL;
  t.model_topic := NULL;
  t.model_confidence_step := NULL;
  RETURN t;
END
$$;

-- What people have changed of a ticket, as events and previews show it; null for nothing.
CREATE OR REPLACE FUNCTION ticket_changes(was ticket, t ticket) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN diff(to_jsonb(ticket_plain(was)), to_jsonb(ticket_plain(t)),
    '{version,updated_at,reopened_count,resolved_at,closed_at,last_customer_comment_at,last_agent_comment_at,first_response_at}');
END
$$;

CREATE OR REPLACE FUNCTION ticket_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.tags <> '{}' THEN
      NEW.tags := normal_tags(NEW.tags);
    END IF;
    IF NEW.status IN ('resolved', 'closed') THEN
      NEW.resolved_at := COALESCE(NEW.resolved_at, NEW.created_at);
    END IF;
    IF NEW.status = 'closed' THEN
      NEW.closed_at := COALESCE(NEW.closed_at, NEW.created_at);
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.tags IS DISTINCT FROM OLD.tags THEN
    NEW.tags := normal_tags(NEW.tags);
  END IF;
  IF NEW IS NOT DISTINCT FROM ticket_plain(OLD) THEN
    RETURN NEW;
  END IF;
  IF is_import() THEN -- what another desk says of a ticket is taken as it is
    NEW.version := OLD.version + 1;
    RETURN NEW;
  END IF;
  IF NEW.status <> OLD.status THEN
    NEW := ticket_transition(OLD, NEW);
  ELSIF OLD.status = 'merged' AND NEW.deleted_at IS NOT DISTINCT FROM OLD.deleted_at
        AND guc('app.unmerge') IS DISTINCT FROM 'on' THEN
    PERFORM fail(409, 'ticket_merged', 'The ticket was merged into another one; undo the merge first.');
  END IF;
  NEW.version := OLD.version + 1;
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION ticket_tags_sync(p_org text, p_ticket uuid, old_tags text[], new_tags text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF old_tags <> '{}' THEN
    DELETE FROM ticket_tag
     WHERE org_id = p_org AND ticket_id = p_ticket AND tag = ANY (old_tags) AND tag <> ALL (new_tags);
  END IF;
  INSERT INTO ticket_tag (org_id, tag, ticket_id)
  SELECT p_org, t, p_ticket FROM unnest(new_tags) t
  ON CONFLICT DO NOTHING;
END
$$;

CREATE OR REPLACE FUNCTION ticket_updated_events(was ticket, t ticket) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  changes jsonb := ticket_changes(was, t);
  summary jsonb := ticket_summary(t);
  id text := t.ticket_id::text;
  extra text;
BEGIN
  IF changes IS NULL THEN
    RETURN;
  END IF;
  IF t.deleted_at IS NOT NULL AND was.deleted_at IS NULL THEN
    PERFORM put_event(t.org_id, 'ticket.deleted', true, true, 'ticket', id, t.ticket_id, NULL, summary);
    RETURN;
  END IF;
  PERFORM put_event(t.org_id, 'ticket.updated', true, true, 'ticket', id, t.ticket_id, changes, summary);
  FOR extra IN
    SELECT x.topic FROM (VALUES
      ('status', 'ticket.status.changed'), ('priority', 'ticket.priority.changed'),
      ('tags', 'ticket.tags.changed'),
      ('assignee_user_id', CASE WHEN t.assignee_user_id IS NULL THEN 'ticket.unassigned' ELSE 'ticket.assigned' END),
      ('merged_into_id', CASE WHEN t.merged_into_id IS NULL THEN 'ticket.unmerged' ELSE 'ticket.merged' END))
      AS x(field, topic)
     WHERE changes ? x.field LOOP
    PERFORM put_event(t.org_id, extra, true, false, 'ticket', id, t.ticket_id, changes, summary);
  END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION ticket_after() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF is_import() THEN -- which keeps the tags of all its tickets at once
      RETURN NULL;
    END IF;
    IF NEW.tags <> '{}' THEN
      PERFORM ticket_tags_sync(NEW.org_id, NEW.ticket_id, '{}', NEW.tags);
    END IF;
    IF NOT is_quiet() THEN
      PERFORM put_event(NEW.org_id, 'ticket.created', true, true, 'ticket', NEW.ticket_id::text,
        NEW.ticket_id, NULL, ticket_summary(NEW));
    END IF;
  ELSIF NEW IS DISTINCT FROM OLD THEN
    IF NEW.tags IS DISTINCT FROM OLD.tags THEN
      PERFORM ticket_tags_sync(NEW.org_id, NEW.ticket_id, OLD.tags, NEW.tags);
    END IF;
    IF NOT is_quiet() THEN
      PERFORM ticket_updated_events(OLD, NEW);
    END IF;
  END IF;
  RETURN NULL;
END
$$;

-- Nothing is added to a ticket that was merged into another one.
CREATE OR REPLACE FUNCTION refuse_merged(p_status text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_status = 'merged' THEN
    PERFORM fail(409, 'ticket_merged', 'The ticket was merged into another one; write there.');
  END IF;
END
$$;

-- What a new public comment does to its ticket.
CREATE OR REPLACE FUNCTION ticket_commented(p_org text, p_ticket uuid, p_by_customer boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t ticket;
BEGIN
  SELECT * INTO t FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = p_ticket FOR UPDATE;
  PERFORM refuse_merged(t.status);
  IF t.status = 'closed' AND NOT within_reopen_window(t) THEN
    PERFORM fail(409, 'ticket_closed',
      'The time in which a closed ticket can be opened again is over; clone it instead.');
  END IF;
  IF p_by_customer THEN
    UPDATE ticket x
       SET last_customer_comment_at = now(),
           status = CASE WHEN x.status IN ('pending', 'resolved', 'closed') THEN 'open' ELSE x.status END,
           snoozed_until = CASE WHEN x.snooze_until_reply THEN NULL ELSE x.snoozed_until END,
           snooze_until_reply = false
     WHERE x.org_id = p_org AND x.ticket_id = p_ticket;
  ELSE
    UPDATE ticket x
       SET last_agent_comment_at = now(), first_response_at = COALESCE(x.first_response_at, now()),
           status = CASE WHEN x.status = 'new' THEN 'open' ELSE x.status END
     WHERE x.org_id = p_org AND x.ticket_id = p_ticket;
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION comment_after() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  c comment := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  kind text := CASE WHEN c.internal THEN 'note' ELSE 'comment' END;
  topic text;
  brief jsonb := jsonb_build_object('comment_id', c.comment_id, 'ticket_id', c.ticket_id,
    'author_type', c.author_type, 'author_id', c.author_id, 'internal', c.internal);
BEGIN
  IF is_quiet() OR (TG_OP = 'INSERT' AND c.author_type = 'system') THEN
    RETURN NULL;
  END IF;
  topic := CASE
    WHEN TG_OP = 'INSERT' THEN 'added'
    WHEN TG_OP = 'DELETE' THEN 'deleted'
    WHEN NEW.redacted_at IS DISTINCT FROM OLD.redacted_at THEN 'redacted'
    WHEN NEW.body IS DISTINCT FROM OLD.body THEN 'edited' END;
  IF topic IS NOT NULL THEN
    PERFORM put_event(c.org_id, 'ticket.' || kind || '.' || topic, topic = 'added', true, kind,
      c.comment_id::text, c.ticket_id, NULL, brief);
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION ticket_link_after() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  l ticket_link := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  IF NOT is_quiet() THEN
    PERFORM put_event(l.org_id, CASE TG_OP WHEN 'DELETE' THEN 'ticket.unlinked' ELSE 'ticket.linked' END,
      true, true, 'ticket_link', l.link_id::text, l.ticket_id, NULL,
      jsonb_build_object('link_id', l.link_id, 'ticket_id', l.ticket_id, 'target_id', l.target_id,
        'kind', l.kind));
  END IF;
  RETURN NULL;
END
$$;

-- A file comes and goes with an event of its ticket, is where its comment is, and
-- goes with it.

-- Every writer meets this; the lock makes a merge of the ticket wait, or the file.
CREATE OR REPLACE FUNCTION attachment_before() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  status_ text;
BEGIN
  SELECT t.status INTO status_ FROM ticket t
   WHERE t.org_id = NEW.org_id AND t.ticket_id = NEW.ticket_id FOR KEY SHARE;
  PERFORM refuse_merged(status_);
  RETURN NEW;
END
$$;

-- Of a note's file an event says no more than of the note: that there is one. Only a
-- note can be gone before its file is.
CREATE OR REPLACE FUNCTION attachment_after() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  a attachment := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  internal_ boolean;
BEGIN
  IF NOT is_quiet() THEN
    internal_ := a.comment_id IS NOT NULL AND COALESCE(
      (SELECT c.internal FROM comment c WHERE c.org_id = a.org_id AND c.comment_id = a.comment_id), true);
    PERFORM put_event(a.org_id, CASE TG_OP WHEN 'DELETE' THEN 'ticket.attachment.deleted' ELSE 'ticket.attachment.added' END,
      true, true, 'attachment', a.attachment_id::text, a.ticket_id, NULL,
      jsonb_build_object('attachment_id', a.attachment_id, 'ticket_id', a.ticket_id, 'comment_id', a.comment_id, 'internal', internal_)
        || CASE WHEN internal_ THEN '{}' ELSE jsonb_build_object('content_type', a.content_type, 'size', a.size) END);
  END IF;
  RETURN NULL;
END
$$;

-- A merge or split takes a comment's files along.
CREATE OR REPLACE FUNCTION attachment_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE attachment a SET ticket_id = NEW.ticket_id, origin_ticket_id = NEW.origin_ticket_id
   WHERE a.org_id = NEW.org_id AND a.comment_id = NEW.comment_id;
  RETURN NULL;
END
$$;

-- A merge takes the files along that are the ticket's own. What moved, with the origin
-- that it had: {"<attachment_id>": "<ticket_id>" or null}, which the merge remembers.
CREATE OR REPLACE FUNCTION attachments_move(p_org text, p_from uuid, p_to uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  moved jsonb;
BEGIN
  SELECT COALESCE(jsonb_object_agg(a.attachment_id, a.origin_ticket_id), '{}') INTO moved
    FROM attachment a WHERE a.org_id = p_org AND a.ticket_id = p_from;
  UPDATE attachment a SET ticket_id = p_to, origin_ticket_id = COALESCE(a.origin_ticket_id, p_from)
   WHERE a.org_id = p_org AND a.ticket_id = p_from;
  RETURN moved;
END
$$;

CREATE OR REPLACE FUNCTION attachments_return(p_org text, p_from uuid, p_to uuid, p_moved jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE attachment a SET ticket_id = p_to, origin_ticket_id = (p_moved ->> a.attachment_id::text)::uuid
   WHERE a.org_id = p_org AND a.ticket_id = p_from AND p_moved ? a.attachment_id::text;
END
$$;

CREATE OR REPLACE TRIGGER attachment_follow AFTER UPDATE OF ticket_id ON comment
  FOR EACH ROW WHEN (OLD.ticket_id IS DISTINCT FROM NEW.ticket_id) EXECUTE FUNCTION attachment_follow();
CREATE OR REPLACE TRIGGER attachment_before BEFORE INSERT ON attachment
  FOR EACH ROW EXECUTE FUNCTION attachment_before();
CREATE OR REPLACE TRIGGER attachment_after AFTER INSERT OR DELETE ON attachment
  FOR EACH ROW EXECUTE FUNCTION attachment_after();

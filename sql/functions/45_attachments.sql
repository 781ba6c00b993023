-- A file comes and goes with an event of its ticket.

CREATE OR REPLACE FUNCTION attachment_after() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  a attachment := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  IF NOT is_quiet() THEN
    PERFORM put_event(a.org_id, CASE TG_OP WHEN 'DELETE' THEN 'ticket.attachment.deleted' ELSE 'ticket.attachment.added' END,
      true, true, 'attachment', a.attachment_id::text, a.ticket_id, NULL,
      jsonb_build_object('attachment_id', a.attachment_id, 'ticket_id', a.ticket_id, 'content_type', a.content_type, 'size', a.size));
  END IF;
  RETURN NULL;
END
$$;

-- A merge or split takes a comment's files along.
CREATE OR REPLACE FUNCTION attachment_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE attachment a SET ticket_id = NEW.ticket_id WHERE a.org_id = NEW.org_id AND a.comment_id = NEW.comment_id;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER attachment_follow AFTER UPDATE OF ticket_id ON comment
  FOR EACH ROW WHEN (OLD.ticket_id IS DISTINCT FROM NEW.ticket_id) EXECUTE FUNCTION attachment_follow();
CREATE OR REPLACE TRIGGER attachment_after AFTER INSERT OR DELETE ON attachment
  FOR EACH ROW EXECUTE FUNCTION attachment_after();

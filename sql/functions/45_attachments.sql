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
CREATE OR REPLACE TRIGGER attachment_after AFTER INSERT OR DELETE ON attachment
  FOR EACH ROW EXECUTE FUNCTION attachment_after();

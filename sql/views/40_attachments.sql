-- Attachments as the API shows them. Those of an internal note are for who reads notes.

CREATE VIEW attachment_v WITH (security_invoker = true) AS
SELECT a.attachment_id, a.org_id, a.ticket_id, a.comment_id, COALESCE(c.internal, false) AS internal, a.origin_ticket_id,
       a.filename, a.content_type, a.size, a.sha256, a.created_by, a.created_at
  FROM attachment a
  LEFT JOIN comment c ON c.org_id = a.org_id AND c.comment_id = a.comment_id;

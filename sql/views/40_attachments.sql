-- Attachments as the API shows them.

CREATE VIEW attachment_v WITH (security_invoker = true) AS
SELECT a.attachment_id, a.org_id, a.ticket_id, a.comment_id, a.filename, a.content_type, a.size, a.sha256, a.created_by, a.created_at
  FROM attachment a;

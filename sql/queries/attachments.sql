-- Attachments. $1 is the caller's organisation.

-- name: attachment_create
INSERT INTO attachment (org_id, attachment_id, ticket_id, filename, content_type, size, sha256, comment_id, created_by)
SELECT $1, $3, t.ticket_id, $4, $5, $6::bigint, $7, $8, guc('app.actor_id')
  FROM ticket_v t
 WHERE t.org_id = $1 AND t.ticket_id = $2
RETURNING attachment_id, org_id, ticket_id, comment_id, filename, content_type, size, sha256, created_by, created_at;

-- A comment or note of this ticket.
-- name: attachment_comment
SELECT c.comment_id FROM comment c WHERE c.org_id = $1 AND c.ticket_id = $2 AND c.comment_id = $3;

-- Of a ticket that is not deleted.
-- name: attachment_get
SELECT a.*
  FROM attachment_v a JOIN ticket_v t ON t.org_id = a.org_id AND t.ticket_id = a.ticket_id
 WHERE a.org_id = $1 AND a.attachment_id = $2;

-- name: attachment_delete
DELETE FROM attachment WHERE org_id = $1 AND attachment_id = $2 RETURNING attachment_id;

-- name: ticket_attachments
SELECT a.attachment_id, a.comment_id, a.filename, a.content_type, a.size, a.sha256, a.created_by, a.created_at
  FROM attachment a
 WHERE a.org_id = $1 AND a.ticket_id = $2
 ORDER BY a.created_at, a.attachment_id
 LIMIT 100;

-- Whether a file is still somebody's: the scheduler's, across organisations.
-- name: attachment_known
SELECT 1 FROM attachment WHERE org_id = $1 AND sha256 = $2 LIMIT 1;

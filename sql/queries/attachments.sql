-- Attachments. $1 is the caller's organisation.

-- name: attachment_create
INSERT INTO attachment (org_id, attachment_id, ticket_id, filename, content_type, size, sha256, comment_id, created_by)
SELECT $1, $3, t.ticket_id, $4, $5, $6::bigint, $7, $8, guc('app.actor_id')
  FROM ticket_v t
 WHERE t.org_id = $1 AND t.ticket_id = $2
RETURNING attachment_id, org_id, ticket_id, comment_id,
  COALESCE((SELECT c.internal FROM comment c WHERE c.org_id = $1 AND c.comment_id = $8), false) AS internal,
  origin_ticket_id, filename, content_type, size, sha256, created_by, created_at;

-- Where a file is to go: the ticket, and its comment or note when one is named.
-- name: attachment_place
SELECT c.comment_id, COALESCE(c.internal, false) AS internal, refuse_merged(t.status)
  FROM ticket_v t LEFT JOIN comment c ON c.org_id = t.org_id AND c.ticket_id = t.ticket_id AND c.comment_id = $3
 WHERE t.org_id = $1 AND t.ticket_id = $2;

-- Of a ticket that is not deleted. $3: those of notes, too.
-- name: attachment_get
SELECT a.*
  FROM attachment_v a JOIN ticket_v t ON t.org_id = a.org_id AND t.ticket_id = a.ticket_id
 WHERE a.org_id = $1 AND a.attachment_id = $2 AND (NOT a.internal OR $3::boolean);

-- name: attachment_delete
DELETE FROM attachment WHERE org_id = $1 AND attachment_id = $2 RETURNING attachment_id;

-- The newest, oldest first. $3: those of notes, too.
-- name: ticket_attachments
SELECT n.attachment_id, n.comment_id, n.internal, n.origin_ticket_id, n.filename, n.content_type, n.size, n.sha256,
       n.created_by, n.created_at
  FROM (SELECT a.* FROM attachment_v a
         WHERE a.org_id = $1 AND a.ticket_id = $2 AND (NOT a.internal OR $3::boolean)
         ORDER BY a.created_at DESC, a.attachment_id DESC
         LIMIT 1000) n
 ORDER BY n.created_at, n.attachment_id;

-- Whether a file is still somebody's: the scheduler's, across organisations.
-- name: attachment_known
SELECT 1 FROM attachment WHERE org_id = $1 AND sha256 = $2 LIMIT 1;

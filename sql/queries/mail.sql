-- E-mail. $1 is the organisation.

-- name: csat_mail
SELECT csat_mail($1, $2, $3);

-- name: notify_customer
SELECT notify_customer($1, $2);

-- The scheduler's side. $2 an array of ids.
-- name: mail_load
SELECT m.mail_id, m.recipient, m.subject, COALESCE(m.body, '') AS body, m.token, m.message_id, m.reply_to, m.refs, m.ticket_id,
       o.inbound_address, m.kind = 'survey' OR COALESCE(c.author_type IN ('workflow', 'system'), false) AS automatic
  FROM mail m JOIN organization o ON o.org_id = m.org_id
  LEFT JOIN comment c ON c.org_id = m.org_id AND c.comment_id = m.comment_id
 WHERE m.org_id = $1 AND m.mail_id = ANY ($2::uuid[]) AND m.status = 'pending';

-- name: mail_finish
SELECT mail_finish($1, $2, $3::bigint, $4, $5::boolean);

-- name: drop_mail
DELETE FROM mail WHERE created_at < now() - interval '30 days' AND status <> 'pending';

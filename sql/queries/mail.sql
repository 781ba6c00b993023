-- E-mail. $1 is the organisation.

-- name: csat_mail
SELECT csat_mail($1, $2, $3);

-- name: notify_customer
SELECT notify_customer($1, $2);

-- The scheduler's side. $2 an array of ids.
-- name: mail_load
SELECT m.mail_id, m.recipient, m.subject, COALESCE(m.body, '') AS body, m.token, m.message_id, m.reply_to, m.kind
  FROM mail m WHERE m.org_id = $1 AND m.mail_id = ANY ($2::uuid[]) AND m.status = 'pending';

-- name: mail_finish
SELECT mail_finish($1, $2, $3::bigint, $4, $5::boolean);

-- name: drop_mail
DELETE FROM mail WHERE created_at < now() - interval '30 days' AND status <> 'pending';

-- E-mail that comes in. $1 is the caller's organisation.

-- name: inbound_known
SELECT 1 FROM inbound_mail m WHERE m.org_id = $1 AND m.message_id = $2;

-- name: inbound_take
SELECT m.action, m.reason, m.ticket_id, m.comment_id, m.message_id,
       CASE WHEN m.action IN ('created', 'commented') THEN jsonb_array_length($2::jsonb -> 'files') ELSE 0 END AS attachments,
       inbound_number($1, m.ticket_id) AS number
  FROM inbound_take($1, $2::jsonb) m;

-- Of a ticket; the agent's address, of an active one who may write.
-- name: reply_address
SELECT t.ticket_id, o.inbound_address,
       (SELECT u.email FROM app_user u
         WHERE u.org_id = $1 AND u.user_id = $3 AND u.active AND u.role <> 'viewer') AS agent
  FROM ticket_v t JOIN organization o ON o.org_id = t.org_id
 WHERE t.org_id = $1 AND t.ticket_id = $2;

-- What was ignored; what made something goes with its ticket.
-- name: drop_inbound
DELETE FROM inbound_mail WHERE received_at < now() - interval '30 days' AND ticket_id IS NULL;

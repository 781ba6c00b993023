-- Webhooks. $1 is the caller's organisation, $2 the webhook.

-- $4 the sealed secret.
-- name: webhook_create
INSERT INTO webhook (org_id, webhook_id, url, description, topics, conditions, secret, active)
SELECT $1, $2, b.url, COALESCE(b.description, ''), COALESCE(b.topics, '{*}'), COALESCE(b.conditions, '{}'), $4,
       COALESCE(b.active, true)
  FROM jsonb_to_record($3::jsonb) AS b(url text, description text, topics text[], conditions jsonb, active boolean)
RETURNING webhook_id;

-- name: webhook_patch
UPDATE webhook w
   SET (url, description, topics, conditions, active) =
       (SELECT p.url, p.description, p.topics, p.conditions, p.active FROM jsonb_populate_record(w, $3::jsonb) p)
 WHERE w.org_id = $1 AND w.webhook_id = $2
RETURNING w.webhook_id;

-- name: webhook_delete
DELETE FROM webhook WHERE org_id = $1 AND webhook_id = $2 RETURNING webhook_id;

-- $3 the new sealed secret, $4 seconds during which the old one signs too.
-- name: webhook_rotate
UPDATE webhook w
   SET previous_secret = w.secret, previous_until = now() + make_interval(secs => $4::int), secret = $3
 WHERE w.org_id = $1 AND w.webhook_id = $2
RETURNING w.webhook_id;

-- name: webhook_target
SELECT w.url, w.secret, CASE WHEN w.previous_until > now() THEN w.previous_secret END AS previous_secret
  FROM webhook w WHERE w.org_id = $1 AND w.webhook_id = $2;

-- name: webhook_replay
SELECT webhook_replay($1, $2, $3, $4::jsonb) AS replayed
 WHERE EXISTS (SELECT 1 FROM webhook w WHERE w.org_id = $1 AND w.webhook_id = $2)
   AND ($3::uuid IS NULL OR EXISTS (SELECT 1 FROM webhook_delivery d
         WHERE d.org_id = $1 AND d.webhook_id = $2 AND d.delivery_id = $3 AND d.status <> 'pending'));

-- The scheduler's side: what the claimed deliveries need. $2 an array of ids.
-- name: webhook_load
SELECT d.delivery_id, d.webhook_id, d.event_id, d.ticket_id, d.body, w.url, w.secret,
       CASE WHEN w.previous_until > now() THEN w.previous_secret END AS previous_secret,
       NULLIF(w.conditions::text, '{}') AS conditions
  FROM webhook_delivery d JOIN webhook w ON w.org_id = d.org_id AND w.webhook_id = d.webhook_id
 WHERE d.org_id = $1 AND d.delivery_id = ANY ($2::uuid[]);

-- name: webhook_finish
SELECT webhook_finish($1, $2, $3::bigint, $4::int, $5::int, $6, $7, $8::int);

-- name: webhook_skip
SELECT webhook_skip($1, $2, $3::bigint);

-- name: drop_deliveries
DELETE FROM webhook_delivery WHERE created_at < now() - interval '30 days' AND status <> 'pending';

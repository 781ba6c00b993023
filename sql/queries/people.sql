-- Organisations, users, API keys and sessions.

-- name: organization_create
SELECT create_organization($1, $2);

-- name: organization_known
SELECT 1 FROM organization o WHERE o.org_id = $1;

-- name: organization_patch
UPDATE organization o
   SET (name, timezone, reopen_window_hours, csat_auto_send, mail_replies, inbound_address, retention_days) =
       (SELECT p.name, p.timezone, p.reopen_window_hours, p.csat_auto_send, p.mail_replies, lower(p.inbound_address), p.retention_days
          FROM jsonb_populate_record(o, $2::jsonb) p)
 WHERE o.org_id = $1
   AND (NOT $2::jsonb ? 'timezone' OR check_timezone($2::jsonb ->> 'timezone'))
RETURNING o.org_id;

-- name: organization_usage
SELECT o.org_id,
       (SELECT COALESCE(sum(a.size), 0)::bigint FROM attachment a WHERE a.org_id = o.org_id) AS storage_bytes,
       (SELECT COALESCE(sum(u.requests), 0) FROM usage_day u
         WHERE u.org_id = o.org_id AND u.day > current_date - 30)::bigint AS requests_30d,
       (SELECT COALESCE(sum(u.errors), 0) FROM usage_day u
         WHERE u.org_id = o.org_id AND u.day > current_date - 30)::bigint AS errors_30d,
       (SELECT count(*) FROM ticket t WHERE t.org_id = o.org_id AND t.deleted_at IS NULL) AS tickets,
       (SELECT count(*) FROM comment c WHERE c.org_id = o.org_id) AS comments,
       (SELECT count(*) FROM customer c WHERE c.org_id = o.org_id) AS customers,
       (SELECT count(*) FROM app_user u WHERE u.org_id = o.org_id AND u.active) AS users,
       (SELECT count(*) FROM event e WHERE e.org_id = o.org_id) AS events,
       COALESCE(o.rate_general, $2::bigint) AS rate_general,
       COALESCE(o.rate_bulk, $3::bigint) AS rate_bulk,
       (SELECT COALESCE(jsonb_agg(jsonb_build_object('principal', p.principal, 'name', k.name,
                 'requests', p.requests, 'errors', p.errors, 'last_used_at', iso(p.last_at))
                 ORDER BY p.requests DESC), '[]')
          FROM (SELECT u.principal, sum(u.requests) AS requests, sum(u.errors) AS errors, max(u.last_at) AS last_at
                  FROM usage_day u WHERE u.org_id = o.org_id AND u.day > current_date - 30
                 GROUP BY u.principal ORDER BY sum(u.requests) DESC LIMIT 100) p
          LEFT JOIN api_key k ON k.org_id = o.org_id AND k.key_id::text = p.principal) AS principals
  FROM organization o
 WHERE o.org_id = $1;

-- name: user_create
INSERT INTO app_user (org_id, user_id, email, name, role, password_hash, skills, capacity, availability, external_id)
SELECT $1, $2, b.email, b.name, COALESCE(b.role, 'agent'), $4, COALESCE(b.skills, '{}'),
       COALESCE(b.capacity, 20), COALESCE(b.availability, 'online'), b.external_id
  FROM jsonb_to_record($3::jsonb) AS b(email text, name text, role text, skills text[], capacity int,
                                       availability text, external_id text)
RETURNING user_id;

-- name: user_patch
UPDATE app_user u
   SET (email, name, role, skills, capacity, availability, active, external_id) =
       (SELECT p.email, p.name, p.role, p.skills, p.capacity, p.availability, p.active, p.external_id
          FROM jsonb_populate_record(u, $3::jsonb) p),
       password_hash = COALESCE($4, u.password_hash)
 WHERE u.org_id = $1 AND u.user_id = $2
RETURNING u.user_id;

-- A new password or a deactivation ends what was signed in.
-- name: user_end_sessions
UPDATE session SET revoked_at = now()
 WHERE org_id = $1 AND user_id = $2 AND revoked_at IS NULL;

-- name: user_deactivate
SELECT user_deactivate($1, $2, $3::uuid)
 WHERE EXISTS (SELECT 1 FROM app_user u WHERE u.org_id = $1 AND u.user_id = $2);

-- name: api_key_create
INSERT INTO api_key (org_id, key_id, name, prefix, secret_hash, scopes, allowed_ips, rate_general,
                     rate_bulk, expires_at, created_by)
SELECT $1, $2, b.name, $4, $5, COALESCE(b.scopes, '{}'), COALESCE(b.allowed_ips, '{}'), b.rate_general,
       b.rate_bulk, b.expires_at, guc('app.actor_id')
  FROM jsonb_to_record($3::jsonb) AS b(name text, scopes text[], allowed_ips text[], rate_general bigint,
                                       rate_bulk bigint, expires_at timestamptz)
RETURNING key_id;

-- name: api_key_patch
UPDATE api_key k
   SET (name, scopes, allowed_ips, rate_general, rate_bulk, expires_at) =
       (SELECT p.name, p.scopes, p.allowed_ips, p.rate_general, p.rate_bulk, p.expires_at
          FROM jsonb_populate_record(k, $3::jsonb) p)
 WHERE k.org_id = $1 AND k.key_id = $2 AND k.revoked_at IS NULL
RETURNING k.key_id;

-- name: api_key_rotate
UPDATE api_key k
   SET previous_hash = k.secret_hash, previous_expires_at = now() + make_interval(secs => $3::int),
       secret_hash = $4, prefix = $5
 WHERE k.org_id = $1 AND k.key_id = $2 AND k.revoked_at IS NULL
RETURNING k.key_id;

-- name: api_key_revoke
UPDATE api_key k SET revoked_at = now(), previous_hash = NULL, previous_expires_at = NULL
 WHERE k.org_id = $1 AND k.key_id = $2 AND k.revoked_at IS NULL
RETURNING k.key_id;

-- name: login_orgs
SELECT d.org_id, d.id FROM directory d WHERE d.kind = 'email' AND d.digest = $1 LIMIT 20;

-- name: login_user
SELECT u.user_id, u.email, u.name, u.role, u.password_hash
  FROM app_user u
 WHERE u.org_id = $1 AND lower(u.email) = lower($2) AND u.active;

-- name: login_done
UPDATE app_user SET last_login_at = now() WHERE org_id = $1 AND user_id = $2;

-- name: session_create
INSERT INTO session (org_id, session_id, user_id, refresh_hash, address, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6::int));

-- name: session_find
SELECT set_config('app.org', d.org_id, true), d.org_id, d.id
  FROM directory d WHERE d.kind = 'session' AND d.digest = $1;

-- name: session_get
SELECT s.org_id, s.session_id, s.user_id, s.refresh_hash = $1 AS current, u.role, u.email, u.name
  FROM session s JOIN app_user u ON u.org_id = s.org_id AND u.user_id = s.user_id
 WHERE s.org_id = NULLIF(current_setting('app.org', true), '')
   AND $1 IN (s.refresh_hash, s.previous_hash)
   AND s.revoked_at IS NULL AND s.expires_at > now() AND u.active
   FOR UPDATE OF s;

-- name: session_rotate
UPDATE session SET previous_hash = refresh_hash, refresh_hash = $3,
       expires_at = now() + make_interval(secs => $4::int)
 WHERE org_id = $1 AND session_id = $2;

-- name: session_revoke
UPDATE session SET revoked_at = now() WHERE org_id = $1 AND session_id = $2 AND revoked_at IS NULL;

-- name: me
SELECT u.user_id, u.email, u.name, u.role, u.availability, o.name AS organization
  FROM organization o
  LEFT JOIN app_user u ON u.org_id = o.org_id AND u.user_id::text = $2
 WHERE o.org_id = $1;

-- name: organization_limits
UPDATE organization SET rate_general = $2::bigint, rate_bulk = $3::bigint WHERE org_id = $1
RETURNING org_id;

-- name: demo_load
SELECT demo_load($1, $2::int);

-- name: user_name
SELECT u.name FROM app_user u WHERE u.org_id = $1 AND u.user_id = $2 AND u.active;

-- Finding out who calls, and what one request leaves behind.

-- The organisation of a credential; from here on the transaction is that
-- organisation's. No row: the next statement finds nothing.
-- name: auth_directory
SELECT set_config('app.org', d.org_id, true), d.org_id
  FROM directory d
 WHERE d.kind = $1 AND d.digest = $2;

-- name: auth_key
SELECT k.org_id, k.key_id, k.scopes, array_to_string(k.allowed_ips, ' ') AS allowed_ips,
       k.rate_general, k.rate_bulk,
       o.rate_general AS org_rate_general, o.rate_bulk AS org_rate_bulk,
       (extract(epoch FROM k.expires_at) * 1000)::bigint AS expires_ms
  FROM api_key k
  JOIN organization o ON o.org_id = k.org_id
 WHERE k.org_id = NULLIF(current_setting('app.org', true), '')
   AND (k.secret_hash = $1 OR (k.previous_hash = $1 AND k.previous_expires_at > now()))
   AND k.revoked_at IS NULL
   AND (k.expires_at IS NULL OR k.expires_at > now());

-- A key by its id, for what relies on it longer than a request.
-- name: auth_key_id
SELECT k.key_id, k.scopes, array_to_string(k.allowed_ips, ' ') AS allowed_ips
  FROM api_key k
 WHERE k.org_id = $1 AND k.key_id::text = $2 AND k.revoked_at IS NULL
   AND (k.expires_at IS NULL OR k.expires_at > now());

-- The user of a token: our own tokens need a living session; another issuer's
-- subject is matched with external_id, and may be nobody we know.
-- name: auth_user
SELECT u.user_id, u.role, NULL::bigint AS rate_general, NULL::bigint AS rate_bulk,
       o.rate_general AS org_rate_general, o.rate_bulk AS org_rate_bulk
  FROM organization o
  LEFT JOIN app_user u
    ON u.org_id = o.org_id
   AND (u.user_id::text = $2 OR (u.external_id = $2 AND NOT $4::boolean))
  LEFT JOIN session s
    ON s.org_id = o.org_id AND s.session_id::text = $3 AND s.user_id = u.user_id
   AND s.revoked_at IS NULL AND s.expires_at > now()
 WHERE o.org_id = $1
   AND COALESCE(u.active, true)
   AND (NOT $4::boolean OR s.session_id IS NOT NULL);

-- name: auth_organization
SELECT o.org_id, NULL::bigint AS rate_general, NULL::bigint AS rate_bulk,
       o.rate_general AS org_rate_general, o.rate_bulk AS org_rate_bulk
  FROM organization o
 WHERE o.org_id = $1;

-- name: idempotency_lock
SELECT pg_try_advisory_xact_lock(hashtextextended($1 || ':' || $2, 0));

-- name: idempotency_get
SELECT i.fingerprint, i.status, i.head, i.body, i.sealed
  FROM idempotency_key i
 WHERE i.org_id = $1 AND i.key_hash = $2 AND i.created_at > now() - interval '24 hours';

-- name: idempotency_put
INSERT INTO idempotency_key (org_id, key_hash, route, fingerprint, status, head, body, sealed)
VALUES ($1, $2, $3, $4, $5::int, $6, $7, $8::boolean)
ON CONFLICT (org_id, key_hash) DO UPDATE
   SET route = excluded.route, fingerprint = excluded.fingerprint, status = excluded.status,
       head = excluded.head, body = excluded.body, sealed = excluded.sealed, created_at = now();

-- Requests of a principal, added up by the workers every few seconds.
-- name: usage_add
INSERT INTO usage_day (org_id, day, principal, requests, errors)
VALUES ($1, current_date, $2, $3::bigint, $4::bigint)
ON CONFLICT (org_id, day, principal) DO UPDATE
   SET requests = usage_day.requests + excluded.requests,
       errors = usage_day.errors + excluded.errors, last_at = now();

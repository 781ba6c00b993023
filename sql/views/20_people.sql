-- Customers, users, teams, organisations and their keys.

CREATE VIEW customer_v WITH (security_invoker = true) AS
SELECT customer_id, org_id, external_id, name, email, phone, company_id, attributes, merged_into_id,
       erased_at, version, created_at, updated_at
  FROM customer;

CREATE VIEW company_v WITH (security_invoker = true) AS
SELECT company_id, org_id, name, domains, external_id, sla_policy_id, attributes, version, created_at, updated_at
  FROM company;

CREATE VIEW user_v WITH (security_invoker = true) AS
SELECT u.user_id, u.org_id, u.email, u.name, u.role, u.skills, u.capacity, u.availability, u.active,
       u.external_id, u.password_hash IS NOT NULL AS has_password,
       (SELECT count(*) FROM ticket t
         WHERE t.org_id = u.org_id AND t.assignee_user_id = u.user_id AND t.deleted_at IS NULL
           AND t.status IN ('new', 'open', 'pending', 'on_hold')) AS open_tickets,
       ARRAY(SELECT m.team_id FROM team_member m
              WHERE m.org_id = u.org_id AND m.user_id = u.user_id ORDER BY m.team_id) AS team_ids,
       u.last_login_at, u.version, u.created_at, u.updated_at
  FROM app_user u;

CREATE VIEW organization_v WITH (security_invoker = true) AS
SELECT org_id, name, timezone, reopen_window_hours, csat_auto_send, mail_replies, inbound_address, retention_days, rate_general,
       rate_bulk, version, created_at, updated_at
  FROM organization;

CREATE VIEW api_key_v WITH (security_invoker = true) AS
SELECT k.key_id, k.org_id, k.name, k.prefix, k.scopes, k.allowed_ips, k.rate_general, k.rate_bulk,
       CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= now() THEN 'expired'
            ELSE 'active' END AS status,
       k.expires_at, k.revoked_at,
       CASE WHEN k.previous_expires_at > now() THEN k.previous_expires_at END AS previous_expires_at,
       (SELECT max(d.last_at) FROM usage_day d
         WHERE d.org_id = k.org_id AND d.principal = k.key_id::text) AS last_used_at,
       k.created_by, k.version, k.created_at, k.updated_at
  FROM api_key k;

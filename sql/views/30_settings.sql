-- Calendars, teams, custom fields.

CREATE VIEW team_v WITH (security_invoker = true) AS
SELECT t.team_id, t.org_id, t.name, t.description, t.business_hours_id,
       (SELECT COALESCE(jsonb_agg(jsonb_build_object('user_id', u.user_id, 'name', u.name,
                  'role', u.role, 'availability', u.availability) ORDER BY u.name, u.user_id), '[]')
          FROM team_member m JOIN app_user u ON u.org_id = m.org_id AND u.user_id = m.user_id
         WHERE m.org_id = t.org_id AND m.team_id = t.team_id) AS members,
       t.version, t.created_at, t.updated_at
  FROM team t;

CREATE VIEW business_hours_v WITH (security_invoker = true) AS
SELECT business_hours_id, org_id, name, timezone, weekly, holidays, is_default, version, created_at,
       updated_at
  FROM business_hours;

CREATE VIEW custom_field_v WITH (security_invoker = true) AS
SELECT field_id, org_id, key, label, description, type, required, options, default_value, minimum,
       maximum, position, version, created_at, updated_at
  FROM custom_field
 WHERE deleted_at IS NULL;

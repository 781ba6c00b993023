-- Business hours. $1 is the caller's organisation, $2 the calendar.

-- name: business_hours_create
INSERT INTO business_hours (org_id, business_hours_id, name, timezone, weekly, holidays, is_default)
SELECT $1, $2, b.name, COALESCE(b.timezone, o.timezone), COALESCE(b.weekly, '{}'),
       COALESCE(b.holidays, '[]'), COALESCE(b.is_default, false)
  FROM organization o, jsonb_to_record($3::jsonb) AS b(name text, timezone text, weekly jsonb,
                                                       holidays jsonb, is_default boolean)
 WHERE o.org_id = $1
RETURNING business_hours_id;

-- name: business_hours_patch
UPDATE business_hours h
   SET (name, timezone, weekly, holidays, is_default) =
       (SELECT p.name, p.timezone, p.weekly, p.holidays, p.is_default
          FROM jsonb_populate_record(h, $3::jsonb) p)
 WHERE h.org_id = $1 AND h.business_hours_id = $2
RETURNING h.business_hours_id;

-- name: business_hours_delete
SELECT h FROM business_hours_delete($1, $2) h WHERE h IS NOT NULL;

-- name: sla_recount_all
SELECT sla_recount_all($1, $2);

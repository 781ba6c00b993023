-- Custom fields. $1 is the caller's organisation.

-- What a condition may name (src/store/condition.c).
-- name: custom_field_types
SELECT f.key, f.type FROM custom_field f WHERE f.org_id = $1 AND f.deleted_at IS NULL;

-- Custom fields. $1 is the caller's organisation, $2 the field.

-- What a condition or a list may name, and the ticket schema.
-- name: custom_field_types
SELECT f.key, f.type FROM custom_field f WHERE f.org_id = $1 AND f.deleted_at IS NULL;

-- name: custom_field_create
SELECT custom_field_create($1, $2, $3::jsonb);

-- name: custom_field_patch
UPDATE custom_field f
   SET (label, description, required, options, default_value, minimum, maximum, position) =
       (SELECT p.label, p.description, p.required, p.options, NULLIF(p.default_value, 'null'),
               p.minimum, p.maximum, p.position
          FROM jsonb_populate_record(f, $3::jsonb) p)
 WHERE f.org_id = $1 AND f.field_id = $2 AND f.deleted_at IS NULL
RETURNING f.field_id;

-- name: custom_field_delete
UPDATE custom_field SET deleted_at = now()
 WHERE org_id = $1 AND field_id = $2 AND deleted_at IS NULL
RETURNING field_id;

-- JSON Schema of each field's values (json-schema.org, draft 2020-12).
-- name: custom_field_schemas
SELECT COALESCE(jsonb_object_agg(f.key, jsonb_strip_nulls(jsonb_build_object(
         'title', f.label, 'description', NULLIF(f.description, ''),
         'type', CASE f.type WHEN 'number' THEN 'number' WHEN 'boolean' THEN 'boolean'
                             WHEN 'multiselect' THEN 'array' ELSE 'string' END,
         'format', CASE f.type WHEN 'date' THEN 'date' WHEN 'email' THEN 'email' WHEN 'url' THEN 'uri' END,
         'maxLength', CASE f.type WHEN 'text' THEN 5000 WHEN 'email' THEN 254 WHEN 'url' THEN 2048 END,
         'enum', CASE WHEN f.type = 'dropdown' THEN to_jsonb(f.options) END,
         'items', CASE WHEN f.type = 'multiselect' THEN jsonb_build_object('enum', f.options) END,
         'uniqueItems', CASE WHEN f.type = 'multiselect' THEN true END,
         'minItems', CASE WHEN f.required AND f.type = 'multiselect' THEN 1 END,
         'pattern', CASE WHEN f.required AND f.type = 'text' THEN '\S' END,
         'minimum', f.minimum, 'maximum', f.maximum, 'default', f.default_value))), '{}') AS properties,
       COALESCE(jsonb_agg(f.key ORDER BY f.position, f.field_id)
                FILTER (WHERE f.required AND f.default_value IS NULL), '[]') AS required
  FROM custom_field f
 WHERE f.org_id = $1 AND f.deleted_at IS NULL;

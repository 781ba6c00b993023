-- Saved views. $1 is the caller's organisation, $2 the view.

-- $4 is the visibility of a view that names none.
-- name: view_create
INSERT INTO saved_view (org_id, view_id, name, description, conditions, sort, columns, visibility,
                        team_id, owner_id, position)
SELECT $1, $2, b.name, COALESCE(b.description, ''), COALESCE(b.conditions, '{}'),
       COALESCE(b.sort, '-created_at'), COALESCE(b.columns, '{}'),
       COALESCE(b.visibility, $4), b.team_id, actor_id(), COALESCE(b.position, 0)
  FROM jsonb_to_record($3::jsonb) AS b(name text, description text, conditions jsonb, sort text,
         columns text[], visibility text, team_id uuid, position int)
RETURNING view_id;

-- name: view_patch
UPDATE saved_view v
   SET (name, description, conditions, sort, columns, visibility, team_id, position) =
       (SELECT p.name, p.description, p.conditions, p.sort, p.columns, p.visibility,
               CASE WHEN p.visibility = 'team' OR $3::jsonb ? 'team_id' THEN p.team_id END, p.position
          FROM jsonb_populate_record(v, $3::jsonb) p)
 WHERE v.org_id = $1 AND v.view_id = $2
RETURNING v.view_id;

-- name: view_delete
DELETE FROM saved_view WHERE org_id = $1 AND view_id = $2 RETURNING view_id;

-- name: view_definition
SELECT v.conditions, v.sort, v.visibility, v.owner_id FROM saved_view_v v
 WHERE v.org_id = $1 AND v.view_id = $2;

-- name: view_all
SELECT v.view_id, v.name, v.conditions FROM saved_view_v v
 WHERE v.org_id = $1
 ORDER BY v.position, v.view_id;

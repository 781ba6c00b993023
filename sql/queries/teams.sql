-- Teams. $1 is the caller's organisation, $2 the team.

-- name: team_create
SELECT team_create($1, $2, $3::jsonb);

-- name: team_update
SELECT x.id FROM (SELECT team_update($1, $2, $3::jsonb) AS id) x WHERE x.id IS NOT NULL;

-- name: team_delete
SELECT team_delete($1, $2, $3::uuid)
 WHERE EXISTS (SELECT 1 FROM team t WHERE t.org_id = $1 AND t.team_id = $2);

-- name: team_members_add
SELECT team_add($1, $2, $3::jsonb -> 'member_ids')
 WHERE EXISTS (SELECT 1 FROM team t WHERE t.org_id = $1 AND t.team_id = $2);

-- name: team_member_remove
SELECT 1 WHERE team_remove($1, $2, ARRAY[$3::uuid]);

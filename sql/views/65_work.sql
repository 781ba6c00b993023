-- Saved views, as far as the caller may see them: everybody's, those of the
-- caller's teams, and the caller's own.

CREATE VIEW saved_view_v WITH (security_invoker = true) AS
SELECT v.view_id, v.org_id, v.name, v.description, v.conditions, v.sort, v.columns, v.visibility,
       v.team_id, v.owner_id, v.position, v.version, v.created_at, v.updated_at
  FROM saved_view v
 WHERE v.visibility = 'everyone'
    OR v.owner_id = (SELECT actor_id())
    OR (v.visibility = 'team'
        AND EXISTS (SELECT 1 FROM team_member m
                     WHERE m.org_id = v.org_id AND m.team_id = v.team_id
                       AND m.user_id::text = (SELECT actor_id())));

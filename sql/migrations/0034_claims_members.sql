-- A claim goes with its ticket, wherever that is moved: a queue that is deleted
-- takes none with it. Who took a ticket for an agent works in the agent's name.
ALTER TABLE queue_claim DROP COLUMN queue_id;
ALTER TABLE queue_claim ADD COLUMN claimed_by text;

-- Who is deactivated belongs to no team. Of all organizations, so row-level
-- security steps aside for the owner's one statement; the grants force it again.
SELECT set_config('app.quiet', 'on', true);
ALTER TABLE app_user NO FORCE ROW LEVEL SECURITY;
ALTER TABLE team_member NO FORCE ROW LEVEL SECURITY;
DELETE FROM team_member m USING app_user u
 WHERE u.org_id = m.org_id AND u.user_id = m.user_id AND NOT u.active;
ALTER TABLE app_user FORCE ROW LEVEL SECURITY;
ALTER TABLE team_member FORCE ROW LEVEL SECURITY;
SELECT set_config('app.quiet', '', true);
DROP FUNCTION IF EXISTS team_add(text, uuid, uuid[]);
DROP FUNCTION IF EXISTS team_check_members(text, uuid[], text);

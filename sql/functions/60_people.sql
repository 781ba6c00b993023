-- Rules of organisations and users.

CREATE OR REPLACE FUNCTION check_timezone(p_name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_timezone_names z WHERE z.name = p_name) THEN
    PERFORM fail(422, 'not_allowed', 'Must be a name of the time zone database, such as Europe/Berlin.', 'timezone');
  END IF;
  RETURN true;
END
$$;

-- Open tickets go to the successor, or back to nobody; the last admin stays.
CREATE OR REPLACE FUNCTION user_deactivate(p_org text, p_user uuid, p_to uuid) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM app_user u WHERE u.org_id = p_org AND u.role = 'admin' ORDER BY u.user_id FOR UPDATE;
  IF EXISTS (SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id = p_user AND u.role = 'admin' AND u.active)
     AND NOT EXISTS (SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id <> p_user
                        AND u.role = 'admin' AND u.active) THEN
    PERFORM fail(409, 'last_admin', 'The last active admin cannot be deactivated.');
  END IF;
  IF p_to = p_user OR (p_to IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id = p_to AND u.active)) THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such active user.', 'reassign_to');
  END IF;
  UPDATE ticket t SET assignee_user_id = p_to
   WHERE t.org_id = p_org AND t.assignee_user_id = p_user
     AND t.status IN ('new', 'open', 'pending', 'on_hold');
  UPDATE app_user u SET active = false, availability = 'offline'
   WHERE u.org_id = p_org AND u.user_id = p_user;
  UPDATE session s SET revoked_at = now()
   WHERE s.org_id = p_org AND s.user_id = p_user AND s.revoked_at IS NULL;
  RETURN p_user;
END
$$;

-- Rules of organisations and users.

-- Names that a person would choose: not those of the host's own zone, of none, or of
-- other ways to count that PostgreSQL has as well.
CREATE OR REPLACE FUNCTION check_timezone(p_name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF p_name ~ '^(posix/|right/|posixrules$|localtime$|Factory$)'
     OR NOT EXISTS (SELECT 1 FROM pg_timezone_names z WHERE z.name = p_name) THEN
    PERFORM fail(422, 'not_allowed', 'Must be a name of the time zone database, such as Europe/Berlin.', 'timezone');
  END IF;
  RETURN true;
END
$$;

-- Runs when an admin is about to be none; one at a time, lest two admins make
-- each other agents.
CREATE OR REPLACE FUNCTION keep_admin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(NEW.org_id || ':admins', 0));
  IF NOT EXISTS (SELECT 1 FROM app_user u WHERE u.org_id = NEW.org_id AND u.user_id <> NEW.user_id
                    AND u.role = 'admin' AND u.active) THEN
    PERFORM fail(409, 'last_admin', 'The last active admin has to stay one.');
  END IF;
  RETURN NEW;
END
$$;

-- Open tickets go to the successor, or back to nobody.
CREATE OR REPLACE FUNCTION user_deactivate(p_org text, p_user uuid, p_to uuid) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
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

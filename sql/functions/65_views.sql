-- Rules of saved views, and their changes in the audit log.

CREATE OR REPLACE FUNCTION saved_view_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.visibility = 'team' AND NEW.team_id IS NULL THEN
    PERFORM fail(422, 'required', 'A view of a team needs its team.', 'team_id');
  ELSIF NEW.visibility <> 'team' AND NEW.team_id IS NOT NULL THEN
    PERFORM fail(422, 'not_allowed', 'Only a view with the visibility team has a team.', 'team_id');
  ELSIF TG_OP = 'INSERT' AND (SELECT count(*) FROM saved_view v
                               WHERE v.org_id = NEW.org_id AND v.owner_id = NEW.owner_id) >= 1000 THEN
    PERFORM fail(409, 'too_many', 'Of one owner there are at most 1000 views.');
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER check_view BEFORE INSERT OR UPDATE ON saved_view
  FOR EACH ROW EXECUTE FUNCTION saved_view_before();
CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON saved_view
  FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON saved_view
  FOR EACH ROW EXECUTE FUNCTION record_change('view', 'view_id', 'audit');

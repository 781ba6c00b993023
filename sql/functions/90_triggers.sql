-- Which function runs on which table.

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['organization', 'app_user', 'api_key', 'company', 'customer', 'team',
                           'queue', 'comment'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION touch()', t);
  END LOOP;
END
$$;

CREATE OR REPLACE TRIGGER keep_admin BEFORE UPDATE ON app_user
  FOR EACH ROW WHEN (OLD.role = 'admin' AND OLD.active AND NOT (NEW.role = 'admin' AND NEW.active))
  EXECUTE FUNCTION keep_admin();

CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON organization
  FOR EACH ROW EXECUTE FUNCTION record_change('organization', 'org_id', 'audit');
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON app_user
  FOR EACH ROW EXECUTE FUNCTION record_change('user', 'user_id', 'audit', 'password_hash');
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON api_key
  FOR EACH ROW EXECUTE FUNCTION record_change('api_key', 'key_id', 'audit', 'secret_hash', 'previous_hash');
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON company
  FOR EACH ROW EXECUTE FUNCTION record_change('company', 'company_id', 'public');
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON customer
  FOR EACH ROW EXECUTE FUNCTION record_change('customer', 'customer_id', 'public');
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON team
  FOR EACH ROW EXECUTE FUNCTION record_change('team', 'team_id', 'audit');
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON team_member
  FOR EACH ROW EXECUTE FUNCTION record_change('team_member', 'team_id', 'audit');
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON queue
  FOR EACH ROW EXECUTE FUNCTION record_change('queue', 'queue_id', 'audit');

CREATE OR REPLACE TRIGGER directory_sync AFTER INSERT OR UPDATE OF email, active OR DELETE ON app_user
  FOR EACH ROW EXECUTE FUNCTION directory_sync('email');
CREATE OR REPLACE TRIGGER directory_sync AFTER INSERT OR UPDATE OR DELETE ON api_key
  FOR EACH ROW EXECUTE FUNCTION directory_sync('api_key');
CREATE OR REPLACE TRIGGER directory_sync AFTER INSERT OR UPDATE OR DELETE ON session
  FOR EACH ROW EXECUTE FUNCTION directory_sync('session');

CREATE OR REPLACE TRIGGER ticket_before BEFORE INSERT OR UPDATE ON ticket
  FOR EACH ROW EXECUTE FUNCTION ticket_before();
CREATE OR REPLACE TRIGGER ticket_after AFTER INSERT OR UPDATE ON ticket
  FOR EACH ROW EXECUTE FUNCTION ticket_after();
CREATE OR REPLACE TRIGGER comment_after AFTER INSERT OR UPDATE OR DELETE ON comment
  FOR EACH ROW EXECUTE FUNCTION comment_after();
CREATE OR REPLACE TRIGGER ticket_link_after AFTER INSERT OR DELETE ON ticket_link
  FOR EACH ROW EXECUTE FUNCTION ticket_link_after();

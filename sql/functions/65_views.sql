-- Saved views leave their changes in the audit log.

CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON saved_view
  FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON saved_view
  FOR EACH ROW EXECUTE FUNCTION record_change('view', 'view_id', 'audit');

-- Background jobs: a change counts as one.

CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON job
  FOR EACH ROW EXECUTE FUNCTION touch();

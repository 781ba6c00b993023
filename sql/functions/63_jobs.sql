-- Background jobs: a change counts as one.

CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON job
  FOR EACH ROW EXECUTE FUNCTION touch();

-- How it ended is told in the transaction that ends it, be it the last step's or that
-- of the scheduler which gives it up. Of exports the log says who asked and who fetched.
CREATE OR REPLACE FUNCTION job_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  back boolean := NEW.cursor ? 'undo';
  how jsonb := jsonb_build_object('state', NEW.state, 'dry_run', COALESCE((NEW.spec ->> 'dry_run')::boolean, false));
BEGIN
  IF NEW.kind = 'bulk' THEN
    PERFORM put_event(NEW.org_id, 'bulk.job.completed', true, true, 'bulk_job', NEW.job_id::text, NULL, NULL,
      how || jsonb_build_object('job_id', NEW.job_id, 'done', NEW.done, 'failed', NEW.failed, 'undo', back)
          || CASE WHEN back AND NEW.state = 'completed' THEN '{"state": "undone"}' ELSE '{}' END::jsonb);
  ELSIF NEW.kind = 'import' THEN
    PERFORM put_event(NEW.org_id, 'import.' || NEW.state, false, true, 'import', NEW.job_id::text, NULL, NULL,
      NEW.result || how);
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER job_ended AFTER UPDATE ON job
  FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state AND NEW.state IN ('completed', 'failed', 'cancelled'))
  EXECUTE FUNCTION job_ended();

-- Background jobs (src/jobs/job.c). run_after of a running job is the end of
-- its lease: who still holds it has committed a step before.

-- The API's side: $1 organisation, $2 id, $3 kind, $4 what is to be done.
-- name: job_create
INSERT INTO job (org_id, job_id, kind, spec, actor_type, actor_id)
VALUES ($1, $2, $3, $4::jsonb, guc('app.actor_type'), guc('app.actor_id'))
RETURNING job_id;

-- name: job_cancel
UPDATE job SET cancel_requested = true, run_after = now()
 WHERE org_id = $1 AND job_id = $2 AND kind = $3 AND state IN ('queued', 'running')
RETURNING job_id;

-- Across organisations; the attempt counts from here, so that a job that kills
-- its scheduler is not tried for ever.
-- name: job_claim
WITH due AS MATERIALIZED ( -- once: a join could run it again, and take more than one
  SELECT d.org_id, d.job_id FROM job d
   WHERE d.state IN ('queued', 'running') AND d.run_after <= now()
   ORDER BY d.run_after LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
  UPDATE job j
     SET state = 'running', token = j.token + 1, attempts = j.attempts + 1,
         run_after = now() + make_interval(secs => $1::int), started_at = COALESCE(j.started_at, now())
    FROM due
   WHERE j.org_id = due.org_id AND j.job_id = due.job_id
  RETURNING j.org_id, j.job_id, j.kind, j.token, j.attempts, j.actor_type, j.actor_id
), leased AS ( -- what the workers' role cannot make up: import_batch() asks for it
  INSERT INTO import_lease AS l (org_id, job_id, secret)
  SELECT t.org_id, t.job_id, gen_random_uuid() FROM taken t WHERE t.kind = 'import'
  ON CONFLICT (org_id, job_id) DO UPDATE SET secret = excluded.secret
  RETURNING l.secret
)
SELECT t.*, (SELECT l.secret FROM leased l) AS lease FROM taken t;

-- name: job_hold
SELECT j.spec, j.cursor, j.result, j.total, j.done, j.failed, j.cancel_requested
  FROM job j
 WHERE j.org_id = $1 AND j.job_id = $2 AND j.token = $3::bigint AND j.state = 'running'
   FOR UPDATE;

-- name: job_save
UPDATE job
   SET state = $3, cursor = $4::jsonb, result = $5::jsonb, total = $6::bigint, done = $7::bigint,
       failed = $8::bigint, attempts = 0,
       run_after = CASE WHEN run_after = 'infinity' THEN run_after ELSE now() END,
       finished_at = CASE WHEN $3 <> 'running' THEN now() END
 WHERE org_id = $1 AND job_id = $2;

-- name: job_fail
UPDATE job SET state = 'failed', error = $4, finished_at = now()
 WHERE org_id = $1 AND job_id = $2 AND token = $3::bigint AND state = 'running';

-- Tried again later, and later each time.
-- name: job_postpone
UPDATE job SET run_after = now() + make_interval(secs => least(60, 2 ^ attempts))
 WHERE org_id = $1 AND job_id = $2 AND token = $3::bigint AND state = 'running';

-- name: job_item_put
INSERT INTO job_item (org_id, job_id, n, item, outcome, line, code, message, before)
VALUES ($1, $2, $3::bigint, $4, $5, NULLIF($6::bigint, 0), $7, $8, $9::jsonb);

-- By hand (job_take() of src/jobs/job.h).
-- name: job_take
UPDATE job SET state = 'running', token = token + 1, started_at = COALESCE(started_at, now()), error = NULL
 WHERE org_id = $1 AND job_id = $2 AND run_after = 'infinity' AND state IN ('queued', 'running')
RETURNING token;

-- name: job_kind
SELECT kind FROM job WHERE org_id = $1 AND job_id = $2;

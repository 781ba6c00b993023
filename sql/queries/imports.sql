-- Imports. $1 is the organisation.

-- Job, its lease, what was asked for, rows, people, and what could not be read.
-- name: import_batch
SELECT b.created, b.updated, b.skipped, b.failed
  FROM import_batch($1, $2, $3, $4::jsonb, $5::jsonb, $6::jsonb, $7::jsonb) b;

-- name: import_create
WITH made AS (
  INSERT INTO job (org_id, job_id, kind, spec, result, actor_type, actor_id)
  VALUES ($1, $2::uuid, 'import', $3::jsonb, jsonb_build_object('bytes_total', $4::bigint),
          guc('app.actor_type'), guc('app.actor_id'))
  RETURNING job_id, spec
)
SELECT put_event($1, 'import.created', false, true, 'import', m.job_id::text, NULL, NULL, m.spec), m.job_id FROM made m;

-- One that serviceosctl runs itself: due for no scheduler.
-- name: import_by_hand
UPDATE job SET run_after = 'infinity' WHERE org_id = $1 AND job_id = $2 AND state = 'queued' RETURNING job_id;

-- The rows that were not taken, or not in full, after row $3.
-- name: import_get
SELECT i.*, (SELECT COALESCE(jsonb_agg(to_jsonb(x) - 'n' ORDER BY x.n), '[]')
               FROM (SELECT r.n, r.line, r.item, r.outcome, r.code, r.message FROM job_item r
                      WHERE r.org_id = $1 AND r.job_id = $2 AND r.n > $3::bigint ORDER BY r.n LIMIT 100) x) AS rows,
       (SELECT x.n FROM (SELECT r.n FROM job_item r
                          WHERE r.org_id = $1 AND r.job_id = $2 AND r.n > $3::bigint ORDER BY r.n LIMIT 101) x
         OFFSET 100) - 1 AS rows_after
  FROM import_v i WHERE i.org_id = $1 AND i.import_id = $2;

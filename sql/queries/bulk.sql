-- Bulk changes. $1 is the caller's organisation.

-- Operation, tickets, body, numbers of new tickets, and what counts as the body's too.
-- name: bulk_tickets
SELECT (b ->> 'dry_run')::boolean AS dry_run, (b ->> 'atomic')::boolean AS atomic, (b ->> 'succeeded')::int AS succeeded,
       (b ->> 'failed')::int AS failed, bulk_shown(b -> 'results') AS results
  FROM bulk_tickets($1, $2, $3::uuid[], $4::jsonb || $6::jsonb, $5::bigint[]) b;

-- The same for a job: its operation, tickets and what was asked for.
-- name: bulk_batch
SELECT (b ->> 'succeeded')::int AS succeeded, (b ->> 'failed')::int AS failed, b -> 'results' AS results
  FROM bulk_tickets($1, $2, $3::uuid[], $4::jsonb, NULL) b;

-- name: bulk_job_get
SELECT j.state, COALESCE((j.spec ->> 'dry_run')::boolean, false) AS dry_run,
       j.state = 'completed' AND j.cursor ? 'undo' AS undone FROM job j
 WHERE j.org_id = $1 AND j.job_id = $2 AND j.kind = 'bulk' FOR UPDATE;

-- An undo that did not come to its end goes on from there.
-- name: bulk_job_undo
UPDATE job SET state = 'queued', run_after = now(), finished_at = NULL, cancel_requested = false, attempts = 0,
       cursor = CASE WHEN cursor ? 'undo' THEN cursor ELSE '{"undo": true, "n": 0}' END, error = NULL,
       actor_type = guc('app.actor_type'), actor_id = guc('app.actor_id')
 WHERE org_id = $1 AND job_id = $2
RETURNING job_id;

-- What a bulk job did to a batch: a row for each ticket, with the version it left.
-- name: bulk_job_items
INSERT INTO job_item (org_id, job_id, n, item, outcome, code, message, before)
SELECT $1, $2, $3::bigint + (r ->> 'index')::bigint, r ->> 'ticket_id',
       CASE r ->> 'status' WHEN 'ok' THEN 'done' ELSE 'failed' END, r ->> 'code',
       CASE r ->> 'status' WHEN 'ok' THEN (SELECT t.version::text FROM ticket t
              WHERE t.org_id = $1 AND t.ticket_id = (r ->> 'ticket_id')::uuid)
            ELSE r ->> 'message' END,
       r -> 'before'
  FROM jsonb_array_elements($4::jsonb) r;

-- name: bulk_undo
SELECT u.last_n, u.undone, u.skipped
  FROM bulk_undo($1, $2, $3::bigint, 100) u;

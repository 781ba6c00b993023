-- Due jobs, across organisations; times go to Redis as milliseconds.

-- name: due_claim
SELECT c.ref, c.token, c.attempts, c.late_ms
  FROM due_claim($1, $2, $3, $4::int, make_interval(secs => $5::int)) c;

-- name: due_next
SELECT (extract(epoch FROM min(d.run_at)) * 1000)::bigint
  FROM due_job d
 WHERE d.org_id = $1 AND d.kind = $2 AND d.lane = $3 AND d.state = 'ready';

-- name: due_lanes
SELECT d.kind, d.org_id, d.lane, (extract(epoch FROM min(d.run_at)) * 1000)::bigint AS at
  FROM due_job d
 WHERE d.state = 'ready' AND d.run_at <= now() + make_interval(secs => $1::int)
 GROUP BY d.org_id, d.kind, d.lane;

-- What an organisation has next: by kind, and by endpoint.
-- name: due_org
SELECT l.kind, l.lane, (extract(epoch FROM n.at) * 1000)::bigint AS at
  FROM (SELECT k AS kind, '' AS lane FROM unnest('{sla,sla_apply,sla_recount,workflow,notify,mail}'::text[]) k
        UNION ALL
        SELECT 'webhook', w.webhook_id::text FROM webhook w WHERE w.org_id = $1 AND w.active) l
  CROSS JOIN LATERAL (
        SELECT min(d.run_at) AS at FROM due_job d
         WHERE d.org_id = $1 AND d.kind = l.kind AND d.lane = l.lane AND d.state = 'ready') n
 WHERE n.at IS NOT NULL;

-- name: due_done
DELETE FROM due_job d
 WHERE d.org_id = $1 AND d.kind = $2 AND d.ref = $3 AND d.token = $4::bigint AND d.state = 'running';

-- $5 milliseconds until the next attempt, $6 why.
-- name: due_retry
UPDATE due_job d
   SET state = 'ready', run_at = clock_timestamp() + make_interval(secs => $5::numeric::float8 / 1000),
       lease_until = NULL, error = $6
 WHERE d.org_id = $1 AND d.kind = $2 AND d.ref = $3 AND d.token = $4::bigint AND d.state = 'running';

-- name: due_dead
UPDATE due_job d SET state = 'dead', lease_until = NULL, error = $5
 WHERE d.org_id = $1 AND d.kind = $2 AND d.ref = $3 AND d.token = $4::bigint AND d.state = 'running';

-- name: due_recover
SELECT due_recover();

-- name: due_ages
SELECT d.kind, count(*) FILTER (WHERE d.state = 'ready') AS ready, count(*) FILTER (WHERE d.state = 'running') AS running,
       count(*) FILTER (WHERE d.state = 'dead') AS dead,
       COALESCE(GREATEST(extract(epoch FROM clock_timestamp() - min(d.run_at) FILTER (WHERE d.state = 'ready')), 0), 0)::bigint AS age
  FROM due_job d GROUP BY d.kind ORDER BY d.kind;

-- For serviceosctl jobs: state and kind may be null.
-- name: due_list
SELECT d.kind, d.org_id, d.ref, d.state, d.run_at, d.attempts, COALESCE(d.error, '') AS error
  FROM due_job d
 WHERE ($1::text IS NULL OR d.state = $1) AND ($2::text IS NULL OR d.kind = $2)
 ORDER BY d.run_at LIMIT 200;

-- name: due_again
UPDATE due_job d SET state = 'ready', run_at = now(), attempts = 0, lost = 0, lease_until = NULL, token = d.token + 1
 WHERE d.kind = $1 AND d.ref = $2 AND d.state <> 'running' RETURNING d.ref;

-- name: due_drop
DELETE FROM due_job d WHERE d.kind = $1 AND d.ref = $2 AND d.state <> 'running' RETURNING d.ref;

-- name: due_clock
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint;

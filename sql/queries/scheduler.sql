-- What the scheduler runs, across organisations.

-- name: relay_orgs
SELECT DISTINCT e.org_id FROM event e WHERE e.seq IS NULL AND e.public LIMIT 1000;

-- The lock on the organisation's row makes the numbers commit in their order.
-- name: relay_place
WITH locked AS MATERIALIZED (
  SELECT s.last_seq FROM event_sequence s WHERE s.org_id = $1 FOR UPDATE
), fresh AS (
  SELECT e.event_id, row_number() OVER (ORDER BY e.occurred_at, e.event_id) AS n
    FROM event e
   WHERE e.org_id = $1 AND e.seq IS NULL AND e.public AND EXISTS (SELECT 1 FROM locked)
   ORDER BY e.occurred_at, e.event_id
   LIMIT 1000
), placed AS (
  UPDATE event e SET seq = locked.last_seq + fresh.n
    FROM fresh, locked
   WHERE e.org_id = $1 AND e.event_id = fresh.event_id
  RETURNING e.seq
), counted AS (
  SELECT count(*) AS n, max(seq) AS last FROM placed
), moved AS (
  UPDATE event_sequence s SET last_seq = counted.last
    FROM counted WHERE s.org_id = $1 AND counted.n > 0
  RETURNING s.last_seq
)
SELECT counted.n, counted.last FROM counted;

-- name: relay_lag
SELECT COALESCE(extract(epoch FROM now() - min(e.occurred_at)), 0)::bigint
  FROM event e WHERE e.seq IS NULL AND e.public;

-- name: wake_snoozed
UPDATE ticket SET snoozed_until = NULL
 WHERE snoozed_until <= now() AND status <> 'merged';

-- name: drop_idempotency
DELETE FROM idempotency_key WHERE created_at < now() - interval '24 hours';

-- name: drop_sessions
DELETE FROM session WHERE expires_at < now() - interval '7 days' OR revoked_at < now() - interval '7 days';

-- name: purge_tickets
DELETE FROM ticket t USING organization o
 WHERE o.org_id = t.org_id AND t.deleted_at < now() - make_interval(days => o.retention_days)
   AND NOT EXISTS (SELECT 1 FROM ticket m WHERE m.org_id = t.org_id AND m.merged_into_id = t.ticket_id);

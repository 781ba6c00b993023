-- What the scheduler runs, across organisations.

-- name: relay_orgs
SELECT DISTINCT e.org_id FROM event e WHERE e.seq IS NULL AND e.public LIMIT 1000;

-- name: relay_place
SELECT p.placed, p.newest FROM place_events($1, 1000) p;

-- name: relay_lag
SELECT COALESCE(extract(epoch FROM now() - min(e.occurred_at)), 0)::bigint
  FROM event e WHERE e.seq IS NULL AND e.public;

-- name: wake_snoozed
UPDATE ticket SET snoozed_until = NULL, snooze_until_reply = false
 WHERE snoozed_until <= now() AND status <> 'merged';

-- name: drop_idempotency
DELETE FROM idempotency_key WHERE created_at < now() - interval '24 hours';

-- name: drop_sessions
DELETE FROM session WHERE expires_at < now() - interval '7 days' OR revoked_at < now() - interval '7 days';

-- name: purge_tickets
DELETE FROM ticket t USING organization o
 WHERE o.org_id = t.org_id AND t.deleted_at IS NOT NULL AND t.deleted_at < now() - make_interval(days => o.retention_days)
   AND NOT EXISTS (SELECT 1 FROM ticket m WHERE m.org_id = t.org_id AND m.merged_into_id = t.ticket_id);

-- Any of them, so that none waits for those that fail.
-- name: purgeable_custom_fields
SELECT x.org_id FROM (SELECT DISTINCT f.org_id FROM custom_field f WHERE f.deleted_at < now() - interval '30 days') x
 ORDER BY random() LIMIT 10;

-- name: purge_custom_fields
SELECT custom_fields_purge($1);

-- name: expire_claims
SELECT queue_claims_expire();

-- Of one organisation whose words were never learnt, or an hour ago (a minute, when there
-- were none) and something has happened since: any, so that none waits for one that fails.
-- name: search_learn
SELECT true, x.org_id, search_learn(x.org_id, x.last_seq)
  FROM (SELECT s.org_id, s.last_seq FROM event_sequence s LEFT JOIN search_vocabulary v ON v.org_id = s.org_id
         WHERE s.last_seq > COALESCE(v.last_seq, 0) AND (v.org_id IS NULL
            OR v.taken_at < now() - CASE v.words WHEN '{}' THEN interval '1 minute' ELSE interval '1 hour' END)
         ORDER BY random() LIMIT 1) x;

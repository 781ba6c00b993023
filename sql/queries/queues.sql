-- Queues. $1 is the caller's organisation, $2 the queue.

-- name: queue_create
INSERT INTO queue (org_id, queue_id, name, description, team_id, conditions, strategy, order_by,
                   lease_seconds, active, position)
SELECT $1, $2, b.name, COALESCE(b.description, ''), b.team_id, COALESCE(b.conditions, '{}'),
       COALESCE(b.strategy, 'manual'), COALESCE(b.order_by, 'priority'),
       COALESCE(b.lease_seconds, 900), COALESCE(b.active, true), COALESCE(b.position, 0)
  FROM jsonb_to_record($3::jsonb) AS b(name text, description text, team_id uuid, conditions jsonb,
         strategy text, order_by text, lease_seconds int, active boolean, position int)
RETURNING queue_id;

-- name: queue_patch
UPDATE queue q
   SET (name, description, team_id, conditions, strategy, order_by, lease_seconds, active, position) =
       (SELECT p.name, p.description, p.team_id, p.conditions, p.strategy, p.order_by,
               p.lease_seconds, p.active, p.position
          FROM jsonb_populate_record(q, $3::jsonb) p)
 WHERE q.org_id = $1 AND q.queue_id = $2
RETURNING q.queue_id;

-- name: queue_delete
SELECT queue_delete($1, $2, $3::uuid)
 WHERE EXISTS (SELECT 1 FROM queue q WHERE q.org_id = $1 AND q.queue_id = $2);

-- name: queue_next
SELECT queue_next($1, $2, $3::uuid) AS ticket_id;

-- name: queue_stats
SELECT count(*) FILTER (WHERE t.status IN ('new', 'open', 'pending', 'on_hold')) AS depth,
       count(*) FILTER (WHERE t.status IN ('new', 'open') AND t.assignee_user_id IS NULL) AS waiting,
       COALESCE(extract(epoch FROM now() - min(t.created_at)
         FILTER (WHERE t.status IN ('new', 'open') AND t.assignee_user_id IS NULL)), 0)::bigint AS oldest_age_seconds,
       count(*) FILTER (WHERE t.status IN ('new', 'open') AND t.first_response_at IS NULL
                          AND t.created_at < now() - interval '4 hours') AS at_risk
  FROM ticket t
 WHERE t.org_id = $1 AND t.queue_id = $2 AND t.deleted_at IS NULL;

-- Active queues that say which tickets they want, in their order.
-- name: queue_rules
SELECT q.queue_id, q.name, q.conditions FROM queue q
 WHERE q.org_id = $1 AND q.active AND q.conditions <> '{}'
 ORDER BY q.position, q.queue_id;

-- name: ticket_try
SELECT ticket_try($1, $2, $3::jsonb);

-- What ticket_create() wants to hear when there are such queues.
-- name: routing_begin
SELECT set_config('app.routed', 'on', true);

-- $2 tickets, $3 the queue of each.
-- name: tickets_route
SELECT ticket_route($1, x.ticket_id, x.queue_id) FROM unnest($2::uuid[], $3::uuid[]) AS x(ticket_id, queue_id);

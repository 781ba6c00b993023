-- Workflows. $1 is the caller's organisation, $2 the workflow.

-- name: workflow_create
INSERT INTO workflow (org_id, workflow_id, name, description, trigger, conditions, actions, position, enabled)
SELECT $1, $2, b.name, COALESCE(b.description, ''), b.trigger, COALESCE(b.conditions, '{}'), b.actions,
       COALESCE(b.position, 0), COALESCE(b.enabled, true)
  FROM jsonb_to_record($3::jsonb) AS b(name text, description text, trigger jsonb, conditions jsonb, actions jsonb,
         position int, enabled boolean)
RETURNING workflow_id;

-- name: workflow_patch
UPDATE workflow w
   SET (name, description, trigger, conditions, actions, position) =
       (SELECT p.name, p.description, p.trigger, p.conditions, p.actions, p.position FROM jsonb_populate_record(w, $3::jsonb) p)
 WHERE w.org_id = $1 AND w.workflow_id = $2
RETURNING w.workflow_id;

-- name: workflow_enable
UPDATE workflow SET enabled = true WHERE org_id = $1 AND workflow_id = $2 RETURNING workflow_id;

-- name: workflow_disable
UPDATE workflow SET enabled = false WHERE org_id = $1 AND workflow_id = $2 RETURNING workflow_id;

-- name: workflow_delete
DELETE FROM workflow WHERE org_id = $1 AND workflow_id = $2 RETURNING workflow_id;

-- name: workflow_editions
SELECT e.edition, e.definition, e.created_by, e.created_at FROM workflow_edition e
 WHERE e.org_id = $1 AND e.workflow_id = $2 ORDER BY e.edition DESC LIMIT 100;

-- name: workflow_one
SELECT w.conditions, w.actions FROM workflow w WHERE w.org_id = $1 AND w.workflow_id = $2;

-- $2 the ticket, $3 the workflow.
-- name: workflow_try
SELECT d.status, d.steps, d.error, d.changes
  FROM workflow w, LATERAL workflow_do($1, $2, w.workflow_id, uuid7(), w.actions, true) d
 WHERE w.org_id = $1 AND w.workflow_id = $3;

-- The scheduler's side, as the workers' role. The workflows that an event starts, in order.
-- name: workflow_of_event
SELECT w.workflow_id, w.conditions, e.ticket_id,
       CASE WHEN e.actor_type = 'workflow'
            THEN COALESCE((SELECT r.depth + 1 FROM workflow_run r WHERE r.org_id = e.org_id AND r.run_id::text = e.request_id), 1)
            ELSE 0 END AS depth
  FROM event e JOIN workflow w ON w.org_id = e.org_id AND w.enabled AND w.topics && topic_words(e.topic)
 WHERE e.org_id = $1 AND e.event_id = $2
   AND NOT (e.actor_type = 'workflow' AND e.actor_id = w.workflow_id::text) -- not by what it did itself
 ORDER BY w.position, w.created_at, w.workflow_id;

-- name: workflow_run
SELECT workflow_run($1, $2, $3, $4, $5::int, $6::boolean, $7::jsonb);

-- Across organisations, as the scheduler: those with a time trigger.
-- name: workflow_timed
SELECT w.org_id, w.workflow_id, w.conditions, w.trigger ->> 'field' AS field, w.trigger ->> 'minutes' AS minutes
  FROM workflow w WHERE w.enabled AND w.trigger ->> 'type' = 'time'
 ORDER BY w.org_id, w.position, w.created_at;

-- name: workflow_fired
INSERT INTO workflow_fired (org_id, workflow_id, ticket_id, since) VALUES ($1, $2, $3, $4::timestamptz)
ON CONFLICT DO NOTHING RETURNING ticket_id;

-- name: drop_runs
DELETE FROM workflow_run WHERE created_at < now() - CASE WHEN status = 'skipped' THEN interval '1 day' ELSE interval '30 days' END;

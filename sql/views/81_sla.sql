-- SLA policies and timers as the API shows them.

CREATE VIEW sla_policy_v WITH (security_invoker = true) AS
SELECT policy_id, org_id, name, description, conditions, targets, business_hours, business_hours_id, pause_statuses,
       warn_percent, position, active, archived_at, version, created_at, updated_at
  FROM sla_policy;

CREATE VIEW sla_timer_v WITH (security_invoker = true) AS
SELECT t.timer_id, t.org_id, t.ticket_id, t.policy_id, t.metric, t.name, t.status, t.target_minutes,
       round(t.elapsed_minutes, 3) AS elapsed_minutes, t.business_hours_id, t.pause_statuses, t.warn_percent,
       t.started_at, t.running_since, t.due_at, t.warn_at, t.paused_at, t.pause_reason, t.warned_at, t.breached_at,
       t.stopped_at, t.version, t.created_at, t.updated_at,
       (SELECT COALESCE(jsonb_agg(jsonb_build_object('n', l.n, 'what', l.what, 'reason', l.reason, 'at', iso(l.at),
                 'elapsed_minutes', l.elapsed_minutes, 'due_at', iso(l.due_at), 'actor_id', l.actor_id) ORDER BY l.n), '[]')
          FROM sla_ledger l WHERE l.org_id = t.org_id AND l.timer_id = t.timer_id) AS ledger
  FROM sla_timer t;

CREATE VIEW sla_breach_v WITH (security_invoker = true) AS
SELECT t.timer_id, t.org_id, t.ticket_id, k.number, k.title, k.status AS ticket_status, k.priority, k.team_id, k.queue_id,
       k.assignee_user_id, k.customer_id, t.policy_id, t.metric, t.name, t.target_minutes, t.due_at, t.breached_at, t.stopped_at,
       CASE WHEN t.stopped_at IS NOT NULL THEN round(greatest(t.elapsed_minutes - t.target_minutes, 0), 3) END AS late_minutes
  FROM sla_timer t JOIN ticket k ON k.org_id = t.org_id AND k.ticket_id = t.ticket_id
 WHERE t.breached_at IS NOT NULL AND k.deleted_at IS NULL;

-- SLA. $1 is the caller's organisation, $2 the policy or timer.

-- name: sla_policy_create
INSERT INTO sla_policy (org_id, policy_id, name, description, conditions, targets, business_hours, business_hours_id,
                        pause_statuses, warn_percent, position, active)
SELECT $1, $2, b.name, COALESCE(b.description, ''), COALESCE(b.conditions, '{}'), b.targets,
       COALESCE(b.business_hours, b.business_hours_id IS NOT NULL), b.business_hours_id,
       COALESCE(b.pause_statuses, '{pending,on_hold}'), COALESCE(b.warn_percent, 80), COALESCE(b.position, 0), COALESCE(b.active, true)
  FROM jsonb_to_record($3::jsonb) AS b(name text, description text, conditions jsonb, targets jsonb, business_hours boolean,
         business_hours_id uuid, pause_statuses text[], warn_percent int, position int, active boolean)
RETURNING policy_id;

-- name: sla_policy_patch
UPDATE sla_policy p
   SET (name, description, conditions, targets, business_hours, business_hours_id, pause_statuses, warn_percent, position,
        active) =
       (SELECT x.name, x.description, x.conditions, x.targets,
               x.business_hours OR (x.business_hours_id IS NOT NULL AND NOT $3::jsonb ? 'business_hours'),
               x.business_hours_id, x.pause_statuses, x.warn_percent, x.position, x.active
          FROM jsonb_populate_record(p, $3::jsonb) x)
 WHERE p.org_id = $1 AND p.policy_id = $2 AND p.archived_at IS NULL
RETURNING p.policy_id;

-- name: sla_reapply
SELECT sla_reapply($1, $2);

-- name: sla_policy_archive
UPDATE sla_policy SET active = false, archived_at = now()
 WHERE org_id = $1 AND policy_id = $2 AND archived_at IS NULL RETURNING policy_id;

-- name: sla_preview
SELECT p.start, p.priority, p.business_hours_id, p.timezone, p.targets
  FROM sla_preview($1, $2, $3::jsonb) p
 WHERE EXISTS (SELECT 1 FROM sla_policy x WHERE x.org_id = $1 AND x.policy_id = $2);

-- name: sla_timer_create
SELECT sla_create($1, $2, $3::jsonb);

-- name: sla_switch
SELECT s FROM sla_switch($1, $2::jsonb, $3::boolean) s;

-- name: sla_timers
SELECT t.* FROM sla_timer_v t WHERE t.org_id = $1 AND t.timer_id = ANY ($2::uuid[]) ORDER BY t.started_at, t.timer_id;

-- name: sla_check
SELECT c.checked, cardinality(c.warned) AS warned_count, cardinality(c.breached) AS breached_count,
       to_jsonb(c.warned[1:1000]) AS warned, to_jsonb(c.breached[1:1000]) AS breached
  FROM sla_check($1) c;

-- The scheduler's side, as the workers' role.
-- name: sla_fire
SELECT sla_fire($1, $2::uuid[], $3::bigint[]);

-- name: sla_recount
SELECT sla_recount($1, $2);

-- name: sla_policies
SELECT p.policy_id, p.conditions FROM sla_policy p
 WHERE p.org_id = $1 AND p.active AND p.archived_at IS NULL ORDER BY p.position, p.created_at, p.policy_id;

-- name: sla_apply
SELECT sla_apply($1, $2, $3);

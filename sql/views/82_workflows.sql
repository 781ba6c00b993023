-- Workflows and their runs as the API shows them.

CREATE VIEW workflow_v WITH (security_invoker = true) AS
SELECT workflow_id, org_id, name, description, trigger, conditions, actions, position, enabled, edition, version, created_at, updated_at
  FROM workflow;

CREATE VIEW workflow_run_v WITH (security_invoker = true) AS
SELECT run_id, org_id, workflow_id, edition, ticket_id, event_id, depth, status, trace, steps, error, duration_ms, created_at
  FROM workflow_run;

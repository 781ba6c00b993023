-- Queues as the API shows them.

CREATE VIEW queue_v WITH (security_invoker = true) AS
SELECT queue_id, org_id, name, description, team_id, conditions, strategy, order_by, lease_seconds,
       active, position, version, created_at, updated_at
  FROM queue;

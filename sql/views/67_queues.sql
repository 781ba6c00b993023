-- Queues as the API shows them.

CREATE VIEW queue_v WITH (security_invoker = true) AS
SELECT queue_id, org_id, name, description, team_id, conditions, strategy, order_by, lease_seconds,
       active, position, version, created_at, updated_at
  FROM queue;

-- A ticket that was taken from a queue and is not yet worked on.
CREATE VIEW taken_ticket_v WITH (security_invoker = true) AS
SELECT t.*, c.lease_until
  FROM ticket_v t JOIN queue_claim c ON c.org_id = t.org_id AND c.ticket_id = t.ticket_id;

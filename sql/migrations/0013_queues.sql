-- Queues: which tickets come, in which order they go, and who has taken one.

ALTER TABLE queue ADD COLUMN conditions jsonb NOT NULL DEFAULT '{}';
ALTER TABLE queue ADD COLUMN order_by text NOT NULL DEFAULT 'priority';
ALTER TABLE queue ADD COLUMN lease_seconds int NOT NULL DEFAULT 900;
ALTER TABLE queue ADD COLUMN active boolean NOT NULL DEFAULT true;
ALTER TABLE queue ADD CONSTRAINT queue__order_by CHECK (order_by IN ('priority', 'created_at', 'updated_at'));
CREATE INDEX queue_position ON queue (org_id, position, queue_id);
CREATE INDEX queue_team ON queue (org_id, team_id) WHERE team_id IS NOT NULL;

CREATE INDEX ticket_waiting ON ticket (org_id, queue_id, created_at)
  WHERE queue_id IS NOT NULL AND assignee_user_id IS NULL AND status IN ('new', 'open') AND deleted_at IS NULL;

-- A ticket that an agent has taken from a queue and not worked on yet.
CREATE TABLE queue_claim (
  org_id      text NOT NULL,
  ticket_id   uuid NOT NULL,
  queue_id    uuid NOT NULL,
  user_id     uuid NOT NULL,
  claimed_at  timestamptz NOT NULL DEFAULT now(),
  lease_until timestamptz NOT NULL,
  PRIMARY KEY (org_id, ticket_id),
  CONSTRAINT queue_claim__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE,
  CONSTRAINT queue_claim__queue_id FOREIGN KEY (org_id, queue_id) REFERENCES queue ON DELETE CASCADE,
  CONSTRAINT queue_claim__user_id FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);
CREATE INDEX queue_claim_lease ON queue_claim (org_id, lease_until);
CREATE INDEX queue_claim_queue ON queue_claim (org_id, queue_id);
CREATE INDEX queue_claim_user ON queue_claim (org_id, user_id);

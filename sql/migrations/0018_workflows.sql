-- Workflows: what the desk does by itself when something happens, or has not
-- happened for a while.

CREATE TABLE workflow (
  org_id      text NOT NULL REFERENCES organization,
  workflow_id uuid NOT NULL,
  name        text NOT NULL,
  description text NOT NULL DEFAULT '',
  trigger     jsonb NOT NULL,
  conditions  jsonb NOT NULL DEFAULT '{}',
  actions     jsonb NOT NULL,
  topics      text[] NOT NULL DEFAULT '{}',  -- kept by a trigger: what its events are
  position    int NOT NULL DEFAULT 0,
  enabled     boolean NOT NULL DEFAULT true,
  edition     int NOT NULL DEFAULT 1,        -- grows when trigger, conditions or actions change
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, workflow_id)
);
CREATE UNIQUE INDEX workflow__name ON workflow (org_id, lower(name));

-- What a run of an earlier day was made of.
CREATE TABLE workflow_edition (
  org_id      text NOT NULL,
  workflow_id uuid NOT NULL,
  edition     int NOT NULL,
  definition  jsonb NOT NULL,
  created_by  text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, workflow_id, edition),
  CONSTRAINT workflow_edition__workflow_id FOREIGN KEY (org_id, workflow_id) REFERENCES workflow ON DELETE CASCADE
);

CREATE TABLE workflow_run (
  org_id      text NOT NULL,
  run_id      uuid NOT NULL,
  workflow_id uuid NOT NULL,
  edition     int NOT NULL,
  ticket_id   uuid NOT NULL,
  event_id    uuid,                          -- null: a time trigger
  depth       int NOT NULL DEFAULT 0,        -- of runs that led to this one
  status      text NOT NULL,
  trace       jsonb NOT NULL DEFAULT '[]',
  steps       jsonb NOT NULL DEFAULT '[]',
  error       text,
  duration_ms int NOT NULL DEFAULT 0,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, run_id),
  CONSTRAINT workflow_run__status CHECK (status IN ('completed', 'stopped', 'skipped', 'failed')),
  CONSTRAINT workflow_run__workflow_id FOREIGN KEY (org_id, workflow_id) REFERENCES workflow ON DELETE CASCADE,
  CONSTRAINT workflow_run__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE
);
CREATE INDEX workflow_run_log ON workflow_run (org_id, workflow_id, created_at, run_id);
CREATE INDEX workflow_run_ticket ON workflow_run (org_id, ticket_id);

-- A time trigger fires once for a ticket and the time that it waits from.
CREATE TABLE workflow_fired (
  org_id      text NOT NULL,
  workflow_id uuid NOT NULL,
  ticket_id   uuid NOT NULL,
  since       timestamptz NOT NULL,
  PRIMARY KEY (org_id, workflow_id, ticket_id, since),
  CONSTRAINT workflow_fired__workflow_id FOREIGN KEY (org_id, workflow_id) REFERENCES workflow ON DELETE CASCADE,
  CONSTRAINT workflow_fired__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE
);
CREATE INDEX workflow_fired_ticket ON workflow_fired (org_id, ticket_id);

ALTER TABLE comment DROP CONSTRAINT comment__author_type;
ALTER TABLE comment ADD CONSTRAINT comment__author_type
  CHECK (author_type IN ('customer', 'user', 'api_key', 'legacy', 'system', 'workflow'));

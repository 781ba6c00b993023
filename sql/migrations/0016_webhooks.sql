-- What is to be done at a time. A row is the job; Redis only knows when each
-- lane is next due (src/store/due.c). A job that is done is deleted: what became
-- of it stands in its own table.

CREATE TABLE due_job (
  org_id      text NOT NULL REFERENCES organization,
  kind        text NOT NULL,
  ref         uuid NOT NULL,                -- the delivery, timer, run or ticket
  lane        text NOT NULL DEFAULT '',     -- what must not hold up its neighbours: an endpoint
  state       text NOT NULL DEFAULT 'ready',
  run_at      timestamptz NOT NULL DEFAULT now(),
  attempts    int NOT NULL DEFAULT 0,       -- counted when it is claimed
  lost        int NOT NULL DEFAULT 0,       -- leases that ran out
  token       bigint NOT NULL DEFAULT 0,    -- of the claim: who holds an older one changes nothing
  lease_until timestamptz,
  error       text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, kind, ref),
  CONSTRAINT due_job__state CHECK (state IN ('ready', 'running', 'dead'))
);
CREATE INDEX due_job_ready ON due_job (org_id, kind, lane, run_at) WHERE state = 'ready';
CREATE INDEX due_job_running ON due_job (org_id, lease_until) WHERE state = 'running';

CREATE TABLE webhook (
  org_id               text NOT NULL REFERENCES organization,
  webhook_id           uuid NOT NULL,
  url                  text NOT NULL,
  description          text NOT NULL DEFAULT '',
  topics               text[] NOT NULL DEFAULT '{*}',
  conditions           jsonb NOT NULL DEFAULT '{}',
  secret               text NOT NULL,          -- sealed with secret_key
  previous_secret      text,                   -- signs too, until it ends
  previous_until       timestamptz,
  active               boolean NOT NULL DEFAULT true,
  disabled_reason      text,
  disabled_at          timestamptz,
  consecutive_failures int NOT NULL DEFAULT 0,
  failing_since        timestamptz,
  cooldown_until       timestamptz,
  last_success_at      timestamptz,
  last_failure_at      timestamptz,
  version              int NOT NULL DEFAULT 1,
  created_at           timestamptz NOT NULL DEFAULT now(),
  updated_at           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, webhook_id)
);

-- One event for one endpoint. The body is written once: the same bytes are
-- signed and sent at each attempt.
CREATE TABLE webhook_delivery (
  org_id       text NOT NULL,
  delivery_id  uuid NOT NULL,
  webhook_id   uuid NOT NULL,
  event_id     uuid NOT NULL,
  topic        text NOT NULL,
  seq          bigint,
  ticket_id    uuid,
  body         text NOT NULL,
  status       text NOT NULL DEFAULT 'pending',
  attempts     int NOT NULL DEFAULT 0,
  response_status int,
  error        text,
  next_attempt_at timestamptz DEFAULT now(),
  delivered_at timestamptz,
  replay_of    uuid,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, delivery_id),
  CONSTRAINT webhook_delivery__status CHECK (status IN ('pending', 'delivered', 'failed', 'skipped')),
  CONSTRAINT webhook_delivery__webhook_id FOREIGN KEY (org_id, webhook_id) REFERENCES webhook ON DELETE CASCADE
);
CREATE INDEX webhook_delivery_log ON webhook_delivery (org_id, webhook_id, created_at, delivery_id);

CREATE TABLE webhook_attempt (
  org_id      text NOT NULL,
  delivery_id uuid NOT NULL,
  n           int NOT NULL,
  status      int,                           -- null: there was no reply
  duration_ms int NOT NULL,
  error       text,
  response    text,
  at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, delivery_id, n),
  CONSTRAINT webhook_attempt__delivery_id FOREIGN KEY (org_id, delivery_id)
    REFERENCES webhook_delivery ON DELETE CASCADE
);

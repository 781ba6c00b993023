-- Work that goes on after the reply: bulk jobs, imports, exports. The row is
-- the job; src/jobs/job.c runs it in steps.

CREATE TABLE job (
  org_id           text NOT NULL REFERENCES organization,
  job_id           uuid NOT NULL,
  kind             text NOT NULL,
  state            text NOT NULL DEFAULT 'queued',
  spec             jsonb NOT NULL DEFAULT '{}',
  cursor           jsonb NOT NULL DEFAULT '{}',
  result           jsonb NOT NULL DEFAULT '{}',
  total            bigint NOT NULL DEFAULT -1,
  done             bigint NOT NULL DEFAULT 0,
  failed           bigint NOT NULL DEFAULT 0,
  cancel_requested boolean NOT NULL DEFAULT false,
  error            text,
  actor_type       text,
  actor_id         text,
  attempts         int NOT NULL DEFAULT 0,
  token            bigint NOT NULL DEFAULT 0,
  run_after        timestamptz NOT NULL DEFAULT now(),
  started_at       timestamptz,
  finished_at      timestamptz,
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, job_id),
  CONSTRAINT job__state CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled'))
);
CREATE INDEX job_due ON job (org_id, run_after) WHERE state IN ('queued', 'running');
CREATE INDEX job_kind ON job (org_id, kind, created_at, job_id);

-- What became of each item that is worth a word: failures, skipped rows, and
-- with a bulk job what the ticket was before, for undo.
CREATE TABLE job_item (
  org_id  text NOT NULL,
  job_id  uuid NOT NULL,
  n       bigint NOT NULL,
  item    text,
  outcome text NOT NULL,
  line    bigint,
  code    text,
  message text,
  before  jsonb,
  PRIMARY KEY (org_id, job_id, n),
  CONSTRAINT job_item__job_id FOREIGN KEY (org_id, job_id) REFERENCES job ON DELETE CASCADE,
  CONSTRAINT job_item__outcome CHECK (outcome IN ('done', 'failed', 'skipped'))
);

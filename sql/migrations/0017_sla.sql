-- SLA: promises (policies), the clocks that run for them (timers), and what
-- happened to each clock (the ledger).

CREATE TABLE sla_policy (
  org_id            text NOT NULL REFERENCES organization,
  policy_id         uuid NOT NULL,
  name              text NOT NULL,
  description       text NOT NULL DEFAULT '',
  conditions        jsonb NOT NULL DEFAULT '{}',
  targets           jsonb NOT NULL,
  business_hours_id uuid,                       -- null: every minute counts
  pause_statuses    text[] NOT NULL DEFAULT '{pending,on_hold}',
  warn_percent      int NOT NULL DEFAULT 80,
  position          int NOT NULL DEFAULT 0,
  active            boolean NOT NULL DEFAULT true,
  archived_at       timestamptz,
  version           int NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, policy_id),
  CONSTRAINT sla_policy__business_hours_id FOREIGN KEY (org_id, business_hours_id) REFERENCES business_hours
);
CREATE UNIQUE INDEX sla_policy__name ON sla_policy (org_id, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX sla_policy_hours ON sla_policy (org_id, business_hours_id) WHERE business_hours_id IS NOT NULL;

ALTER TABLE company ADD sla_policy_id uuid;
ALTER TABLE company ADD CONSTRAINT company__sla_policy_id FOREIGN KEY (org_id, sla_policy_id) REFERENCES sla_policy;
CREATE INDEX company_sla_policy ON company (org_id, sla_policy_id) WHERE sla_policy_id IS NOT NULL;

-- Which policy a ticket is under.
CREATE TABLE sla_assignment (
  org_id     text NOT NULL,
  ticket_id  uuid NOT NULL,
  policy_id  uuid NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, ticket_id),
  CONSTRAINT sla_assignment__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE,
  CONSTRAINT sla_assignment__policy_id FOREIGN KEY (org_id, policy_id) REFERENCES sla_policy
);
CREATE INDEX sla_assignment_policy ON sla_assignment (org_id, policy_id);

-- The clock counts minutes (of business, with a calendar): elapsed until
-- running_since, and on from there while it runs.
CREATE TABLE sla_timer (
  org_id            text NOT NULL,
  timer_id          uuid NOT NULL,
  ticket_id         uuid NOT NULL,
  policy_id         uuid,
  metric            text NOT NULL,
  name              text,
  target_minutes    numeric NOT NULL,
  business_hours_id uuid,
  pause_statuses    text[] NOT NULL DEFAULT '{}',
  warn_percent      int NOT NULL DEFAULT 80,
  status            text NOT NULL DEFAULT 'running',
  started_at        timestamptz NOT NULL,
  running_since     timestamptz,
  elapsed_minutes   numeric NOT NULL DEFAULT 0,
  due_at            timestamptz,
  warn_at           timestamptz,
  paused_at         timestamptz,
  pause_reason      text,
  warned_at         timestamptz,
  breached_at       timestamptz,
  stopped_at        timestamptz,
  version           int NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, timer_id),
  CONSTRAINT sla_timer__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE,
  CONSTRAINT sla_timer__policy_id FOREIGN KEY (org_id, policy_id) REFERENCES sla_policy,
  CONSTRAINT sla_timer__business_hours_id FOREIGN KEY (org_id, business_hours_id) REFERENCES business_hours,
  CONSTRAINT sla_timer__metric CHECK (metric IN ('first_response', 'next_response', 'resolution', 'custom')),
  CONSTRAINT sla_timer__status CHECK (status IN ('running', 'paused', 'breached', 'met', 'cancelled'))
);
-- One clock of a kind at a time; customs as many as wanted.
CREATE UNIQUE INDEX sla_timer__ticket ON sla_timer (org_id, ticket_id, metric)
  WHERE metric <> 'custom' AND stopped_at IS NULL;
CREATE INDEX sla_timer_ticket ON sla_timer (org_id, ticket_id, started_at);
CREATE INDEX sla_timer_active ON sla_timer (org_id, due_at) WHERE status IN ('running', 'paused');
CREATE INDEX sla_timer_breaches ON sla_timer (org_id, breached_at, timer_id) WHERE breached_at IS NOT NULL;
CREATE INDEX sla_timer_policy ON sla_timer (org_id, policy_id, started_at) WHERE policy_id IS NOT NULL;
CREATE INDEX sla_timer_started ON sla_timer (org_id, started_at);
CREATE INDEX sla_timer_hours ON sla_timer (org_id, business_hours_id) WHERE business_hours_id IS NOT NULL;

CREATE TABLE sla_ledger (
  org_id   text NOT NULL,
  timer_id uuid NOT NULL,
  n        int NOT NULL,
  what     text NOT NULL,
  reason   text,
  at       timestamptz NOT NULL,
  elapsed_minutes numeric NOT NULL,
  due_at   timestamptz,
  actor_id text,
  PRIMARY KEY (org_id, timer_id, n),
  CONSTRAINT sla_ledger__timer_id FOREIGN KEY (org_id, timer_id) REFERENCES sla_timer ON DELETE CASCADE
);

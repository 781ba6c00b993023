-- The desk's tables. org_id leads every key and index; constraints are named
-- <table>__<field>, and the API reports an error on that field.

CREATE TABLE organization (
  org_id              text PRIMARY KEY,
  name                text NOT NULL,
  timezone            text NOT NULL DEFAULT 'UTC',
  reopen_window_hours int NOT NULL DEFAULT 336,
  csat_auto_send      boolean NOT NULL DEFAULT false,
  retention_days      int NOT NULL DEFAULT 30,
  rate_general        bigint,
  rate_bulk           bigint,
  default_customer_id uuid,
  version             int NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT organization__org_id CHECK (org_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$')
);

-- Which organisation a credential belongs to. The only table besides the list
-- of migrations that is not an organisation's own: it holds digests and nothing else.
CREATE TABLE directory (
  kind   text NOT NULL,
  digest text NOT NULL,
  org_id text NOT NULL,
  id     uuid NOT NULL,
  PRIMARY KEY (kind, digest, org_id)
);

CREATE TABLE app_user (
  org_id           text NOT NULL REFERENCES organization,
  user_id          uuid NOT NULL,
  email            text NOT NULL,
  name             text NOT NULL,
  role             text NOT NULL DEFAULT 'agent',
  password_hash    text,
  skills           text[] NOT NULL DEFAULT '{}',
  capacity         int NOT NULL DEFAULT 20,
  availability     text NOT NULL DEFAULT 'online',
  active           boolean NOT NULL DEFAULT true,
  external_id      text,
  last_assigned_at timestamptz,
  last_login_at    timestamptz,
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, user_id),
  CONSTRAINT app_user__role CHECK (role IN ('admin', 'agent', 'viewer')),
  CONSTRAINT app_user__capacity CHECK (capacity BETWEEN 0 AND 10000),
  CONSTRAINT app_user__availability CHECK (availability IN ('online', 'away', 'offline')),
  CONSTRAINT app_user__external_id UNIQUE (org_id, external_id)
);
CREATE UNIQUE INDEX app_user__email ON app_user (org_id, lower(email));

CREATE TABLE session (
  org_id        text NOT NULL,
  session_id    uuid NOT NULL,
  user_id       uuid NOT NULL,
  refresh_hash  text NOT NULL,
  previous_hash text,
  address       text,
  expires_at    timestamptz NOT NULL,
  revoked_at    timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, session_id),
  CONSTRAINT session__user_id FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);

CREATE TABLE api_key (
  org_id              text NOT NULL REFERENCES organization,
  key_id              uuid NOT NULL,
  name                text NOT NULL,
  prefix              text NOT NULL,
  secret_hash         text NOT NULL,
  previous_hash       text,
  previous_expires_at timestamptz,
  scopes              text[] NOT NULL DEFAULT '{}',
  allowed_ips         text[] NOT NULL DEFAULT '{}',
  rate_general        bigint,
  rate_bulk           bigint,
  expires_at          timestamptz,
  revoked_at          timestamptz,
  created_by          text,
  version             int NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, key_id),
  CONSTRAINT api_key__rate_general CHECK (rate_general >= 0),
  CONSTRAINT api_key__rate_bulk CHECK (rate_bulk >= 0)
);

CREATE TABLE company (
  org_id      text NOT NULL REFERENCES organization,
  company_id  uuid NOT NULL,
  name        text NOT NULL,
  domains     text[] NOT NULL DEFAULT '{}',
  external_id text,
  attributes  jsonb NOT NULL DEFAULT '{}',
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, company_id),
  CONSTRAINT company__external_id UNIQUE (org_id, external_id)
);

CREATE TABLE customer (
  org_id         text NOT NULL REFERENCES organization,
  customer_id    uuid NOT NULL,
  external_id    text,
  name           text NOT NULL DEFAULT '',
  email          text,
  phone          text,
  company_id     uuid,
  attributes     jsonb NOT NULL DEFAULT '{}',
  merged_into_id uuid,
  erased_at      timestamptz,
  version        int NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, customer_id),
  CONSTRAINT customer__external_id UNIQUE (org_id, external_id),
  CONSTRAINT customer__company_id FOREIGN KEY (org_id, company_id) REFERENCES company,
  CONSTRAINT customer__merged_into_id FOREIGN KEY (org_id, merged_into_id) REFERENCES customer
);
CREATE UNIQUE INDEX customer__email ON customer (org_id, lower(email)) WHERE merged_into_id IS NULL;
CREATE INDEX customer_created ON customer (org_id, created_at, customer_id);
CREATE INDEX customer_company ON customer (org_id, company_id);
CREATE INDEX customer_phone ON customer (org_id, phone);
CREATE INDEX customer_merged ON customer (org_id, merged_into_id) WHERE merged_into_id IS NOT NULL;

CREATE TABLE team (
  org_id      text NOT NULL REFERENCES organization,
  team_id     uuid NOT NULL,
  name        text NOT NULL,
  description text NOT NULL DEFAULT '',
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, team_id)
);
CREATE UNIQUE INDEX team__name ON team (org_id, lower(name));

CREATE TABLE team_member (
  org_id  text NOT NULL,
  team_id uuid NOT NULL,
  user_id uuid NOT NULL,
  PRIMARY KEY (org_id, team_id, user_id),
  CONSTRAINT team_member__team_id FOREIGN KEY (org_id, team_id) REFERENCES team ON DELETE CASCADE,
  CONSTRAINT team_member__user_id FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);
CREATE INDEX team_member_user ON team_member (org_id, user_id);

CREATE TABLE queue (
  org_id      text NOT NULL REFERENCES organization,
  queue_id    uuid NOT NULL,
  name        text NOT NULL,
  description text NOT NULL DEFAULT '',
  team_id     uuid,
  strategy    text NOT NULL DEFAULT 'manual',
  position    int NOT NULL DEFAULT 0,
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, queue_id),
  CONSTRAINT queue__team_id FOREIGN KEY (org_id, team_id) REFERENCES team,
  CONSTRAINT queue__strategy CHECK (strategy IN ('manual', 'round_robin', 'least_loaded', 'skill'))
);
CREATE UNIQUE INDEX queue__name ON queue (org_id, lower(name));

-- Numbers are leased from here in blocks (src/store/numbers.c).
CREATE TABLE ticket_counter (
  org_id      text PRIMARY KEY REFERENCES organization,
  next_number bigint NOT NULL DEFAULT 1
);

-- Its organisation is checked through the customer, which every ticket has.
CREATE TABLE ticket (
  org_id                   text NOT NULL,
  ticket_id                uuid NOT NULL,
  number                   bigint NOT NULL,
  title                    text NOT NULL,
  description              text NOT NULL DEFAULT '',
  status                   text NOT NULL DEFAULT 'new',
  priority                 text NOT NULL DEFAULT 'normal',
  customer_id              uuid NOT NULL,
  company_id               uuid,
  team_id                  uuid,
  queue_id                 uuid,
  assignee_user_id         uuid,
  required_skills          text[] NOT NULL DEFAULT '{}',
  tags                     text[] NOT NULL DEFAULT '{}',
  channel                  text NOT NULL DEFAULT 'api',
  external_id              text,
  custom_fields            jsonb NOT NULL DEFAULT '{}',
  ai_classification        jsonb,
  snoozed_until            timestamptz,
  snooze_until_reply       boolean NOT NULL DEFAULT false,
  merged_into_id           uuid,
  first_response_at        timestamptz,
  last_customer_comment_at timestamptz,
  last_agent_comment_at    timestamptz,
  resolved_at              timestamptz,
  closed_at                timestamptz,
  reopened_count           int NOT NULL DEFAULT 0,
  deleted_at               timestamptz,
  created_by               text,
  version                  int NOT NULL DEFAULT 1,
  created_at               timestamptz NOT NULL DEFAULT now(),
  updated_at               timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, ticket_id),
  CONSTRAINT ticket__number UNIQUE (org_id, number),
  CONSTRAINT ticket__customer_id FOREIGN KEY (org_id, customer_id) REFERENCES customer,
  CONSTRAINT ticket__company_id FOREIGN KEY (org_id, company_id) REFERENCES company,
  CONSTRAINT ticket__team_id FOREIGN KEY (org_id, team_id) REFERENCES team,
  CONSTRAINT ticket__queue_id FOREIGN KEY (org_id, queue_id) REFERENCES queue,
  CONSTRAINT ticket__assignee_user_id FOREIGN KEY (org_id, assignee_user_id) REFERENCES app_user,
  CONSTRAINT ticket__merged_into_id FOREIGN KEY (org_id, merged_into_id) REFERENCES ticket,
  CONSTRAINT ticket__status CHECK (status IN ('new', 'open', 'pending', 'on_hold', 'resolved', 'closed', 'merged')),
  CONSTRAINT ticket__merged CHECK ((status = 'merged') = (merged_into_id IS NOT NULL)),
  CONSTRAINT ticket__priority CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
  CONSTRAINT ticket__tags CHECK (cardinality(tags) <= 100)
);
CREATE UNIQUE INDEX ticket__external_id ON ticket (org_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX ticket_created ON ticket (org_id, created_at, ticket_id);
CREATE INDEX ticket_updated ON ticket (org_id, updated_at, ticket_id);
CREATE INDEX ticket_status ON ticket (org_id, status, created_at, ticket_id);
CREATE INDEX ticket_customer ON ticket (org_id, customer_id, created_at);
CREATE INDEX ticket_assignee ON ticket (org_id, assignee_user_id, status) WHERE assignee_user_id IS NOT NULL;
CREATE INDEX ticket_team ON ticket (org_id, team_id, created_at) WHERE team_id IS NOT NULL;
CREATE INDEX ticket_queue ON ticket (org_id, queue_id, created_at) WHERE queue_id IS NOT NULL;
CREATE INDEX ticket_merged ON ticket (org_id, merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX ticket_snoozed ON ticket (org_id, snoozed_until) WHERE snoozed_until IS NOT NULL;

-- ticket.tags by tag: array operators are not leakproof, so under row-level
-- security they could not use an index.
CREATE TABLE ticket_tag (
  org_id    text NOT NULL,
  tag       text NOT NULL,
  ticket_id uuid NOT NULL,
  PRIMARY KEY (org_id, tag, ticket_id),
  CONSTRAINT ticket_tag__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE
);
CREATE INDEX ticket_tag_ticket ON ticket_tag (org_id, ticket_id);

CREATE TABLE ticket_link (
  org_id     text NOT NULL,
  link_id    uuid NOT NULL,
  ticket_id  uuid NOT NULL,
  target_id  uuid NOT NULL,
  kind       text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, link_id),
  CONSTRAINT ticket_link__target_id UNIQUE (org_id, ticket_id, target_id, kind),
  CONSTRAINT ticket_link__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE,
  CONSTRAINT ticket_link_target__target_id FOREIGN KEY (org_id, target_id) REFERENCES ticket ON DELETE CASCADE,
  CONSTRAINT ticket_link_self__target_id CHECK (ticket_id <> target_id),
  CONSTRAINT ticket_link__kind CHECK (kind IN ('parent_of', 'related', 'duplicate_of', 'blocks'))
);
CREATE INDEX ticket_link_target ON ticket_link (org_id, target_id);

CREATE TABLE ticket_merge (
  org_id           text NOT NULL,
  merge_id         uuid NOT NULL,
  target_ticket_id uuid NOT NULL,
  source_ticket_id uuid NOT NULL,
  merged_by        text,
  merged_at        timestamptz NOT NULL DEFAULT now(),
  unmerged_by      text,
  unmerged_at      timestamptz,
  record           jsonb NOT NULL,
  PRIMARY KEY (org_id, merge_id),
  CONSTRAINT ticket_merge__target_ticket_id FOREIGN KEY (org_id, target_ticket_id) REFERENCES ticket ON DELETE CASCADE,
  CONSTRAINT ticket_merge__source_ticket_id FOREIGN KEY (org_id, source_ticket_id) REFERENCES ticket ON DELETE CASCADE
);
CREATE INDEX ticket_merge_target ON ticket_merge (org_id, target_ticket_id);
CREATE INDEX ticket_merge_source ON ticket_merge (org_id, source_ticket_id);

-- Public comments and internal notes: one thread, told apart by `internal`.
CREATE TABLE comment (
  org_id           text NOT NULL,
  comment_id       uuid NOT NULL,
  ticket_id        uuid NOT NULL,
  internal         boolean NOT NULL DEFAULT false,
  author_type      text NOT NULL,
  author_id        text,
  body             text NOT NULL,
  mentions         uuid[] NOT NULL DEFAULT '{}',
  external_id      text,
  origin_ticket_id uuid,
  edited_at        timestamptz,
  redacted_at      timestamptz,
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, comment_id),
  CONSTRAINT comment__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE,
  CONSTRAINT comment__author_type CHECK (author_type IN ('customer', 'user', 'api_key', 'legacy', 'system'))
);
CREATE INDEX comment_ticket ON comment (org_id, ticket_id, created_at, comment_id);
CREATE UNIQUE INDEX comment__external_id ON comment (org_id, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE comment_revision (
  org_id     text NOT NULL,
  comment_id uuid NOT NULL,
  version    int NOT NULL,
  body       text NOT NULL,
  edited_by  text,
  edited_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, comment_id, version),
  CONSTRAINT comment_revision__comment_id FOREIGN KEY (org_id, comment_id) REFERENCES comment ON DELETE CASCADE
);

-- The change log: written in the transaction of the change. Public rows get
-- their sequence number from the relay and are what /events, webhooks and the
-- stream deliver; audit rows are the audit log and a ticket's timeline.
CREATE TABLE event (
  org_id      text NOT NULL,
  event_id    uuid NOT NULL,
  seq         bigint,
  topic       text NOT NULL,
  public      boolean NOT NULL,
  audit       boolean NOT NULL,
  resource    text NOT NULL,
  resource_id text NOT NULL,
  ticket_id   uuid,
  actor_type  text,
  actor_id    text,
  address     text,
  request_id  text,
  suppress    text,
  changes     jsonb,
  data        jsonb,
  occurred_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, event_id),
  CONSTRAINT event__seq UNIQUE (org_id, seq)
);
CREATE INDEX event_unsequenced ON event (org_id, event_id) WHERE seq IS NULL AND public;
CREATE INDEX event_ticket ON event (org_id, ticket_id, occurred_at) WHERE ticket_id IS NOT NULL;
CREATE INDEX event_audit ON event (org_id, occurred_at, event_id) WHERE audit;

CREATE TABLE event_sequence (
  org_id   text PRIMARY KEY REFERENCES organization,
  last_seq bigint NOT NULL DEFAULT 0
);

CREATE TABLE idempotency_key (
  org_id      text NOT NULL,
  key_hash    text NOT NULL,
  route       text NOT NULL,
  fingerprint text NOT NULL,
  status      int NOT NULL,
  head        text NOT NULL,
  body        text NOT NULL,
  sealed      boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, key_hash)
);
CREATE INDEX idempotency_key_age ON idempotency_key (org_id, created_at);

CREATE TABLE usage_day (
  org_id    text NOT NULL,
  day       date NOT NULL,
  principal text NOT NULL,
  requests  bigint NOT NULL DEFAULT 0,
  errors    bigint NOT NULL DEFAULT 0,
  last_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, day, principal)
);

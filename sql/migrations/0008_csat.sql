-- CSAT surveys: one question to a customer about a ticket.

CREATE TABLE csat_survey (
  org_id        text NOT NULL,
  survey_id     uuid NOT NULL,
  ticket_id     uuid NOT NULL,
  customer_id   uuid NOT NULL,
  token_hash    text NOT NULL,
  agent_user_id uuid,
  team_id       uuid,
  queue_id      uuid,
  tags          text[] NOT NULL DEFAULT '{}',
  score         int,
  comment       text,
  expires_at    timestamptz NOT NULL,
  responded_at  timestamptz,
  requested_by  text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, survey_id),
  CONSTRAINT csat_survey__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE,
  CONSTRAINT csat_survey__customer_id FOREIGN KEY (org_id, customer_id) REFERENCES customer ON DELETE CASCADE,
  CONSTRAINT csat_survey__score CHECK (score BETWEEN 1 AND 5)
);
CREATE INDEX csat_survey_created ON csat_survey (org_id, created_at, survey_id);
CREATE INDEX csat_survey_ticket ON csat_survey (org_id, ticket_id);
CREATE INDEX csat_survey_customer ON csat_survey (org_id, customer_id);

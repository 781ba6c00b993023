-- Quality reviews: scorecards in versions, and what reviewers say of the work.

CREATE TABLE qa_scorecard (
  org_id       text NOT NULL REFERENCES organization,
  scorecard_id uuid NOT NULL,
  name         text NOT NULL,
  description  text NOT NULL DEFAULT '',
  criteria     jsonb NOT NULL,
  pass_mark    numeric NOT NULL DEFAULT 80,
  edition      int NOT NULL DEFAULT 1,
  archived     boolean NOT NULL DEFAULT false,
  version      int NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, scorecard_id)
);
CREATE UNIQUE INDEX qa_scorecard__name ON qa_scorecard (org_id, lower(name)) WHERE NOT archived;

-- Each edition of the criteria: a review keeps the one it was made with.
CREATE TABLE qa_edition (
  org_id       text NOT NULL,
  scorecard_id uuid NOT NULL,
  edition      int NOT NULL,
  criteria     jsonb NOT NULL,
  pass_mark    numeric NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, scorecard_id, edition),
  CONSTRAINT qa_edition__scorecard_id FOREIGN KEY (org_id, scorecard_id) REFERENCES qa_scorecard ON DELETE CASCADE
);

CREATE TABLE qa_review (
  org_id         text NOT NULL,
  review_id      uuid NOT NULL,
  ticket_id      uuid NOT NULL,
  scorecard_id   uuid NOT NULL,
  edition        int NOT NULL,
  agent_user_id  uuid NOT NULL,
  reviewer_id    text,
  status         text NOT NULL DEFAULT 'draft',
  scores         jsonb NOT NULL DEFAULT '[]',
  total          numeric,
  passed         boolean,
  auto_failed    boolean NOT NULL DEFAULT false,
  comment        text NOT NULL DEFAULT '',
  dispute_reason text,
  resolution     text,
  submitted_at   timestamptz,
  version        int NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, review_id),
  CONSTRAINT qa_review__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE,
  CONSTRAINT qa_review__scorecard_id FOREIGN KEY (org_id, scorecard_id) REFERENCES qa_scorecard,
  CONSTRAINT qa_review__agent_user_id FOREIGN KEY (org_id, agent_user_id) REFERENCES app_user,
  CONSTRAINT qa_review__status CHECK (status IN ('draft', 'submitted', 'acknowledged', 'disputed', 'void')),
  CONSTRAINT qa_review__resolution CHECK (resolution IN ('upheld', 'changed'))
);
CREATE INDEX qa_review_created ON qa_review (org_id, created_at, review_id);
CREATE INDEX qa_review_ticket ON qa_review (org_id, ticket_id);
CREATE INDEX qa_review_agent ON qa_review (org_id, agent_user_id, submitted_at);
CREATE INDEX qa_review_scorecard ON qa_review (org_id, scorecard_id);

-- E-mail on its way out. The text is forgotten once it is sent: it may carry a
-- survey's link, which is the customer's credential.

CREATE TABLE mail (
  org_id      text NOT NULL,
  mail_id     uuid NOT NULL,
  kind        text NOT NULL,
  ticket_id   uuid NOT NULL,
  comment_id  uuid,
  survey_id   uuid,
  recipient   text NOT NULL,
  subject     text NOT NULL,
  body        text,
  token       text,                    -- of a survey; {{survey_url}} in the body
  message_id  text NOT NULL,           -- without brackets and domain
  reply_to    text,                    -- message_id of the one before in the thread
  status      text NOT NULL DEFAULT 'pending',
  attempts    int NOT NULL DEFAULT 0,
  error       text,
  sent_at     timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, mail_id),
  CONSTRAINT mail__kind CHECK (kind IN ('survey', 'reply')),
  CONSTRAINT mail__status CHECK (status IN ('pending', 'sent', 'failed')),
  CONSTRAINT mail__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE
);
CREATE INDEX mail_ticket ON mail (org_id, ticket_id, created_at);
CREATE UNIQUE INDEX mail__comment_id ON mail (org_id, comment_id) WHERE comment_id IS NOT NULL;

ALTER TABLE organization ADD mail_replies boolean NOT NULL DEFAULT false;

-- E-mail on its way in; and files that belong to a comment.

CREATE TABLE inbound_mail (
  org_id      text NOT NULL REFERENCES organization,
  mail_id     uuid NOT NULL,
  message_id  text NOT NULL,              -- without brackets
  action      text NOT NULL,
  reason      text,
  ticket_id   uuid,
  comment_id  uuid,
  sender      text NOT NULL,              -- in lower case, as all of people
  people      text[] NOT NULL DEFAULT '{}', -- sender, To and Cc: who may go on with the thread
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, mail_id),
  CONSTRAINT inbound_mail__message_id UNIQUE (org_id, message_id),
  CONSTRAINT inbound_mail__action CHECK (action IN ('created', 'commented', 'ignored')),
  CONSTRAINT inbound_mail__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE
);
CREATE INDEX inbound_mail_ticket ON inbound_mail (org_id, ticket_id, received_at) WHERE ticket_id IS NOT NULL;
CREATE INDEX inbound_mail_sender ON inbound_mail (org_id, sender);

-- Where replies come to. Its local part leaves room for a plus and a token.
ALTER TABLE organization ADD inbound_address text,
  ADD CONSTRAINT organization__inbound_address CHECK (inbound_address ~ '^[^@+[:space:]]{1,20}@[^@[:space:]]+$');

-- Message-IDs of the thread, oldest first; those without an @ are our own.
ALTER TABLE mail ADD refs text NOT NULL DEFAULT '';

ALTER TABLE attachment ADD comment_id uuid,
  ADD CONSTRAINT attachment__comment_id FOREIGN KEY (org_id, comment_id) REFERENCES comment ON DELETE SET NULL (comment_id);
CREATE INDEX attachment_comment ON attachment (org_id, comment_id) WHERE comment_id IS NOT NULL;

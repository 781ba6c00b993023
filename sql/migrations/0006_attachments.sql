-- Attachments: the rows are the truth, the files lie under their content's
-- SHA-256 in the organisation's own folder (src/store/files.c).

CREATE TABLE attachment (
  org_id        text NOT NULL,
  attachment_id uuid NOT NULL,
  ticket_id     uuid NOT NULL,
  filename      text NOT NULL,
  content_type  text NOT NULL,
  size          bigint NOT NULL,
  sha256        text NOT NULL,
  created_by    text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, attachment_id),
  CONSTRAINT attachment__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE
);
CREATE INDEX attachment_ticket ON attachment (org_id, ticket_id, created_at);
CREATE INDEX attachment_content ON attachment (org_id, sha256);

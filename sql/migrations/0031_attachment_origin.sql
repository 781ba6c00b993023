-- A merge or split moves files as it moves comments, and remembers whence: who erases
-- a person finds what was the person's. What is deleted of a thread takes its files along:
-- a file of an internal note that lost its note would be everybody's.
ALTER TABLE attachment ADD origin_ticket_id uuid,
  DROP CONSTRAINT attachment__comment_id,
  ADD CONSTRAINT attachment__comment_id FOREIGN KEY (org_id, comment_id) REFERENCES comment ON DELETE CASCADE;
CREATE INDEX attachment_origin ON attachment (org_id, origin_ticket_id) WHERE origin_ticket_id IS NOT NULL;
-- The rows of all organisations, so row-level security steps aside for the owner's one
-- statement; the grants, which are run after every migration, force it again.
ALTER TABLE attachment NO FORCE ROW LEVEL SECURITY;
ALTER TABLE comment NO FORCE ROW LEVEL SECURITY;
UPDATE attachment a SET origin_ticket_id = c.origin_ticket_id
  FROM comment c
 WHERE c.org_id = a.org_id AND c.comment_id = a.comment_id AND c.origin_ticket_id IS NOT NULL;
ALTER TABLE attachment FORCE ROW LEVEL SECURITY;
ALTER TABLE comment FORCE ROW LEVEL SECURITY;

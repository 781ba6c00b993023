-- The words by organisation: looking for the beginning of a word gathers all of
-- its places in an index first, and those of other organisations are only in the
-- way. Hashing keeps most organisations apart at the price of 32 small indexes.
-- Deleted tickets and merged customers have no words: what is found is there.
CREATE SCHEMA search_part;

ALTER TABLE search_document RENAME TO search_document_whole;
ALTER TABLE search_document_whole DROP CONSTRAINT search_document_pkey, DROP CONSTRAINT search_document__kind;
DROP INDEX search_document_words, search_document_title, search_document_at;

CREATE TABLE search_document (
  org_id    text NOT NULL,
  kind      text NOT NULL,
  id        uuid NOT NULL,
  ticket_id uuid,
  at        timestamptz NOT NULL,
  title     text,
  words     tsvector NOT NULL,
  PRIMARY KEY (org_id, kind, id),
  CONSTRAINT search_document__kind CHECK (kind IN ('ticket', 'comment', 'note', 'customer'))
) PARTITION BY HASH (org_id);
DO $$
BEGIN
  FOR i IN 0 .. 31 LOOP
    EXECUTE format('CREATE TABLE search_part.document_%s PARTITION OF search_document FOR VALUES WITH (MODULUS 32, REMAINDER %s)', i, i);
  END LOOP;
END
$$;

ALTER TABLE ticket NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customer NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_document
SELECT d.* FROM search_document_whole d
  LEFT JOIN ticket t ON t.org_id = d.org_id AND t.ticket_id = d.ticket_id
  LEFT JOIN customer c ON d.kind = 'customer' AND c.org_id = d.org_id AND c.customer_id = d.id
 WHERE t.deleted_at IS NULL AND c.merged_into_id IS NULL;
ALTER TABLE ticket FORCE ROW LEVEL SECURITY;
ALTER TABLE customer FORCE ROW LEVEL SECURITY;
DROP TABLE search_document_whole;

-- Titles have no index of their own: what looks alike is sought among the newest.
-- New words wait in a list that every search reads to its end: it is kept short.
-- Customers have an index of their own, so that a name that every thread has is found.
CREATE INDEX search_document_words ON search_document USING gin (org_id, words)
  WITH (gin_pending_list_limit = 512) WHERE kind <> 'customer';
CREATE INDEX search_document_names ON search_document USING gin (org_id, words)
  WITH (gin_pending_list_limit = 512) WHERE kind = 'customer';
CREATE INDEX search_document_at ON search_document (org_id, at) WHERE kind <> 'customer';

DROP FUNCTION IF EXISTS search_candidates(text, text[]);
DROP FUNCTION IF EXISTS search_keep(text, text, uuid, uuid, timestamptz, text, tsvector);
DROP TYPE IF EXISTS search_hit;

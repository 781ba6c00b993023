-- Full text. Under row-level security the operators of text search use no
-- index, because they are not leakproof. So the words stand in a table of their
-- own that no role but the owner can read: search_candidates() reads it for the
-- transaction's organisation alone, and what it finds is joined with the tables
-- under row-level security before anybody sees it.

CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

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
);
CREATE INDEX search_document_words ON search_document USING gin (org_id, words);
CREATE INDEX search_document_title ON search_document USING gin (org_id, title gin_trgm_ops) WHERE title IS NOT NULL;
CREATE INDEX search_document_at ON search_document (org_id, at);

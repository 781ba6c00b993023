-- Another desk numbers comments within their ticket, so an id of one is only one within the
-- ticket on which it was written: where a merge or split has put it does not matter.
DROP INDEX comment__external_id;
CREATE UNIQUE INDEX comment__external_id ON comment (org_id, (COALESCE(origin_ticket_id, ticket_id)), external_id)
  WHERE external_id IS NOT NULL;

-- Requesters of imports who are known by their names only.
CREATE INDEX customer_name ON customer (org_id, name);

-- They return something now (sql/functions/58_import_tickets.sql).
DROP FUNCTION IF EXISTS import_comments(text, jsonb, jsonb);
DROP FUNCTION IF EXISTS import_new_tickets(text, jsonb);

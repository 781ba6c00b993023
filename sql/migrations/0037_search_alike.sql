-- Names that look like what was looked for are found among all customers: the search
-- took 2000 of them, whichever came first. Titles of tickets still have no such index,
-- which would cost each new ticket more than it is worth: the newest are looked through.
CREATE INDEX search_document_alike ON search_document USING gin (org_id, title gin_trgm_ops) WHERE kind = 'customer';

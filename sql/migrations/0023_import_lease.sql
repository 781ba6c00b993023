-- What shows that an import is the scheduler's: a secret that is new with each
-- claim, and that the workers' role cannot read (sql/grants.sql). With it alone
-- import_batch() works, and only there the change log is silent.

CREATE TABLE import_lease (
  org_id text NOT NULL,
  job_id uuid NOT NULL,
  secret uuid NOT NULL,
  PRIMARY KEY (org_id, job_id),
  CONSTRAINT import_lease__job_id FOREIGN KEY (org_id, job_id) REFERENCES job ON DELETE CASCADE
);

-- Once for a statement rather than once for a row (sql/functions/56_search.sql, 57_imports.sql).
DROP TRIGGER IF EXISTS search_insert ON ticket;
DROP TRIGGER IF EXISTS search_insert ON comment;
DROP TRIGGER IF EXISTS search_insert ON customer;
DROP TRIGGER IF EXISTS email_insert ON customer;
DROP FUNCTION IF EXISTS import_begin(text, uuid);
DROP FUNCTION IF EXISTS import_batch(text, uuid, jsonb, jsonb, jsonb, jsonb);

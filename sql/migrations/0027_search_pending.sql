-- What an import brought and search does not find yet: search_keep_up() does it.

CREATE TABLE search_pending (
  org_id text NOT NULL,
  n      bigint GENERATED ALWAYS AS IDENTITY,
  kind   text NOT NULL,
  ids    uuid[] NOT NULL,
  PRIMARY KEY (org_id, n),
  CONSTRAINT search_pending__kind CHECK (kind IN ('ticket', 'comment'))
);

-- The words that several of an organisation's texts have, for searches whose words
-- stand nowhere: search_learn() takes them, search_corrected() reads them.
CREATE TABLE search_vocabulary (
  org_id   text PRIMARY KEY REFERENCES organization (org_id) ON DELETE CASCADE,
  last_seq bigint NOT NULL,      -- of the organisation's events when the words were taken
  taken_at timestamptz NOT NULL,
  words    text[] NOT NULL,      -- the shortest first
  ends     int[] NOT NULL        -- how many of them have at most 1, 2, … 40 characters
);

-- What a search found is handed on as one row.
CREATE TYPE search_hit AS (
  kind      text,
  id        uuid,
  ticket_id uuid,
  score     int                            -- rank in millionths
);
DROP FUNCTION IF EXISTS search_candidates(text, text[]);
DROP FUNCTION IF EXISTS search_matching(text, tsquery, tsquery, text[]);
DROP FUNCTION IF EXISTS search_mark(text, tsquery, boolean);

-- A hit carries its place: how well it matches and, of those that match as well, when it
-- was written. One number is ordered faster than a score and an id, and what was imported
-- stands by the time that it was written at, not by the time of the import.
DROP FUNCTION IF EXISTS search_candidates(text, text[], int, uuid, int);
DROP FUNCTION IF EXISTS search_matching(text, tsquery, tsquery, text[], int, uuid, int);
DROP FUNCTION IF EXISTS search_among(text, text[], uuid[]);
DROP TYPE search_hit;
CREATE TYPE search_hit AS (
  kind      text,
  id        uuid,
  ticket_id uuid,
  place     bigint                         -- search_place()
);

-- Search is composed in src/resources/search.c.

-- $1 is the organisation, or null for anybody.
-- name: search_keep_up
SELECT search_keep_up($1);

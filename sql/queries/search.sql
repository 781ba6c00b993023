-- Search is composed in src/resources/search.c.

-- $1 is the organisation, or null for anybody.
-- name: search_keep_up
SELECT search_keep_up($1);

-- Of no organisation and so without a hit: for the plans, which PostgreSQL makes anew on
-- each connection. The descriptions of 32 partitions and their indexes are most of the work.
-- name: search_warm_up
SELECT total FROM search_candidates('warm up', '{ticket,comment,note,customer}');

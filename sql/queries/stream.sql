-- What the stream process reads, one organisation at a time.

-- Where the sequence ends, and the oldest event that is kept.
-- name: stream_bounds
SELECT s.last_seq, COALESCE((SELECT min(e.seq) FROM event e WHERE e.org_id = $1 AND e.seq IS NOT NULL), s.last_seq + 1) AS oldest
  FROM event_sequence s
 WHERE s.org_id = $1;

-- name: stream_page
SELECT t.* FROM event_v t WHERE t.org_id = $1 AND t.seq > $2::bigint ORDER BY t.seq LIMIT $3::int;

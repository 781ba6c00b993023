-- Quality reviews. $1 is the caller's organisation, $2 the scorecard or review.

-- name: qa_scorecard_create
INSERT INTO qa_scorecard (org_id, scorecard_id, name, description, criteria, pass_mark)
SELECT $1, $2, b.name, COALESCE(b.description, ''), b.criteria, COALESCE(b.pass_mark, 80)
  FROM jsonb_to_record($3::jsonb) AS b(name text, description text, criteria jsonb, pass_mark numeric)
RETURNING scorecard_id;

-- name: qa_scorecard_patch
UPDATE qa_scorecard c
   SET (name, description, criteria, pass_mark, archived) =
       (SELECT p.name, p.description, p.criteria, p.pass_mark, p.archived
          FROM jsonb_populate_record(c, $3::jsonb) p)
 WHERE c.org_id = $1 AND c.scorecard_id = $2
RETURNING c.scorecard_id;

-- name: qa_review_create
SELECT qa_review_create($1, $2, $3::jsonb);

-- name: qa_review_patch
SELECT x.id FROM (SELECT qa_review_patch($1, $2, $3::jsonb) AS id) x WHERE x.id IS NOT NULL;

-- name: qa_sample
SELECT s ->> 'seed' AS seed, s -> 'data' AS data FROM qa_sample($1, $2::jsonb) s;

-- The criteria that a review was made with.
-- name: qa_review_scorecard
SELECT e.scorecard_id, c.name, e.edition, e.criteria, e.pass_mark
  FROM qa_review r
  JOIN qa_edition e ON e.org_id = r.org_id AND e.scorecard_id = r.scorecard_id AND e.edition = r.edition
  JOIN qa_scorecard c ON c.org_id = r.org_id AND c.scorecard_id = r.scorecard_id
 WHERE r.org_id = $1 AND r.review_id = $2;

-- $4: agent, team (the ticket's), scorecard, week or criterion; $5 one scorecard, or null for all.
-- name: qa_analytics
WITH r AS (
  SELECT r.*, t.team_id, date_trunc('week', r.submitted_at AT TIME ZONE o.timezone)::date AS week
    FROM qa_review r
    JOIN organization o ON o.org_id = r.org_id
    JOIN ticket t ON t.org_id = r.org_id AND t.ticket_id = r.ticket_id
   WHERE r.org_id = $1 AND r.status IN ('submitted', 'acknowledged', 'disputed')
     AND r.submitted_at >= $2::timestamptz AND r.submitted_at < $3::timestamptz
     AND ($5::uuid IS NULL OR r.scorecard_id = $5::uuid)
), part AS (
  SELECT CASE $4 WHEN 'agent' THEN r.agent_user_id::text WHEN 'team' THEN r.team_id::text
                 WHEN 'scorecard' THEN r.scorecard_id::text ELSE r.week::text END AS key,
         NULL::uuid AS scorecard_id, NULL AS name, r.total AS score, r.passed, r.auto_failed
    FROM r WHERE $4 <> 'criterion'
  UNION ALL SELECT s ->> 'criterion', r.scorecard_id, first_value(c ->> 'name') OVER (PARTITION BY r.scorecard_id, c ->> 'key' ORDER BY r.edition DESC),
         round(100 * (s ->> 'score')::numeric / (c ->> 'max_score')::numeric, 1), r.passed, r.auto_failed
    FROM r
    JOIN qa_edition e ON e.org_id = $1 AND e.scorecard_id = r.scorecard_id AND e.edition = r.edition
   CROSS JOIN LATERAL jsonb_array_elements(r.scores) s
    JOIN LATERAL jsonb_array_elements(e.criteria) c ON c ->> 'key' = s ->> 'criterion' WHERE $4 = 'criterion'
), g AS (
  SELECT p.key, p.scorecard_id, COALESCE(p.name, group_name($1, $4, p.key)) AS name, count(*) AS reviews,
         round(avg(p.score), 1) AS average_score,
         round(100.0 * count(*) FILTER (WHERE p.passed) / count(*), 1) AS pass_rate,
         count(*) FILTER (WHERE p.auto_failed) AS auto_failed
    FROM part p GROUP BY p.key, p.scorecard_id, p.name
)
SELECT COALESCE(jsonb_agg(to_jsonb(g) ORDER BY g.key, g.scorecard_id), '[]') AS data FROM g;

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

-- $4: agent, team, scorecard, week or criterion.
-- name: qa_analytics
WITH r AS (
  SELECT r.* FROM qa_review r
   WHERE r.org_id = $1 AND r.status IN ('submitted', 'acknowledged', 'disputed')
     AND r.submitted_at >= $2::timestamptz AND r.submitted_at < $3::timestamptz
), part AS (
  SELECT r.agent_user_id::text AS key, r.total AS score, r.passed, r.auto_failed FROM r WHERE $4 = 'agent'
  UNION ALL SELECT m.team_id::text, r.total, r.passed, r.auto_failed
    FROM r JOIN team_member m ON m.org_id = $1 AND m.user_id = r.agent_user_id WHERE $4 = 'team'
  UNION ALL SELECT r.scorecard_id::text, r.total, r.passed, r.auto_failed FROM r WHERE $4 = 'scorecard'
  UNION ALL SELECT date_trunc('week', r.submitted_at)::date::text, r.total, r.passed, r.auto_failed FROM r WHERE $4 = 'week'
  UNION ALL SELECT s ->> 'criterion', round(100 * (s ->> 'score')::numeric / (c ->> 'max_score')::numeric, 1), r.passed, r.auto_failed
    FROM r
    JOIN qa_edition e ON e.org_id = $1 AND e.scorecard_id = r.scorecard_id AND e.edition = r.edition
   CROSS JOIN LATERAL jsonb_array_elements(r.scores) s
    JOIN LATERAL jsonb_array_elements(e.criteria) c ON c ->> 'key' = s ->> 'criterion' WHERE $4 = 'criterion'
), g AS (
  SELECT p.key, count(*) AS reviews, round(avg(p.score), 1) AS average_score,
         round(100.0 * count(*) FILTER (WHERE p.passed) / count(*), 1) AS pass_rate,
         count(*) FILTER (WHERE p.auto_failed) AS auto_failed
    FROM part p GROUP BY p.key
)
SELECT COALESCE(jsonb_agg(to_jsonb(g) || jsonb_build_object('name', COALESCE(
         CASE $4 WHEN 'agent' THEN (SELECT u.name FROM app_user u WHERE u.org_id = $1 AND u.user_id::text = g.key)
                 WHEN 'team' THEN (SELECT t.name FROM team t WHERE t.org_id = $1 AND t.team_id::text = g.key)
                 WHEN 'scorecard' THEN (SELECT c.name FROM qa_scorecard c WHERE c.org_id = $1 AND c.scorecard_id::text = g.key)
                 ELSE g.key END, '(none)')) ORDER BY g.key), '[]') AS data
  FROM g;

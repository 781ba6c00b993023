-- CSAT. $1 is the caller's organisation.

-- name: csat_request
SELECT csat_request($1, $2, $3, $4::jsonb);

-- name: csat_submit
SELECT s.survey_id, s.score, s.responded_at FROM csat_submit($1, $2::jsonb) s WHERE s.survey_id IS NOT NULL;

-- From $2 to before $3, in steps of $4 ("day") of the organisation's time zone.
-- name: csat_analytics
SELECT c.f -> 'requested' AS requested, c.f -> 'responses' AS responses, c.f -> 'csat_percent' AS csat_percent,
       c.f -> 'average_score' AS average_score, c.f -> 'response_rate' AS response_rate,
       c.f -> 'distribution' AS distribution,
       (SELECT COALESCE(jsonb_agg(x.f || jsonb_build_object('period', x.period) ORDER BY x.period), '[]')
          FROM (SELECT date_trunc($4, s.created_at AT TIME ZONE o.timezone)::date AS period,
                       csat_figures(count(*), array_agg(s.score)) AS f
                  FROM csat_sent($1, $2::timestamptz, $3::timestamptz) s
                 GROUP BY 1) x) AS trend,
       csat_between($1, $2::timestamptz - ($3::timestamptz - $2::timestamptz), $2::timestamptz) AS previous,
       $2::timestamptz AS "from", $3::timestamptz AS "to"
  FROM organization o, LATERAL (SELECT csat_between($1, $2::timestamptz, $3::timestamptz) AS f OFFSET 0) c -- once, and not for each column
 WHERE o.org_id = $1;

-- $4: agent, team, queue or tag.
-- name: csat_by_dimension
WITH s AS (
  SELECT d.key, s.score
    FROM csat_sent($1, $2::timestamptz, $3::timestamptz) s
   CROSS JOIN LATERAL (
     SELECT s.agent_user_id::text AS key WHERE $4 = 'agent'
      UNION ALL SELECT s.team_id::text WHERE $4 = 'team'
      UNION ALL SELECT s.queue_id::text WHERE $4 = 'queue'
      UNION ALL SELECT unnest(CASE s.tags WHEN '{}' THEN ARRAY[NULL] ELSE s.tags END) WHERE $4 = 'tag') d
), g AS (
  SELECT s.key, csat_figures(count(*), array_agg(s.score)) AS f FROM s GROUP BY s.key
)
SELECT COALESCE(jsonb_agg(g.f || jsonb_build_object('key', g.key, 'name', group_name($1, $4, g.key))
         ORDER BY (g.f ->> 'responses')::int DESC, g.key), '[]') AS data
  FROM g;

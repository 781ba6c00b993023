-- Reports. $1 is the caller's organisation, $2 and $3 the period.

-- Goes before each: its plan is made for its period, since one for any period takes a
-- year for a day; and what several processes have counted is few rows, however many the
-- planner thinks.
-- name: report_planning
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('parallel_tuple_cost', '0', true);

-- name: report_overview
SELECT f -> 'created' AS created, f -> 'solved' AS solved, f -> 'reopened' AS reopened,
       f -> 'first_reply_minutes' AS first_reply_minutes, f -> 'resolution_minutes' AS resolution_minutes,
       f -> 'csat_percent' AS csat_percent, b AS backlog, before AS previous,
       $2::timestamptz AS "from", $3::timestamptz AS "to"
  FROM report_counts($1, $2::timestamptz, $3::timestamptz) f
  CROSS JOIN report_backlog($1) b
  LEFT JOIN report_counts($1, $2::timestamptz - ($3::timestamptz - $2::timestamptz), $2::timestamptz) before ON $4::boolean;

-- $4 the step, $5 what to group by, $6 created or solved. Every step of the
-- period is there, with 0 where nothing happened.
-- name: report_volume
WITH o AS (
  SELECT org_id, timezone FROM organization WHERE org_id = $1
), x AS NOT MATERIALIZED ( -- one of the two; the other is not even begun
  SELECT t.created_at AS at, t.status, t.priority, t.team_id, t.assignee_user_id, t.queue_id, t.channel, t.ai_classification, t.tags
    FROM ticket t
   WHERE $6 = 'created' AND t.org_id = $1 AND t.deleted_at IS NULL
     AND t.created_at >= $2::timestamptz AND t.created_at < $3::timestamptz
   UNION ALL
  SELECT t.resolved_at, t.status, t.priority, t.team_id, t.assignee_user_id, t.queue_id, t.channel, t.ai_classification, t.tags
    FROM ticket t
   WHERE $6 = 'solved' AND t.org_id = $1 AND t.deleted_at IS NULL
     AND t.resolved_at >= $2::timestamptz AND t.resolved_at < $3::timestamptz
), y AS NOT MATERIALIZED (
  SELECT x.at, CASE $5 WHEN 'status' THEN x.status WHEN 'priority' THEN x.priority WHEN 'team' THEN x.team_id::text
                       WHEN 'assignee' THEN x.assignee_user_id::text WHEN 'queue' THEN x.queue_id::text
                       WHEN 'channel' THEN x.channel WHEN 'topic' THEN x.ai_classification ->> 'topic' END AS key
    FROM x WHERE $5 <> 'tag'
   UNION ALL
  SELECT x.at, g.tag FROM x LEFT JOIN LATERAL unnest(x.tags) AS g(tag) ON true WHERE $5 = 'tag'
), t AS ( -- by the quarter of an hour, of which every zone's offset is a multiple: local time is dear
  SELECT date_bin('15 minutes', y.at, '2000-01-01Z') AS bin, y.key, count(*) AS n FROM y GROUP BY 1, 2
), n AS (
  SELECT t.key, date_trunc($4, t.bin AT TIME ZONE o.timezone) AS period, sum(t.n)::bigint AS n FROM t, o GROUP BY 1, 2
), top AS (
  SELECT n.key, sum(n.n) AS total FROM n GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50
), step AS (
  SELECT p FROM o, generate_series(date_trunc($4, $2::timestamptz AT TIME ZONE o.timezone),
    ($3::timestamptz - interval '1 microsecond') AT TIME ZONE o.timezone, ('1 ' || $4)::interval) p
)
SELECT COALESCE(jsonb_agg(jsonb_build_object('key', top.key, 'name', COALESCE(
         CASE $5 WHEN 'team' THEN (SELECT x.name FROM team x WHERE x.org_id = $1 AND x.team_id::text = top.key)
                 WHEN 'queue' THEN (SELECT x.name FROM queue x WHERE x.org_id = $1 AND x.queue_id::text = top.key)
                 WHEN 'assignee' THEN (SELECT x.name FROM app_user x WHERE x.org_id = $1 AND x.user_id::text = top.key)
                 WHEN 'none' THEN 'all' ELSE top.key END, '(none)'),
         'total', top.total,
         'points', (SELECT jsonb_agg(jsonb_build_object('period', to_char(step.p, 'YYYY-MM-DD"T"HH24:MI'), 'count', COALESCE(n.n, 0)) ORDER BY step.p)
                      FROM step LEFT JOIN n ON n.period = step.p AND n.key IS NOT DISTINCT FROM top.key))
         ORDER BY top.total DESC, top.key), '[]') AS series
  FROM top;

-- $4 one agent, or null for all.
-- name: report_agents
WITH who AS (
  SELECT u.user_id, u.name, u.active FROM app_user u
   WHERE u.org_id = $1 AND ($4::uuid IS NULL OR u.user_id = $4::uuid)
), assigned AS (
  SELECT t.assignee_user_id AS user_id, (date_part('epoch', t.first_response_at - t.created_at) / 60)::int AS m, count(*) AS n
    FROM ticket t
   WHERE t.org_id = $1 AND t.created_at >= $2::timestamptz AND t.created_at < $3::timestamptz AND t.deleted_at IS NULL
     AND ($4::uuid IS NULL OR t.assignee_user_id = $4::uuid)
   GROUP BY 1, 2
), a AS (
  SELECT user_id, sum(n) AS assigned, report_spread(array_agg(m) FILTER (WHERE m IS NOT NULL), array_agg(n) FILTER (WHERE m IS NOT NULL)) AS spread
    FROM assigned GROUP BY 1
), solved AS (
  SELECT t.assignee_user_id AS user_id, (date_part('epoch', t.resolved_at - t.created_at) / 60)::int AS m, count(*) AS n
    FROM ticket t
   WHERE t.org_id = $1 AND t.resolved_at >= $2::timestamptz AND t.resolved_at < $3::timestamptz AND t.deleted_at IS NULL
     AND ($4::uuid IS NULL OR t.assignee_user_id = $4::uuid)
   GROUP BY 1, 2
), s AS (
  SELECT user_id, sum(n) AS solved, report_spread(array_agg(m), array_agg(n)) AS spread FROM solved GROUP BY 1
), r AS (
  SELECT c.author_id, count(*) AS replies FROM comment c
   WHERE c.org_id = $1 AND c.created_at >= $2::timestamptz AND c.created_at < $3::timestamptz
     AND NOT c.internal AND c.author_type <> 'customer' GROUP BY 1
), o AS (
  SELECT t.assignee_user_id, count(*) AS n FROM ticket t
   WHERE t.org_id = $1 AND t.deleted_at IS NULL AND t.status IN ('new', 'open', 'pending', 'on_hold')
     AND t.assignee_user_id IS NOT NULL AND ($4::uuid IS NULL OR t.assignee_user_id = $4::uuid)
   GROUP BY 1
), q AS (
  SELECT v.agent_user_id, csat_figures(count(*), array_agg(v.score)) AS f FROM csat_survey v
   WHERE v.org_id = $1 AND v.created_at >= $2::timestamptz AND v.created_at < $3::timestamptz GROUP BY 1
), qa AS (
  SELECT v.agent_user_id, round(avg(v.total), 1) AS score FROM qa_review v
   WHERE v.org_id = $1 AND v.submitted_at >= $2::timestamptz AND v.submitted_at < $3::timestamptz
     AND v.status IN ('submitted', 'acknowledged', 'disputed') GROUP BY 1
)
SELECT w.user_id, w.name, w.active, COALESCE(a.assigned, 0)::bigint AS assigned, COALESCE(s.solved, 0)::bigint AS solved,
       COALESCE(o.n, 0) AS open_now,
       COALESCE(r.replies, 0) AS replies,
       (a.spread -> 'median') AS first_reply_median_minutes, (s.spread -> 'median') AS resolution_median_minutes,
       (q.f -> 'csat_percent') AS csat_percent, qa.score AS qa_score
  FROM who w
  LEFT JOIN a ON a.user_id = w.user_id
  LEFT JOIN s ON s.user_id = w.user_id
  LEFT JOIN o ON o.assignee_user_id = w.user_id
  LEFT JOIN r ON r.author_id = w.user_id::text
  LEFT JOIN q ON q.agent_user_id = w.user_id
  LEFT JOIN qa ON qa.agent_user_id = w.user_id
 ORDER BY solved DESC, assigned DESC, w.name, w.user_id
 LIMIT 1000;

-- Teams add up what their members did.
-- name: report_teams
WITH t AS (
  SELECT t.team_id, count(*) AS assigned FROM ticket t
   WHERE t.org_id = $1 AND t.created_at >= $2::timestamptz AND t.created_at < $3::timestamptz AND t.deleted_at IS NULL GROUP BY 1
), solved AS (
  SELECT t.team_id, (date_part('epoch', t.resolved_at - t.created_at) / 60)::int AS m, count(*) AS n
    FROM ticket t
   WHERE t.org_id = $1 AND t.resolved_at >= $2::timestamptz AND t.resolved_at < $3::timestamptz AND t.deleted_at IS NULL GROUP BY 1, 2
), s AS (
  SELECT team_id, sum(n) AS solved, report_spread(array_agg(m), array_agg(n)) AS spread FROM solved GROUP BY 1
), q AS (
  SELECT v.team_id, csat_figures(count(*), array_agg(v.score)) AS f FROM csat_survey v
   WHERE v.org_id = $1 AND v.created_at >= $2::timestamptz AND v.created_at < $3::timestamptz GROUP BY 1
)
SELECT w.team_id, w.name, COALESCE(t.assigned, 0) AS assigned, COALESCE(s.solved, 0)::bigint AS solved,
       (SELECT count(*) FROM ticket x WHERE x.org_id = $1 AND x.team_id = w.team_id AND x.deleted_at IS NULL
           AND x.status IN ('new', 'open', 'pending', 'on_hold')) AS open_now,
       (s.spread -> 'median') AS resolution_median_minutes, (q.f -> 'csat_percent') AS csat_percent
  FROM team w
  LEFT JOIN t ON t.team_id = w.team_id
  LEFT JOIN s ON s.team_id = w.team_id
  LEFT JOIN q ON q.team_id = w.team_id
 WHERE w.org_id = $1
 ORDER BY solved DESC, assigned DESC, w.name, w.team_id
 LIMIT 1000;

-- name: report_agent_days
WITH span AS (
  SELECT o.timezone, date_trunc('day', $2::timestamptz AT TIME ZONE o.timezone) AS first,
         date_trunc('day', ($3::timestamptz - interval '1 microsecond') AT TIME ZONE o.timezone) AS last
    FROM organization o WHERE o.org_id = $1
), n AS (
  SELECT date_trunc('day', t.resolved_at AT TIME ZONE (SELECT timezone FROM span)) AS day, count(*) AS solved
    FROM ticket t
   WHERE t.org_id = $1 AND t.assignee_user_id = $4::uuid AND t.deleted_at IS NULL
     AND t.resolved_at >= (SELECT first AT TIME ZONE timezone FROM span)
     AND t.resolved_at < (SELECT (last + interval '1 day') AT TIME ZONE timezone FROM span)
   GROUP BY 1
)
SELECT to_char(d.day, 'YYYY-MM-DD') AS day, COALESCE(n.solved, 0) AS solved
  FROM span CROSS JOIN LATERAL generate_series(span.first, span.last, interval '1 day') AS d(day)
  LEFT JOIN n ON n.day = d.day
 ORDER BY 1;

-- name: report_sla
WITH x AS (
  SELECT t.policy_id, p.name, t.metric, k.priority, k.team_id, count(*) AS timers,
         count(*) FILTER (WHERE t.status = 'met') AS met, count(*) FILTER (WHERE t.breached_at IS NOT NULL) AS breached
    FROM sla_timer t
    JOIN ticket k ON k.org_id = t.org_id AND k.ticket_id = t.ticket_id AND k.deleted_at IS NULL
    LEFT JOIN sla_policy p ON p.org_id = t.org_id AND p.policy_id = t.policy_id
   WHERE t.org_id = $1 AND t.started_at >= $2::timestamptz AND t.started_at < $3::timestamptz AND t.status <> 'cancelled'
   GROUP BY 1, 2, 3, 4, 5
)
SELECT COALESCE((SELECT jsonb_agg(jsonb_build_object('policy_id', y.policy_id, 'name', y.name, 'metric', y.metric, 'timers', y.timers,
                   'met', y.met, 'breached', y.breached, 'attainment_percent', round(100.0 * y.met / NULLIF(y.met + y.breached, 0), 1))
                   ORDER BY y.name, y.metric)
          FROM (SELECT x.policy_id, x.name, x.metric, sum(x.timers) AS timers, sum(x.met) AS met, sum(x.breached) AS breached FROM x GROUP BY 1, 2, 3) y), '[]') AS policies,
       COALESCE((SELECT jsonb_agg(jsonb_build_object('team_id', y.team_id, 'metric', y.metric, 'timers', y.timers,
                   'met', y.met, 'breached', y.breached, 'attainment_percent', round(100.0 * y.met / NULLIF(y.met + y.breached, 0), 1))
                   ORDER BY y.team_id, y.metric)
          FROM (SELECT x.team_id, x.metric, sum(x.timers) AS timers, sum(x.met) AS met, sum(x.breached) AS breached FROM x GROUP BY 1, 2) y), '[]') AS by_team,
       COALESCE((SELECT jsonb_agg(jsonb_build_object('priority', p.priority, 'tickets', p.n,
                   'timers', COALESCE((SELECT sum(x.timers) FROM x WHERE x.priority = p.priority), 0),
                   'met', COALESCE((SELECT sum(x.met) FROM x WHERE x.priority = p.priority), 0),
                   'breached', COALESCE((SELECT sum(x.breached) FROM x WHERE x.priority = p.priority), 0),
                   'first_reply_minutes', p.spread) ORDER BY priority_rank(p.priority) DESC)
          FROM (SELECT x.priority, sum(x.n)::bigint AS n,
                       report_spread(array_agg(x.m) FILTER (WHERE x.m IS NOT NULL), array_agg(x.n) FILTER (WHERE x.m IS NOT NULL)) AS spread
                  FROM (SELECT t.priority, (date_part('epoch', t.first_response_at - t.created_at) / 60)::int AS m, count(*) AS n
                          FROM ticket t
                         WHERE t.org_id = $1 AND t.created_at >= $2::timestamptz AND t.created_at < $3::timestamptz
                           AND t.deleted_at IS NULL GROUP BY 1, 2) x
                 GROUP BY 1) p), '[]') AS by_priority,
       (SELECT r FROM report_resolution($1, $2::timestamptz, $3::timestamptz) r) AS resolution_minutes;

-- name: report_ai
WITH t AS (
  SELECT t.ai_classification ->> 'topic' AS topic, COALESCE((t.ai_classification ->> 'overridden')::boolean, false) AS overridden,
         (t.ai_classification ->> 'confidence')::numeric AS confidence
    FROM ticket t
   WHERE t.org_id = $1 AND t.created_at >= $2::timestamptz AND t.created_at < $3::timestamptz AND t.deleted_at IS NULL
     AND t.ai_classification IS NOT NULL
)
SELECT (SELECT count(*) FROM t) AS classified, (SELECT count(*) FROM t WHERE t.overridden) AS overridden,
       (SELECT round(100.0 * count(*) FILTER (WHERE t.overridden) / NULLIF(count(*), 0), 1) FROM t) AS override_rate,
       (SELECT COALESCE(jsonb_agg(to_jsonb(x) ORDER BY x.tickets DESC, x.topic), '[]')
          FROM (SELECT t.topic, count(*) AS tickets, count(*) FILTER (WHERE t.overridden) AS overridden FROM t GROUP BY 1 LIMIT 100) x) AS topics,
       (SELECT COALESCE(jsonb_agg(to_jsonb(x) ORDER BY x."from"), '[]')
          FROM (SELECT floor(t.confidence * 10) / 10 AS "from", count(*) AS tickets FROM t
                 WHERE NOT t.overridden AND t.confidence IS NOT NULL GROUP BY 1) x) AS confidence;

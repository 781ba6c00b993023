-- Reports. $1 is the caller's organisation, $2 and $3 the period.

-- Goes before each: its plan is made for its period, since one for any period takes a
-- year for a day; groups are counted in memory, without a sort; and in one process, as
-- three took as long, and the processors from everybody else.
-- name: report_planning
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('work_mem', '64MB', true),
       set_config('max_parallel_workers_per_gather', '0', true);

-- name: report_overview
SELECT f -> 'created' AS created, f -> 'solved' AS solved, f -> 'reopened' AS reopened,
       f -> 'first_reply_minutes' AS first_reply_minutes, f -> 'resolution_minutes' AS resolution_minutes,
       f -> 'csat_percent' AS csat_percent, b AS backlog, before AS previous,
       $2::timestamptz AS "from", $3::timestamptz AS "to"
  FROM report_counts($1, $2::timestamptz, $3::timestamptz) f
  CROSS JOIN report_backlog($1) b
  LEFT JOIN report_counts($1, $2::timestamptz - ($3::timestamptz - $2::timestamptz), $2::timestamptz) before ON $4::boolean;

-- $4 the step, $5 what to group by, $6 created or solved. Every step of the
-- period is there, with 0 where nothing happened; so it is when there are no tickets.
-- The tickets of each step are counted on their own: no group is large, and none needs to
-- be told from those of other steps. Where many tickets have the same tags, these are read
-- of the first of them; else of every ticket, which is slower.
-- name: report_volume
WITH step AS (
  SELECT row_number() OVER w AS n, s.label, greatest(s.at, $2::timestamptz) AS at, lead(s.at, 1, $3::timestamptz) OVER w AS until
    FROM report_steps($1, $2::timestamptz, $3::timestamptz, $4) s WINDOW w AS (ORDER BY s.at)
), counted AS MATERIALIZED (
  SELECT step.n AS step, COALESCE(c.word, c.id::text, c.hash::text) AS key, c.n, c.first
    FROM step, LATERAL (
      SELECT CASE $5 WHEN 'status' THEN t.status WHEN 'priority' THEN t.priority WHEN 'channel' THEN t.channel WHEN 'topic' THEN t.topic END AS word,
             CASE $5 WHEN 'team' THEN t.team_id WHEN 'assignee' THEN t.assignee_user_id WHEN 'queue' THEN t.queue_id END AS id,
             CASE $5 WHEN 'tag' THEN t.tags_hash END AS hash, count(*) AS n, min(CASE $5 WHEN 'tag' THEN t.number END) AS first
        FROM report_tickets($1, $6, step.at, step.until) t
       GROUP BY 1, 2, 3) c
), alike AS (
  SELECT count(DISTINCT c.key) * 8 <= sum(c.n) AS yes FROM counted c WHERE $5 = 'tag'
), tagged AS MATERIALIZED (
  SELECT x.key, unnest(CASE t.tags WHEN '{}' THEN ARRAY[NULL] ELSE t.tags END) AS tag
    FROM (SELECT c.key, min(c.first) AS first FROM counted c WHERE (SELECT yes FROM alike) GROUP BY 1) x
    JOIN ticket t ON t.org_id = $1 AND t.number = x.first
), n AS (
  SELECT c.step, c.key, c.n FROM counted c WHERE $5 <> 'tag'
   UNION ALL
  SELECT c.step, g.tag, sum(c.n)::bigint FROM counted c JOIN tagged g ON g.key = c.key GROUP BY 1, 2
   UNION ALL
  SELECT step.n, c.tag, c.n
    FROM step, LATERAL (
      SELECT unnest(CASE t.tags WHEN '{}' THEN ARRAY[NULL] ELSE t.tags END) AS tag, count(*) AS n
        FROM report_tickets($1, $6, step.at, step.until) t
       GROUP BY 1) c
   WHERE NOT (SELECT yes FROM alike)
), top AS (
  SELECT x.key, x.total, row_number() OVER (ORDER BY x.total DESC, x.key) AS i
    FROM (SELECT n.key, sum(n.n) AS total FROM n GROUP BY 1
           UNION ALL
          SELECT NULL, 0 WHERE $5 = 'none' AND NOT EXISTS (SELECT 1 FROM n)
           ORDER BY 2 DESC, 1 LIMIT 50) x
), shown AS (
  SELECT top.i, n.step, n.n FROM top JOIN n ON COALESCE(n.key, '') = COALESCE(top.key, '') AND (n.key IS NULL) = (top.key IS NULL)
), points AS (
  SELECT top.i, json_agg(json_build_object('period', step.label, 'count', COALESCE(s.n, 0)) ORDER BY step.n) AS points
    FROM top CROSS JOIN step LEFT JOIN shown s ON s.i = top.i AND s.step = step.n
   GROUP BY 1
)
SELECT COALESCE(json_agg(json_build_object('key', top.key, 'name', CASE $5 WHEN 'none' THEN 'all' ELSE group_name($1, $5, top.key) END,
         'total', top.total, 'points', p.points) ORDER BY top.i), '[]') AS series
  FROM top JOIN points p USING (i);

-- name: report_agents
SELECT COALESCE(json_agg(a), '[]') AS data
  FROM (SELECT * FROM report_agents($1, $2::timestamptz, $3::timestamptz, NULL) a
         ORDER BY a.solved DESC, a.assigned DESC, a.name, a.user_id LIMIT 1000) a;

-- One agent, $4, and the days of the period; the first and the last may be parts of one.
-- name: report_agent
WITH o AS (
  SELECT timezone AS zone FROM organization WHERE org_id = $1
), n AS (
  SELECT date_trunc('day', t.resolved_at AT TIME ZONE o.zone) AS day, count(*) AS solved
    FROM o, ticket t
   WHERE t.org_id = $1 AND t.assignee_user_id = $4::uuid AND t.deleted_at IS NULL
     AND t.resolved_at >= $2::timestamptz AND t.resolved_at < $3::timestamptz
   GROUP BY 1
)
SELECT a.*,
       (SELECT json_agg(json_build_object('day', to_char(d.day, 'YYYY-MM-DD'), 'solved', COALESCE(n.solved, 0)) ORDER BY d.day)
          FROM o, generate_series(date_trunc('day', $2::timestamptz AT TIME ZONE o.zone),
                 ($3::timestamptz - interval '1 microsecond') AT TIME ZONE o.zone, interval '1 day') AS d(day)
          LEFT JOIN n ON n.day = d.day) AS days
  FROM report_agents($1, $2::timestamptz, $3::timestamptz, $4::uuid) a;

-- What became of the tickets of each team, whoever has worked on them.
-- name: report_teams
WITH created AS (
  SELECT t.team_id, count(*) AS n FROM ticket t
   WHERE t.org_id = $1 AND t.created_at >= $2::timestamptz AND t.created_at < $3::timestamptz AND t.deleted_at IS NULL GROUP BY 1
), resolved AS (
  SELECT t.team_id, sum(t.resolution_seconds) AS s, count(*) AS n
    FROM ticket t
   WHERE t.org_id = $1 AND t.resolved_at >= $2::timestamptz AND t.resolved_at < $3::timestamptz AND t.deleted_at IS NULL
   GROUP BY 1, (t.resolution_seconds / 60)::int
), s AS (
  SELECT team_id, sum(n) AS n, report_spread(array_agg(s), array_agg(n)) AS spread FROM resolved GROUP BY 1
), o AS (
  SELECT t.team_id, count(*) AS n FROM ticket t
   WHERE t.org_id = $1 AND t.deleted_at IS NULL AND t.status IN ('new', 'open', 'pending', 'on_hold') GROUP BY 1
), q AS (
  SELECT v.team_id, csat_figures(count(*), array_agg(v.score)) AS f FROM csat_sent($1, $2::timestamptz, $3::timestamptz) v GROUP BY 1
), teams AS (
  SELECT w.team_id, w.name, COALESCE(c.n, 0) AS assigned, COALESCE(s.n, 0)::bigint AS solved, COALESCE(o.n, 0) AS open_now,
         s.spread -> 'median' AS resolution_median_minutes, q.f -> 'csat_percent' AS csat_percent
    FROM team w
    LEFT JOIN created c ON c.team_id = w.team_id
    LEFT JOIN s ON s.team_id = w.team_id
    LEFT JOIN o ON o.team_id = w.team_id
    LEFT JOIN q ON q.team_id = w.team_id
   WHERE w.org_id = $1
   ORDER BY solved DESC, assigned DESC, w.name, w.team_id
   LIMIT 1000
)
SELECT COALESCE(json_agg(teams), '[]') AS teams FROM teams;

-- name: report_sla
WITH x AS (
  SELECT t.policy_id, p.name, t.metric, k.priority, k.team_id, count(*) AS timers,
         count(*) FILTER (WHERE t.status = 'met') AS met, count(*) FILTER (WHERE t.breached_at IS NOT NULL) AS breached
    FROM sla_timer t
    JOIN ticket k ON k.org_id = t.org_id AND k.ticket_id = t.ticket_id AND k.deleted_at IS NULL
    LEFT JOIN sla_policy p ON p.org_id = t.org_id AND p.policy_id = t.policy_id
   WHERE t.org_id = $1 AND t.started_at >= $2::timestamptz AND t.started_at < $3::timestamptz AND t.status <> 'cancelled'
   GROUP BY 1, 2, 3, 4, 5
), policies AS (
  SELECT x.policy_id, x.name, x.metric, sla_attainment(sum(x.timers), sum(x.met), sum(x.breached)) AS kept FROM x GROUP BY 1, 2, 3
), teams AS (
  SELECT x.team_id, x.metric, sla_attainment(sum(x.timers), sum(x.met), sum(x.breached)) AS kept FROM x GROUP BY 1, 2
), answered AS (
  SELECT t.priority, sum(t.first_reply_seconds) AS s, count(*) AS n
    FROM ticket t
   WHERE t.org_id = $1 AND t.created_at >= $2::timestamptz AND t.created_at < $3::timestamptz AND t.deleted_at IS NULL
   GROUP BY 1, (t.first_reply_seconds / 60)::int
), priorities AS (
  SELECT a.priority, sum(a.n)::bigint AS n, report_spread(array_agg(a.s), array_agg(a.n)) AS spread FROM answered a GROUP BY 1
)
SELECT (SELECT COALESCE(jsonb_agg(p.kept || jsonb_build_object('policy_id', p.policy_id, 'name', p.name, 'metric', p.metric)
                   ORDER BY p.name, p.metric), '[]') FROM policies p) AS policies,
       (SELECT COALESCE(jsonb_agg(t.kept || jsonb_build_object('team_id', t.team_id, 'name', group_name($1, 'team', t.team_id::text), 'metric', t.metric)
                   ORDER BY t.team_id, t.metric), '[]') FROM teams t) AS by_team,
       (SELECT COALESCE(jsonb_agg((SELECT sla_attainment(sum(x.timers), sum(x.met), sum(x.breached)) FROM x WHERE x.priority = p.priority)
                   || jsonb_build_object('priority', p.priority, 'tickets', p.n, 'first_reply_minutes', p.spread)
                   ORDER BY priority_rank(p.priority) DESC), '[]') FROM priorities p) AS by_priority,
       (SELECT r FROM report_resolution($1, $2::timestamptz, $3::timestamptz) r) AS resolution_minutes;

-- What the model said: its own label and confidence, also where a person has
-- corrected them. What only a person labelled is not the model's.
-- name: report_ai
WITH t AS MATERIALIZED (
  SELECT t.model_topic AS topic, t.model_overridden AS overridden, t.model_confidence_step AS step, count(*) AS n
    FROM ticket t
   WHERE t.org_id = $1 AND t.created_at >= $2::timestamptz AND t.created_at < $3::timestamptz AND t.deleted_at IS NULL
     AND t.model_overridden IS NOT NULL
   GROUP BY 1, 2, 3
), sums AS (
  SELECT COALESCE(sum(t.n), 0) AS classified, COALESCE(sum(t.n) FILTER (WHERE t.overridden), 0) AS overridden FROM t
)
SELECT sums.classified, sums.overridden, round(100.0 * sums.overridden / NULLIF(sums.classified, 0), 1) AS override_rate,
       (SELECT COALESCE(jsonb_agg(to_jsonb(x) ORDER BY x.tickets DESC, x.topic), '[]')
          FROM (SELECT t.topic, sum(t.n) AS tickets, COALESCE(sum(t.n) FILTER (WHERE t.overridden), 0) AS overridden
                  FROM t GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100) x) AS topics,
       (SELECT COALESCE(jsonb_agg(to_jsonb(x) ORDER BY x."from"), '[]')
          FROM (SELECT round((least(t.step, 10) - 1) / 10.0, 1) AS "from", sum(t.n) AS tickets,
                       COALESCE(sum(t.n) FILTER (WHERE t.overridden), 0) AS overridden
                  FROM t WHERE t.step IS NOT NULL GROUP BY 1) x) AS confidence
  FROM sums;

-- Figures. Times are counted by whole minutes with the seconds of each minute beside the
-- count: quantiles of a million tickets need no sort of a million values.
--
-- What reads tickets returns SETOF for its single row: such a function becomes part
-- of the statement that has it in FROM, and is planned for its period.

-- Minutes, of the seconds and the number of those in each whole minute. The average
-- is exact. Where several share the middle minute, the median is their average; of
-- an even number it is the mean of the two in the middle.
CREATE OR REPLACE FUNCTION report_spread(p_seconds float8[], p_counts bigint[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  WITH c AS (
    SELECT s, s / n / 60 AS m, sum(n) OVER (ORDER BY s / n) AS upto, sum(n) OVER () AS total
      FROM unnest(p_seconds, p_counts) AS x(s, n) WHERE s IS NOT NULL
  )
  SELECT jsonb_build_object('count', COALESCE(max(total), 0),
    'average', round((sum(s) / 60 / max(total)::float8)::numeric, 1),
    'median', round(((min(m) FILTER (WHERE upto >= total * 0.5) + min(m) FILTER (WHERE upto > total * 0.5)) / 2)::numeric, 1),
    'p90', round((min(m) FILTER (WHERE upto >= total * 0.9))::numeric, 1))
    FROM c
$$;

CREATE OR REPLACE FUNCTION report_resolution(p_org text, p_from timestamptz, p_to timestamptz) RETURNS SETOF jsonb LANGUAGE sql STABLE AS $$
  SELECT report_spread(array_agg(x.s), array_agg(x.n))
    FROM (SELECT sum(t.resolution_seconds) AS s, count(*) AS n
            FROM ticket t
           WHERE t.org_id = p_org AND t.resolved_at >= p_from AND t.resolved_at < p_to AND t.deleted_at IS NULL
           GROUP BY (t.resolution_seconds / 60)::int) x
$$;

-- One pass over what was created, one over what was solved.
CREATE OR REPLACE FUNCTION report_counts(p_org text, p_from timestamptz, p_to timestamptz) RETURNS SETOF jsonb LANGUAGE sql STABLE AS $$
  WITH c AS MATERIALIZED (
    SELECT sum(t.first_reply_seconds) AS s, count(*) AS n
      FROM ticket t
     WHERE t.org_id = p_org AND t.created_at >= p_from AND t.created_at < p_to AND t.deleted_at IS NULL
     GROUP BY (t.first_reply_seconds / 60)::int
  ), s AS MATERIALIZED (
    SELECT sum(t.resolution_seconds) AS s, count(*) AS n,
           count(*) FILTER (WHERE t.reopened_count > 0) AS reopened
      FROM ticket t
     WHERE t.org_id = p_org AND t.resolved_at >= p_from AND t.resolved_at < p_to AND t.deleted_at IS NULL
     GROUP BY (t.resolution_seconds / 60)::int
  )
  SELECT jsonb_build_object(
    'created', (SELECT COALESCE(sum(c.n), 0) FROM c),
    'solved', (SELECT COALESCE(sum(s.n), 0) FROM s), 'reopened', (SELECT COALESCE(sum(s.reopened), 0) FROM s),
    'first_reply_minutes', (SELECT report_spread(array_agg(c.s), array_agg(c.n)) FROM c),
    'resolution_minutes', (SELECT report_spread(array_agg(s.s), array_agg(s.n)) FROM s),
    'csat_percent', csat_between(p_org, p_from, p_to) -> 'csat_percent')
$$;

-- The work that is not done, by its age: each range of the index of what is open on its own.
CREATE OR REPLACE FUNCTION report_backlog(p_org text) RETURNS SETOF jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_object_agg(a.age, x.n) || jsonb_build_object('total', sum(x.n))
    FROM (VALUES ('under_1_day', 'infinity', now() - interval '1 day'),
                 ('under_3_days', now() - interval '1 day', now() - interval '3 days'),
                 ('under_7_days', now() - interval '3 days', now() - interval '7 days'),
                 ('under_30_days', now() - interval '7 days', now() - interval '30 days'),
                 ('over_30_days', now() - interval '30 days', '-infinity')) AS a(age, since, until),
         LATERAL (SELECT count(*) AS n FROM ticket t
                   WHERE t.org_id = p_org AND t.deleted_at IS NULL AND t.status IN ('new', 'open', 'pending', 'on_hold')
                     AND t.created_at <= a.since AND t.created_at > a.until) x
$$;

-- What was created, or solved, in a period. A statement that is planned for its measure
-- reads its index.
CREATE OR REPLACE FUNCTION report_tickets(p_org text, p_measure text, p_from timestamptz, p_to timestamptz) RETURNS SETOF ticket LANGUAGE sql STABLE AS $$
  SELECT t.* FROM ticket t
   WHERE t.org_id = p_org AND t.deleted_at IS NULL
     AND CASE p_measure WHEN 'created' THEN t.created_at ELSE t.resolved_at END >= p_from
     AND CASE p_measure WHEN 'created' THEN t.created_at ELSE t.resolved_at END < p_to
$$;

-- The steps of a period in the organization's time zone, and how each is called. Of
-- days and longer ones midnight counts; an hour that the clock repeats is two.
CREATE OR REPLACE FUNCTION report_steps(p_org text, p_from timestamptz, p_to timestamptz, p_step text)
RETURNS TABLE (at timestamptz, label text) LANGUAGE plpgsql STABLE AS $$
DECLARE
  zone text := (SELECT o.timezone FROM organization o WHERE o.org_id = p_org);
  last timestamptz := p_to - interval '1 microsecond';
BEGIN
  IF p_step <> 'hour' THEN
    RETURN QUERY SELECT p AT TIME ZONE zone, to_char(p, 'YYYY-MM-DD"T"HH24:MI')
      FROM generate_series(date_trunc(p_step, p_from AT TIME ZONE zone), last AT TIME ZONE zone, ('1 ' || p_step)::interval) p;
    RETURN;
  END IF;
  -- Every zone's offset is a multiple of a quarter of an hour.
  RETURN QUERY SELECT h.at, to_char(h.at AT TIME ZONE zone, 'YYYY-MM-DD"T"HH24:MI') || CASE WHEN h.ahead < interval '0' THEN '-' ELSE '+' END
                      || to_char(GREATEST(h.ahead, -h.ahead), 'HH24:MI')
    FROM (SELECT DISTINCT d.at, (d.at AT TIME ZONE zone) - (d.at AT TIME ZONE 'UTC') AS ahead
            FROM (SELECT date_trunc('hour', q, zone) AS at
                    FROM generate_series(date_trunc('hour', p_from, zone), last, interval '15 minutes') q) d) h
   ORDER BY 1;
END
$$;

-- What people call the key of a group: the name of what it is the id of.
CREATE OR REPLACE FUNCTION group_name(p_org text, p_group text, p_key text) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  named text;
BEGIN
  IF p_key IS NULL THEN
    RETURN '(none)';
  ELSIF p_group IN ('agent', 'assignee') THEN
    SELECT u.name INTO named FROM app_user u WHERE u.org_id = p_org AND u.user_id = p_key::uuid;
  ELSIF p_group = 'team' THEN
    SELECT t.name INTO named FROM team t WHERE t.org_id = p_org AND t.team_id = p_key::uuid;
  ELSIF p_group = 'queue' THEN
    SELECT q.name INTO named FROM queue q WHERE q.org_id = p_org AND q.queue_id = p_key::uuid;
  ELSIF p_group = 'scorecard' THEN
    SELECT c.name INTO named FROM qa_scorecard c WHERE c.org_id = p_org AND c.scorecard_id = p_key::uuid;
  ELSE
    named := p_key;
  END IF;
  RETURN COALESCE(named, '(deleted)');
END
$$;

-- How well promises were kept.
CREATE OR REPLACE FUNCTION sla_attainment(p_timers numeric, p_met numeric, p_breached numeric) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_object('timers', COALESCE(p_timers, 0), 'met', COALESCE(p_met, 0), 'breached', COALESCE(p_breached, 0),
    'attainment_percent', round(100.0 * p_met / NULLIF(p_met + p_breached, 0), 1))
$$;

-- The work of each agent, or of one.
CREATE OR REPLACE FUNCTION report_agents(p_org text, p_from timestamptz, p_to timestamptz, p_user uuid)
RETURNS TABLE (user_id uuid, name text, active boolean, assigned bigint, solved bigint, open_now bigint, replies bigint,
               first_reply_median_minutes jsonb, resolution_median_minutes jsonb, csat_percent jsonb, qa_score numeric)
LANGUAGE sql STABLE AS $$
  WITH created AS (
    SELECT t.assignee_user_id AS user_id, sum(t.first_reply_seconds) AS s, count(*) AS n
      FROM ticket t
     WHERE t.org_id = p_org AND t.created_at >= p_from AND t.created_at < p_to AND t.deleted_at IS NULL
       AND (p_user IS NULL OR t.assignee_user_id = p_user)
     GROUP BY 1, (t.first_reply_seconds / 60)::int
  ), a AS (
    SELECT c.user_id, sum(c.n) AS n, report_spread(array_agg(c.s), array_agg(c.n)) AS spread FROM created c GROUP BY 1
  ), resolved AS (
    SELECT t.assignee_user_id AS user_id, sum(t.resolution_seconds) AS s, count(*) AS n
      FROM ticket t
     WHERE t.org_id = p_org AND t.resolved_at >= p_from AND t.resolved_at < p_to AND t.deleted_at IS NULL
       AND (p_user IS NULL OR t.assignee_user_id = p_user)
     GROUP BY 1, (t.resolution_seconds / 60)::int
  ), s AS (
    SELECT x.user_id, sum(x.n) AS n, report_spread(array_agg(x.s), array_agg(x.n)) AS spread FROM resolved x GROUP BY 1
  ), r AS (
    SELECT c.author_id, count(*) AS n FROM comment c
     WHERE c.org_id = p_org AND c.created_at >= p_from AND c.created_at < p_to
       AND NOT c.internal AND c.author_type <> 'customer' AND (p_user IS NULL OR c.author_id = p_user::text) GROUP BY 1
  ), o AS (
    SELECT t.assignee_user_id, count(*) AS n FROM ticket t
     WHERE t.org_id = p_org AND t.deleted_at IS NULL AND t.status IN ('new', 'open', 'pending', 'on_hold')
       AND t.assignee_user_id IS NOT NULL AND (p_user IS NULL OR t.assignee_user_id = p_user)
     GROUP BY 1
  ), q AS (
    SELECT v.agent_user_id, csat_figures(count(*), array_agg(v.score)) AS f FROM csat_sent(p_org, p_from, p_to) v GROUP BY 1
  ), qa AS (
    SELECT v.agent_user_id, round(avg(v.total), 1) AS score FROM qa_review v
     WHERE v.org_id = p_org AND v.submitted_at >= p_from AND v.submitted_at < p_to
       AND v.status IN ('submitted', 'acknowledged', 'disputed') GROUP BY 1
  )
  SELECT w.user_id, w.name, w.active, COALESCE(a.n, 0)::bigint, COALESCE(s.n, 0)::bigint, COALESCE(o.n, 0), COALESCE(r.n, 0),
         a.spread -> 'median', s.spread -> 'median', q.f -> 'csat_percent', qa.score
    FROM app_user w
    LEFT JOIN a ON a.user_id = w.user_id
    LEFT JOIN s ON s.user_id = w.user_id
    LEFT JOIN o ON o.assignee_user_id = w.user_id
    LEFT JOIN r ON r.author_id = w.user_id::text
    LEFT JOIN q ON q.agent_user_id = w.user_id
    LEFT JOIN qa ON qa.agent_user_id = w.user_id
   WHERE w.org_id = p_org AND (p_user IS NULL OR w.user_id = p_user)
$$;

-- What became of the last promise of this kind for the ticket.
CREATE OR REPLACE FUNCTION sla_result(p_org text, p_ticket uuid, p_metric text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN s.breached_at IS NOT NULL THEN 'breached' WHEN s.status = 'met' THEN 'met' ELSE 'running' END
    FROM sla_timer s
   WHERE s.org_id = p_org AND s.ticket_id = p_ticket AND s.metric = p_metric AND s.status <> 'cancelled'
   ORDER BY s.started_at DESC LIMIT 1
$$;

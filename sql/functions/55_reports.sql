-- Figures. Times are whole minutes (date_part: extract() computes in numeric,
-- which took half of the time): counted by minute first, quantiles of a
-- million tickets need no sort of a million values. The expressions are those of
-- the statistics ticket_first_reply and ticket_resolution.
--
-- What reads tickets returns SETOF for its single row: such a function becomes part
-- of the statement that has it in FROM, is planned for its period, and may be
-- executed by several processes.

CREATE OR REPLACE FUNCTION report_spread(p_minutes int[], p_counts bigint[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  WITH c AS (
    SELECT m, n, sum(n) OVER (ORDER BY m) AS upto, sum(n) OVER () AS total
      FROM unnest(p_minutes, p_counts) AS x(m, n)
  )
  SELECT jsonb_build_object('count', COALESCE(max(total), 0),
    'average', round(sum(m::numeric * n) / max(total), 1),
    'median', min(m) FILTER (WHERE upto >= total * 0.5),
    'p90', min(m) FILTER (WHERE upto >= total * 0.9))
    FROM c
$$;

CREATE OR REPLACE FUNCTION report_resolution(p_org text, p_from timestamptz, p_to timestamptz) RETURNS SETOF jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT report_spread(array_agg(x.m), array_agg(x.n))
    FROM (SELECT (date_part('epoch', t.resolved_at - t.created_at) / 60)::int AS m, count(*) AS n
            FROM ticket t
           WHERE t.org_id = p_org AND t.resolved_at >= p_from AND t.resolved_at < p_to AND t.deleted_at IS NULL
           GROUP BY 1) x
$$;

-- One pass over what was created, one over what was solved.
CREATE OR REPLACE FUNCTION report_counts(p_org text, p_from timestamptz, p_to timestamptz) RETURNS SETOF jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  WITH c AS MATERIALIZED (
    SELECT (date_part('epoch', t.first_response_at - t.created_at) / 60)::int AS m, count(*) AS n
      FROM ticket t
     WHERE t.org_id = p_org AND t.created_at >= p_from AND t.created_at < p_to AND t.deleted_at IS NULL
     GROUP BY 1
  ), s AS MATERIALIZED (
    SELECT (date_part('epoch', t.resolved_at - t.created_at) / 60)::int AS m, count(*) AS n,
           count(*) FILTER (WHERE t.reopened_count > 0) AS reopened
      FROM ticket t
     WHERE t.org_id = p_org AND t.resolved_at >= p_from AND t.resolved_at < p_to AND t.deleted_at IS NULL
     GROUP BY 1
  )
  SELECT jsonb_build_object(
    'created', (SELECT COALESCE(sum(c.n), 0) FROM c),
    'solved', (SELECT COALESCE(sum(s.n), 0) FROM s), 'reopened', (SELECT COALESCE(sum(s.reopened), 0) FROM s),
    'first_reply_minutes', (SELECT report_spread(array_agg(c.m), array_agg(c.n)) FROM c WHERE c.m IS NOT NULL),
    'resolution_minutes', (SELECT report_spread(array_agg(s.m), array_agg(s.n)) FROM s),
    'csat_percent', csat_between(p_org, p_from, p_to) -> 'csat_percent')
$$;

-- The work that is not done, by its age.
CREATE OR REPLACE FUNCTION report_backlog(p_org text) RETURNS SETOF jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_object('total', count(*),
    'under_1_day', count(*) FILTER (WHERE a < interval '1 day'),
    'under_3_days', count(*) FILTER (WHERE a >= interval '1 day' AND a < interval '3 days'),
    'under_7_days', count(*) FILTER (WHERE a >= interval '3 days' AND a < interval '7 days'),
    'under_30_days', count(*) FILTER (WHERE a >= interval '7 days' AND a < interval '30 days'),
    'over_30_days', count(*) FILTER (WHERE a >= interval '30 days'))
    FROM (SELECT now() - t.created_at AS a FROM ticket t
           WHERE t.org_id = p_org AND t.deleted_at IS NULL AND t.status IN ('new', 'open', 'pending', 'on_hold')) x
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

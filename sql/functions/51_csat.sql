-- Surveys.

-- The token's organisation is found through the directory, as a key's is.
CREATE OR REPLACE FUNCTION csat_directory() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO directory (kind, digest, org_id, id) VALUES ('csat', NEW.token_hash, NEW.org_id, NEW.survey_id);
  ELSE
    DELETE FROM directory d WHERE d.kind = 'csat' AND d.digest = OLD.token_hash AND d.org_id = OLD.org_id;
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER csat_directory AFTER INSERT OR DELETE ON csat_survey
  FOR EACH ROW EXECUTE FUNCTION csat_directory();

CREATE OR REPLACE FUNCTION csat_request(p_org text, p_survey uuid, p_token_hash text, p_body jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  t ticket;
BEGIN
  SELECT * INTO t FROM ticket x
   WHERE x.org_id = p_org AND x.ticket_id = (p_body ->> 'ticket_id')::uuid AND x.deleted_at IS NULL FOR UPDATE;
  IF t.ticket_id IS NULL THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such ticket.', 'ticket_id');
  ELSIF t.status = 'merged' THEN
    PERFORM fail(409, 'ticket_merged', 'The ticket was merged into another one; ask about that one.');
  ELSIF EXISTS (SELECT 1 FROM csat_survey s WHERE s.org_id = p_org AND s.ticket_id = t.ticket_id
                   AND s.responded_at IS NULL AND s.expires_at > now()) THEN
    PERFORM fail(409, 'survey_open', 'The customer has a survey about this ticket that is not answered yet.');
  END IF;
  INSERT INTO csat_survey (org_id, survey_id, ticket_id, customer_id, token_hash, agent_user_id, team_id, queue_id,
                           tags, expires_at, requested_by)
  VALUES (p_org, p_survey, t.ticket_id, t.customer_id, p_token_hash, t.assignee_user_id, t.team_id, t.queue_id, t.tags,
          now() + make_interval(days => COALESCE((p_body ->> 'expires_in_days')::int, 30)), actor_id());
  PERFORM put_event(p_org, 'csat.requested', true, true, 'csat_survey', p_survey::text, t.ticket_id, NULL,
    jsonb_build_object('survey_id', p_survey, 'ticket_id', t.ticket_id));
  RETURN p_survey;
END
$$;

-- Once; the row is locked, so that of two answers at the same moment one is refused.
-- The token of a ticket that was deleted is as unknown as any.
CREATE OR REPLACE FUNCTION csat_submit(p_token_hash text, p_body jsonb) RETURNS csat_survey LANGUAGE plpgsql AS $$
DECLARE
  s csat_survey;
BEGIN
  SELECT * INTO s FROM csat_survey x WHERE x.org_id = guc('app.org') AND x.token_hash = p_token_hash FOR UPDATE;
  IF s.survey_id IS NULL OR EXISTS (SELECT 1 FROM ticket t WHERE t.org_id = s.org_id AND t.ticket_id = s.ticket_id
                                       AND t.deleted_at IS NOT NULL) THEN
    RETURN NULL;
  ELSIF s.responded_at IS NOT NULL THEN
    PERFORM fail(409, 'already_submitted', 'The survey was answered already.');
  ELSIF s.expires_at <= now() THEN
    PERFORM fail(409, 'survey_expired', 'The survey has expired.');
  END IF;
  UPDATE csat_survey x
     SET score = (p_body ->> 'score')::int, comment = p_body ->> 'comment', responded_at = now()
   WHERE x.org_id = s.org_id AND x.survey_id = s.survey_id
  RETURNING * INTO s;
  PERFORM put_event(s.org_id, 'csat.responded', true, true, 'csat_survey', s.survey_id::text, s.ticket_id, NULL,
    jsonb_build_object('survey_id', s.survey_id, 'ticket_id', s.ticket_id, 'score', s.score));
  RETURN s;
END
$$;

-- The figures of any set of surveys: satisfied are those who give 4 or 5.
CREATE OR REPLACE FUNCTION csat_figures(p_requested bigint, p_scores int[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_object(
    'requested', p_requested, 'responses', count(x),
    'csat_percent', round(100.0 * count(x) FILTER (WHERE x >= 4) / NULLIF(count(x), 0), 1),
    'average_score', round(avg(x), 2),
    'response_rate', round(100.0 * count(x) / NULLIF(p_requested, 0), 1),
    'distribution', jsonb_build_object('1', count(*) FILTER (WHERE x = 1), '2', count(*) FILTER (WHERE x = 2),
      '3', count(*) FILTER (WHERE x = 3), '4', count(*) FILTER (WHERE x = 4), '5', count(*) FILTER (WHERE x = 5)))
    FROM unnest(p_scores) x WHERE x IS NOT NULL
$$;

-- The surveys that count: sent from p_from to before p_to, of tickets that were not
-- deleted. Deleted ones are few and have an index. It becomes part of the statement.
CREATE OR REPLACE FUNCTION csat_sent(p_org text, p_from timestamptz, p_to timestamptz) RETURNS SETOF csat_survey LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT s.* FROM csat_survey s
   WHERE s.org_id = p_org AND s.created_at >= p_from AND s.created_at < p_to
     AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.org_id = p_org AND t.ticket_id = s.ticket_id AND t.deleted_at IS NOT NULL)
$$;

CREATE OR REPLACE FUNCTION csat_between(p_org text, p_from timestamptz, p_to timestamptz) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT csat_figures(count(*), array_agg(s.score)) FROM csat_sent(p_org, p_from, p_to) s
$$;

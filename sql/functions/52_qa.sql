-- Quality reviews.

-- Keys are given once; the weights are there to be relative.
CREATE OR REPLACE FUNCTION qa_scorecard_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT count(DISTINCT c ->> 'key') < count(*) FROM jsonb_array_elements(NEW.criteria) c) THEN
    PERFORM fail(422, 'repeated', 'Two criteria have the same key.', 'criteria');
  END IF;
  NEW.criteria := (SELECT jsonb_agg('{"weight": 1, "max_score": 5, "auto_fail": false, "description": ""}'::jsonb || c ORDER BY n)
                     FROM jsonb_array_elements(NEW.criteria) WITH ORDINALITY AS e(c, n));
  IF TG_OP = 'UPDATE' AND (NEW.criteria, NEW.pass_mark) IS DISTINCT FROM (OLD.criteria, OLD.pass_mark) THEN
    NEW.edition := OLD.edition + 1;
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION qa_scorecard_after() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO qa_edition (org_id, scorecard_id, edition, criteria, pass_mark)
  VALUES (NEW.org_id, NEW.scorecard_id, NEW.edition, NEW.criteria, NEW.pass_mark) ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER check_card BEFORE INSERT OR UPDATE ON qa_scorecard FOR EACH ROW EXECUTE FUNCTION qa_scorecard_before();
CREATE OR REPLACE TRIGGER editions AFTER INSERT OR UPDATE ON qa_scorecard FOR EACH ROW EXECUTE FUNCTION qa_scorecard_after();
CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON qa_scorecard FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON qa_scorecard
  FOR EACH ROW EXECUTE FUNCTION record_change('qa_scorecard', 'scorecard_id', 'audit');
CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON qa_review FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON qa_review
  FOR EACH ROW EXECUTE FUNCTION record_change('qa_review', 'review_id', 'audit');

-- Weighted share of what could be had, in percent; an auto-fail criterion at
-- zero makes it zero, and failed. Scores that name no criterion, or more than it gives, are refused.
CREATE OR REPLACE FUNCTION qa_rate(INOUT r qa_review) LANGUAGE plpgsql AS $$
DECLARE
  e qa_edition;
  missing text;
  bad record;
BEGIN
  SELECT * INTO e FROM qa_edition x WHERE x.org_id = r.org_id AND x.scorecard_id = r.scorecard_id AND x.edition = r.edition;
  SELECT s.n - 1 AS n, s.x, c.c INTO bad
    FROM jsonb_array_elements(r.scores) WITH ORDINALITY AS s(x, n)
    LEFT JOIN jsonb_array_elements(e.criteria) AS c(c) ON c.c ->> 'key' = s.x ->> 'criterion'
   WHERE c.c IS NULL OR (s.x ->> 'score')::numeric > (c.c ->> 'max_score')::numeric
   LIMIT 1;
  IF bad.n IS NOT NULL THEN
    PERFORM fail(422, CASE WHEN bad.c IS NULL THEN 'unknown_reference' ELSE 'too_large' END,
      CASE WHEN bad.c IS NULL THEN 'The scorecard has no such criterion.' ELSE 'At most ' || (bad.c ->> 'max_score') || '.' END,
      format('scores[%s].%s', bad.n, CASE WHEN bad.c IS NULL THEN 'criterion' ELSE 'score' END));
  ELSIF (SELECT count(DISTINCT s ->> 'criterion') < count(*) FROM jsonb_array_elements(r.scores) s) THEN
    PERFORM fail(422, 'repeated', 'A criterion is scored twice.', 'scores');
  END IF;
  r.auto_failed := EXISTS (SELECT 1 FROM jsonb_array_elements(e.criteria) c
                             JOIN jsonb_array_elements(r.scores) s ON s ->> 'criterion' = c ->> 'key'
                            WHERE (c ->> 'auto_fail')::boolean AND (s ->> 'score')::numeric = 0);
  SELECT c ->> 'key' INTO missing FROM jsonb_array_elements(e.criteria) c
   WHERE NOT EXISTS (SELECT 1 FROM jsonb_array_elements(r.scores) s WHERE s ->> 'criterion' = c ->> 'key') LIMIT 1;
  IF missing IS NOT NULL THEN
    IF r.status <> 'draft' THEN
      PERFORM fail(422, 'required', format('The criterion %s has no score.', missing), 'scores');
    END IF;
    r.total := NULL;
    r.passed := NULL;
    RETURN;
  END IF;
  SELECT round(100 * sum((c ->> 'weight')::numeric * (s ->> 'score')::numeric / (c ->> 'max_score')::numeric)
               / sum((c ->> 'weight')::numeric), 1)
    INTO r.total
    FROM jsonb_array_elements(e.criteria) c
    JOIN jsonb_array_elements(r.scores) s ON s ->> 'criterion' = c ->> 'key';
  IF r.auto_failed THEN
    r.total := 0;
  END IF;
  r.passed := NOT r.auto_failed AND r.total >= e.pass_mark; -- the mark may be 0
END
$$;

CREATE OR REPLACE FUNCTION qa_submitted(r qa_review) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM put_event(r.org_id, 'qa.review.submitted', true, false, 'qa_review', r.review_id::text, r.ticket_id, NULL,
    jsonb_build_object('review_id', r.review_id, 'ticket_id', r.ticket_id, 'agent_user_id', r.agent_user_id,
      'total', r.total, 'passed', r.passed));
END
$$;

CREATE OR REPLACE FUNCTION qa_review_create(p_org text, p_review uuid, p_body jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  r qa_review := jsonb_populate_record(NULL::qa_review, p_body - 'auto');
  card qa_scorecard;
  t ticket;
BEGIN
  SELECT * INTO card FROM qa_scorecard c WHERE c.org_id = p_org AND c.scorecard_id = r.scorecard_id AND NOT c.archived;
  SELECT * INTO t FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = r.ticket_id AND x.deleted_at IS NULL;
  IF card.scorecard_id IS NULL THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such scorecard in use.', 'scorecard_id');
  ELSIF t.ticket_id IS NULL THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such ticket.', 'ticket_id');
  ELSIF COALESCE(r.agent_user_id, t.assignee_user_id) IS NULL THEN
    PERFORM fail(422, 'required', 'The ticket has no assignee; say whose work it is.', 'agent_user_id');
  ELSIF actor_id() = COALESCE(r.agent_user_id, t.assignee_user_id)::text THEN
    PERFORM fail(403, 'own_work', 'Nobody reviews the own work.');
  END IF;
  r.org_id := p_org;
  r.review_id := p_review;
  r.edition := card.edition;
  r.agent_user_id := COALESCE(r.agent_user_id, t.assignee_user_id);
  r.reviewer_id := actor_id();
  r.status := COALESCE(r.status, 'draft');
  r.scores := COALESCE(r.scores, '[]');
  r.comment := COALESCE(r.comment, '');
  r.auto_failed := false;
  r := qa_rate(r);
  r.submitted_at := CASE WHEN r.status = 'submitted' THEN now() END;
  r.version := 1;
  r.created_at := now();
  r.updated_at := now();
  INSERT INTO qa_review SELECT r.*;
  IF r.status = 'submitted' THEN
    PERFORM qa_submitted(r);
  END IF;
  RETURN p_review;
END
$$;

-- Whether the actor may make `r` of `was`. Of a review of the own work only
-- acknowledging and disputing are for the agent; another agent's void takes back
-- an own draft and nothing else.
CREATE OR REPLACE FUNCTION qa_review_allowed(was qa_review, r qa_review) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  is_agent boolean := COALESCE(actor_id() = was.agent_user_id::text, false);
  speaks boolean := r.status <> was.status AND r.status IN ('acknowledged', 'disputed');
BEGIN
  IF is_agent AND ((r.scores, r.comment) IS DISTINCT FROM (was.scores, was.comment)
                   OR r.status <> was.status AND NOT speaks) THEN
    PERFORM fail(403, 'own_work', 'Of a review of the own work one can acknowledge or dispute, and no more.');
  ELSIF speaks AND guc('app.actor_type') = 'user' AND NOT is_agent THEN
    PERFORM fail(403, 'not_the_agent', 'Only the agent whose work it is acknowledges or disputes a review.');
  ELSIF r.status = 'void' AND was.status <> 'void'
        AND NOT (was.status = 'draft' AND COALESCE(was.reviewer_id = actor_id(), false))
        AND EXISTS (SELECT 1 FROM app_user u WHERE u.org_id = was.org_id AND u.user_id::text = actor_id() AND u.role <> 'admin') THEN
    PERFORM fail(403, 'not_an_admin', 'Only an administrator voids a review; a reviewer the own draft, too.');
  END IF;
END
$$;

-- A reason comes with a dispute, a resolution with its end, and neither at
-- another time.
CREATE OR REPLACE FUNCTION qa_review_dispute(was qa_review, INOUT r qa_review, p_body jsonb) LANGUAGE plpgsql AS $$
DECLARE
  begins boolean := was.status <> 'disputed' AND r.status = 'disputed';
  ends boolean := was.status = 'disputed' AND r.status = 'submitted';
BEGIN
  IF begins AND p_body ->> 'dispute_reason' IS NULL THEN
    PERFORM fail(422, 'required', 'Say why.', 'dispute_reason');
  ELSIF NOT begins AND r.dispute_reason IS DISTINCT FROM was.dispute_reason THEN
    PERFORM fail(422, 'not_allowed', 'A reason comes with the change to disputed only.', 'dispute_reason');
  ELSIF ends AND p_body ->> 'resolution' IS NULL THEN
    PERFORM fail(422, 'required', 'Say how the dispute ends: upheld or changed.', 'resolution');
  ELSIF NOT ends AND r.resolution IS DISTINCT FROM was.resolution THEN
    PERFORM fail(422, 'not_allowed', 'A resolution comes with the end of a dispute only.', 'resolution');
  ELSIF begins THEN
    r.resolution := NULL; -- that of an earlier dispute
  END IF;
END
$$;

-- draft -> submitted -> acknowledged, or disputed and back to submitted with a
-- resolution; void from anywhere. The agent acknowledges and disputes, others resolve.
CREATE OR REPLACE FUNCTION qa_review_patch(p_org text, p_review uuid, p_body jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  was qa_review;
  r qa_review;
BEGIN
  SELECT * INTO was FROM qa_review x WHERE x.org_id = p_org AND x.review_id = p_review FOR UPDATE;
  IF was.review_id IS NULL THEN
    RETURN NULL;
  END IF;
  r := jsonb_populate_record(was, p_body);
  IF r.status <> was.status AND NOT (CASE was.status
       WHEN 'draft' THEN r.status IN ('submitted', 'void')
       WHEN 'submitted' THEN r.status IN ('acknowledged', 'disputed', 'void')
       WHEN 'disputed' THEN r.status IN ('submitted', 'void')
       WHEN 'acknowledged' THEN r.status = 'void'
       ELSE false END) THEN
    PERFORM fail(409, 'invalid_transition', format('A review cannot go from %s to %s.', was.status, r.status), 'status');
  END IF;
  PERFORM qa_review_allowed(was, r);
  IF (r.scores, r.comment) IS DISTINCT FROM (was.scores, was.comment) AND was.status NOT IN ('draft', 'disputed') THEN
    PERFORM fail(409, 'review_closed', 'Scores change in a draft, or while a dispute is resolved.', 'scores');
  END IF;
  r := qa_review_dispute(was, r, p_body);
  IF r.status <> 'void' THEN
    r := qa_rate(r);
  END IF;
  UPDATE qa_review x
     SET status = r.status, scores = r.scores, comment = r.comment, total = r.total, passed = r.passed,
         auto_failed = r.auto_failed, dispute_reason = r.dispute_reason, resolution = r.resolution,
         submitted_at = CASE WHEN was.status = 'draft' AND r.status = 'submitted' THEN now() ELSE was.submitted_at END
   WHERE x.org_id = p_org AND x.review_id = p_review;
  IF was.status = 'draft' AND r.status = 'submitted' THEN
    PERFORM qa_submitted(r);
  END IF;
  RETURN p_review;
END
$$;

-- Who gets each of the drafts that are drawn, in turn: of the reviewers who
-- did not do the work the one with the fewest. NULL where nobody is left.
CREATE OR REPLACE FUNCTION qa_share_out(p_reviewers uuid[], p_agents uuid[]) RETURNS uuid[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  drafts int[] := array_fill(0, ARRAY[cardinality(p_reviewers)]);
  result uuid[] := '{}';
  agent uuid;
  i int;
BEGIN
  FOREACH agent IN ARRAY p_agents LOOP
    i := (SELECT n FROM generate_subscripts(p_reviewers, 1) n WHERE p_reviewers[n] <> agent ORDER BY drafts[n], n LIMIT 1);
    IF i IS NOT NULL THEN
      drafts[i] := drafts[i] + 1;
    END IF;
    result := result || p_reviewers[i];
  END LOOP;
  RETURN result;
END
$$;

-- What a sample asks for must be there.
CREATE OR REPLACE FUNCTION qa_sample_check(p_org text, p_body jsonb, p_reviewers uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM unnest(p_reviewers) x WHERE NOT EXISTS (
       SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id = x AND u.active)) THEN
    PERFORM fail(422, 'unknown_reference', 'One of them is no active user.', 'reviewer_user_ids');
  ELSIF p_body ? 'team_id' AND NOT EXISTS (
          SELECT 1 FROM team t WHERE t.org_id = p_org AND t.team_id = (p_body ->> 'team_id')::uuid) THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such team.', 'team_id');
  ELSIF p_body ? 'agent_user_id' AND NOT EXISTS (
          SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id = (p_body ->> 'agent_user_id')::uuid) THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such user.', 'agent_user_id');
  END IF;
END
$$;

-- Random tickets that were resolved in the time and have no review with this
-- scorecard, drawn in turn from each stratum; drafts in the reviewers' lists.
-- The same seed draws the same. The scorecard is locked: two samples at the same
-- moment draw different tickets.
CREATE OR REPLACE FUNCTION qa_sample(p_org text, p_body jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  card qa_scorecard;
  reviewers uuid[] := ARRAY(SELECT jsonb_array_elements_text(p_body -> 'reviewer_user_ids')::uuid);
  seed text := COALESCE(p_body ->> 'seed', uuid7()::text);
  stratum text := COALESCE(p_body ->> 'stratify_by', 'none');
  since timestamptz := COALESCE((p_body ->> 'from')::timestamptz, now() - interval '30 days');
  until timestamptz := COALESCE((p_body ->> 'to')::timestamptz, 'infinity');
  tickets uuid[];
  agents uuid[];
  made jsonb;
BEGIN
  SELECT * INTO card FROM qa_scorecard c
   WHERE c.org_id = p_org AND c.scorecard_id = (p_body ->> 'scorecard_id')::uuid AND NOT c.archived FOR NO KEY UPDATE;
  IF card.scorecard_id IS NULL THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such scorecard in use.', 'scorecard_id');
  ELSIF since >= until THEN
    PERFORM fail(422, 'range', 'The start must be before the end.', 'from');
  END IF;
  PERFORM qa_sample_check(p_org, p_body, reviewers);
  WITH candidate AS (
    SELECT t.ticket_id, t.assignee_user_id, md5(seed || t.ticket_id) AS dice,
           CASE stratum WHEN 'agent' THEN t.assignee_user_id::text WHEN 'team' THEN t.team_id::text
                        WHEN 'priority' THEN t.priority WHEN 'channel' THEN t.channel END AS stratum
      FROM ticket t
     WHERE t.org_id = p_org AND t.status IN ('resolved', 'closed') AND t.deleted_at IS NULL
       AND t.assignee_user_id IS NOT NULL AND t.resolved_at >= since AND t.resolved_at < until
       AND (NOT p_body ? 'team_id' OR t.team_id = (p_body ->> 'team_id')::uuid)
       AND (NOT p_body ? 'agent_user_id' OR t.assignee_user_id = (p_body ->> 'agent_user_id')::uuid)
       AND NOT EXISTS (SELECT 1 FROM qa_review r WHERE r.org_id = p_org AND r.ticket_id = t.ticket_id
                          AND r.scorecard_id = card.scorecard_id AND r.status <> 'void')
  ), ranked AS (
    SELECT c.*, row_number() OVER (PARTITION BY c.stratum ORDER BY c.dice) AS turn FROM candidate c
  ), drawn AS (
    SELECT r.* FROM ranked r ORDER BY r.turn, r.dice LIMIT (p_body ->> 'count')::int
  )
  SELECT COALESCE(array_agg(d.ticket_id ORDER BY d.turn, d.dice), '{}'),
         COALESCE(array_agg(d.assignee_user_id ORDER BY d.turn, d.dice), '{}') INTO tickets, agents FROM drawn d;
  reviewers := qa_share_out(reviewers, agents);
  IF array_position(reviewers, NULL) IS NOT NULL THEN
    PERFORM fail(422, 'no_reviewer', 'A ticket that was drawn is the only reviewer''s own work; name another one.', 'reviewer_user_ids');
  END IF;
  WITH inserted AS (
    INSERT INTO qa_review (org_id, review_id, ticket_id, scorecard_id, edition, agent_user_id, reviewer_id)
    SELECT p_org, uuid7(), d.ticket_id, card.scorecard_id, card.edition, d.agent, d.reviewer
      FROM unnest(tickets, agents, reviewers) AS d(ticket_id, agent, reviewer)
    RETURNING review_id, ticket_id, agent_user_id, reviewer_id
  )
  SELECT jsonb_agg(to_jsonb(i)) INTO made FROM inserted i;
  RETURN jsonb_build_object('seed', seed, 'data', COALESCE(made, '[]'));
END
$$;

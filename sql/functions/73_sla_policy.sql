-- SLA policies: which one a ticket has, and the clocks (73_sla.sql) that it starts,
-- moves and ends as the ticket changes.

-- What a policy promises for a metric at a priority; null for nothing.
CREATE OR REPLACE FUNCTION sla_target(p sla_policy, p_priority text, p_metric text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT (p.targets -> p_priority ->> (p_metric || '_minutes'))::numeric
$$;

-- Whose open minutes a policy counts for a ticket of this team: its own calendar's, the
-- team's, or the default's; null for every minute.
CREATE OR REPLACE FUNCTION sla_calendar(p sla_policy, p_team uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p.business_hours THEN COALESCE(p.business_hours_id,
    (SELECT t.business_hours_id FROM team t WHERE t.org_id = p.org_id AND t.team_id = p_team),
    (SELECT b.business_hours_id FROM business_hours b WHERE b.org_id = p.org_id AND b.is_default)) END
$$;

CREATE OR REPLACE FUNCTION sla_policy_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.business_hours_id IS NOT NULL AND NOT NEW.business_hours THEN
    PERFORM fail(422, 'not_allowed', 'A policy with a business_hours_id counts its open minutes: must be true, or that null.', 'business_hours');
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER check_hours BEFORE INSERT OR UPDATE OF business_hours, business_hours_id ON sla_policy
  FOR EACH ROW EXECUTE FUNCTION sla_policy_before();

CREATE OR REPLACE FUNCTION sla_start_for(k ticket, p sla_policy, p_metric text, p_start timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t sla_timer;
BEGIN
  IF sla_target(p, k.priority, p_metric) IS NULL THEN
    RETURN;
  END IF;
  t.org_id := k.org_id;
  t.timer_id := uuid7();
  t.ticket_id := k.ticket_id;
  t.policy_id := p.policy_id;
  t.metric := p_metric;
  t.target_minutes := sla_target(p, k.priority, p_metric);
  t.business_hours_id := sla_calendar(p, k.team_id);
  t.pause_statuses := p.pause_statuses;
  t.warn_percent := p.warn_percent;
  t.started_at := p_start;
  PERFORM sla_start(t, 'policy');
END
$$;

-- The ticket comes under this policy (null: under none). Its company's own
-- policy goes before. Clocks that run keep the minutes they have counted.
CREATE OR REPLACE FUNCTION sla_apply(p_org text, p_ticket uuid, p_policy uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  k ticket;
  p sla_policy;
  t sla_timer;
  target numeric;
  calendar uuid;
BEGIN
  SELECT * INTO k FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = p_ticket FOR NO KEY UPDATE;
  IF k.ticket_id IS NULL OR k.deleted_at IS NOT NULL OR k.status IN ('merged', 'closed', 'resolved') THEN
    RETURN;
  END IF;
  SELECT y.* INTO p FROM sla_policy y
   WHERE y.org_id = p_org AND y.active AND y.archived_at IS NULL
     AND y.policy_id = COALESCE((SELECT c.sla_policy_id FROM company c JOIN sla_policy z ON z.org_id = c.org_id AND z.policy_id = c.sla_policy_id
                                  WHERE c.org_id = p_org AND c.company_id = k.company_id AND z.active), p_policy);
  IF p.policy_id IS NULL AND EXISTS (SELECT 1 FROM sla_assignment a JOIN sla_policy z ON z.org_id = a.org_id AND z.policy_id = a.policy_id
       WHERE a.org_id = p_org AND a.ticket_id = p_ticket AND z.archived_at IS NOT NULL) THEN
    RETURN; -- what a deleted policy promised stands
  END IF;
  calendar := sla_calendar(p, k.team_id);
  FOR t IN SELECT * FROM sla_timer x WHERE x.org_id = p_org AND x.ticket_id = p_ticket AND x.stopped_at IS NULL
              AND x.policy_id IS NOT NULL AND x.metric <> 'custom' FOR UPDATE LOOP
    target := CASE WHEN p.policy_id IS NULL THEN NULL ELSE sla_target(p, k.priority, t.metric) END;
    IF target IS NULL THEN
      PERFORM sla_stop(t, true, 'policy', now());
    ELSIF t.breached_at IS NULL AND (t.target_minutes, t.policy_id, t.warn_percent, t.pause_statuses, t.business_hours_id)
          IS DISTINCT FROM (target, p.policy_id, p.warn_percent, p.pause_statuses, calendar) THEN
      t.elapsed_minutes := sla_elapsed(t, now());
      t.running_since := CASE WHEN t.status = 'running' THEN now() END;
      t.target_minutes := target;
      t.policy_id := p.policy_id;
      t.warn_percent := p.warn_percent;
      t.pause_statuses := p.pause_statuses;
      t.business_hours_id := calendar;
      t.warned_at := CASE WHEN t.elapsed_minutes >= target * p.warn_percent / 100 THEN t.warned_at END;
      t := sla_arm(t);
      PERFORM sla_note(t, 'retargeted', NULL, now());
    END IF;
  END LOOP;
  IF p.policy_id IS NULL THEN
    DELETE FROM sla_assignment a WHERE a.org_id = p_org AND a.ticket_id = p_ticket;
    RETURN;
  END IF;
  INSERT INTO sla_assignment AS a (org_id, ticket_id, policy_id) VALUES (p_org, p_ticket, p.policy_id)
  ON CONFLICT (org_id, ticket_id) DO UPDATE SET policy_id = excluded.policy_id, applied_at = now() WHERE a.policy_id <> excluded.policy_id;
  IF k.first_response_at IS NULL AND NOT EXISTS (SELECT 1 FROM sla_timer x
       WHERE x.org_id = p_org AND x.ticket_id = p_ticket AND x.metric = 'first_response' AND x.status <> 'cancelled') THEN
    PERFORM sla_start_for(k, p, 'first_response', k.created_at);
  END IF;
  IF NOT EXISTS (SELECT 1 FROM sla_timer x
       WHERE x.org_id = p_org AND x.ticket_id = p_ticket AND x.metric = 'resolution' AND x.status <> 'cancelled') THEN
    PERFORM sla_start_for(k, p, 'resolution', k.created_at);
  END IF;
END
$$;

-- What a change of the ticket does to its clocks.
CREATE OR REPLACE FUNCTION sla_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  t sla_timer;
  p sla_policy;
  over boolean := NEW.status IN ('resolved', 'closed');
  gone boolean := NEW.status = 'merged' OR NEW.deleted_at IS NOT NULL;
BEGIN
  FOR t IN SELECT * FROM sla_timer x WHERE x.org_id = NEW.org_id AND x.ticket_id = NEW.ticket_id AND x.stopped_at IS NULL
            ORDER BY x.timer_id FOR UPDATE LOOP
    IF gone THEN
      PERFORM sla_stop(t, true, CASE WHEN NEW.deleted_at IS NOT NULL THEN 'deleted' ELSE 'merged' END, now());
    ELSIF t.metric = 'first_response' AND NEW.first_response_at IS NOT NULL THEN
      PERFORM sla_stop(t, false, 'answered', NEW.first_response_at);
    ELSIF t.metric = 'next_response' AND NEW.last_agent_comment_at IS DISTINCT FROM OLD.last_agent_comment_at THEN
      PERFORM sla_stop(t, false, 'answered', now());
    ELSIF over THEN
      PERFORM sla_stop(t, t.metric IN ('first_response', 'next_response'), NEW.status, now());
    ELSIF t.status = 'running' AND NEW.status = ANY (t.pause_statuses) THEN
      PERFORM sla_pause(t, 'status', now());
    ELSIF t.status = 'paused' AND t.pause_reason = 'status' AND NOT NEW.status = ANY (t.pause_statuses) THEN
      PERFORM sla_resume(t, 'status', now());
    END IF;
  END LOOP;
  IF gone OR over THEN
    RETURN NULL;
  END IF;
  SELECT y.* INTO p FROM sla_assignment a JOIN sla_policy y ON y.org_id = a.org_id AND y.policy_id = a.policy_id
   WHERE a.org_id = NEW.org_id AND a.ticket_id = NEW.ticket_id;
  IF p.policy_id IS NULL THEN
    RETURN NULL;
  END IF;
  IF OLD.status IN ('resolved', 'closed') THEN -- opened again: the clock goes on from where it stopped
    SELECT * INTO t FROM sla_timer x WHERE x.org_id = NEW.org_id AND x.ticket_id = NEW.ticket_id AND x.metric = 'resolution'
       AND x.status = 'met' ORDER BY x.started_at DESC LIMIT 1 FOR UPDATE;
    IF t.timer_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sla_timer x WHERE x.org_id = NEW.org_id
         AND x.ticket_id = NEW.ticket_id AND x.metric = 'resolution' AND x.stopped_at IS NULL) THEN
      t.stopped_at := NULL;
      IF t.business_hours_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM business_hours b WHERE b.org_id = t.org_id
           AND b.business_hours_id = t.business_hours_id) THEN -- deleted meanwhile
        t.business_hours_id := sla_calendar(p, NEW.team_id);
      END IF;
      PERFORM sla_resume(t, 'reopened', now());
    END IF;
  END IF;
  IF NEW.last_customer_comment_at IS DISTINCT FROM OLD.last_customer_comment_at AND NEW.first_response_at IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM sla_timer x WHERE x.org_id = NEW.org_id AND x.ticket_id = NEW.ticket_id
                        AND x.metric = 'next_response' AND x.stopped_at IS NULL) THEN
    PERFORM sla_start_for(NEW, p, 'next_response', NEW.last_customer_comment_at);
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER sla_follow AFTER UPDATE ON ticket FOR EACH ROW
  WHEN (OLD.status <> NEW.status OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at
    OR OLD.last_agent_comment_at IS DISTINCT FROM NEW.last_agent_comment_at
    OR OLD.last_customer_comment_at IS DISTINCT FROM NEW.last_customer_comment_at)
  EXECUTE FUNCTION sla_follow();

-- Which tickets are to be looked at for a policy, called by event_fan_out().
CREATE OR REPLACE FUNCTION sla_fan_out(p_org text, p_from bigint, p_to bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM sla_policy p WHERE p.org_id = p_org AND p.active AND p.archived_at IS NULL) THEN
    PERFORM due_now(p_org, 'sla_apply', ARRAY(SELECT e.ticket_id FROM event e
     WHERE e.org_id = p_org AND e.seq BETWEEN p_from AND p_to AND e.ticket_id IS NOT NULL
       AND (e.topic = 'ticket.created'
            OR (e.topic = 'ticket.updated' AND e.changes - '{status,assignee_user_id,snoozed_until,snooze_until_reply,title,description}'::text[] <> '{}'))
       AND NOT ('sla' = ANY (string_to_array(COALESCE(e.suppress, ''), ',')))));
  END IF;
END
$$;

-- The same for all tickets that a policy's clocks run for.
CREATE OR REPLACE FUNCTION sla_reapply(p_org text, p_policy uuid) RETURNS void LANGUAGE sql AS $$
  SELECT due_now(p_org, 'sla_apply', ARRAY(SELECT t.ticket_id FROM sla_timer t
   WHERE t.org_id = p_org AND t.policy_id = p_policy AND t.stopped_at IS NULL))
$$;

-- Whether a clock of the policy counts by whatever calendar is the team's or the default.
CREATE OR REPLACE FUNCTION sla_seeks(p sla_policy, p_metric text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p.business_hours AND p.business_hours_id IS NULL AND p.archived_at IS NULL AND p_metric <> 'custom'
$$;

-- A clock whose calendar was changed, or became or ceased to be the default: what is
-- open since it last began to run is counted anew.
CREATE OR REPLACE FUNCTION sla_recount(p_org text, p_timer uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t sla_timer;
  calendar uuid;
  was timestamptz;
BEGIN
  SELECT * INTO t FROM sla_timer x
   WHERE x.org_id = p_org AND x.timer_id = p_timer AND x.status IN ('running', 'paused') FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT sla_calendar(p, k.team_id) INTO calendar
    FROM sla_policy p JOIN ticket k ON k.org_id = p_org AND k.ticket_id = t.ticket_id
   WHERE p.org_id = p_org AND p.policy_id = t.policy_id AND sla_seeks(p, t.metric);
  IF FOUND AND calendar IS DISTINCT FROM t.business_hours_id THEN
    t.elapsed_minutes := sla_elapsed(t, now());
    t.running_since := CASE WHEN t.status = 'running' THEN now() END;
    t.business_hours_id := calendar;
  END IF;
  t.warned_at := CASE WHEN sla_elapsed(t, now()) >= t.target_minutes * t.warn_percent / 100 THEN t.warned_at END;
  was := t.due_at;
  t := sla_arm(t);
  IF t.due_at IS DISTINCT FROM was THEN
    PERFORM sla_note(t, 'retargeted', 'calendar', now());
  END IF;
END
$$;

-- All clocks that count by the calendar, and those that would as things are now.
CREATE OR REPLACE FUNCTION sla_recount_all(p_org text, p_calendar uuid) RETURNS void LANGUAGE sql AS $$
  SELECT due_now(p_org, 'sla_recount', ARRAY(
    SELECT t.timer_id FROM sla_timer t
     WHERE t.org_id = p_org AND t.business_hours_id = p_calendar AND t.stopped_at IS NULL
    UNION ALL
    SELECT t.timer_id
      FROM sla_policy p
      JOIN sla_timer t ON t.org_id = p_org AND t.policy_id = p.policy_id AND t.stopped_at IS NULL
      JOIN ticket k ON k.org_id = p_org AND k.ticket_id = t.ticket_id
     WHERE p.org_id = p_org AND sla_seeks(p, t.metric) AND sla_calendar(p, k.team_id) = p_calendar))
$$;

-- By hand: one timer, or all of a ticket.
CREATE OR REPLACE FUNCTION sla_switch(p_org text, p_body jsonb, p_on boolean) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE
  t sla_timer;
  n int := 0;
BEGIN
  FOR t IN SELECT * FROM sla_timer x
            WHERE x.org_id = p_org AND x.timer_id = COALESCE((p_body ->> 'timer_id')::uuid, x.timer_id)
              AND x.ticket_id = COALESCE((p_body ->> 'ticket_id')::uuid, x.ticket_id)
              AND (x.stopped_at IS NULL OR p_body ? 'timer_id')
            ORDER BY x.timer_id FOR UPDATE LOOP
    n := n + 1;
    IF t.status = (CASE WHEN p_on THEN 'paused' ELSE 'running' END) THEN
      t := CASE WHEN p_on THEN sla_resume(t, COALESCE(p_body ->> 'reason', 'manual'), now())
                ELSE sla_pause(t, COALESCE(p_body ->> 'reason', 'manual'), now()) END;
    ELSIF p_body ? 'timer_id' THEN
      PERFORM fail(409, 'timer_not_active', format('The timer is %s.', t.status), 'timer_id');
    ELSE
      CONTINUE;
    END IF;
    PERFORM sla_by_hand(t, CASE WHEN p_on THEN 'resumed' ELSE 'paused' END, p_body ->> 'reason');
    RETURN NEXT t.timer_id;
  END LOOP;
  IF n = 0 THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such timer, or the ticket has none.',
      CASE WHEN p_body ? 'timer_id' THEN 'timer_id' ELSE 'ticket_id' END);
  END IF;
END
$$;

-- By hand: a timer of one's own, or one of a policy.
CREATE OR REPLACE FUNCTION sla_create(p_org text, p_new uuid, p_body jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  k ticket;
  p sla_policy;
  t sla_timer;
BEGIN
  SELECT * INTO k FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = (p_body ->> 'ticket_id')::uuid AND x.deleted_at IS NULL FOR NO KEY UPDATE;
  IF k.ticket_id IS NULL THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such ticket.', 'ticket_id');
  ELSIF k.status IN ('merged', 'closed', 'resolved') THEN
    PERFORM fail(409, 'ticket_closed', 'The ticket is not open any more.');
  END IF;
  IF p_body ->> 'policy_id' IS NOT NULL THEN
    SELECT * INTO p FROM sla_policy x WHERE x.org_id = p_org AND x.policy_id = (p_body ->> 'policy_id')::uuid AND x.archived_at IS NULL;
    IF p.policy_id IS NULL THEN
      PERFORM fail(422, 'unknown_reference', 'There is no such policy.', 'policy_id');
    END IF;
  END IF;
  t.org_id := p_org;
  t.timer_id := p_new;
  t.ticket_id := k.ticket_id;
  t.policy_id := p.policy_id;
  t.metric := COALESCE(p_body ->> 'metric', 'resolution');
  t.name := p_body ->> 'name';
  t.target_minutes := COALESCE((p_body ->> 'target_minutes')::numeric, sla_target(p, k.priority, t.metric));
  t.business_hours_id := COALESCE((p_body ->> 'business_hours_id')::uuid, sla_calendar(p, k.team_id));
  t.pause_statuses := COALESCE(p.pause_statuses, '{pending,on_hold}');
  t.warn_percent := COALESCE((p_body ->> 'warn_percent')::int, p.warn_percent, 80);
  t.started_at := COALESCE((p_body ->> 'started_at')::timestamptz, now());
  IF t.target_minutes IS NULL THEN
    PERFORM fail(422, 'required', 'Give target_minutes, or a policy that has a target for this metric and the ticket''s priority.', 'target_minutes');
  ELSIF t.started_at > now() THEN
    PERFORM fail(422, 'out_of_range', 'A timer starts now or has started.', 'started_at');
  ELSIF t.metric <> 'custom' AND EXISTS (SELECT 1 FROM sla_timer x WHERE x.org_id = p_org AND x.ticket_id = k.ticket_id
                                            AND x.metric = t.metric AND x.stopped_at IS NULL) THEN
    PERFORM fail(409, 'timer_exists', 'The ticket has such a timer running.', 'metric');
  END IF;
  PERFORM sla_start(t, 'manual');
  PERFORM sla_by_hand(t, 'started', NULL);
  RETURN t.timer_id;
END
$$;

-- Due times with their arithmetic: the spans in which the clock runs, at most 100.
CREATE OR REPLACE FUNCTION sla_preview(p_org text, p_policy uuid, p_body jsonb) RETURNS TABLE
  (start timestamptz, priority text, business_hours_id uuid, timezone text, targets jsonb) LANGUAGE plpgsql STABLE AS $$
DECLARE
  p sla_policy;
  k ticket;
  h business_hours;
BEGIN
  SELECT * INTO p FROM sla_policy x WHERE x.org_id = p_org AND x.policy_id = p_policy;
  SELECT * INTO k FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = (p_body ->> 'ticket_id')::uuid AND x.deleted_at IS NULL;
  IF p_body ->> 'ticket_id' IS NOT NULL AND k.ticket_id IS NULL THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such ticket.', 'ticket_id');
  END IF;
  SELECT * INTO h FROM business_hours x WHERE x.org_id = p_org AND x.business_hours_id = sla_calendar(p, k.team_id);
  business_hours_id := h.business_hours_id;
  start := COALESCE((p_body ->> 'start')::timestamptz, k.created_at, now());
  priority := COALESCE(p_body ->> 'priority', k.priority, 'normal');
  timezone := COALESCE(h.timezone, 'UTC');
  SELECT COALESCE(jsonb_agg(jsonb_build_object('metric', x.metric, 'target_minutes', x.target,
           'due_at', iso(x.due), 'warn_at', iso(business_add(p_org, h.business_hours_id, start, x.target * p.warn_percent / 100)),
           'elapsed_calendar_minutes', round(extract(epoch FROM x.due - start) / 60, 3),
           'spans', CASE WHEN h.org_id IS NULL
             THEN jsonb_build_array(jsonb_build_object('from', iso(start), 'to', iso(x.due), 'minutes', x.target))
             ELSE (SELECT COALESCE(jsonb_agg(jsonb_build_object('from', iso(y.a), 'to', iso(y.b),
                            'minutes', round(extract(epoch FROM y.b - y.a) / 60, 3)) ORDER BY y.a), '[]')
                     FROM (SELECT greatest(s.opens, start) AS a, least(s.closes, x.due) AS b
                             FROM business_spans(h, (start AT TIME ZONE h.timezone)::date, (x.due AT TIME ZONE h.timezone)::date) s
                            WHERE s.closes > start AND s.opens < x.due ORDER BY 1 LIMIT 100) y) END)
         ORDER BY x.n), '[]')
    INTO targets
    FROM (SELECT m.metric, m.n, sla_target(p, sla_preview.priority, m.metric) AS target,
                 business_add(p_org, h.business_hours_id, start, sla_target(p, sla_preview.priority, m.metric)) AS due
            FROM unnest('{first_response,next_response,resolution}'::text[]) WITH ORDINALITY AS m(metric, n)) x
   WHERE x.target IS NOT NULL;
  RETURN NEXT;
END
$$;

CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON sla_policy FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON sla_timer FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON sla_policy
  FOR EACH ROW EXECUTE FUNCTION record_change('sla_policy', 'policy_id', 'audit');

-- Queues: routing a new ticket, and claiming the next one.

CREATE OR REPLACE FUNCTION priority_rank(p_priority text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE p_priority WHEN 'urgent' THEN 4 WHEN 'high' THEN 3 WHEN 'normal' THEN 2 ELSE 1 END
$$;

-- Whom a queue gives a ticket that comes to it: nobody unless it has a strategy, the
-- ticket is open and has no agent, and somebody is free.
CREATE OR REPLACE FUNCTION queue_agent(q queue, t ticket) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  IF q.strategy <> 'manual' AND t.assignee_user_id IS NULL AND t.deleted_at IS NULL
     AND t.status IN ('new', 'open', 'pending', 'on_hold') THEN
    RETURN free_agent(t.org_id, t.team_id, q.strategy, t.required_skills);
  END IF;
  RETURN NULL;
END
$$;

-- A ticket comes to a queue, by routing or by hand: it gets the queue's team if it
-- has none, and an agent. Not from a queue that is deleted, whose tickets are many,
-- nor when a bulk job is undone.
CREATE OR REPLACE FUNCTION queue_arrival() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  q queue;
BEGIN
  IF is_quiet() OR guc('app.unmerge') = 'on' OR guc('app.undo') = 'on' THEN
    RETURN NEW;
  END IF;
  SELECT * INTO q FROM queue x WHERE x.org_id = NEW.org_id AND x.queue_id = NEW.queue_id;
  NEW.team_id := COALESCE(NEW.team_id, q.team_id);
  IF TG_OP = 'UPDATE' THEN
    NEW.assignee_user_id := COALESCE(NEW.assignee_user_id, queue_agent(q, NEW));
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER queue_insert BEFORE INSERT ON ticket
  FOR EACH ROW WHEN (NEW.queue_id IS NOT NULL) EXECUTE FUNCTION queue_arrival();
CREATE OR REPLACE TRIGGER queue_update BEFORE UPDATE ON ticket
  FOR EACH ROW WHEN (NEW.queue_id IS NOT NULL AND NEW.queue_id IS DISTINCT FROM OLD.queue_id)
  EXECUTE FUNCTION queue_arrival();

-- A new ticket is there before it is assigned, so that "ticket.assigned" tells of it
-- as of a routed one. The name puts it behind ticket_after.
CREATE OR REPLACE FUNCTION queue_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  q queue;
  agent uuid;
BEGIN
  IF is_quiet() THEN
    RETURN NULL;
  END IF;
  SELECT * INTO q FROM queue x WHERE x.org_id = NEW.org_id AND x.queue_id = NEW.queue_id;
  agent := queue_agent(q, NEW);
  IF agent IS NOT NULL THEN
    UPDATE ticket t SET assignee_user_id = agent WHERE t.org_id = NEW.org_id AND t.ticket_id = NEW.ticket_id;
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER ticket_arrived AFTER INSERT ON ticket
  FOR EACH ROW WHEN (NEW.queue_id IS NOT NULL AND NEW.assignee_user_id IS NULL) EXECUTE FUNCTION queue_arrived();

CREATE OR REPLACE FUNCTION ticket_route(p_org text, p_ticket uuid, p_queue uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ticket t SET queue_id = p_queue WHERE t.org_id = p_org AND t.ticket_id = p_ticket;
END
$$;

-- A ticket as it would be, for a transaction that is taken back: nothing is told, and
-- its number is the one that comes next and stays free. What is left out is not required.
CREATE OR REPLACE FUNCTION ticket_try(p_org text, p_ticket uuid, p_body jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  number_ bigint := (SELECT GREATEST(c.next_number, (SELECT max(t.number) + 1 FROM ticket t WHERE t.org_id = p_org))
                       FROM ticket_counter c WHERE c.org_id = p_org);
BEGIN
  PERFORM set_config('app.routed', 'on', true), set_config('app.lenient', 'on', true);
  RETURN ticket_create(p_org, p_ticket, number_, '{"title": ""}' || p_body);
END
$$;

-- The next waiting ticket becomes the agent's; null when none waits. Whoever
-- else asks at the same moment gets another one: the row is taken or passed by.
CREATE OR REPLACE FUNCTION queue_next(p_org text, p_queue uuid, p_user uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  q queue;
  u app_user;
  chosen uuid;
BEGIN
  SELECT * INTO q FROM queue x WHERE x.org_id = p_org AND x.queue_id = p_queue;
  IF q.queue_id IS NULL THEN
    PERFORM fail(404, 'not_found', 'There is no such queue.');
  END IF;
  -- Locked, so that one agent's calls at once do not exceed the capacity.
  SELECT * INTO u FROM app_user x WHERE x.org_id = p_org AND x.user_id = p_user AND x.active FOR NO KEY UPDATE;
  IF u.user_id IS NULL OR u.role = 'viewer' THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such active agent.', 'user_id');
  ELSIF q.team_id IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM team_member m WHERE m.org_id = p_org AND m.team_id = q.team_id AND m.user_id = p_user) THEN
    PERFORM fail(403, 'not_a_member', 'The queue belongs to a team that the agent is not in.');
  ELSIF (SELECT count(*) FROM ticket t
          WHERE t.org_id = p_org AND t.assignee_user_id = p_user AND t.deleted_at IS NULL
            AND t.status IN ('new', 'open', 'pending', 'on_hold')) >= u.capacity THEN
    PERFORM fail(409, 'at_capacity', 'The agent has as many open tickets as the capacity allows.');
  END IF;
  SELECT t.ticket_id INTO chosen
    FROM ticket t
   WHERE t.org_id = p_org AND t.queue_id = p_queue AND t.assignee_user_id IS NULL
     AND t.status IN ('new', 'open') AND t.deleted_at IS NULL
     AND t.snoozed_until IS NULL AND NOT t.snooze_until_reply
     AND t.required_skills <@ u.skills
   ORDER BY CASE WHEN q.order_by = 'priority' THEN -priority_rank(t.priority) ELSE 0 END,
            CASE WHEN q.order_by = 'updated_at' THEN t.updated_at ELSE t.created_at END, t.ticket_id
   LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF chosen IS NULL THEN
    RETURN NULL;
  END IF;
  UPDATE ticket t SET assignee_user_id = p_user, status = CASE WHEN t.status = 'new' THEN 'open' ELSE t.status END
   WHERE t.org_id = p_org AND t.ticket_id = chosen;
  INSERT INTO queue_claim AS c (org_id, ticket_id, user_id, claimed_by, lease_until)
  VALUES (p_org, chosen, p_user, actor_id(), now() + make_interval(secs => q.lease_seconds))
  ON CONFLICT (org_id, ticket_id) DO UPDATE
     SET user_id = excluded.user_id, claimed_by = excluded.claimed_by, claimed_at = now(), lease_until = excluded.lease_until;
  UPDATE app_user x SET last_assigned_at = clock_timestamp() WHERE x.org_id = p_org AND x.user_id = p_user;
  RETURN chosen;
END
$$;

-- A claim becomes the agent's own ticket by work: a reply or note that is not the
-- customer's.
CREATE OR REPLACE FUNCTION queue_claim_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM queue_claim c WHERE c.org_id = NEW.org_id AND c.ticket_id = NEW.ticket_id;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER claim_kept AFTER INSERT ON comment
  FOR EACH ROW WHEN (NEW.author_type IN ('user', 'api_key', 'legacy')) EXECUTE FUNCTION queue_claim_kept();

-- Or by a change of the ticket: another status or assignee, whoever makes it; another
-- queue, team or a snooze when a caller makes it, but neither a workflow nor a move of all
-- tickets of a queue or team that is deleted; anything when the agent does, or who took
-- the ticket for the agent. That a customer wrote is nobody's work.
CREATE OR REPLACE FUNCTION queue_claim_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  by_caller boolean := COALESCE(guc('app.actor_type') IN ('user', 'api_key', 'legacy'), false)
                       AND guc('app.unmerge') IS NULL;
BEGIN
  DELETE FROM queue_claim c
   WHERE c.org_id = NEW.org_id AND c.ticket_id = NEW.ticket_id
     AND (NEW.status <> OLD.status OR NEW.assignee_user_id IS DISTINCT FROM OLD.assignee_user_id
          OR (by_caller
              AND ((NEW.queue_id, NEW.team_id, NEW.snoozed_until, NEW.snooze_until_reply)
                     IS DISTINCT FROM (OLD.queue_id, OLD.team_id, OLD.snoozed_until, OLD.snooze_until_reply)
                   OR (actor_id() IN (c.user_id::text, c.claimed_by)
                       AND NEW.last_customer_comment_at IS NOT DISTINCT FROM OLD.last_customer_comment_at))));
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER claim_kept AFTER UPDATE ON ticket
  FOR EACH ROW WHEN (OLD.assignee_user_id IS NOT NULL AND NEW.version <> OLD.version)
  EXECUTE FUNCTION queue_claim_changed();

-- Run by the scheduler: what was claimed and left alone goes back to its queue.
CREATE OR REPLACE FUNCTION queue_claims_expire() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  c queue_claim;
  n int := 0;
BEGIN
  FOR c IN SELECT * FROM queue_claim x WHERE x.lease_until < now() ORDER BY x.lease_until LIMIT 500
              FOR UPDATE SKIP LOCKED LOOP
    UPDATE ticket t SET assignee_user_id = NULL
     WHERE t.org_id = c.org_id AND t.ticket_id = c.ticket_id AND t.assignee_user_id = c.user_id AND t.status <> 'merged';
    DELETE FROM queue_claim x WHERE x.org_id = c.org_id AND x.ticket_id = c.ticket_id;
    n := n + 1;
  END LOOP;
  RETURN n;
END
$$;

-- Each of them is looked at for every new ticket.
CREATE OR REPLACE FUNCTION queue_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT count(*) FROM queue q WHERE q.org_id = NEW.org_id AND q.active AND q.conditions <> '{}') > 100 THEN
    PERFORM fail(409, 'too_many', 'An organization has at most 100 active queues with conditions.',
      CASE WHEN TG_OP = 'UPDATE' AND NOT OLD.active THEN 'active' ELSE 'conditions' END);
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER queue_limit_insert AFTER INSERT ON queue
  FOR EACH ROW WHEN (NEW.active AND NEW.conditions <> '{}') EXECUTE FUNCTION queue_limit();
CREATE OR REPLACE TRIGGER queue_limit_update AFTER UPDATE ON queue
  FOR EACH ROW WHEN (NEW.active AND NEW.conditions <> '{}' AND NOT (OLD.active AND OLD.conditions <> '{}'))
  EXECUTE FUNCTION queue_limit();

-- Its tickets wait in the other queue; who has taken one has it there.
CREATE OR REPLACE FUNCTION queue_delete(p_org text, p_queue uuid, p_to uuid) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  IF p_to = p_queue OR (p_to IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM queue q WHERE q.org_id = p_org AND q.queue_id = p_to)) THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such other queue.', 'move_to');
  END IF;
  PERFORM set_config('app.unmerge', 'on', true); -- merged tickets too
  UPDATE ticket t SET queue_id = p_to WHERE t.org_id = p_org AND t.queue_id = p_queue;
  PERFORM set_config('app.unmerge', '', true);
  DELETE FROM queue q WHERE q.org_id = p_org AND q.queue_id = p_queue;
  RETURN p_queue;
END
$$;

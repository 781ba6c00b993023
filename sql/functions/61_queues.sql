-- Queues: routing a new ticket, and claiming the next one.

CREATE OR REPLACE FUNCTION priority_rank(p_priority text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE p_priority WHEN 'urgent' THEN 4 WHEN 'high' THEN 3 WHEN 'normal' THEN 2 ELSE 1 END
$$;

-- Into a queue, its team, and with a strategy to an agent. When nobody is free
-- the ticket waits.
CREATE OR REPLACE FUNCTION ticket_route(p_org text, p_ticket uuid, p_queue uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  q queue;
  t ticket;
BEGIN
  SELECT * INTO q FROM queue x WHERE x.org_id = p_org AND x.queue_id = p_queue;
  SELECT * INTO t FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = p_ticket;
  t.team_id := COALESCE(t.team_id, q.team_id);
  IF t.assignee_user_id IS NULL AND q.strategy <> 'manual' THEN
    BEGIN
      t.assignee_user_id := choose_agent(p_org, t.team_id, q.strategy, t.required_skills);
    EXCEPTION WHEN SQLSTATE 'SV409' THEN
      NULL;
    END;
  END IF;
  UPDATE ticket x SET queue_id = p_queue, team_id = t.team_id, assignee_user_id = t.assignee_user_id
   WHERE x.org_id = p_org AND x.ticket_id = p_ticket;
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
  INSERT INTO queue_claim AS c (org_id, ticket_id, queue_id, user_id, lease_until)
  VALUES (p_org, chosen, p_queue, p_user, now() + make_interval(secs => q.lease_seconds))
  ON CONFLICT (org_id, ticket_id) DO UPDATE
     SET queue_id = excluded.queue_id, user_id = excluded.user_id, claimed_at = now(), lease_until = excluded.lease_until;
  UPDATE app_user x SET last_assigned_at = clock_timestamp() WHERE x.org_id = p_org AND x.user_id = p_user;
  RETURN chosen;
END
$$;

-- A claim is kept by work: a reply or note that is not the customer's, another
-- status, another assignee.
CREATE OR REPLACE FUNCTION queue_claim_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM queue_claim c WHERE c.org_id = NEW.org_id AND c.ticket_id = NEW.ticket_id;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER claim_kept AFTER INSERT ON comment
  FOR EACH ROW WHEN (NEW.author_type IN ('user', 'api_key', 'legacy')) EXECUTE FUNCTION queue_claim_kept();
CREATE OR REPLACE TRIGGER claim_kept AFTER UPDATE ON ticket
  FOR EACH ROW WHEN (OLD.assignee_user_id IS NOT NULL
    AND (NEW.assignee_user_id IS DISTINCT FROM OLD.assignee_user_id OR NEW.status <> OLD.status))
  EXECUTE FUNCTION queue_claim_kept();

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

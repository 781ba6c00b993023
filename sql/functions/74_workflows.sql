-- Workflows: actions beyond those of macros, runs, and which events start them.

-- What the actions refer to is looked at when they change, and before they run again.
CREATE OR REPLACE FUNCTION workflow_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.topics := CASE WHEN NEW.trigger ->> 'type' = 'event'
    THEN ARRAY(SELECT jsonb_array_elements_text(NEW.trigger -> 'topics')) ELSE '{}' END;
  IF TG_OP = 'INSERT' OR NEW.actions <> OLD.actions OR (NEW.enabled AND NOT OLD.enabled) THEN
    PERFORM actions_check(NEW.org_id, NEW.actions);
  END IF;
  IF TG_OP = 'UPDATE' AND (NEW.trigger, NEW.conditions, NEW.actions) IS DISTINCT FROM (OLD.trigger, OLD.conditions, OLD.actions) THEN
    NEW.edition := OLD.edition + 1;
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER check_workflow BEFORE INSERT OR UPDATE ON workflow FOR EACH ROW EXECUTE FUNCTION workflow_before();

CREATE OR REPLACE FUNCTION workflow_after() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO workflow_edition (org_id, workflow_id, edition, definition, created_by)
  VALUES (NEW.org_id, NEW.workflow_id, NEW.edition,
          jsonb_build_object('trigger', NEW.trigger, 'conditions', NEW.conditions, 'actions', NEW.actions), actor_id())
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER keep_edition AFTER INSERT OR UPDATE ON workflow FOR EACH ROW EXECUTE FUNCTION workflow_after();
CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON workflow FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON workflow
  FOR EACH ROW EXECUTE FUNCTION record_change('workflow', 'workflow_id', 'audit');

-- An event of the workflow's own for one endpoint, whatever that has subscribed to.
CREATE OR REPLACE FUNCTION workflow_call(p_org text, p_ticket uuid, p_workflow uuid, p_run uuid, p_webhook uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  k ticket;
  delivery uuid := uuid7();
BEGIN
  IF NOT EXISTS (SELECT 1 FROM webhook w WHERE w.org_id = p_org AND w.webhook_id = p_webhook AND w.active) THEN
    PERFORM fail(409, 'webhook_disabled', 'The webhook is disabled or gone.');
  END IF;
  SELECT * INTO k FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = p_ticket;
  INSERT INTO webhook_delivery (org_id, delivery_id, webhook_id, event_id, topic, ticket_id, body)
  VALUES (p_org, delivery, p_webhook, p_run, 'workflow.action', p_ticket,
          jsonb_build_object('event_id', p_run, 'org_id', p_org, 'seq', NULL, 'topic', 'workflow.action', 'resource', 'workflow',
            'resource_id', p_workflow, 'ticket_id', p_ticket, 'actor_type', 'workflow', 'actor_id', p_workflow, 'request_id', p_run,
            'changes', NULL, 'data', jsonb_build_object('workflow_id', p_workflow, 'run_id', p_run, 'ticket', ticket_summary(k)),
            'occurred_at', iso(clock_timestamp()))::text);
  PERFORM due_put(p_org, 'webhook', delivery, p_webhook::text, now());
END
$$;

CREATE OR REPLACE FUNCTION workflow_act(p_org text, p_ticket uuid, p_workflow uuid, p_run uuid, p_action jsonb, p_place text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  what text := p_action ->> 'action';
BEGIN
  IF what = 'macro' THEN
    IF macro_apply(p_org, p_ticket, (p_action ->> 'macro_id')::uuid, '{}') IS NULL THEN
      PERFORM fail(409, 'macro_inactive', 'The macro is not active, or gone.');
    END IF;
  ELSIF what = 'csat' THEN
    PERFORM csat_send(p_org, p_ticket);
  ELSIF what = 'webhook' THEN
    PERFORM workflow_call(p_org, p_ticket, p_workflow, p_run, (p_action ->> 'webhook_id')::uuid);
  ELSIF what <> 'stop' THEN
    PERFORM ticket_act(p_org, p_ticket, p_action, p_place);
  END IF;
END
$$;

-- All actions or none. p_dry takes everything back and says what it would have been.
CREATE OR REPLACE FUNCTION workflow_do(p_org text, p_ticket uuid, p_workflow uuid, p_run uuid, p_actions jsonb, p_dry boolean,
  OUT status text, OUT steps jsonb, OUT error text, OUT changes jsonb) LANGUAGE plpgsql AS $$
DECLARE
  action jsonb;
  at int := 0;
  was ticket;
  t ticket;
  message text;
BEGIN
  SELECT * INTO was FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = p_ticket FOR UPDATE;
  status := 'completed';
  steps := '[]';
  BEGIN
    FOR action IN SELECT x FROM jsonb_array_elements(p_actions) x LOOP
      PERFORM workflow_act(p_org, p_ticket, p_workflow, p_run, action, format('actions[%s]', at));
      steps := steps || jsonb_build_object('action', action ->> 'action', 'ok', true);
      at := at + 1;
      IF action ->> 'action' = 'stop' THEN
        status := 'stopped';
        EXIT;
      END IF;
    END LOOP;
    SELECT * INTO t FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = p_ticket;
    changes := COALESCE(ticket_changes(was, t), '{}');
    IF p_dry THEN
      RAISE EXCEPTION USING ERRCODE = 'SVDRY';
    END IF;
  EXCEPTION
    WHEN SQLSTATE 'SVDRY' THEN
      NULL;
    -- another try may help: the job is tried again as a whole
    WHEN serialization_failure OR deadlock_detected OR lock_not_available OR query_canceled THEN
      RAISE;
    WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS message = PG_EXCEPTION_DETAIL;
      status := 'failed';
      error := format('actions[%s]: %s', at, COALESCE(NULLIF(message, ''), SQLERRM));
      steps := steps || jsonb_build_object('action', p_actions -> at ->> 'action', 'ok', false, 'error', COALESCE(NULLIF(message, ''), SQLERRM));
      changes := '{}';
  END;
END
$$;

-- One workflow on one ticket, whose condition was found to hold or not. What it
-- does is the workflow's doing, not that of whoever caused the event.
CREATE OR REPLACE FUNCTION workflow_run(p_org text, p_workflow uuid, p_ticket uuid, p_event uuid, p_depth int, p_matched boolean, p_trace jsonb)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  w workflow;
  run uuid := uuid7();
  began timestamptz := clock_timestamp();
  done record;
BEGIN
  SELECT * INTO w FROM workflow x WHERE x.org_id = p_org AND x.workflow_id = p_workflow AND x.enabled;
  IF w.workflow_id IS NULL OR NOT EXISTS (SELECT 1 FROM ticket t WHERE t.org_id = p_org AND t.ticket_id = p_ticket AND t.deleted_at IS NULL AND t.status <> 'merged') THEN
    RETURN 'gone';
  END IF;
  IF NOT p_matched THEN
    INSERT INTO workflow_run (org_id, run_id, workflow_id, edition, ticket_id, event_id, depth, status, trace)
    VALUES (p_org, run, p_workflow, w.edition, p_ticket, p_event, p_depth, 'skipped', p_trace);
    RETURN 'skipped';
  END IF;
  PERFORM set_config('app.actor_type', 'workflow', true), set_config('app.actor_id', p_workflow::text, true),
          set_config('app.request_id', run::text, true);
  IF p_depth > 5 THEN
    SELECT 'failed' AS status, '[]'::jsonb AS steps, 'Workflows started one another more than five times.' AS error INTO done;
  ELSE
    SELECT * INTO done FROM workflow_do(p_org, p_ticket, p_workflow, run, w.actions, false);
  END IF;
  INSERT INTO workflow_run (org_id, run_id, workflow_id, edition, ticket_id, event_id, depth, status, trace, steps, error, duration_ms)
  VALUES (p_org, run, p_workflow, w.edition, p_ticket, p_event, p_depth, done.status, p_trace, done.steps, done.error,
          (extract(epoch FROM clock_timestamp() - began) * 1000)::int);
  IF done.status = 'failed' THEN
    PERFORM put_event(p_org, 'workflow.run.failed', true, true, 'workflow', p_workflow::text, p_ticket, NULL,
      jsonb_build_object('workflow_id', p_workflow, 'run_id', run, 'name', w.name, 'error', done.error));
  END IF;
  PERFORM set_config('app.actor_type', 'system', true), set_config('app.actor_id', 'workflows', true);
  RETURN done.status;
END
$$;

-- Called by event_fan_out(): one job an event, which goes through its workflows in their order.
CREATE OR REPLACE FUNCTION workflow_fan_out(p_org text, p_from bigint, p_to bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM workflow w WHERE w.org_id = p_org AND w.enabled AND w.topics <> '{}') THEN
    INSERT INTO due_job (org_id, kind, ref)
    SELECT p_org, 'workflow', e.event_id
      FROM event e
     WHERE e.org_id = p_org AND e.seq BETWEEN p_from AND p_to AND e.ticket_id IS NOT NULL
       AND e.topic <> 'workflow.run.failed'
       AND NOT ('workflows' = ANY (string_to_array(COALESCE(e.suppress, ''), ',')))
       AND EXISTS (SELECT 1 FROM workflow w WHERE w.org_id = p_org AND w.enabled AND w.topics && topic_words(e.topic))
    ON CONFLICT DO NOTHING;
  END IF;
END
$$;

-- Tickets for which a time trigger is due and has not fired.
CREATE OR REPLACE FUNCTION workflow_since(t ticket, p_field text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE p_field WHEN 'created_at' THEN t.created_at WHEN 'updated_at' THEN t.updated_at
    WHEN 'last_customer_comment_at' THEN t.last_customer_comment_at WHEN 'last_agent_comment_at' THEN t.last_agent_comment_at
    WHEN 'resolved_at' THEN t.resolved_at END
$$;

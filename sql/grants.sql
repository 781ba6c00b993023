-- Who may do what, and the second wall: row-level security on every table of
-- an organisation, forced on the owner too. Run again on every upgrade.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO serviceos_app, serviceos_scheduler;
DO $$
BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

DO $$
DECLARE
  t text;
BEGIN
  FOR t IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
              AND c.relowner = current_user::regrole
              AND c.relname NOT IN ('schema_migration', 'directory', 'search_document', 'search_pending') LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', t);
    -- The sub-select is evaluated once per statement; an unset organisation sees nothing.
    EXECUTE format('CREATE POLICY tenant ON %I TO serviceos_app, serviceos_owner
      USING (org_id = (SELECT NULLIF(current_setting(''app.org'', true), '''')))
      WITH CHECK (org_id = (SELECT NULLIF(current_setting(''app.org'', true), '''')))', t);
    EXECUTE format('DROP POLICY IF EXISTS scheduler ON %I', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO serviceos_app', t);
  END LOOP;
  -- What the scheduler's jobs touch, across organisations.
  FOREACH t IN ARRAY ARRAY['organization', 'event', 'event_sequence', 'ticket', 'ticket_tag',
                           'idempotency_key', 'session', 'usage_day', 'comment', 'customer',
                           'job', 'import_lease', 'custom_field', 'ticket_field', 'queue_claim', 'attachment',
                           'due_job', 'webhook', 'webhook_delivery', 'webhook_attempt', 'sla_policy', 'workflow', 'workflow_run', 'mail',
                           'inbound_mail', 'search_vocabulary'] LOOP
    EXECUTE format('CREATE POLICY scheduler ON %I TO serviceos_scheduler USING (true) WITH CHECK (true)', t);
  END LOOP;
  FOR t IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind = 'v' AND c.relowner = current_user::regrole LOOP
    EXECUTE format('GRANT SELECT, UPDATE ON %I TO serviceos_app', t); -- UPDATE: to lock rows
  END LOOP;
END
$$;

GRANT SELECT, INSERT, DELETE ON directory TO serviceos_app;
GRANT EXECUTE ON FUNCTION search_keep_up(text) TO serviceos_app, serviceos_scheduler;
REVOKE INSERT, UPDATE ON search_vocabulary FROM serviceos_app; -- erasing a customer deletes it
GRANT SELECT ON search_vocabulary TO serviceos_scheduler;
GRANT EXECUTE ON FUNCTION search_learn(text, bigint) TO serviceos_scheduler;
GRANT EXECUTE ON FUNCTION search_candidates(text, text[], bigint, uuid, int), search_among(text, text[], uuid[]) TO serviceos_app;
GRANT SELECT ON schema_migration TO serviceos_app, serviceos_scheduler;
-- The change log is written and read, never rewritten, by the workers; erasing
-- a customer scrubs what names them.
REVOKE UPDATE, DELETE ON event FROM serviceos_app;
GRANT UPDATE (changes, data) ON event TO serviceos_app;
GRANT SELECT ON organization, usage_day TO serviceos_scheduler;
GRANT SELECT, INSERT, UPDATE, DELETE ON event TO serviceos_scheduler;
GRANT SELECT, UPDATE ON event_sequence TO serviceos_scheduler;
-- It wakes tickets, takes them back from agents who left them, purges deleted ones and the values of deleted fields; it writes nothing else of them.
REVOKE UPDATE ON ticket FROM serviceos_scheduler;
GRANT SELECT, UPDATE (snoozed_until, snooze_until_reply, custom_fields, assignee_user_id), DELETE ON ticket TO serviceos_scheduler;
GRANT SELECT, UPDATE, DELETE ON queue_claim TO serviceos_scheduler;
GRANT SELECT, DELETE ON custom_field TO serviceos_scheduler;
GRANT SELECT, INSERT, DELETE ON ticket_field TO serviceos_scheduler;
-- Due jobs and deliveries are its own work.
GRANT SELECT, INSERT, UPDATE, DELETE ON due_job, webhook_delivery, webhook_attempt TO serviceos_scheduler;
GRANT SELECT, UPDATE ON webhook TO serviceos_scheduler;
GRANT SELECT, UPDATE, DELETE ON mail TO serviceos_scheduler;
GRANT SELECT, DELETE ON inbound_mail TO serviceos_scheduler;
GRANT SELECT ON sla_policy, workflow TO serviceos_scheduler;
GRANT SELECT, DELETE ON workflow_run TO serviceos_scheduler;
-- Jobs are claimed across organisations; their work is done as serviceos_app.
GRANT SELECT ON attachment TO serviceos_scheduler;
GRANT SELECT, UPDATE ON job TO serviceos_scheduler;
-- An import is silent; the workers' role runs it with the secret that the scheduler hands over, and cannot read.
GRANT SELECT, INSERT, UPDATE ON import_lease TO serviceos_scheduler;
REVOKE ALL ON import_lease FROM serviceos_app;
GRANT EXECUTE ON FUNCTION import_batch(text, uuid, uuid, jsonb, jsonb, jsonb, jsonb) TO serviceos_app;
GRANT SELECT, DELETE ON ticket_tag, comment, idempotency_key, session, usage_day, directory TO serviceos_scheduler;

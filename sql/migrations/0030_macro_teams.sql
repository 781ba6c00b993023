-- A team that goes leaves its macros, as it leaves its tickets and queues: team_delete()
-- hands them over first.
ALTER TABLE macro DROP CONSTRAINT macro__team_id;
ALTER TABLE macro ADD CONSTRAINT macro__team_id FOREIGN KEY (org_id, team_id) REFERENCES team;

-- Those that take more, or give something else, since.
DROP FUNCTION IF EXISTS custom_fields_purge();
DROP FUNCTION IF EXISTS custom_values_check(text, jsonb, jsonb);
DROP FUNCTION IF EXISTS custom_fields_merge(text, jsonb, jsonb);
DROP FUNCTION IF EXISTS ticket_say(text, uuid, text, boolean);
DROP FUNCTION IF EXISTS ticket_act(text, uuid, jsonb);
DROP FUNCTION IF EXISTS workflow_act(text, uuid, uuid, uuid, jsonb);

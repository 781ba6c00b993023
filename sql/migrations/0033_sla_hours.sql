-- A policy counts open minutes without naming a calendar, too: the team's, or the default.

ALTER TABLE sla_policy ADD business_hours boolean NOT NULL DEFAULT false;
-- The rows of all organisations: row-level security steps aside for the owner's one statement.
ALTER TABLE sla_policy NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_policy DISABLE TRIGGER USER;
UPDATE sla_policy SET business_hours = true WHERE business_hours_id IS NOT NULL;
ALTER TABLE sla_policy ENABLE TRIGGER USER;
ALTER TABLE sla_policy FORCE ROW LEVEL SECURITY;

-- A clock that has stopped names the calendar that it counted by, which may be gone:
-- only those that have not stopped hold it (sla_timer_before()).
ALTER TABLE sla_timer DROP CONSTRAINT sla_timer__business_hours_id;
DROP INDEX sla_timer_hours;
CREATE INDEX sla_timer_hours ON sla_timer (org_id, business_hours_id) WHERE business_hours_id IS NOT NULL AND stopped_at IS NULL;

-- It says by which calendar as well: another type of row.
DROP FUNCTION IF EXISTS sla_preview(text, uuid, jsonb);

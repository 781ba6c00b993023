-- A claim goes with its ticket, wherever that is moved: a queue that is deleted
-- takes none with it. Who took a ticket for an agent works in the agent's name.
ALTER TABLE queue_claim DROP COLUMN queue_id;
ALTER TABLE queue_claim ADD COLUMN claimed_by text;

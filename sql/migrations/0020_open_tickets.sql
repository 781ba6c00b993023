-- What is open, by agent, without a look at the tickets; and what waits to be
-- purged, without a look at all the others.

DROP INDEX ticket_assignee;
CREATE INDEX ticket_assignee ON ticket (org_id, assignee_user_id, status)
  WHERE assignee_user_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX ticket_deleted ON ticket (org_id, deleted_at) WHERE deleted_at IS NOT NULL;

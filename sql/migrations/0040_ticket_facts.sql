-- What a search counts and sifts its hits by, beside their ids: five hundred tickets that
-- lie anywhere are looked up in half of the time when their rows need not be read. No more
-- updates touch an index: channel does not change, the others are in another index too.
CREATE INDEX ticket_facts ON ticket (org_id, ticket_id)
  INCLUDE (status, priority, channel, team_id, assignee_user_id)
  WHERE deleted_at IS NULL;

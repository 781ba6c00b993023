-- Queues that say which tickets they want: each new ticket asks whether there are some.
CREATE INDEX queue_rules ON queue (org_id, position, queue_id) WHERE active AND conditions <> '{}';

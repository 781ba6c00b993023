-- How many different whole minutes there are, so that the planner sees that a report's
-- counts are few and lets several processes count at the same time.
CREATE STATISTICS ticket_first_reply ON ((date_part('epoch', first_response_at - created_at) / 60)::int) FROM ticket;
CREATE STATISTICS ticket_resolution ON ((date_part('epoch', resolved_at - created_at) / 60)::int) FROM ticket;

DROP FUNCTION IF EXISTS report_counts(text, timestamptz, timestamptz);
DROP FUNCTION IF EXISTS report_resolution(text, timestamptz, timestamptz);
DROP FUNCTION IF EXISTS report_backlog(text);

-- One organization's desk for tests/bench/desk: psql -v org=… -v count=… as
-- serviceos_owner. Words of every frequency: "invoice" is in every ticket, topicN
-- in one of 50, wordN in one of 5,000, refN in one.
BEGIN;
SELECT set_config('app.org', :'org', true), set_config('app.quiet', 'on', true) \g /dev/null
SELECT take_numbers(:'org', :count) AS number \gset

INSERT INTO app_user (org_id, user_id, email, name, role)
SELECT :'org', uuid7(), 'agent' || i || '@' || :'org' || '.example', 'Agent ' || i, 'agent' FROM generate_series(1, 20) i;
INSERT INTO team (org_id, team_id, name) SELECT :'org', uuid7(), 'Team ' || i FROM generate_series(1, 5) i;
INSERT INTO customer (org_id, customer_id, name, email)
SELECT :'org', uuid7(), 'Customer ' || i, 'customer' || i || '@example.com' FROM generate_series(1, 500) i;

CREATE TEMP TABLE who ON COMMIT DROP AS
SELECT (SELECT array_agg(customer_id) FROM customer WHERE org_id = :'org') AS customers,
       (SELECT array_agg(user_id) FROM app_user WHERE org_id = :'org') AS agents,
       (SELECT array_agg(team_id) FROM team WHERE org_id = :'org') AS teams;

-- Over a year, evenly; first replies within an hour, resolutions within a day.
-- A topic has tickets of every status, priority and customer. A model has said what each is
-- about; a person has corrected one of fourteen.
INSERT INTO ticket (org_id, ticket_id, number, title, description, status, priority, customer_id, team_id, assignee_user_id,
                    tags, channel, ai_classification, created_by, created_at, updated_at, first_response_at, resolved_at)
SELECT :'org', uuid7(), :number + i, 'Question about invoice word' || i % 5000 || ' topic' || topic,
       'The amount of ref' || i || ' is not what we agreed. ' || repeat('Please look at it again. ', 8),
       s.status, (ARRAY['low', 'normal', 'normal', 'normal', 'high', 'urgent'])[1 + i % 6],
       w.customers[1 + i % 500], w.teams[1 + i % 5], w.agents[1 + i % 20], ARRAY['invoice', 'topic-' || topic], 'api',
       jsonb_build_object('topic', 'topic-' || topic, 'urgency', 'normal', 'sentiment', 'negative', 'confidence', (i % 101) / 100.0,
         'classified_at', s.at) || CASE WHEN i % 14 = 0 THEN jsonb_build_object('overridden', true, 'overridden_at', s.at,
           'model_topic', 'topic-' || (topic + 1) % 50, 'model_confidence', (i % 97) / 100.0) ELSE '{}' END,
       'bench', s.at, s.at,
       s.at + i % 3600 * interval '1 second', CASE WHEN s.status IN ('resolved', 'closed') THEN s.at + i % 86400 * interval '1 second' END
  FROM (SELECT i, (i * 7 + i / 500) % 50 AS topic, now() - (:count - i) * (interval '364 days' / :count) - interval '1 day' AS at,
               (ARRAY['new', 'open', 'open', 'pending', 'on_hold', 'resolved', 'resolved', 'closed', 'closed', 'closed'])[1 + i % 10] AS status
          FROM generate_series(0, :count - 1) i) s, who w;

INSERT INTO comment (org_id, comment_id, ticket_id, author_type, body, created_at)
SELECT :'org', uuid7(), t.ticket_id, 'user', 'We have corrected the invoice of ticket ' || t.number, t.first_response_at
  FROM ticket t WHERE t.org_id = :'org' AND t.number % 5 = 0;
COMMIT;

-- A believable data set for trying things out: `serviceosctl demo`.

CREATE OR REPLACE FUNCTION demo_pick(words text[], n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT words[1 + abs(hashint4(n)) % cardinality(words)]
$$;

CREATE OR REPLACE FUNCTION demo_load(p_org text, p_tickets int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  first bigint;
  people int := GREATEST(p_tickets / 5, 1);
BEGIN
  PERFORM setseed(0.42);
  PERFORM set_config('app.quiet', 'on', true);
  INSERT INTO app_user (org_id, user_id, email, name, role, skills)
  SELECT p_org, uuid7(), lower(demo_pick('{Ada,Grace,Alan,Edsger,Barbara,Donald,Radia,Ken}', i)) || i || '@' || p_org || '.example',
         demo_pick('{Ada,Grace,Alan,Edsger,Barbara,Donald,Radia,Ken}', i) || ' ' ||
         demo_pick('{Miller,Santos,Okafor,Ivanova,Tanaka,Schmidt,Rossi,Khan}', i * 7),
         'agent', ARRAY[demo_pick('{billing,technical,shipping,accounts}', i)]
    FROM generate_series(1, 8) i
  ON CONFLICT DO NOTHING;
  INSERT INTO customer (org_id, customer_id, name, email, phone, attributes, created_at)
  SELECT p_org, uuid7(),
         demo_pick('{Mia,Noah,Lea,Omar,Yuki,Ines,Paul,Zoe,Ravi,Emma}', i) || ' ' ||
         demo_pick('{Weber,Silva,Kim,Novak,Dubois,Olsen,Costa,Singh,Lopez,Meyer}', i * 13),
         'customer' || i || '@' || demo_pick('{mail,post,inbox}', i) || '.example', '+1 555 ' || lpad((i % 10000)::text, 4, '0'),
         jsonb_build_object('plan', demo_pick('{free,pro,enterprise}', i * 3)),
         now() - random() * interval '180 days'
    FROM generate_series(1, people) i
  ON CONFLICT DO NOTHING;
  first := take_numbers(p_org, p_tickets);
  CREATE TEMP TABLE demo_customer ON COMMIT DROP AS
    SELECT customer_id, row_number() OVER () AS n FROM customer WHERE org_id = p_org;
  CREATE TEMP TABLE demo_user ON COMMIT DROP AS
    SELECT user_id, row_number() OVER () AS n FROM app_user WHERE org_id = p_org AND role <> 'viewer';
  INSERT INTO ticket (org_id, ticket_id, number, title, description, status, priority, customer_id,
                      assignee_user_id, tags, channel, created_by, created_at, updated_at)
  SELECT p_org, uuid7(), first + i - 1,
         demo_pick('{"Cannot login to dashboard","Invoice shows the wrong amount","Parcel has not arrived","Export stops at 90 %","How do I add a colleague?","App crashes on start","Refund for a double charge","Webhook is not delivered","Password reset mail is missing","Request for a feature: dark mode"}', i * 11),
         'Reported by the customer. ' ||
         demo_pick('{"It started this morning.","It happens every time.","A colleague sees the same.","It worked last week.","I have attached nothing yet."}', i * 17),
         demo_pick('{new,open,open,pending,on_hold,resolved,resolved,closed,closed,closed}', i * 5),
         demo_pick('{low,normal,normal,normal,high,urgent}', i * 19),
         c.customer_id, CASE WHEN i % 4 > 0 THEN u.user_id END,
         ARRAY[demo_pick('{login,billing,shipping,export,account,bug,question}', i * 11)],
         demo_pick('{email,web,api,chat}', i * 23), 'demo', at, at
    FROM (SELECT i, now() - (p_tickets - i) * (interval '90 days' / p_tickets) AS at
            FROM generate_series(1, p_tickets) i) s
    JOIN demo_customer c ON c.n = 1 + i % (SELECT count(*) FROM demo_customer)
    JOIN demo_user u ON u.n = 1 + i % (SELECT count(*) FROM demo_user);
  INSERT INTO comment (org_id, comment_id, ticket_id, internal, author_type, author_id, body, created_at, updated_at)
  SELECT t.org_id, uuid7(), t.ticket_id, k = 2,
         CASE k WHEN 1 THEN 'user' WHEN 2 THEN 'user' ELSE 'customer' END,
         CASE k WHEN 3 THEN t.customer_id::text ELSE t.assignee_user_id::text END,
         CASE k WHEN 1 THEN 'Thank you for writing. We are looking into it.'
                WHEN 2 THEN 'Seen before in ticket #' || (t.number - 1) || '; same cause.'
                ELSE 'Thanks, that helps. It works for me now.' END,
         t.created_at + k * interval '40 minutes', t.created_at + k * interval '40 minutes'
    FROM ticket t, generate_series(1, 3) k
   WHERE t.org_id = p_org AND t.created_by = 'demo' AND t.number >= first AND t.assignee_user_id IS NOT NULL
     AND (k < 3 OR t.status IN ('resolved', 'closed'));
  PERFORM set_config('app.quiet', '', true);
  RETURN p_tickets;
END
$$;

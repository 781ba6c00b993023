-- One organization's tickets for tests/bench: psql -v org=… -v first=… -v count=…
-- as serviceos_owner. Ids can be computed (see tickets.lua and bench.py), so that
-- wrk and pgbench ask for random tickets without a list of them.
BEGIN;
SELECT set_config('app.org', :'org', true), set_config('app.quiet', 'on', true) \g /dev/null
SELECT take_numbers(:'org', :count) AS number \gset

INSERT INTO customer (org_id, customer_id, name, email)
SELECT :'org', uuid7(), 'Customer ' || i, 'customer' || i || '@example.com'
  FROM generate_series(1, 500) i;

INSERT INTO ticket (org_id, ticket_id, number, title, description, status, priority, customer_id,
                    tags, channel, created_by, created_at, updated_at)
SELECT :'org', ('01900000-0000-7000-8000-' || (:first + i))::uuid,
       :number + i, 'Cannot log in to the dashboard since ' || i,
       repeat('The page stays empty after the password. ', 20),
       (ARRAY['new', 'open', 'open', 'pending', 'on_hold', 'resolved', 'resolved', 'closed', 'closed', 'closed'])[1 + i % 10],
       (ARRAY['low', 'normal', 'normal', 'normal', 'high', 'urgent'])[1 + i % 6],
       c.customer_id, ARRAY['login', 'topic-' || i % 50], 'api', 'bench', at, at
  FROM (SELECT i, now() - (:count - i) * interval '1 minute' AS at
          FROM generate_series(0, :count - 1) i) s
  JOIN (SELECT customer_id, row_number() OVER () AS n FROM customer
         WHERE org_id = :'org') c ON c.n = 1 + i % 500;
COMMIT;

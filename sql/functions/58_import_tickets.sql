-- Imports of tickets and their threads; 57_imports.sql calls it.

-- What is wrong with a row's custom fields, or null.
CREATE OR REPLACE FUNCTION import_custom_problem(p_org text, p_fields jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT COALESCE('custom_fields.' || v.key || ': ' || CASE WHEN f.key IS NULL
                   THEN 'The organization has no such custom field.' ELSE custom_value_problem(f, v.value) END, NULL)
            FROM jsonb_each(p_fields) v
            LEFT JOIN custom_field f ON f.org_id = p_org AND f.key = v.key AND f.deleted_at IS NULL
           WHERE f.key IS NULL OR custom_value_problem(f, v.value) IS NOT NULL
           LIMIT 1);
END
$$;

-- Users by their addresses, and by names that only one of them has.
CREATE OR REPLACE FUNCTION import_agents(p_org text) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT COALESCE(jsonb_object_agg(a.word, a.id), '{}')
    FROM (SELECT x.word, min(x.user_id::text) AS id
            FROM (SELECT lower(u.email) AS word, u.user_id FROM app_user u WHERE u.org_id = p_org
                  UNION ALL
                  SELECT lower(u.name), u.user_id FROM app_user u WHERE u.org_id = p_org AND u.name NOT LIKE '%@%') x
           GROUP BY x.word HAVING count(*) = 1) a
$$;

-- The row with what its words mean here: ids of people, teams and queues, the
-- ticket that is there already ("known", "deleted"), and why it cannot be taken ("problem").
CREATE OR REPLACE FUNCTION import_resolve(p_org text, p_rows jsonb, p_people jsonb) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  ids uuid[];
  externals text[];
  agents jsonb := import_agents(p_org);
  teams jsonb := (SELECT COALESCE(jsonb_object_agg(lower(m.name), m.team_id), '{}') FROM team m WHERE m.org_id = p_org);
  queues jsonb := (SELECT COALESCE(jsonb_object_agg(lower(q.name), q.queue_id), '{}') FROM queue q WHERE q.org_id = p_org);
  unknown uuid := (SELECT o.default_customer_id FROM organization o WHERE o.org_id = p_org);
  companies jsonb := (SELECT COALESCE(jsonb_object_agg(c.customer_id, c.company_id), '{}') FROM customer c
    WHERE c.org_id = p_org AND c.company_id IS NOT NULL
      AND c.customer_id = ANY (ARRAY(SELECT x.value::uuid FROM jsonb_each_text(p_people) x) || unknown));
BEGIN
  SELECT array_agg(x.ticket_id), array_agg(x.external_id) INTO ids, externals
    FROM jsonb_to_recordset(p_rows) AS x(ticket_id uuid, external_id text);
  RETURN (
    WITH by_id AS MATERIALIZED (
      SELECT k.ticket_id, k.status, k.deleted_at FROM ticket k WHERE k.org_id = p_org AND k.ticket_id = ANY (ids)
    ), by_external AS MATERIALIZED (
      SELECT k.ticket_id, k.status, k.deleted_at, k.external_id FROM ticket k WHERE k.org_id = p_org AND k.external_id = ANY (externals)
    )
    SELECT jsonb_agg(r.row || jsonb_build_object(
             'ticket_id', CASE WHEN r.external_id IS NULL THEN COALESCE(r.id, CASE WHEN p.problem IS NULL THEN uuid7() END)
                               ELSE COALESCE(x.ticket_id, CASE WHEN i.ticket_id IS NULL THEN r.id END, uuid7()) END,
             'known', CASE WHEN r.external_id IS NULL THEN i.ticket_id ELSE x.ticket_id END IS NOT NULL,
             'deleted', CASE WHEN r.external_id IS NULL THEN i.deleted_at ELSE x.deleted_at END IS NOT NULL,
             'problem', p.problem,
             'customer_id', COALESCE(p_people ->> (r.row ->> 'requester_key'), unknown::text),
             'company_id', companies -> COALESCE(p_people ->> (r.row ->> 'requester_key'), unknown::text),
             'assignee_user_id', agents -> lower(r.row ->> 'assignee_email'),
             'team_id', teams -> lower(r.row ->> 'team'),
             'queue_id', queues -> lower(r.row ->> 'queue'))
             || CASE WHEN agents ? lower(r.row ->> 'overridden_by_email') AND r.row ? 'ai_classification'
                THEN jsonb_build_object('ai_classification', (r.row -> 'ai_classification')
                       || jsonb_build_object('overridden_by', agents -> lower(r.row ->> 'overridden_by_email')))
                ELSE '{}' END ORDER BY r.n)
      FROM (SELECT x.value AS row, x.ordinality AS n, x.value ->> 'external_id' AS external_id,
                   (x.value ->> 'ticket_id')::uuid AS id,
                   row_number() OVER (PARTITION BY COALESCE('x' || (x.value ->> 'external_id'), 'i' || (x.value ->> 'ticket_id'),
                                                            'n' || x.ordinality) ORDER BY x.ordinality) AS nth
              FROM jsonb_array_elements(p_rows) WITH ORDINALITY x) r
      LEFT JOIN by_id i ON i.ticket_id = r.id
      LEFT JOIN by_external x ON x.external_id = r.external_id
      CROSS JOIN LATERAL (SELECT CASE
        WHEN r.nth > 1 THEN 'repeated: The row has the id of another one of this file.'
        WHEN CASE WHEN r.external_id IS NULL THEN i.status ELSE x.status END = 'merged'
          THEN 'ticket_merged: The ticket was merged into another one.'
        WHEN r.row ? 'custom_fields' THEN 'custom_fields: ' || import_custom_problem(p_org, r.row -> 'custom_fields') END AS problem) p);
END
$$;

-- Numbers: the old one where it is free, else a new one. One of more than eleven digits
-- is not kept: the counter goes on from the highest, and has to stay within what an
-- import takes.
CREATE OR REPLACE FUNCTION import_numbers(p_org text, p_rows jsonb) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  wanted bigint[];
  taken bigint[];
  kept jsonb;
  highest bigint;
  missing int;
  next_ bigint;
BEGIN
  wanted := ARRAY(SELECT r.number FROM jsonb_to_recordset(p_rows) AS r(number bigint) WHERE r.number <= 99999999999);
  taken := ARRAY(SELECT t.number FROM ticket t WHERE t.org_id = p_org AND t.number = ANY (wanted));
  SELECT COALESCE(jsonb_object_agg(w.ticket_id, w.number), '{}'), max(w.number) INTO kept, highest
    FROM (SELECT DISTINCT ON (r.number) r.ticket_id, r.number
            FROM jsonb_to_recordset(p_rows) AS r(ticket_id text, number bigint) WHERE r.number <= 99999999999 AND r.number <> ALL (taken)) w;
  UPDATE ticket_counter c SET next_number = highest + 1 WHERE c.org_id = p_org AND c.next_number <= highest;
  missing := jsonb_array_length(p_rows) - (SELECT count(*) FROM jsonb_object_keys(kept));
  IF missing = 0 THEN
    RETURN kept;
  END IF;
  next_ := take_numbers(p_org, missing);
  RETURN kept || (SELECT jsonb_object_agg(r.ticket_id, next_ + r.n - 1)
                    FROM (SELECT x.ticket_id, row_number() OVER () AS n
                            FROM jsonb_to_recordset(p_rows) AS x(ticket_id text) WHERE NOT kept ? x.ticket_id) r);
END
$$;

-- Gives a word on each ticket that has not kept its number.
CREATE OR REPLACE FUNCTION import_new_tickets(p_org text, p_rows jsonb) RETURNS jsonb[] LANGUAGE plpgsql AS $$
DECLARE
  numbers jsonb := import_numbers(p_org, p_rows);
BEGIN
  INSERT INTO ticket (org_id, ticket_id, number, title, description, status, priority, customer_id, company_id,
                      team_id, queue_id, assignee_user_id, required_skills, tags, channel, external_id,
                      custom_fields, first_response_at, last_customer_comment_at, last_agent_comment_at,
                      resolved_at, closed_at, reopened_count, snoozed_until, snooze_until_reply, ai_classification,
                      created_by, created_at, updated_at)
  SELECT p_org, b.ticket_id, (numbers ->> b.ticket_id::text)::bigint, b.title, COALESCE(b.description, ''),
         COALESCE(b.status, 'new'), COALESCE(b.priority, 'normal'), b.customer_id,
         b.company_id, b.team_id, b.queue_id, b.assignee_user_id, COALESCE(b.required_skills, '{}'), COALESCE(b.tags, '{}'),
         COALESCE(b.channel, 'import'), b.external_id, COALESCE(b.custom_fields, '{}'),
         COALESCE(b.first_response_at, s.first_reply), COALESCE(b.last_customer_comment_at, s.last_customer),
         COALESCE(b.last_agent_comment_at, s.last_agent),
         COALESCE(b.resolved_at, CASE WHEN b.status IN ('resolved', 'closed') THEN COALESCE(b.updated_at, b.created_at) END),
         COALESCE(b.closed_at, CASE WHEN b.status = 'closed' THEN COALESCE(b.updated_at, b.created_at) END),
         COALESCE(b.reopened_count, 0), CASE WHEN b.snoozed_until > now() THEN b.snoozed_until END,
         COALESCE(b.snooze_until_reply, false), b.ai_classification, COALESCE(b.created_by, guc('app.actor_id')),
         COALESCE(b.created_at, now()), COALESCE(b.updated_at, b.created_at, now())
    FROM jsonb_to_recordset(p_rows) AS b(
           ticket_id uuid, title text, description text, status text, priority text, customer_id uuid,
           company_id uuid, team_id uuid, queue_id uuid, assignee_user_id uuid, required_skills text[], tags text[],
           channel text, external_id text, custom_fields jsonb, first_response_at timestamptz,
           last_customer_comment_at timestamptz, last_agent_comment_at timestamptz,
           resolved_at timestamptz, closed_at timestamptz, reopened_count int, snoozed_until timestamptz,
           snooze_until_reply boolean, ai_classification jsonb, created_by text, created_at timestamptz, updated_at timestamptz, comments jsonb)
    LEFT JOIN LATERAL (
      SELECT min(c.created_at) FILTER (WHERE c.author_type <> 'customer') AS first_reply,
             max(c.created_at) FILTER (WHERE c.author_type = 'customer') AS last_customer,
             max(c.created_at) FILTER (WHERE c.author_type <> 'customer') AS last_agent
        FROM jsonb_to_recordset(b.comments) AS c(author_type text, internal boolean, created_at timestamptz)
       WHERE c.internal IS NOT TRUE AND c.author_type <> 'system') s ON true;
  INSERT INTO ticket_tag (org_id, tag, ticket_id)
  SELECT p_org, btrim(g), b.ticket_id
    FROM jsonb_to_recordset(p_rows) AS b(ticket_id uuid, tags text[]), unnest(b.tags) g
   WHERE btrim(g) <> ''
  ON CONFLICT DO NOTHING;
  INSERT INTO ticket_field (org_id, key, word, number, ticket_id)
  SELECT p_org, f.key, f.word, f.number, b.ticket_id
    FROM jsonb_to_recordset(p_rows) AS b(ticket_id uuid, custom_fields jsonb), custom_words(b.custom_fields) f
  ON CONFLICT DO NOTHING;
  RETURN ARRAY(
    SELECT import_outcome(r, 'done', 'number_changed', format('The number %s is %s; the ticket has the number %s.', r ->> 'number',
             CASE WHEN (r ->> 'number')::bigint > 99999999999 THEN 'too high' ELSE 'taken' END, numbers ->> (r ->> 'ticket_id')))
      FROM jsonb_array_elements(p_rows) r WHERE r -> 'number' <> numbers -> (r ->> 'ticket_id'));
END
$$;

-- Only what the row names changes; what was deleted is there again.
CREATE OR REPLACE FUNCTION import_old_tickets(p_org text, p_rows jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ticket t
     SET (title, description, status, priority, customer_id, team_id, queue_id, assignee_user_id, required_skills,
          tags, custom_fields, resolved_at, closed_at, snoozed_until, snooze_until_reply, ai_classification,
          created_at, updated_at, deleted_at) =
         (SELECT p.title, p.description, p.status, p.priority, p.customer_id, p.team_id, p.queue_id,
                 p.assignee_user_id, p.required_skills, p.tags,
                 CASE WHEN b.row ? 'custom_fields' THEN t.custom_fields || (b.row -> 'custom_fields') ELSE t.custom_fields END,
                 CASE WHEN p.status IN ('resolved', 'closed') THEN COALESCE(p.resolved_at, p.updated_at) END,
                 CASE WHEN p.status = 'closed' THEN COALESCE(p.closed_at, p.updated_at) END,
                 CASE WHEN p.snoozed_until > now() THEN p.snoozed_until END, p.snooze_until_reply, p.ai_classification,
                 p.created_at, CASE WHEN b.row ? 'updated_at' THEN p.updated_at ELSE now() END, NULL::timestamptz
            FROM jsonb_populate_record(t, jsonb_strip_nulls(CASE WHEN b.row ? 'requester_key' THEN b.row ELSE b.row - 'customer_id' END)
                                          - '{number,external_id,channel}'::text[]) p)
    FROM (SELECT x.value AS row, (x.value ->> 'ticket_id')::uuid AS ticket_id FROM jsonb_array_elements(p_rows) x) b
   WHERE t.org_id = p_org AND t.ticket_id = b.ticket_id;
END
$$;

-- A word on each comment that was not taken, unless the very same is there.
CREATE OR REPLACE FUNCTION import_left_out(p_org text, p_rows jsonb, p_made uuid[]) RETURNS jsonb[] LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  RETURN ARRAY(
    SELECT import_outcome(r.row, 'done', 'comment_left_out', CASE
             WHEN k.comment_id IS NULL THEN 'A comment without an id is taken with a new ticket only.'
             WHEN k.own THEN format('The comment %s is there already, with another text; it stays as it is.', c.id)
             ELSE format('The comment %s is left out: another ticket has one with this id.', c.id) END)
      FROM (SELECT x.value AS row, (x.value ->> 'ticket_id')::uuid AS ticket_id FROM jsonb_array_elements(p_rows) x) r
      CROSS JOIN LATERAL (
        SELECT x.*, COALESCE(x.external_id, x.comment_id::text) AS id
          FROM jsonb_to_recordset(r.row -> 'comments') AS x(comment_id uuid, external_id text, body text)) c
      LEFT JOIN LATERAL (
        SELECT x.comment_id, x.body, COALESCE(x.origin_ticket_id, x.ticket_id) = r.ticket_id AS own FROM comment x
         WHERE x.org_id = p_org AND x.comment_id = c.comment_id
        UNION ALL
        SELECT x.comment_id, x.body, true FROM comment x
         WHERE x.org_id = p_org AND COALESCE(x.origin_ticket_id, x.ticket_id) = r.ticket_id AND x.external_id = c.external_id
        UNION ALL
        SELECT x.comment_id, x.body, true FROM comment x
         WHERE c.id IS NULL AND x.org_id = p_org AND x.ticket_id = r.ticket_id AND x.body = c.body
         LIMIT 1) k ON true
     WHERE k.comment_id IS NULL OR NOT (k.comment_id = ANY (p_made) OR (k.own AND k.body = c.body)));
END
$$;

-- The threads. A comment that is there already, by its id, stays as it is; one
-- without an id is taken with a new ticket only. Gives a word on what is left out.
CREATE OR REPLACE FUNCTION import_comments(p_org text, p_rows jsonb, p_people jsonb) RETURNS jsonb[] LANGUAGE plpgsql AS $$
DECLARE
  agents jsonb := (SELECT COALESCE(jsonb_object_agg(lower(u.email), u.user_id), '{}') FROM app_user u WHERE u.org_id = p_org);
  made uuid[];
  wanted bigint := (SELECT sum(jsonb_array_length(r -> 'comments')) FROM jsonb_array_elements(p_rows) r);
BEGIN
  WITH new_ AS (
  INSERT INTO comment (org_id, comment_id, ticket_id, internal, author_type, author_id, body, external_id, mentions,
                       edited_at, version, created_at, updated_at)
  SELECT p_org, COALESCE(c.comment_id, uuid7()), r.ticket_id, COALESCE(c.internal, false), a.kind,
         CASE a.kind WHEN 'customer' THEN COALESCE(p_people ->> c.author_key, r.customer_id)
                     WHEN 'user' THEN COALESCE(agents ->> lower(c.author_email), c.author_id)
                     WHEN 'api_key' THEN c.author_id
                     WHEN 'legacy' THEN left(COALESCE(c.author_name, c.author_email, c.author_id), 127) END,
         c.body, c.external_id,
         CASE WHEN c.mention_emails IS NULL THEN '{}'
              ELSE ARRAY(SELECT (agents ->> lower(m))::uuid FROM unnest(c.mention_emails) m WHERE agents ? lower(m)) END,
         c.edited_at, CASE WHEN c.history IS NULL THEN 1
           ELSE 1 + (SELECT COALESCE(max((h -> 'version')::int), 0) FROM jsonb_array_elements(c.history) h) END, at.at, at.at
    FROM jsonb_to_recordset(p_rows) AS r(ticket_id uuid, customer_id text, known boolean, comments jsonb,
                                         created_at timestamptz)
    CROSS JOIN LATERAL (
      SELECT x.*, row_number() OVER () AS n
        FROM jsonb_to_recordset(r.comments) AS x(comment_id uuid, external_id text, internal boolean, author_type text,
          author_id text, author_key text, author_email text, author_name text, body text, created_at timestamptz,
          edited_at timestamptz, mention_emails text[], history jsonb)) c
    CROSS JOIN LATERAL (
      SELECT CASE WHEN c.author_type IN ('customer', 'system') THEN c.author_type
                  WHEN agents ? lower(c.author_email) THEN 'user'
                  WHEN c.author_type = 'user' AND EXISTS (
                    SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id::text = c.author_id) THEN 'user'
                  WHEN c.author_type = 'api_key' AND EXISTS (
                    SELECT 1 FROM api_key k WHERE k.org_id = p_org AND k.key_id::text = c.author_id) THEN 'api_key'
                  ELSE 'legacy' END AS kind) a
    CROSS JOIN LATERAL (
      SELECT COALESCE(c.created_at, r.created_at + c.n * interval '1 millisecond', clock_timestamp()) AS at) at
   WHERE NOT r.known OR c.external_id IS NOT NULL OR c.comment_id IS NOT NULL
  ON CONFLICT DO NOTHING
  RETURNING comment_id
  )
  SELECT array_agg(n.comment_id) INTO made FROM new_ n;
  IF p_rows @? '$[*].comments[*].history' THEN -- of those that have an id of ours
    INSERT INTO comment_revision (org_id, comment_id, version, body, edited_by, edited_at)
    SELECT p_org, c.comment_id, h.version, h.body, COALESCE(agents ->> lower(h.edited_by_email), h.edited_by), h.edited_at
      FROM jsonb_to_recordset(p_rows) AS r(comments jsonb),
           jsonb_to_recordset(r.comments) AS c(comment_id uuid, history jsonb),
           jsonb_to_recordset(c.history) AS h(version int, body text, edited_by text, edited_by_email text, edited_at timestamptz)
     WHERE c.comment_id = ANY (made)
    ON CONFLICT DO NOTHING;
  END IF;
  IF wanted > COALESCE(cardinality(made), 0) THEN
    RETURN import_left_out(p_org, p_rows, COALESCE(made, '{}'));
  END IF;
  RETURN '{}';
END
$$;

-- Comments on lines of their own, as an export has them behind its tickets.
CREATE OR REPLACE FUNCTION import_threads(p_org text, p_rows jsonb, p_people jsonb) RETURNS jsonb[] LANGUAGE plpgsql AS $$
DECLARE
  results jsonb[];
  good jsonb;
  ids uuid[];
  tickets uuid[];
BEGIN
  SELECT array_agg(x.comment_id), array_agg(x.ticket_id) INTO ids, tickets
    FROM jsonb_to_recordset(p_rows) AS x(comment_id uuid, ticket_id uuid);
  SELECT array_agg(jsonb_build_object('line', r.line, 'item', r.item,
           'outcome', CASE r.code WHEN 'unknown_ticket' THEN 'failed' WHEN 'ticket_deleted' THEN 'skipped'
                                  WHEN 'already_exists' THEN 'skipped' ELSE 'created' END,
           'code', r.code, 'message', CASE r.code
             WHEN 'unknown_ticket' THEN 'There is no ticket for the comment.'
             WHEN 'ticket_deleted' THEN 'The ticket was deleted; restore it or import with on_conflict=update.'
             WHEN 'already_exists' THEN 'The comment is there already.' END)),
         jsonb_agg(jsonb_build_object('ticket_id', r.ticket_id, 'customer_id', r.customer_id, 'known', true,
                                      'created_at', r.created_at, 'comments', r.comments)) FILTER (WHERE r.code IS NULL)
    INTO results, good
    FROM (WITH there AS MATERIALIZED (
            SELECT c.comment_id FROM comment c WHERE c.org_id = p_org AND c.comment_id = ANY (ids)
          ), at AS MATERIALIZED (
            SELECT k.ticket_id, k.customer_id, k.created_at, k.deleted_at FROM ticket k WHERE k.org_id = p_org AND k.ticket_id = ANY (tickets)
          )
          SELECT x.line, x.item, x.comments, t.ticket_id, t.customer_id, t.created_at,
                 CASE WHEN t.ticket_id IS NULL THEN 'unknown_ticket' WHEN t.deleted_at IS NOT NULL THEN 'ticket_deleted'
                      WHEN c.comment_id IS NOT NULL THEN 'already_exists' END AS code
            FROM jsonb_to_recordset(p_rows) AS x(line bigint, item text, ticket_id uuid, comment_id uuid, comments jsonb)
            LEFT JOIN at t ON t.ticket_id = x.ticket_id
            LEFT JOIN there c ON c.comment_id = x.comment_id) r;
  IF good IS NOT NULL THEN
    results := results || import_comments(p_org, good, p_people);
  END IF;
  RETURN results;
END
$$;

-- What was not understood of rows that were taken, or what their reading noted.
CREATE OR REPLACE FUNCTION import_notes(p_rows jsonb, p_people jsonb) RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY(
    SELECT import_outcome(r, 'done', n.code, n.message)
      FROM jsonb_array_elements(p_rows) r
      CROSS JOIN LATERAL (
        SELECT 'unknown_assignee', format('There is no user %s; the ticket has no agent.', r ->> 'assignee_email')
         WHERE r ? 'assignee_email' AND r -> 'assignee_user_id' = 'null'
        UNION ALL
        SELECT 'unknown_team', format('There is no team %s; the ticket has none.', r ->> 'team')
         WHERE r ? 'team' AND r -> 'team_id' = 'null'
        UNION ALL
        SELECT 'unknown_queue', format('There is no queue %s; the ticket has none.', r ->> 'queue')
         WHERE r ? 'queue' AND r -> 'queue_id' = 'null'
        UNION ALL
        SELECT 'unknown_requester', 'The requester could not be made a customer; the ticket is of the unknown customer.'
         WHERE NOT p_people ? (r ->> 'requester_key')
        UNION ALL
        SELECT x.code, x.message FROM jsonb_to_recordset(r -> 'notes') AS x(code text, message text)) AS n(code, message))
$$;

CREATE OR REPLACE FUNCTION import_tickets(p_org text, p_rows jsonb, p_people jsonb, p_update boolean) RETURNS jsonb[]
LANGUAGE plpgsql AS $$
DECLARE
  people jsonb := import_people(p_org, p_people);
  rows_ jsonb := import_resolve(p_org, p_rows, people);
  plain boolean := NOT rows_ @? '$[*] ? (@.problem != null || @.known == true)'; -- all of them new and good: not copied
  good jsonb;
  results jsonb[];
BEGIN
  SELECT array_agg(CASE
           WHEN r ->> 'problem' IS NOT NULL THEN
             import_outcome(r, 'failed', split_part(r ->> 'problem', ': ', 1), substr(r ->> 'problem', strpos(r ->> 'problem', ': ') + 2))
           WHEN (r -> 'known')::boolean AND NOT p_update THEN CASE WHEN (r -> 'deleted')::boolean
             THEN import_outcome(r, 'skipped', 'ticket_deleted', 'The ticket was deleted; restore it or import with on_conflict=update.')
             ELSE import_outcome(r, 'skipped', 'already_exists', 'The ticket is there already.') END
           ELSE import_outcome(r, CASE WHEN (r -> 'known')::boolean THEN 'updated' ELSE 'created' END, NULL, NULL) END),
         jsonb_agg(r) FILTER (WHERE NOT plain AND r ->> 'problem' IS NULL AND (p_update OR NOT (r -> 'known')::boolean))
    INTO results, good FROM jsonb_array_elements(rows_) r;
  IF plain THEN
    good := rows_;
    results := results || import_new_tickets(p_org, rows_);
  ELSIF good IS NOT NULL THEN
    results := results || COALESCE((SELECT import_new_tickets(p_org, n.rows) FROM (
      SELECT jsonb_agg(r) AS rows FROM jsonb_array_elements(good) r WHERE NOT (r -> 'known')::boolean) n
     WHERE n.rows IS NOT NULL), '{}');
    PERFORM import_old_tickets(p_org, n.rows) FROM (
      SELECT jsonb_agg(r) AS rows FROM jsonb_array_elements(good) r WHERE (r -> 'known')::boolean) n
     WHERE n.rows IS NOT NULL;
  END IF;
  IF good IS NOT NULL THEN
    results := results || import_comments(p_org, good, people) || import_notes(good, people);
  END IF;
  RETURN results;
END
$$;

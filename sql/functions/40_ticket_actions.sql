-- What is done with a ticket besides changing its fields. Each function is one
-- rule, the same for the API, bulk jobs and workflows. They run with the
-- caller's rights, under row-level security.

CREATE OR REPLACE FUNCTION actor_id() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT NULLIF(current_setting('app.actor_id', true), '')
$$;

CREATE OR REPLACE FUNCTION ticket_clone(p_org text, p_ticket uuid, p_new uuid, p_number bigint, p_body jsonb)
RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.clone', 'on', true); -- values stay as they are, whatever their fields have become
  INSERT INTO ticket (org_id, ticket_id, number, title, description, priority, customer_id, company_id,
                      team_id, queue_id, required_skills, tags, channel, custom_fields, created_by)
  SELECT t.org_id, p_new, p_number, COALESCE(p_body ->> 'title', t.title), t.description, t.priority,
         t.customer_id, t.company_id, t.team_id, t.queue_id, t.required_skills, t.tags, t.channel,
         (SELECT COALESCE(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(t.custom_fields) v
            JOIN custom_field f ON f.org_id = t.org_id AND f.key = v.key AND f.deleted_at IS NULL), actor_id()
    FROM ticket t
   WHERE t.org_id = p_org AND t.ticket_id = p_ticket;
  PERFORM set_config('app.clone', '', true);
  IF COALESCE((p_body ->> 'include_comments')::boolean, false) THEN
    INSERT INTO comment (org_id, comment_id, ticket_id, internal, author_type, author_id, body, created_at)
    SELECT c.org_id, uuid7(), p_new, false, c.author_type, c.author_id, c.body, c.created_at
      FROM comment c
     WHERE c.org_id = p_org AND c.ticket_id = p_ticket AND NOT c.internal AND c.redacted_at IS NULL
     ORDER BY c.created_at, c.comment_id;
  END IF;
  INSERT INTO ticket_link (org_id, link_id, ticket_id, target_id, kind)
  VALUES (p_org, uuid7(), p_new, p_ticket, 'related');
  RETURN p_new;
END
$$;

CREATE OR REPLACE FUNCTION ticket_split(p_org text, p_ticket uuid, p_new uuid, p_number bigint, p_body jsonb)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  ids uuid[] := ARRAY(SELECT DISTINCT jsonb_array_elements_text(p_body -> 'comment_ids')::uuid);
  source ticket;
  first_body text;
BEGIN
  SELECT * INTO source FROM ticket t
   WHERE t.org_id = p_org AND t.ticket_id = p_ticket FOR UPDATE;
  IF source.status = 'merged' THEN
    PERFORM fail(409, 'ticket_merged', 'A merged ticket cannot be split; undo the merge first.');
  END IF;
  IF (SELECT count(*) FROM comment c
       WHERE c.org_id = p_org AND c.ticket_id = p_ticket AND c.comment_id = ANY (ids))
     <> cardinality(ids) THEN
    PERFORM fail(422, 'unknown_reference', 'One of the comments is not part of this ticket.', 'comment_ids');
  END IF;
  SELECT c.body INTO first_body FROM comment c
   WHERE c.org_id = p_org AND c.comment_id = ANY (ids) AND NOT c.internal
   ORDER BY c.created_at, c.comment_id LIMIT 1;
  INSERT INTO ticket (org_id, ticket_id, number, title, description, priority, customer_id, company_id,
                      team_id, queue_id, channel, created_by)
  VALUES (p_org, p_new, p_number,
          COALESCE(p_body ->> 'title', left('Split from #' || source.number || ': ' || source.title, 500)),
          COALESCE(first_body, ''), source.priority, source.customer_id, source.company_id,
          source.team_id, source.queue_id, source.channel, actor_id());
  UPDATE comment c
     SET ticket_id = p_new, origin_ticket_id = COALESCE(c.origin_ticket_id, p_ticket)
   WHERE c.org_id = p_org AND c.ticket_id = p_ticket AND c.comment_id = ANY (ids);
  INSERT INTO ticket_link (org_id, link_id, ticket_id, target_id, kind)
  VALUES (p_org, uuid7(), p_new, p_ticket, 'related');
  RETURN p_new;
END
$$;

-- Move one ticket's comments, files, tags and links into another and write down what
-- moved. Its description becomes an internal note, so that the thread is whole.
CREATE OR REPLACE FUNCTION ticket_merge_one(p_org text, p_target uuid, source ticket)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  note uuid := uuid7();
  moved uuid[];
  origins jsonb;
  links jsonb;
  links_added jsonb;
  added text[];
  files jsonb;
BEGIN
  SELECT COALESCE(array_agg(c.comment_id ORDER BY c.created_at, c.comment_id), '{}'),
         COALESCE(jsonb_object_agg(c.comment_id, c.origin_ticket_id)
                  FILTER (WHERE c.origin_ticket_id IS NOT NULL), '{}')
    INTO moved, origins
    FROM comment c
   WHERE c.org_id = p_org AND c.ticket_id = source.ticket_id;
  UPDATE comment c
     SET ticket_id = p_target, origin_ticket_id = COALESCE(c.origin_ticket_id, source.ticket_id)
   WHERE c.org_id = p_org AND c.ticket_id = source.ticket_id;
  files := attachments_move(p_org, source.ticket_id, p_target); -- those of comments have followed them

  SELECT COALESCE(jsonb_agg(to_jsonb(l)), '[]') INTO links
    FROM ticket_link l
   WHERE l.org_id = p_org AND source.ticket_id IN (l.ticket_id, l.target_id);
  DELETE FROM ticket_link l
   WHERE l.org_id = p_org AND source.ticket_id IN (l.ticket_id, l.target_id);
  WITH n AS (
    INSERT INTO ticket_link (org_id, link_id, ticket_id, target_id, kind, created_at)
    SELECT p_org, uuid7(), CASE WHEN l.ticket_id = source.ticket_id THEN p_target ELSE l.ticket_id END,
           CASE WHEN l.target_id = source.ticket_id THEN p_target ELSE l.target_id END, l.kind, l.created_at
      FROM jsonb_to_recordset(links) AS l(ticket_id uuid, target_id uuid, kind text, created_at timestamptz)
     WHERE p_target NOT IN (l.ticket_id, l.target_id)
    ON CONFLICT DO NOTHING
    RETURNING link_id)
  SELECT COALESCE(jsonb_agg(n.link_id), '[]') INTO links_added FROM n;

  SELECT array(SELECT unnest(source.tags) EXCEPT SELECT unnest(t.tags)) INTO added
    FROM ticket t WHERE t.org_id = p_org AND t.ticket_id = p_target;
  UPDATE ticket t SET tags = t.tags || added
   WHERE t.org_id = p_org AND t.ticket_id = p_target AND cardinality(added) > 0;

  INSERT INTO comment (org_id, comment_id, ticket_id, internal, author_type, author_id, body)
  VALUES (p_org, note, p_target, true, 'system', NULL,
          left('Merged #' || source.number || ': ' || source.title || E'\n\n' || source.description, 65536));
  UPDATE ticket t
     SET status = 'merged', merged_into_id = p_target, snoozed_until = NULL, snooze_until_reply = false
   WHERE t.org_id = p_org AND t.ticket_id = source.ticket_id;
  INSERT INTO ticket_merge (org_id, merge_id, target_ticket_id, source_ticket_id, merged_by, record)
  VALUES (p_org, uuid7(), p_target, source.ticket_id, actor_id(),
          jsonb_build_object('status', source.status, 'comment_ids', moved, 'origins', origins,
            'files', files, 'tags_added', added, 'links', links, 'links_added', links_added, 'note_id', note,
            'customer_id', source.customer_id,
            'snoozed_until', source.snoozed_until, 'snooze_until_reply', source.snooze_until_reply));
END
$$;

CREATE OR REPLACE FUNCTION ticket_merge(p_org text, p_target uuid, p_sources uuid[])
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  t ticket;
  found int := 0;
  target ticket;
BEGIN
  IF p_target = ANY (p_sources) THEN
    PERFORM fail(422, 'self_reference', 'A ticket cannot be merged into itself.', 'ticket_ids');
  END IF;
  -- Locked in one order, so that two merges of the same tickets cannot deadlock.
  FOR t IN SELECT * FROM ticket x
            WHERE x.org_id = p_org AND x.ticket_id = ANY (p_sources || p_target)
              AND x.deleted_at IS NULL
            ORDER BY x.ticket_id FOR UPDATE LOOP
    found := found + 1;
    IF t.status = 'merged' THEN
      PERFORM fail(409, 'ticket_merged', 'Ticket #' || t.number || ' is merged already.', 'ticket_ids');
    END IF;
    IF t.ticket_id = p_target THEN
      target := t;
    END IF;
  END LOOP;
  IF found <> (SELECT count(DISTINCT s) FROM unnest(p_sources || p_target) s) THEN
    PERFORM fail(422, 'unknown_reference', 'One of the tickets does not exist.', 'ticket_ids');
  END IF;
  IF target.status = 'closed' THEN
    PERFORM fail(409, 'ticket_closed', 'Nothing can be merged into a closed ticket; reopen it first.');
  END IF;
  FOR t IN SELECT * FROM ticket x
            WHERE x.org_id = p_org AND x.ticket_id = ANY (p_sources)
            ORDER BY x.number LOOP
    PERFORM ticket_merge_one(p_org, p_target, t);
  END LOOP;
  RETURN p_target;
END
$$;

CREATE OR REPLACE FUNCTION ticket_unmerge(p_org text, p_ticket uuid, p_merge uuid)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  m ticket_merge;
  note uuid;
BEGIN
  SELECT * INTO m FROM ticket_merge x
   WHERE x.org_id = p_org AND x.unmerged_at IS NULL
     AND CASE WHEN p_merge IS NULL THEN x.source_ticket_id = p_ticket
              ELSE x.merge_id = p_merge AND p_ticket IN (x.source_ticket_id, x.target_ticket_id) END
   FOR UPDATE;
  IF m.merge_id IS NULL THEN
    PERFORM fail(409, 'not_merged', 'There is no merge of this ticket that could be undone.', 'merge_id');
  END IF;
  PERFORM 1 FROM ticket x
    WHERE x.org_id = p_org AND x.ticket_id IN (m.source_ticket_id, m.target_ticket_id)
    ORDER BY x.ticket_id FOR UPDATE;
  IF EXISTS (SELECT 1 FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = m.target_ticket_id
                AND x.status = 'merged') THEN
    PERFORM fail(409, 'ticket_merged',
      'The ticket that it was merged into has itself been merged since; undo that merge first.', 'merge_id');
  END IF;
  UPDATE comment c
     SET ticket_id = m.source_ticket_id,
         origin_ticket_id = (m.record -> 'origins' ->> c.comment_id::text)::uuid
   WHERE c.org_id = p_org AND c.ticket_id = m.target_ticket_id
     AND c.comment_id IN (SELECT jsonb_array_elements_text(m.record -> 'comment_ids')::uuid);
  note := m.record ->> 'note_id';
  PERFORM attachments_return(p_org, m.target_ticket_id, m.source_ticket_id, m.record -> 'files');
  -- The merge's own note goes; when somebody has put a file there since, what it told.
  DELETE FROM comment c
   WHERE c.org_id = p_org AND c.comment_id = note
     AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.org_id = p_org AND a.comment_id = note);
  DELETE FROM comment_revision r WHERE r.org_id = p_org AND r.comment_id = note;
  UPDATE comment c SET body = 'The merge was undone.' WHERE c.org_id = p_org AND c.comment_id = note;
  DELETE FROM ticket_link l
   WHERE l.org_id = p_org
     AND l.link_id IN (SELECT jsonb_array_elements_text(m.record -> 'links_added')::uuid);
  -- Not those to a ticket that is purged, nor what only a merge undone before had put there.
  INSERT INTO ticket_link (org_id, link_id, ticket_id, target_id, kind, created_at)
  SELECT p_org, o.link_id, o.ticket_id, o.target_id, o.kind, o.created_at
    FROM jsonb_to_recordset(m.record -> 'links')
      AS o(link_id uuid, ticket_id uuid, target_id uuid, kind text, created_at timestamptz)
   WHERE (SELECT count(*) FROM ticket x
           WHERE x.org_id = p_org AND x.ticket_id IN (o.ticket_id, o.target_id)) = 2
     AND NOT EXISTS (SELECT 1 FROM ticket_merge u
           WHERE u.org_id = p_org AND u.target_ticket_id = m.target_ticket_id
             AND u.unmerged_at IS NOT NULL AND u.record -> 'links_added' ? o.link_id::text)
  ON CONFLICT DO NOTHING;
  UPDATE ticket t
     SET tags = array(SELECT unnest(t.tags)
                      EXCEPT SELECT jsonb_array_elements_text(m.record -> 'tags_added'))
   WHERE t.org_id = p_org AND t.ticket_id = m.target_ticket_id
     AND jsonb_array_length(m.record -> 'tags_added') > 0;
  PERFORM set_config('app.unmerge', 'on', true);
  UPDATE ticket t
     SET status = m.record ->> 'status', merged_into_id = NULL,
         snoozed_until = (m.record ->> 'snoozed_until')::timestamptz,
         snooze_until_reply = (m.record ->> 'snooze_until_reply')::boolean
   WHERE t.org_id = p_org AND t.ticket_id = m.source_ticket_id;
  PERFORM set_config('app.unmerge', '', true);
  UPDATE ticket_merge x SET unmerged_at = now(), unmerged_by = actor_id()
   WHERE x.org_id = p_org AND x.merge_id = m.merge_id;
  RETURN p_ticket;
END
$$;

-- An online agent of the team (of the organisation without one) with capacity
-- left; null when there is none. One choice at a time per organisation, so that two tickets at once do
-- not go to the same "least loaded" agent beyond the capacity.
CREATE OR REPLACE FUNCTION free_agent(p_org text, p_team uuid, p_strategy text, p_skills text[])
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  chosen uuid;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(p_org || ':assign', 0));
  SELECT u.user_id INTO chosen
    FROM app_user u
    LEFT JOIN LATERAL (
      SELECT count(*) AS open FROM ticket t
       WHERE t.org_id = u.org_id AND t.assignee_user_id = u.user_id AND t.deleted_at IS NULL
         AND t.status IN ('new', 'open', 'pending', 'on_hold')) l ON true
   WHERE u.org_id = p_org AND u.active AND u.availability = 'online' AND u.role <> 'viewer'
     AND l.open < u.capacity
     AND (p_team IS NULL OR EXISTS (SELECT 1 FROM team_member m
            WHERE m.org_id = p_org AND m.team_id = p_team AND m.user_id = u.user_id))
     AND (p_strategy <> 'skill' OR p_skills <@ u.skills)
   ORDER BY CASE WHEN p_strategy = 'round_robin' THEN 0 ELSE l.open::float8 / u.capacity END,
            u.last_assigned_at NULLS FIRST, u.user_id
   LIMIT 1;
  UPDATE app_user u SET last_assigned_at = clock_timestamp()
   WHERE u.org_id = p_org AND u.user_id = chosen;
  RETURN chosen;
END
$$;

CREATE OR REPLACE FUNCTION choose_agent(p_org text, p_team uuid, p_strategy text, p_skills text[])
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  chosen uuid := free_agent(p_org, p_team, p_strategy, p_skills);
BEGIN
  IF chosen IS NULL THEN
    PERFORM fail(409, 'no_agent_available', 'No online agent with the capacity and the skills is there.', 'strategy');
  END IF;
  RETURN chosen;
END
$$;

CREATE OR REPLACE FUNCTION ticket_assign(p_org text, p_ticket uuid, p_body jsonb)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  t ticket;
  n ticket;
BEGIN
  SELECT * INTO t FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = p_ticket FOR UPDATE;
  n := jsonb_populate_record(t, p_body - 'strategy');
  IF p_body ? 'strategy' THEN
    n.assignee_user_id := choose_agent(p_org, n.team_id, p_body ->> 'strategy', t.required_skills);
  ELSIF n.assignee_user_id IS DISTINCT FROM t.assignee_user_id AND NOT EXISTS (
      SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id = n.assignee_user_id AND u.active)
      AND n.assignee_user_id IS NOT NULL THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such active user.', 'assignee_user_id');
  END IF;
  UPDATE ticket x
     SET assignee_user_id = n.assignee_user_id, team_id = n.team_id, queue_id = n.queue_id
   WHERE x.org_id = p_org AND x.ticket_id = p_ticket;
  RETURN p_ticket;
END
$$;

CREATE OR REPLACE FUNCTION ticket_snooze(p_org text, p_ticket uuid, p_until timestamptz, p_reply boolean)
RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  IF p_until <= now() THEN
    PERFORM fail(422, 'past', 'The time is in the past.', 'until');
  ELSIF p_until > now() + interval '10 years' THEN
    PERFORM fail(422, 'too_far', 'At most ten years ahead.', 'until');
  END IF;
  UPDATE ticket t SET snoozed_until = p_until, snooze_until_reply = p_reply
   WHERE t.org_id = p_org AND t.ticket_id = p_ticket;
  RETURN p_ticket;
END
$$;

-- Everywhere at once, merged tickets too, lest an unmerge brings the old name
-- back; onto an existing tag it is a merge of the two.
CREATE OR REPLACE FUNCTION tag_rename(p_org text, p_tag text, p_new text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  -- What a merge has added gets the new name, or belongs to the ticket if that had it already.
  UPDATE ticket_merge m
     SET record = jsonb_set(m.record, '{tags_added}', (m.record -> 'tags_added') - p_tag ||
           CASE WHEN p_new = ANY (t.tags) THEN '[]' ELSE jsonb_build_array(p_new) END)
    FROM ticket t
   WHERE m.org_id = p_org AND m.unmerged_at IS NULL AND m.record -> 'tags_added' ? p_tag
     AND p_new <> p_tag AND t.org_id = p_org AND t.ticket_id = m.target_ticket_id;
  PERFORM set_config('app.unmerge', 'on', true);
  UPDATE ticket t
     SET tags = array_replace(t.tags, p_tag, p_new)
   WHERE t.org_id = p_org
     AND t.ticket_id IN (SELECT g.ticket_id FROM ticket_tag g WHERE g.org_id = p_org AND g.tag = p_tag);
  PERFORM set_config('app.unmerge', '', true);
  RETURN p_new;
END
$$;

-- What the API shows of tickets and their surroundings. Every view runs with
-- the caller's rights, hence under row-level security.

CREATE VIEW ticket_v WITH (security_invoker = true) AS
SELECT ticket_id, org_id, number, title, description, status, priority, customer_id, company_id,
       team_id, queue_id, assignee_user_id, required_skills, tags, channel, external_id,
       custom_fields, ai_classification, snoozed_until, snooze_until_reply, merged_into_id,
       first_response_at, last_customer_comment_at, last_agent_comment_at, resolved_at, closed_at,
       reopened_count, created_by, version, created_at, updated_at
  FROM ticket
 WHERE deleted_at IS NULL;

CREATE VIEW comment_v WITH (security_invoker = true) AS
SELECT comment_id, org_id, ticket_id, author_type, author_id, body, external_id, origin_ticket_id,
       edited_at, redacted_at, version, created_at, updated_at
  FROM comment
 WHERE NOT internal;

CREATE VIEW comment_history_v WITH (security_invoker = true) AS
SELECT c.comment_id, c.org_id, c.ticket_id, c.author_type, c.author_id, c.body, c.external_id,
       c.origin_ticket_id, c.edited_at, c.redacted_at, c.version, c.created_at, c.updated_at,
       COALESCE((SELECT jsonb_agg(jsonb_build_object('version', r.version, 'body', r.body,
                   'edited_by', r.edited_by, 'edited_at', iso(r.edited_at)) ORDER BY r.version)
                   FROM comment_revision r
                  WHERE r.org_id = c.org_id AND r.comment_id = c.comment_id), '[]') AS history
  FROM comment c
 WHERE NOT c.internal;

CREATE VIEW internal_note_v WITH (security_invoker = true) AS
SELECT comment_id AS note_id, org_id, ticket_id, author_type, author_id, body, mentions,
       origin_ticket_id, edited_at, version, created_at, updated_at
  FROM comment
 WHERE internal;

CREATE VIEW ticket_link_v WITH (security_invoker = true) AS
SELECT link_id, org_id, ticket_id, target_id, kind, created_at
  FROM ticket_link
UNION ALL
SELECT link_id, org_id, target_id, ticket_id,
       CASE kind WHEN 'parent_of' THEN 'child_of' WHEN 'duplicate_of' THEN 'duplicated_by'
                 WHEN 'blocks' THEN 'blocked_by' ELSE kind END, created_at
  FROM ticket_link;

CREATE VIEW ticket_merge_v WITH (security_invoker = true) AS
SELECT merge_id, org_id, target_ticket_id, source_ticket_id, merged_by, merged_at, unmerged_by,
       unmerged_at, record
  FROM ticket_merge;

CREATE VIEW event_v WITH (security_invoker = true) AS
SELECT event_id, org_id, seq, topic, resource, resource_id, ticket_id, actor_type, actor_id,
       request_id, changes, data, occurred_at
  FROM event
 WHERE public AND seq IS NOT NULL;

CREATE VIEW audit_entry_v WITH (security_invoker = true) AS
SELECT event_id AS audit_id, org_id, topic AS action, resource, resource_id, ticket_id, actor_type,
       actor_id, address, request_id, changes, data, occurred_at
  FROM event
 WHERE audit;

-- Comments and notes carry their text here; it is read from them, not from the log.
CREATE VIEW activity_v WITH (security_invoker = true) AS
SELECT e.event_id AS activity_id, e.org_id, e.ticket_id, 'change' AS kind, e.topic, e.actor_type,
       e.actor_id, e.changes, e.data, e.occurred_at
  FROM event e
 WHERE e.audit AND e.topic NOT IN ('ticket.comment.added', 'ticket.note.added')
UNION ALL
SELECT c.comment_id, c.org_id, c.ticket_id, CASE WHEN c.internal THEN 'note' ELSE 'comment' END,
       CASE WHEN c.internal THEN 'ticket.note.added' ELSE 'ticket.comment.added' END, c.author_type,
       c.author_id, NULL,
       jsonb_build_object('comment_id', c.comment_id, 'body', c.body, 'edited_at', iso(c.edited_at)),
       c.created_at
  FROM comment c;

CREATE VIEW tag_v WITH (security_invoker = true) AS
SELECT g.tag, g.org_id, count(*) AS tickets
  FROM ticket_tag g
  JOIN ticket t ON t.org_id = g.org_id AND t.ticket_id = g.ticket_id AND t.deleted_at IS NULL
 GROUP BY g.org_id, g.tag;

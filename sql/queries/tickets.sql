-- Tickets. $1 is the caller's organisation, then the path's ids, then the new
-- id, then the number, then the checked body.

-- name: take_numbers
SELECT take_numbers($1, $2::int);

-- name: ticket_exists
SELECT t.ticket_id FROM ticket_v t WHERE t.org_id = $1 AND t.ticket_id = $2;

-- name: ticket_create
INSERT INTO ticket (org_id, ticket_id, number, title, description, status, priority, customer_id,
                    company_id, team_id, queue_id, assignee_user_id, required_skills, tags, channel,
                    external_id, custom_fields, created_by)
SELECT o.org_id, $2, $3::bigint, b.title, COALESCE(b.description, ''), COALESCE(b.status, 'new'),
       COALESCE(b.priority, 'normal'), COALESCE(b.customer_id, o.default_customer_id),
       COALESCE(b.company_id, (SELECT c.company_id FROM customer c
                                WHERE c.org_id = $1 AND c.customer_id = b.customer_id)),
       b.team_id, b.queue_id, b.assignee_user_id, COALESCE(b.required_skills, '{}'),
       COALESCE(b.tags, '{}'), COALESCE(b.channel, 'api'), b.external_id,
       CASE WHEN EXISTS (SELECT 1 FROM custom_field f
                          WHERE f.org_id = $1 AND f.deleted_at IS NULL
                            AND (f.required OR f.default_value IS NOT NULL))
            THEN custom_fields_complete($1, COALESCE(b.custom_fields, '{}'))
            ELSE jsonb_strip_nulls(COALESCE(b.custom_fields, '{}')) END,
       NULLIF(current_setting('app.actor_id', true), '')
  FROM organization o,
       jsonb_to_record($4::jsonb) AS b(title text, description text, status text, priority text,
         customer_id uuid, company_id uuid, team_id uuid, queue_id uuid, assignee_user_id uuid,
         required_skills text[], tags text[], channel text, external_id text, custom_fields jsonb)
 WHERE o.org_id = $1
RETURNING ticket_id;

-- name: ticket_patch
UPDATE ticket t
   SET (title, description, status, priority, customer_id, company_id, team_id, queue_id,
        assignee_user_id, required_skills, tags, external_id, custom_fields) =
       (SELECT p.title, p.description, p.status, p.priority, p.customer_id, p.company_id, p.team_id,
               p.queue_id, p.assignee_user_id, p.required_skills, p.tags, p.external_id,
               CASE WHEN $3::jsonb ? 'custom_fields'
                    THEN custom_fields_merge($1, t.custom_fields, p.custom_fields)
                    ELSE t.custom_fields END
          FROM jsonb_populate_record(t, $3::jsonb) p)
 WHERE t.org_id = $1 AND t.ticket_id = $2 AND t.deleted_at IS NULL
RETURNING t.ticket_id;

-- name: ticket_delete
UPDATE ticket SET deleted_at = now()
 WHERE org_id = $1 AND ticket_id = $2 AND deleted_at IS NULL
RETURNING ticket_id;

-- name: ticket_clone
SELECT ticket_clone($1, $2, $3, $4::bigint, $5::jsonb) AS id
 WHERE EXISTS (SELECT 1 FROM ticket_v t WHERE t.org_id = $1 AND t.ticket_id = $2);

-- name: ticket_split
SELECT ticket_split($1, $2, $3, $4::bigint, $5::jsonb) AS id
 WHERE EXISTS (SELECT 1 FROM ticket_v t WHERE t.org_id = $1 AND t.ticket_id = $2);

-- name: ticket_merge
SELECT ticket_merge($1, $2, ARRAY(SELECT jsonb_array_elements_text($3::jsonb -> 'ticket_ids')::uuid))
 WHERE EXISTS (SELECT 1 FROM ticket_v t WHERE t.org_id = $1 AND t.ticket_id = $2);

-- name: ticket_unmerge
SELECT ticket_unmerge($1, $2, ($3::jsonb ->> 'merge_id')::uuid)
 WHERE EXISTS (SELECT 1 FROM ticket_v t WHERE t.org_id = $1 AND t.ticket_id = $2);

-- name: ticket_assign
SELECT ticket_assign($1, $2, $3::jsonb)
 WHERE EXISTS (SELECT 1 FROM ticket_v t WHERE t.org_id = $1 AND t.ticket_id = $2);

-- name: ticket_snooze
SELECT ticket_snooze($1, $2, ($3::jsonb ->> 'until')::timestamptz,
                     COALESCE(($3::jsonb ->> 'until_reply')::boolean, false))
 WHERE EXISTS (SELECT 1 FROM ticket_v t WHERE t.org_id = $1 AND t.ticket_id = $2);

-- name: ticket_classification
UPDATE ticket t
   SET ai_classification = COALESCE(t.ai_classification, '{}') || $3::jsonb ||
       jsonb_build_object('confidence', 1, 'overridden', true,
         'overridden_by', NULLIF(current_setting('app.actor_id', true), ''),
         'classified_at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
 WHERE t.org_id = $1 AND t.ticket_id = $2 AND t.deleted_at IS NULL
RETURNING t.ticket_id;

-- name: ticket_tags_add
UPDATE ticket t
   SET tags = t.tags || ARRAY(SELECT jsonb_array_elements_text($3::jsonb -> 'tags'))
 WHERE t.org_id = $1 AND t.ticket_id = $2 AND t.deleted_at IS NULL
RETURNING t.ticket_id;

-- name: ticket_tag_remove
UPDATE ticket t
   SET tags = array_remove(t.tags, $3)
 WHERE t.org_id = $1 AND t.ticket_id = $2 AND t.deleted_at IS NULL AND $3 = ANY (t.tags)
RETURNING t.ticket_id;

-- "child_of" is stored as "parent_of" the other way round.
-- name: ticket_link_create
INSERT INTO ticket_link (org_id, link_id, ticket_id, target_id, kind)
SELECT $1, $3,
       CASE WHEN b.kind = 'child_of' THEN b.target_id ELSE t.ticket_id END,
       CASE WHEN b.kind = 'child_of' THEN t.ticket_id ELSE b.target_id END,
       CASE WHEN b.kind = 'child_of' THEN 'parent_of' ELSE b.kind END
  FROM ticket_v t, jsonb_to_record($4::jsonb) AS b(target_id uuid, kind text)
 WHERE t.org_id = $1 AND t.ticket_id = $2
RETURNING link_id;

-- name: ticket_link_delete
DELETE FROM ticket_link
 WHERE org_id = $1 AND (ticket_id = $2 OR target_id = $2) AND link_id = $3
RETURNING link_id;

-- name: ticket_customer
SELECT c.customer_id, c.name, c.email, c.phone, c.external_id, c.company_id
  FROM customer c JOIN ticket t ON t.org_id = c.org_id AND t.customer_id = c.customer_id
 WHERE t.org_id = $1 AND t.ticket_id = $2;

-- name: ticket_assignee
SELECT u.user_id, u.name, u.email, u.role, u.availability
  FROM app_user u JOIN ticket t ON t.org_id = u.org_id AND t.assignee_user_id = u.user_id
 WHERE t.org_id = $1 AND t.ticket_id = $2;

-- name: ticket_comments
SELECT c.comment_id, c.author_type, c.author_id, c.body, c.created_at
  FROM comment_v c
 WHERE c.org_id = $1 AND c.ticket_id = $2
 ORDER BY c.created_at, c.comment_id
 LIMIT 100;

-- name: ticket_links
SELECT l.link_id, l.target_id, l.kind
  FROM ticket_link_v l
 WHERE l.org_id = $1 AND l.ticket_id = $2
 ORDER BY l.created_at, l.link_id
 LIMIT 100;

-- Tickets. $1 is the caller's organisation, then the path's ids, then the new
-- id, then the number, then the checked body.

-- name: take_numbers
SELECT take_numbers($1, $2::int);

-- name: ticket_exists
SELECT t.ticket_id FROM ticket_v t WHERE t.org_id = $1 AND t.ticket_id = $2;

-- name: ticket_create
SELECT ticket_create($1, $2, $3::bigint, $4::jsonb);

-- name: ticket_patch
SELECT x.id FROM (SELECT ticket_update($1, $2, $3::jsonb) AS id) x WHERE x.id IS NOT NULL;

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

-- What the model said is kept beside what a person says; a second correction is
-- one of the first.
-- name: ticket_classification
UPDATE ticket t
   SET ai_classification = COALESCE(t.ai_classification, '{}') || $3::jsonb ||
       CASE WHEN t.ai_classification IS NULL OR (t.ai_classification ->> 'overridden')::boolean THEN '{}'::jsonb
            ELSE jsonb_build_object('model_topic', t.ai_classification -> 'topic', 'model_confidence', t.ai_classification -> 'confidence') END ||
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

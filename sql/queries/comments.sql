-- Public comments and internal notes.

-- The ticket is told first: a comment can reopen it, or be refused.
-- name: comment_create
WITH b AS (
  SELECT t.ticket_id, t.customer_id, r.body, r.external_id, r.author_id,
         COALESCE(r.author_type, 'agent') = 'customer' AS by_customer
    FROM ticket_v t,
         jsonb_to_record($4::jsonb) AS r(body text, author_type text, author_id text, external_id text)
   WHERE t.org_id = $1 AND t.ticket_id = $2
), told AS MATERIALIZED (
  SELECT b.*, ticket_commented($1, b.ticket_id, b.by_customer) FROM b
)
INSERT INTO comment (org_id, comment_id, ticket_id, internal, author_type, author_id, body, external_id)
SELECT $1, $3, told.ticket_id, false,
       CASE WHEN told.by_customer THEN 'customer' ELSE COALESCE(guc('app.actor_type'), 'system') END,
       COALESCE(told.author_id, CASE WHEN told.by_customer THEN told.customer_id::text ELSE guc('app.actor_id') END),
       told.body, told.external_id
  FROM told
RETURNING comment_id;

-- name: comment_patch
WITH old AS (
  SELECT c.comment_id, c.version, c.body FROM comment c
   WHERE c.org_id = $1 AND c.ticket_id = $2 AND c.comment_id = $3 AND NOT c.internal
     AND c.redacted_at IS NULL FOR UPDATE
), kept AS (
  INSERT INTO comment_revision (org_id, comment_id, version, body, edited_by)
  SELECT $1, old.comment_id, old.version, old.body, guc('app.actor_id') FROM old
   WHERE old.body <> ($4::jsonb ->> 'body')
)
UPDATE comment c
   SET body = COALESCE($4::jsonb ->> 'body', c.body),
       edited_at = CASE WHEN c.body <> ($4::jsonb ->> 'body') THEN now() ELSE c.edited_at END
  FROM old
 WHERE c.org_id = $1 AND c.comment_id = old.comment_id
RETURNING c.comment_id;

-- $4: its files, too.
-- name: comment_redact
WITH gone AS (
  DELETE FROM comment_revision r WHERE r.org_id = $1 AND r.comment_id = $3
), redacted AS (
  UPDATE comment c SET body = '', redacted_at = now()
   WHERE c.org_id = $1 AND c.ticket_id = $2 AND c.comment_id = $3 AND NOT c.internal
     AND c.redacted_at IS NULL
  RETURNING c.comment_id
), files AS (
  DELETE FROM attachment a USING redacted d
   WHERE a.org_id = $1 AND a.comment_id = d.comment_id AND $4::boolean
)
SELECT d.comment_id FROM redacted d;

-- name: note_create
INSERT INTO comment (org_id, comment_id, ticket_id, internal, author_type, author_id, body, mentions)
SELECT $1, $3, t.ticket_id, true, COALESCE(guc('app.actor_type'), 'system'), guc('app.actor_id'),
       $4::jsonb ->> 'body',
       ARRAY(SELECT DISTINCT jsonb_array_elements_text(COALESCE($4::jsonb -> 'mentions', '[]'))::uuid)
  FROM ticket_v t
 WHERE t.org_id = $1 AND t.ticket_id = $2
RETURNING comment_id;

-- name: note_patch
WITH old AS (
  SELECT c.comment_id, c.version, c.body FROM comment c
   WHERE c.org_id = $1 AND c.ticket_id = $2 AND c.comment_id = $3 AND c.internal FOR UPDATE
), kept AS (
  INSERT INTO comment_revision (org_id, comment_id, version, body, edited_by)
  SELECT $1, old.comment_id, old.version, old.body, guc('app.actor_id') FROM old
   WHERE old.body <> ($4::jsonb ->> 'body')
)
UPDATE comment c
   SET body = COALESCE($4::jsonb ->> 'body', c.body),
       mentions = CASE WHEN $4::jsonb ? 'mentions'
                       THEN ARRAY(SELECT DISTINCT jsonb_array_elements_text($4::jsonb -> 'mentions')::uuid)
                       ELSE c.mentions END,
       edited_at = CASE WHEN c.body <> ($4::jsonb ->> 'body') THEN now() ELSE c.edited_at END
  FROM old
 WHERE c.org_id = $1 AND c.comment_id = old.comment_id
RETURNING c.comment_id;

-- name: note_delete
DELETE FROM comment c
 WHERE c.org_id = $1 AND c.ticket_id = $2 AND c.comment_id = $3 AND c.internal
RETURNING c.comment_id;

-- name: tag_rename
SELECT tag_rename($1, $2, $3::jsonb ->> 'tag')
 WHERE EXISTS (SELECT 1 FROM ticket_tag g WHERE g.org_id = $1 AND g.tag = $2);

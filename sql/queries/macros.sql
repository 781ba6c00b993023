-- Macros. $1 is the caller's organisation, $2 the macro.

-- name: macro_create
INSERT INTO macro (org_id, macro_id, name, description, team_id, reply, internal, actions, active)
SELECT $1, $2, b.name, COALESCE(b.description, ''), b.team_id, b.reply, COALESCE(b.internal, false),
       COALESCE(b.actions, '[]'), COALESCE(b.active, true)
  FROM jsonb_to_record($3::jsonb) AS b(name text, description text, team_id uuid, reply text,
         internal boolean, actions jsonb, active boolean)
RETURNING macro_id;

-- name: macro_patch
UPDATE macro m
   SET (name, description, team_id, reply, internal, actions, active) =
       (SELECT p.name, p.description, p.team_id, p.reply, p.internal, p.actions, p.active
          FROM jsonb_populate_record(m, $3::jsonb) p)
 WHERE m.org_id = $1 AND m.macro_id = $2
RETURNING m.macro_id;

-- name: macro_delete
SELECT x.id FROM (SELECT macro_delete($1, $2) AS id) x WHERE x.id IS NOT NULL;

-- One whose reply is an internal note.
-- name: macro_internal
SELECT m.macro_id FROM macro m WHERE m.org_id = $1 AND m.macro_id = $2 AND m.internal;

-- $2 the ticket, $3 the macro.
-- name: macro_apply
SELECT (a ->> 'dry_run')::boolean AS dry_run, a ->> 'reply' AS reply, (a ->> 'internal')::boolean AS internal,
       (a ->> 'comment_id')::uuid AS comment_id, a -> 'comments' AS comments, a -> 'changes' AS changes
  FROM macro_apply($1, $2, $3, $4::jsonb) a
 WHERE a IS NOT NULL;

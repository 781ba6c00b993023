-- Bulk jobs as the API shows them.

CREATE VIEW bulk_job_v WITH (security_invoker = true) AS
SELECT j.job_id, j.org_id, j.state, j.spec ->> 'action' AS action, j.spec -> 'conditions' AS conditions,
       j.spec -> 'changes' AS changes, j.spec -> 'add' AS add, j.spec -> 'remove' AS remove,
       (j.spec ->> 'max_items')::bigint AS max_items, COALESCE((j.spec ->> 'dry_run')::boolean, false) AS dry_run,
       COALESCE((j.cursor ->> 'undo')::boolean, false) AS undo,
       NULLIF(j.total, -1) AS total, j.done, j.failed,
       COALESCE((j.result ->> 'undone')::bigint, 0) AS undone,
       COALESCE((j.result ->> 'skipped')::bigint, 0) AS skipped,
       j.error, j.actor_id AS created_by, j.started_at, j.finished_at, j.created_at,
       (SELECT COALESCE(jsonb_agg(jsonb_build_object('ticket_id', e.item, 'code', e.code, 'message', e.message)
                                  ORDER BY e.n), '[]')
          FROM (SELECT i.n, i.item, i.code, i.message FROM job_item i
                 WHERE i.org_id = j.org_id AND i.job_id = j.job_id AND i.outcome = 'failed'
                 ORDER BY i.n LIMIT 100) e) AS errors
  FROM job j
 WHERE j.kind = 'bulk';

-- Imports and exports.

CREATE VIEW import_v WITH (security_invoker = true) AS
SELECT j.job_id AS import_id, j.org_id, j.spec ->> 'kind' AS kind, j.spec ->> 'format' AS format,
       COALESCE((j.spec ->> 'dry_run')::boolean, false) AS dry_run, j.spec ->> 'on_conflict' AS on_conflict,
       j.spec -> 'mapping' AS mapping, j.state,
       CASE WHEN j.state = 'completed' THEN 100
            WHEN (j.result ->> 'bytes_total')::bigint > 0
              THEN COALESCE((j.result ->> 'bytes_read')::bigint * 100 / (j.result ->> 'bytes_total')::bigint, 0)
            ELSE 0 END::int AS percent,
       COALESCE((j.result ->> 'bytes_total')::bigint, 0) AS bytes_total,
       COALESCE((j.result ->> 'bytes_read')::bigint, 0) AS bytes_read,
       NULLIF(j.total, -1) AS total, j.done + j.failed AS done,
       COALESCE((j.result ->> 'created')::bigint, 0) AS created,
       COALESCE((j.result ->> 'updated')::bigint, 0) AS updated,
       COALESCE((j.result ->> 'skipped')::bigint, 0) AS skipped, j.failed,
       ARRAY(SELECT jsonb_object_keys(COALESCE(j.result -> 'ignored', '{}')) ORDER BY 1) AS ignored_fields,
       j.error, j.actor_id AS created_by, j.started_at, j.finished_at, j.created_at
  FROM job j
 WHERE j.kind = 'import';

CREATE VIEW export_v WITH (security_invoker = true) AS
SELECT j.job_id AS export_id, j.org_id, j.state, j.spec ->> 'kind' AS kind,
       COALESCE(j.spec ->> 'format', 'ndjson') AS format,
       (j.spec ->> 'customer_id')::uuid AS customer_id, j.spec -> 'conditions' AS conditions, j.done AS rows,
       (j.result ->> 'bytes')::bigint AS bytes, j.result ->> 'sha256' AS sha256, j.error, j.actor_id AS created_by,
       COALESCE((j.result ->> 'deleted_at')::timestamptz, j.finished_at + interval '7 days') AS expires_at, j.started_at, j.finished_at, j.created_at
  FROM job j
 WHERE j.kind = 'export';

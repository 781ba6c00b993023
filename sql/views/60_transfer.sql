-- Exports as the API shows them.

CREATE VIEW export_v WITH (security_invoker = true) AS
SELECT j.job_id AS export_id, j.org_id, j.state, j.spec ->> 'kind' AS kind, j.spec ->> 'format' AS format,
       (j.spec ->> 'customer_id')::uuid AS customer_id, j.spec -> 'conditions' AS conditions, j.done AS rows,
       (j.result ->> 'bytes')::bigint AS bytes, j.result ->> 'sha256' AS sha256, j.error, j.actor_id AS created_by,
       j.finished_at + interval '7 days' AS expires_at, j.started_at, j.finished_at, j.created_at
  FROM job j
 WHERE j.kind = 'export';

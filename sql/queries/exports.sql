-- Exports. $1 is the caller's organisation, $2 the export.

-- name: export_get
SELECT e.*, e.expires_at > now() AS __kept, j.spec @> '{"include_comments": true}' AND NOT j.spec @> '{"notes": false}' AS __notes
  FROM export_v e JOIN job j ON j.org_id = e.org_id AND j.job_id = e.export_id
 WHERE e.org_id = $1 AND e.export_id = $2;

-- name: export_delete
UPDATE job SET result = result || jsonb_build_object('deleted_at', now())
 WHERE org_id = $1 AND job_id = $2 AND kind = 'export' AND state = 'completed'
   AND finished_at + interval '7 days' > now() AND NOT result ? 'deleted_at'
RETURNING job_id;

-- name: customer_exists
SELECT 1 FROM customer c WHERE c.org_id = $1 AND c.customer_id = $2::uuid;

-- What was asked for, or that the file was fetched: the log of who takes data out.
-- name: export_event
SELECT put_event($1, $3, false, true, 'export', $2::text, NULL, NULL, $4::jsonb);

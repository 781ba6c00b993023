-- Exports. $1 is the caller's organisation, $2 the export.

-- name: export_get
SELECT e.* FROM export_v e WHERE e.org_id = $1 AND e.export_id = $2;

-- name: export_file
SELECT e.format, e.kind, COALESCE(e.bytes, 0) AS bytes FROM export_v e
 WHERE e.org_id = $1 AND e.export_id = $2 AND e.state = 'completed' AND e.expires_at > now();

-- name: customer_exists
SELECT 1 FROM customer c WHERE c.org_id = $1 AND c.customer_id = $2::uuid;

-- What was asked for, or that the file was fetched: the log of who takes data out.
-- name: export_event
SELECT put_event($1, $3, false, true, 'export', $2::text, NULL, NULL, $4::jsonb);

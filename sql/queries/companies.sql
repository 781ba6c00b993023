-- Companies. $1 is the caller's organisation, $2 the company.

-- name: company_create
INSERT INTO company (org_id, company_id, name, domains, external_id, attributes, sla_policy_id)
SELECT $1, $2, b.name, COALESCE(b.domains, '{}'), b.external_id, COALESCE(b.attributes, '{}'), b.sla_policy_id
  FROM jsonb_to_record($3::jsonb) AS b(name text, domains text[], external_id text, attributes jsonb, sla_policy_id uuid)
RETURNING company_id;

-- name: company_patch
UPDATE company c
   SET (name, domains, external_id, attributes, sla_policy_id) =
       (SELECT p.name, p.domains, p.external_id, p.attributes, p.sla_policy_id FROM jsonb_populate_record(c, $3::jsonb) p)
 WHERE c.org_id = $1 AND c.company_id = $2
RETURNING c.company_id;

-- name: company_delete
SELECT company_delete($1, $2)
 WHERE EXISTS (SELECT 1 FROM company c WHERE c.org_id = $1 AND c.company_id = $2);

-- name: company_customers
SELECT c.customer_id, c.name, c.email, c.phone, c.external_id, c.created_at
  FROM customer_v c
 WHERE c.org_id = $1 AND c.company_id = $2 AND c.merged_into_id IS NULL
 ORDER BY c.created_at DESC, c.customer_id DESC
 LIMIT 100;

-- name: company_tickets
SELECT t.ticket_id, t.number, t.title, t.status, t.priority, t.created_at, t.updated_at
  FROM ticket_v t
 WHERE t.org_id = $1 AND t.company_id = $2
 ORDER BY t.created_at DESC, t.ticket_id DESC
 LIMIT 100;

-- Customers.

-- name: customer_create
INSERT INTO customer (org_id, customer_id, external_id, name, email, phone, company_id, attributes)
SELECT $1, $2, b.external_id, COALESCE(b.name, ''), b.email, b.phone, b.company_id, COALESCE(b.attributes, '{}')
  FROM jsonb_to_record($3::jsonb) AS b(external_id text, name text, email text, phone text,
                                       company_id uuid, attributes jsonb)
RETURNING customer_id;

-- name: customer_patch
UPDATE customer c
   SET (external_id, name, email, phone, company_id, attributes) =
       (SELECT p.external_id, p.name, p.email, p.phone, p.company_id, p.attributes
          FROM jsonb_populate_record(c, $3::jsonb) p)
 WHERE c.org_id = $1 AND c.customer_id = $2
RETURNING c.customer_id;

-- The path's id wins over one in the body; an absent field keeps its value.
-- name: customer_upsert
INSERT INTO customer AS c (org_id, customer_id, external_id, name, email, phone, company_id, attributes)
SELECT $1, $3, $2, COALESCE(b.name, ''), b.email, b.phone, b.company_id, COALESCE(b.attributes, '{}')
  FROM jsonb_to_record($4::jsonb) AS b(name text, email text, phone text, company_id uuid, attributes jsonb)
ON CONFLICT (org_id, external_id) DO UPDATE
   SET name = CASE WHEN $4::jsonb ? 'name' THEN excluded.name ELSE c.name END,
       email = CASE WHEN $4::jsonb ? 'email' THEN excluded.email ELSE c.email END,
       phone = CASE WHEN $4::jsonb ? 'phone' THEN excluded.phone ELSE c.phone END,
       company_id = CASE WHEN $4::jsonb ? 'company_id' THEN excluded.company_id ELSE c.company_id END,
       attributes = CASE WHEN $4::jsonb ? 'attributes' THEN excluded.attributes ELSE c.attributes END
RETURNING c.customer_id, c.customer_id = $3 AS created;

-- name: customer_erase
SELECT customer_erase($1, $2, $3)
 WHERE EXISTS (SELECT 1 FROM customer c WHERE c.org_id = $1 AND c.customer_id = $2);

-- name: customer_merge
SELECT customer_merge($1, $2, ARRAY(SELECT jsonb_array_elements_text($3::jsonb -> 'customer_ids')::uuid))
 WHERE EXISTS (SELECT 1 FROM customer c WHERE c.org_id = $1 AND c.customer_id = $2);

-- name: customer_tickets
SELECT t.ticket_id, t.number, t.title, t.status, t.priority, t.created_at, t.updated_at
  FROM ticket_v t
 WHERE t.org_id = $1 AND t.customer_id = $2
 ORDER BY t.created_at DESC, t.ticket_id DESC
 LIMIT 100;

-- name: customer_company
SELECT p.company_id, p.name, p.domains, p.external_id
  FROM company_v p JOIN customer c ON c.org_id = p.org_id AND c.company_id = p.company_id
 WHERE c.org_id = $1 AND c.customer_id = $2;

-- name: customer_csat
SELECT s.survey_id, s.ticket_id, s.status, s.score, s.comment, s.responded_at, s.created_at
  FROM csat_survey_v s
 WHERE s.org_id = $1 AND s.customer_id = $2
 ORDER BY s.created_at DESC, s.survey_id DESC
 LIMIT 100;

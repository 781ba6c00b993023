-- Rules of customers.

CREATE OR REPLACE FUNCTION is_default_customer(p_org text, p_customer uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT o.default_customer_id = p_customer FROM organization o WHERE o.org_id = p_org
$$;

-- What the change log says of a person goes with the person.
CREATE OR REPLACE FUNCTION scrub_events(p_org text, p_customer uuid) RETURNS void LANGUAGE sql AS $$
  UPDATE event e SET changes = NULL
   WHERE e.org_id = p_org AND e.resource = 'customer' AND e.resource_id = p_customer::text
     AND e.changes IS NOT NULL;
  UPDATE event e
     SET changes = e.changes - 'title' - 'description' - 'custom_fields',
         data = CASE WHEN e.data ? 'title' THEN e.data || '{"title": "[erased]"}' ELSE e.data END
   WHERE e.org_id = p_org
     AND e.ticket_id IN (SELECT t.ticket_id FROM ticket t
                          WHERE t.org_id = p_org AND t.customer_id = p_customer)
$$;

-- GDPR. anonymize keeps the customer's row and tickets without what identifies
-- the person; delete takes the tickets and their threads away too.
CREATE OR REPLACE FUNCTION customer_erase(p_org text, p_customer uuid, p_mode text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF is_default_customer(p_org, p_customer) THEN
    PERFORM fail(409, 'in_use', 'The unknown customer cannot be erased; tickets without a customer belong to it.');
  END IF;
  PERFORM scrub_events(p_org, p_customer);
  DELETE FROM comment_revision r USING comment c, ticket t
   WHERE t.org_id = p_org AND t.customer_id = p_customer AND c.org_id = p_org
     AND c.ticket_id = t.ticket_id AND c.author_type = 'customer'
     AND r.org_id = p_org AND r.comment_id = c.comment_id;
  IF p_mode = 'delete' THEN
    PERFORM set_config('app.unmerge', 'on', true);
    UPDATE ticket x SET status = 'closed', merged_into_id = NULL
     WHERE x.org_id = p_org AND x.customer_id <> p_customer AND x.merged_into_id IN
           (SELECT t.ticket_id FROM ticket t WHERE t.org_id = p_org AND t.customer_id = p_customer);
    UPDATE ticket x SET status = 'closed', merged_into_id = NULL
     WHERE x.org_id = p_org AND x.customer_id = p_customer AND x.status = 'merged';
    PERFORM set_config('app.unmerge', '', true);
    DELETE FROM ticket t WHERE t.org_id = p_org AND t.customer_id = p_customer;
    UPDATE customer c SET merged_into_id = NULL
     WHERE c.org_id = p_org AND c.merged_into_id = p_customer;
    DELETE FROM customer c WHERE c.org_id = p_org AND c.customer_id = p_customer;
    PERFORM scrub_events(p_org, p_customer);
    RETURN 'deleted';
  END IF;
  UPDATE comment c SET body = '', redacted_at = now()
    FROM ticket t
   WHERE t.org_id = p_org AND t.customer_id = p_customer AND c.org_id = p_org
     AND c.ticket_id = t.ticket_id AND c.author_type = 'customer' AND c.redacted_at IS NULL;
  PERFORM set_config('app.unmerge', 'on', true);
  UPDATE ticket t SET title = '[erased]', description = '', custom_fields = '{}'
   WHERE t.org_id = p_org AND t.customer_id = p_customer;
  PERFORM set_config('app.unmerge', '', true);
  UPDATE customer c
     SET name = '[erased]', email = NULL, phone = NULL, external_id = NULL, company_id = NULL,
         attributes = '{}', erased_at = now()
   WHERE c.org_id = p_org AND c.customer_id = p_customer;
  PERFORM scrub_events(p_org, p_customer);
  RETURN 'anonymized';
END
$$;

-- Tickets move to the one that stays; what it lacks is taken from the others.
CREATE OR REPLACE FUNCTION customer_merge(p_org text, p_target uuid, p_sources uuid[])
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  c customer;
  found int := 0;
  spare_email text;
  spare_phone text;
  spare_external text;
  merged_attributes jsonb := '{}';
BEGIN
  IF p_target = ANY (p_sources) THEN
    PERFORM fail(422, 'self_reference', 'A customer cannot be merged into itself.', 'customer_ids');
  END IF;
  FOR c IN SELECT * FROM customer x
            WHERE x.org_id = p_org AND x.customer_id = ANY (p_sources || p_target)
            ORDER BY x.customer_id FOR UPDATE LOOP
    found := found + 1;
    IF c.merged_into_id IS NOT NULL THEN
      PERFORM fail(409, 'customer_merged', 'One of the customers is merged already.', 'customer_ids');
    END IF;
    IF c.customer_id <> p_target AND is_default_customer(p_org, c.customer_id) THEN
      PERFORM fail(409, 'in_use', 'The unknown customer cannot be merged away.', 'customer_ids');
    END IF;
    IF c.customer_id <> p_target THEN
      spare_email := COALESCE(spare_email, c.email);
      spare_phone := COALESCE(spare_phone, c.phone);
      spare_external := COALESCE(spare_external, c.external_id);
      merged_attributes := c.attributes || merged_attributes;
    END IF;
  END LOOP;
  IF found <> (SELECT count(DISTINCT s) FROM unnest(p_sources || p_target) s) THEN
    PERFORM fail(422, 'unknown_reference', 'One of the customers does not exist.', 'customer_ids');
  END IF;
  PERFORM set_config('app.unmerge', 'on', true); -- merged tickets change hands too
  UPDATE ticket t SET customer_id = p_target
   WHERE t.org_id = p_org AND t.customer_id = ANY (p_sources);
  PERFORM set_config('app.unmerge', '', true);
  UPDATE customer x SET merged_into_id = p_target, external_id = NULL
   WHERE x.org_id = p_org AND x.customer_id = ANY (p_sources);
  UPDATE customer x
     SET email = COALESCE(x.email, spare_email), phone = COALESCE(x.phone, spare_phone),
         external_id = COALESCE(x.external_id, spare_external),
         attributes = merged_attributes || x.attributes
   WHERE x.org_id = p_org AND x.customer_id = p_target;
  RETURN p_target;
END
$$;

-- Rules of customers.

CREATE OR REPLACE FUNCTION is_default_customer(p_org text, p_customer uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT o.default_customer_id = p_customer FROM organization o WHERE o.org_id = p_org
$$;

-- One person: the customer and all that were merged into it.
CREATE OR REPLACE FUNCTION customer_family(p_org text, p_customer uuid) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE f AS (
    SELECT p_customer AS id
    UNION
    SELECT c.customer_id FROM customer c JOIN f ON c.merged_into_id = f.id WHERE c.org_id = p_org)
  SELECT array_agg(f.id) FROM f
$$;

-- What the change log says of a person goes with the person, and what webhooks were
-- told or are to be told of it.
CREATE OR REPLACE FUNCTION scrub_events(p_org text, p_people uuid[], p_tickets uuid[]) RETURNS void
LANGUAGE sql AS $$
  UPDATE event e SET changes = NULL
   WHERE e.org_id = p_org AND e.resource = 'customer' AND e.resource_id = ANY (p_people::text[])
     AND e.changes IS NOT NULL;
  UPDATE event e
     SET changes = e.changes - 'title' - 'description' - 'custom_fields',
         data = CASE WHEN e.data ? 'title' THEN e.data || '{"title": "[erased]"}'
                     WHEN e.data ->> 'author_type' = 'customer' THEN e.data || '{"author_id": null}'
                     ELSE e.data END
   WHERE e.org_id = p_org AND e.ticket_id = ANY (p_tickets);
  UPDATE webhook_delivery d SET body = event_body(e)
    FROM event e
   WHERE e.org_id = p_org AND d.org_id = p_org AND d.event_id = e.event_id
     AND (e.ticket_id = ANY (p_tickets) OR (e.resource = 'customer' AND e.resource_id = ANY (p_people::text[])));
$$;

-- Undo the merges between these tickets and others, so that neither takes the
-- other's thread along when it goes.
CREATE OR REPLACE FUNCTION tickets_part(p_org text, p_tickets uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one uuid;
  into_ uuid;
  above uuid;
BEGIN
  LOOP
    SELECT t.ticket_id, t.merged_into_id INTO one, into_ FROM ticket t
     WHERE t.org_id = p_org AND t.merged_into_id IS NOT NULL
       AND (t.ticket_id = ANY (p_tickets)) <> (t.merged_into_id = ANY (p_tickets))
     LIMIT 1;
    EXIT WHEN NOT FOUND;
    LOOP -- the outermost merge of a chain has to be undone first
      SELECT t.merged_into_id INTO above FROM ticket t WHERE t.org_id = p_org AND t.ticket_id = into_;
      EXIT WHEN above IS NULL;
      one := into_;
      into_ := above;
    END LOOP;
    PERFORM ticket_unmerge(p_org, one, NULL);
  END LOOP;
END
$$;

-- The person's words, wherever a merge has put them, with their earlier
-- versions and their files; and the notes in which a merge kept the description of
-- a ticket. Of a file nothing can be taken away, so all that the person's tickets had go.
CREATE OR REPLACE FUNCTION redact_person(p_org text, p_people uuid[], p_tickets uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  words uuid[];
  notes uuid[];
BEGIN
  SELECT array_agg((m.record ->> 'note_id')::uuid) INTO notes
    FROM ticket_merge m
   WHERE m.org_id = p_org AND m.source_ticket_id = ANY (p_tickets) AND m.unmerged_at IS NULL;
  words := ARRAY(
    SELECT c.comment_id FROM comment c
     WHERE c.org_id = p_org AND c.author_type = 'customer' AND c.author_id = ANY (p_people::text[])
    UNION
    SELECT c.comment_id FROM comment c
     WHERE c.org_id = p_org AND c.author_type = 'customer' AND c.ticket_id = ANY (p_tickets)
       AND (c.origin_ticket_id IS NULL OR c.origin_ticket_id = ANY (p_tickets))
    UNION
    SELECT c.comment_id
      FROM ticket_merge m, jsonb_array_elements_text(m.record -> 'comment_ids') i, comment c
     WHERE m.org_id = p_org AND m.source_ticket_id = ANY (p_tickets) AND m.unmerged_at IS NULL
       AND c.org_id = p_org AND c.comment_id = i::uuid AND c.origin_ticket_id = ANY (p_tickets));
  DELETE FROM comment_revision r USING comment c
   WHERE r.org_id = p_org AND c.org_id = p_org AND c.comment_id = r.comment_id
     AND (c.comment_id = ANY (notes) OR (c.comment_id = ANY (words) AND c.author_type = 'customer'));
  UPDATE comment c
     SET body = '', redacted_at = COALESCE(c.redacted_at, now()),
         author_id = CASE WHEN c.author_id = ANY (p_people::text[]) THEN c.author_id END
   WHERE c.org_id = p_org AND c.comment_id = ANY (words) AND c.author_type = 'customer';
  UPDATE comment c SET body = '[erased]' WHERE c.org_id = p_org AND c.comment_id = ANY (notes);
  DELETE FROM attachment a
   WHERE a.org_id = p_org
     AND (a.origin_ticket_id = ANY (p_tickets) OR a.comment_id = ANY (words)
       OR a.ticket_id = ANY (p_tickets) AND a.origin_ticket_id IS NULL);
  UPDATE csat_survey s SET comment = NULL WHERE s.org_id = p_org AND s.customer_id = ANY (p_people);
END
$$;

-- Mail of the person's tickets and to or from the person's addresses: what waits is not sent.
CREATE OR REPLACE FUNCTION forget_mail(p_org text, p_addresses text[], p_tickets uuid[]) RETURNS void LANGUAGE sql AS $$
  WITH gone AS (
    DELETE FROM mail m WHERE m.org_id = p_org AND (m.ticket_id = ANY (p_tickets) OR lower(m.recipient) = ANY (p_addresses))
    RETURNING m.mail_id)
  DELETE FROM due_job j USING gone g WHERE j.org_id = p_org AND j.kind = 'mail' AND j.ref = g.mail_id;
  DELETE FROM inbound_mail m WHERE m.org_id = p_org AND (m.sender = ANY (p_addresses) OR m.ticket_id = ANY (p_tickets));
  UPDATE inbound_mail m SET people = ARRAY(SELECT unnest(m.people) EXCEPT SELECT unnest(p_addresses))
   WHERE m.org_id = p_org AND m.people && p_addresses;
$$;

-- GDPR. anonymize keeps the customer's row and tickets without what identifies
-- the person; delete takes the tickets and their threads away too.
CREATE OR REPLACE FUNCTION customer_erase(p_org text, p_customer uuid, p_mode text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  people uuid[] := customer_family(p_org, p_customer);
  addresses text[] := ARRAY(SELECT lower(c.email) FROM customer c
                             WHERE c.org_id = p_org AND c.customer_id = ANY (people) AND c.email IS NOT NULL);
  tickets uuid[] := ARRAY(SELECT t.ticket_id FROM ticket t
                           WHERE t.org_id = p_org AND t.customer_id = ANY (people));
BEGIN
  IF is_default_customer(p_org, p_customer) THEN
    PERFORM fail(409, 'in_use', 'The unknown customer cannot be erased; tickets without a customer belong to it.');
  END IF;
  PERFORM forget_mail(p_org, addresses, tickets);
  IF p_mode = 'delete' THEN
    PERFORM tickets_part(p_org, tickets);
    PERFORM redact_person(p_org, people, tickets); -- what was written on others' tickets
    UPDATE ticket t SET deleted_at = now() -- the change log tells of each
     WHERE t.org_id = p_org AND t.ticket_id = ANY (tickets) AND t.deleted_at IS NULL;
    DELETE FROM ticket t WHERE t.org_id = p_org AND t.ticket_id = ANY (tickets);
    DELETE FROM customer c WHERE c.org_id = p_org AND c.customer_id = ANY (people);
  ELSE
    PERFORM redact_person(p_org, people, tickets);
    PERFORM set_config('app.unmerge', 'on', true);
    UPDATE ticket t SET title = '[erased]', description = '', custom_fields = '{}'
     WHERE t.org_id = p_org AND t.ticket_id = ANY (tickets);
    PERFORM set_config('app.unmerge', '', true);
    UPDATE customer c
       SET name = '[erased]', email = NULL, phone = NULL, external_id = NULL, company_id = NULL,
           attributes = '{}', erased_at = now()
     WHERE c.org_id = p_org AND c.customer_id = ANY (people);
  END IF;
  PERFORM scrub_events(p_org, people, tickets);
  PERFORM put_event(p_org, 'customer.erased', false, true, 'customer', p_customer::text, NULL, NULL,
    jsonb_build_object('customer_id', p_customer, 'mode', p_mode, 'tickets', cardinality(tickets)));
  DELETE FROM search_vocabulary v WHERE v.org_id = p_org; -- a name may be among the words; they are learnt anew
  RETURN CASE p_mode WHEN 'delete' THEN 'deleted' ELSE 'anonymized' END;
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

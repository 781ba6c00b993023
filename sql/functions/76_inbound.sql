-- E-mail that comes in: whose it is, where it belongs, and what becomes of it.

-- By address; who is not known yet becomes a customer. A known one's name stays:
-- anybody can write a name into a message.
CREATE OR REPLACE FUNCTION inbound_customer(p_org text, p_address text, p_name text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  found_ uuid;
BEGIN
  FOR i IN 1..2 LOOP
    SELECT e.customer_id INTO found_ FROM customer_email e WHERE e.org_id = p_org AND e.email = p_address LIMIT 1;
    EXIT WHEN found_ IS NOT NULL;
    INSERT INTO customer (org_id, customer_id, name, email) VALUES (p_org, uuid7(), p_name, p_address)
    ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN found_;
END
$$;

-- The ticket, locked; what it was merged into in its place. Null when it is gone.
CREATE OR REPLACE FUNCTION inbound_ticket(p_org text, p_ticket uuid) RETURNS ticket LANGUAGE plpgsql AS $$
DECLARE
  t ticket;
BEGIN
  LOOP
    SELECT * INTO t FROM ticket x
     WHERE x.org_id = p_org AND x.ticket_id = COALESCE(t.merged_into_id, p_ticket) AND x.deleted_at IS NULL FOR UPDATE;
    EXIT WHEN NOT FOUND OR t.merged_into_id IS NULL;
  END LOOP;
  RETURN t;
END
$$;

-- The ticket of the nearest message that this one answers: one of ours, or one that came in.
CREATE OR REPLACE FUNCTION inbound_thread(p_org text, p_ids text[]) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
  one text;
  found_ uuid;
BEGIN
  FOREACH one IN ARRAY p_ids LOOP
    SELECT b.ticket_id INTO found_ FROM inbound_mail b
     WHERE b.org_id = p_org AND b.message_id = one AND b.ticket_id IS NOT NULL;
    IF found_ IS NULL AND one ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@' THEN
      SELECT m.ticket_id INTO found_ FROM mail m WHERE m.org_id = p_org AND m.mail_id = left(one, 36)::uuid;
    END IF;
    EXIT WHEN found_ IS NOT NULL;
  END LOOP;
  RETURN found_;
END
$$;

-- Whether the address has a part in the ticket: its customer's, or of somebody who
-- wrote on it or was written to by who did. A Message-ID is no secret, so that who
-- merely names one does not get into the thread.
CREATE OR REPLACE FUNCTION inbound_partaker(p_org text, t ticket, p_address text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT 1 FROM customer_email e
                  WHERE e.org_id = p_org AND e.email = p_address AND e.customer_id = t.customer_id)
      OR EXISTS (SELECT 1 FROM inbound_mail m
                  WHERE m.org_id = p_org AND m.ticket_id = t.ticket_id AND p_address = ANY (m.people));
END
$$;

-- Programs that answer each other without saying that they are programs.
CREATE OR REPLACE FUNCTION inbound_flood(p_org text, p_ticket uuid, p_sender text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT count(*) >= 30 FROM inbound_mail m
           WHERE m.org_id = p_org AND m.ticket_id = p_ticket AND m.sender = p_sender
             AND m.received_at > now() - interval '1 hour');
END
$$;

CREATE OR REPLACE FUNCTION inbound_files(p_org text, p_ticket uuid, p_comment uuid, p_files jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO attachment (org_id, attachment_id, ticket_id, comment_id, filename, content_type, size, sha256, created_by)
  SELECT p_org, uuid7(), p_ticket, p_comment, f.filename, f.content_type, f.size, f.sha256, actor_id()
    FROM jsonb_to_recordset(p_files) AS f(filename text, content_type text, size bigint, sha256 text);
END
$$;

-- The number is taken here and not from a lease: whether a message makes a ticket
-- is known only now, and a comment must not use up a number. A message cannot
-- fill in custom fields, so that none is required of it.
CREATE OR REPLACE FUNCTION inbound_create(p_org text, p_mail jsonb, p_customer uuid, p_about uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  new_ uuid := uuid7();
  number_ bigint;
BEGIN
  LOOP
    number_ := take_numbers(p_org, 1);
    EXIT WHEN NOT EXISTS (SELECT 1 FROM ticket t WHERE t.org_id = p_org AND t.number = number_);
  END LOOP;
  PERFORM set_config('app.lenient', 'on', true);
  PERFORM ticket_create(p_org, new_, number_, jsonb_build_object('channel', 'email', 'customer_id', p_customer,
    'title', COALESCE(NULLIF(left(p_mail ->> 'subject', 500), ''), '(no subject)'),
    'description', left(p_mail ->> 'whole', 65536)));
  PERFORM set_config('app.lenient', '', true);
  IF p_about IS NOT NULL THEN
    INSERT INTO ticket_link (org_id, link_id, ticket_id, target_id, kind) VALUES (p_org, uuid7(), new_, p_about, 'related');
  END IF;
  PERFORM inbound_files(p_org, new_, NULL, p_mail -> 'files');
  RETURN new_;
END
$$;

-- p_agent: of a reply that its token proves to be an agent's. What was cut off is
-- kept as the comment's earlier text, and goes when the comment is redacted.
CREATE OR REPLACE FUNCTION inbound_comment(p_org text, p_mail jsonb, p_ticket uuid, p_customer uuid, p_agent uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  new_ uuid := uuid7();
  body_ text := left(p_mail ->> 'text', 65536);
BEGIN
  PERFORM ticket_commented(p_org, p_ticket, p_agent IS NULL);
  INSERT INTO comment (org_id, comment_id, ticket_id, internal, author_type, author_id, body)
  VALUES (p_org, new_, p_ticket, false, CASE WHEN p_agent IS NULL THEN 'customer' ELSE 'user' END,
          COALESCE(p_agent, p_customer)::text, COALESCE(NULLIF(body_, ''), '(no text)'));
  IF body_ <> left(p_mail ->> 'whole', 65536) THEN
    INSERT INTO comment_revision (org_id, comment_id, version, body)
    VALUES (p_org, new_, 0, left(p_mail ->> 'whole', 65536));
  END IF;
  PERFORM inbound_files(p_org, p_ticket, new_, p_mail -> 'files');
  RETURN new_;
END
$$;

-- Who writes, as an agent; null unless the token is the agent's own.
CREATE OR REPLACE FUNCTION inbound_agent(p_org text, p_mail jsonb) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT u.user_id FROM app_user u
           WHERE p_mail ->> 'token' = 'agent' AND u.org_id = p_org AND lower(u.email) = p_mail ->> 'from'
             AND u.active AND u.role <> 'viewer');
END
$$;

-- One message that is no duplicate and not ignored: created or commented, and where.
CREATE OR REPLACE FUNCTION inbound_place(p_org text, p_mail jsonb, INOUT m inbound_mail) LANGUAGE plpgsql AS $$
DECLARE
  agent uuid := inbound_agent(p_org, p_mail);
  by_token uuid := CASE WHEN p_mail ->> 'token' = 'customer' OR agent IS NOT NULL THEN (p_mail ->> 'ticket_id')::uuid END;
  t ticket := inbound_ticket(p_org, COALESCE(by_token,
    inbound_thread(p_org, ARRAY(SELECT jsonb_array_elements_text(p_mail -> 'ids')))));
  sender uuid;
BEGIN
  IF t.ticket_id IS NOT NULL AND inbound_flood(p_org, t.ticket_id, m.sender) THEN
    m.reason := 'loop';
    RETURN;
  END IF;
  IF agent IS NULL THEN
    sender := inbound_customer(p_org, m.sender, p_mail ->> 'name');
  ELSIF t.ticket_id IS NULL THEN
    PERFORM fail(422, 'unknown_reference', 'The ticket that the reply belongs to is no longer there.', 'ticket_id');
  END IF;
  IF agent IS NOT NULL OR (t.ticket_id IS NOT NULL
      AND (by_token IS NOT NULL OR inbound_partaker(p_org, t, m.sender))
      AND (t.status <> 'closed' OR within_reopen_window(t))) THEN
    m.comment_id := inbound_comment(p_org, p_mail, t.ticket_id, sender, agent);
    m.ticket_id := t.ticket_id;
    m.action := 'commented';
  ELSE
    m.ticket_id := inbound_create(p_org, p_mail, sender, t.ticket_id);
    m.action := 'created';
  END IF;
END
$$;

-- Volatile, so that it sees the ticket that was made in the same statement.
CREATE OR REPLACE FUNCTION inbound_number(p_org text, p_ticket uuid) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (SELECT t.number FROM ticket t WHERE t.org_id = p_org AND t.ticket_id = p_ticket);
END
$$;

-- The whole of a message, once: a second one of the same Message-ID waits here for
-- the first and learns what became of it.
CREATE OR REPLACE FUNCTION inbound_take(p_org text, p_mail jsonb) RETURNS inbound_mail LANGUAGE plpgsql AS $$
DECLARE
  m inbound_mail;
BEGIN
  -- Of what a group at the desk's own address hands on in its own name it says who wrote it.
  IF p_mail ->> 'author' IS NOT NULL
     AND EXISTS (SELECT 1 FROM organization o WHERE o.org_id = p_org AND o.inbound_address = p_mail ->> 'from') THEN
    p_mail := p_mail || jsonb_build_object('from', p_mail -> 'author', 'name', p_mail -> 'author_name',
                                           'people', jsonb_build_array(p_mail -> 'author') || (p_mail -> 'people'));
  END IF;
  INSERT INTO inbound_mail AS x (org_id, mail_id, message_id, action, reason, sender, people)
  VALUES (p_org, uuid7(), p_mail ->> 'message_id', 'ignored', p_mail ->> 'reason', p_mail ->> 'from',
          ARRAY(SELECT jsonb_array_elements_text(p_mail -> 'people')))
  ON CONFLICT DO NOTHING
  RETURNING x.* INTO m;
  IF NOT FOUND THEN
    SELECT * INTO m FROM inbound_mail x WHERE x.org_id = p_org AND x.message_id = p_mail ->> 'message_id';
    m.reason := m.action;
    m.action := 'duplicate';
    RETURN m;
  END IF;
  IF m.reason IS NOT NULL THEN
    RETURN m;
  END IF;
  IF inbound_thread(p_org, ARRAY[m.message_id]) IS NOT NULL -- ours, without our mark
     OR EXISTS (SELECT 1 FROM organization o WHERE o.org_id = p_org AND o.inbound_address = m.sender) THEN
    m.reason := 'own_message';
  ELSE
    m := inbound_place(p_org, p_mail, m);
  END IF;
  UPDATE inbound_mail x SET action = m.action, reason = m.reason, ticket_id = m.ticket_id, comment_id = m.comment_id
   WHERE x.org_id = p_org AND x.mail_id = m.mail_id;
  RETURN m;
END
$$;

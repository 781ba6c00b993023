-- E-mail to customers: surveys, and agents' replies.

-- The last messages of a ticket, oldest first, sent and received. A Message-ID that
-- was made here for a message without one means nothing to its sender.
CREATE OR REPLACE FUNCTION mail_thread(p_org text, p_ticket uuid) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN ARRAY(SELECT x.id FROM (
    SELECT m.message_id AS id, m.created_at AS at FROM mail m WHERE m.org_id = p_org AND m.ticket_id = p_ticket
    UNION ALL
    SELECT b.message_id, b.received_at FROM inbound_mail b
     WHERE b.org_id = p_org AND b.ticket_id = p_ticket AND b.message_id NOT LIKE '%@derived.invalid'
    ORDER BY 2 DESC LIMIT 10) x ORDER BY x.at);
END
$$;

CREATE OR REPLACE FUNCTION mail_put(p_org text, p_kind text, k ticket, p_recipient text, p_subject text, p_body text,
  p_comment uuid, p_survey uuid, p_token text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  id uuid := uuid7();
  refs text[] := mail_thread(p_org, k.ticket_id);
BEGIN
  INSERT INTO mail (org_id, mail_id, kind, ticket_id, comment_id, survey_id, recipient, subject, body, token, message_id, reply_to, refs)
  VALUES (p_org, id, p_kind, k.ticket_id, p_comment, p_survey, p_recipient, left(regexp_replace(p_subject, '[[:cntrl:]]+', ' ', 'g'), 500),
          p_body, p_token, id::text, refs[cardinality(refs)], array_to_string(refs, ' '))
  ON CONFLICT DO NOTHING;
  IF FOUND THEN
    PERFORM due_put(p_org, 'mail', id, '', now());
  END IF;
END
$$;

-- The survey's mail; nothing without an address.
CREATE OR REPLACE FUNCTION csat_mail(p_org text, p_survey uuid, p_token text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  k ticket;
  c customer;
BEGIN
  IF 'notifications' = ANY (string_to_array(COALESCE(guc('app.suppress'), ''), ',')) THEN
    RETURN false;
  END IF;
  SELECT t.* INTO k FROM csat_survey s JOIN ticket t ON t.org_id = s.org_id AND t.ticket_id = s.ticket_id
   WHERE s.org_id = p_org AND s.survey_id = p_survey;
  SELECT * INTO c FROM customer x WHERE x.org_id = p_org AND x.customer_id = k.customer_id AND x.email IS NOT NULL;
  IF c.customer_id IS NULL THEN
    RETURN false;
  END IF;
  PERFORM mail_put(p_org, 'survey', k, c.email, format('How did we do? #%s: %s', k.number, k.title),
    format(E'Hello %s,\n\nhow satisfied are you with the help you got on "%s" (#%s)?\n\n{{survey_url}}\n\nThe link is yours alone and works once.\n\n%s\n',
      COALESCE(NULLIF(split_part(c.name, ' ', 1), ''), 'there'), k.title, k.number,
      (SELECT o.name FROM organization o WHERE o.org_id = p_org)),
    NULL, p_survey, p_token);
  RETURN true;
END
$$;

-- A survey that is made by the desk itself: by a workflow, or at resolution.
CREATE OR REPLACE FUNCTION csat_send(p_org text, p_ticket uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  token text := 'cs_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
  survey uuid := uuid7();
BEGIN
  PERFORM csat_request(p_org, survey, encode(sha256(convert_to(token, 'UTF8')), 'hex'), jsonb_build_object('ticket_id', p_ticket));
  PERFORM csat_mail(p_org, survey, token);
  RETURN survey;
END
$$;

-- Below it, what a reply quotes is cut off (src/http/message_quote.c).
CREATE OR REPLACE FUNCTION mail_marker() RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT E'--- Please write your answer above this line ---\n\n'
$$;

-- What an event means to a customer who reads e-mail; run by the scheduler when
-- there is a mail server.
CREATE OR REPLACE FUNCTION notify_customer(p_org text, p_event uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  e event;
  k ticket;
  c comment;
  address text;
BEGIN
  SELECT * INTO e FROM event x WHERE x.org_id = p_org AND x.event_id = p_event;
  SELECT * INTO k FROM ticket x WHERE x.org_id = p_org AND x.ticket_id = e.ticket_id AND x.deleted_at IS NULL;
  SELECT x.email INTO address FROM customer x WHERE x.org_id = p_org AND x.customer_id = k.customer_id;
  IF address IS NULL THEN
    RETURN;
  END IF;
  IF e.topic = 'ticket.comment.added' THEN
    SELECT * INTO c FROM comment x WHERE x.org_id = p_org AND x.comment_id::text = e.resource_id AND NOT x.internal AND x.redacted_at IS NULL;
    IF c.comment_id IS NOT NULL THEN
      PERFORM mail_put(p_org, 'reply', k, address, format('Re: #%s: %s', k.number, k.title),
        (SELECT format(E'%s%s\n\n-- \n%s\nTicket #%s\n', CASE WHEN o.inbound_address IS NOT NULL THEN mail_marker() ELSE '' END,
                       c.body, o.name, k.number) FROM organization o WHERE o.org_id = p_org),
        c.comment_id, NULL, NULL);
    END IF;
  ELSIF k.status = 'resolved' AND NOT EXISTS (SELECT 1 FROM csat_survey s WHERE s.org_id = p_org AND s.ticket_id = k.ticket_id
                                                 AND s.created_at > now() - interval '30 days') THEN
    PERFORM csat_send(p_org, k.ticket_id);
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION notify_fan_out(p_org text, p_from bigint, p_to bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  replies boolean;
  surveys boolean;
BEGIN
  SELECT o.mail_replies, o.csat_auto_send INTO replies, surveys FROM organization o WHERE o.org_id = p_org;
  IF replies OR surveys THEN
    INSERT INTO due_job (org_id, kind, ref)
    SELECT p_org, 'notify', e.event_id FROM event e
     WHERE e.org_id = p_org AND e.seq BETWEEN p_from AND p_to
       AND ((replies AND e.topic = 'ticket.comment.added' AND e.data ->> 'author_type' <> 'customer')
            OR (surveys AND e.topic = 'ticket.status.changed' AND e.changes -> 'status' ->> 'to' = 'resolved'))
       AND NOT ('notifications' = ANY (string_to_array(COALESCE(e.suppress, ''), ',')))
    ON CONFLICT DO NOTHING;
  END IF;
END
$$;

-- Null p_error: it was taken by the mail server. p_final: no other try would help.
CREATE OR REPLACE FUNCTION mail_finish(p_org text, p_mail uuid, p_token bigint, p_error text, p_final boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  tries int;
  wait numeric;
BEGIN
  SELECT j.attempts INTO tries FROM due_job j
   WHERE j.org_id = p_org AND j.kind = 'mail' AND j.ref = p_mail AND j.token = p_token AND j.state = 'running' FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF p_error IS NOT NULL AND NOT p_final THEN
    wait := webhook_ladder(tries) * (0.8 + 0.4 * random());
  END IF;
  IF wait IS NULL THEN
    DELETE FROM due_job j WHERE j.org_id = p_org AND j.kind = 'mail' AND j.ref = p_mail;
  ELSE
    UPDATE due_job j SET state = 'ready', run_at = clock_timestamp() + make_interval(secs => wait::float8), lease_until = NULL, error = p_error
     WHERE j.org_id = p_org AND j.kind = 'mail' AND j.ref = p_mail;
  END IF;
  UPDATE mail m
     SET status = CASE WHEN p_error IS NULL THEN 'sent' WHEN wait IS NULL THEN 'failed' ELSE 'pending' END, attempts = m.attempts + 1,
         error = p_error, sent_at = CASE WHEN p_error IS NULL THEN clock_timestamp() END,
         body = CASE WHEN wait IS NOT NULL THEN m.body END, token = CASE WHEN wait IS NOT NULL THEN m.token END
   WHERE m.org_id = p_org AND m.mail_id = p_mail;
END
$$;

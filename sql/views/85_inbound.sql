-- E-mail that came in, as an export of one customer shows it.

CREATE VIEW inbound_mail_v WITH (security_invoker = true) AS
SELECT m.mail_id, m.org_id, m.message_id, m.action, m.reason, m.ticket_id, m.comment_id, m.sender, m.received_at
  FROM inbound_mail m;

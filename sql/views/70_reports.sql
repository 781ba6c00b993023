-- One row a ticket, with its times.

CREATE VIEW ticket_report_v WITH (security_invoker = true) AS
SELECT t.ticket_id, t.org_id, t.number, t.title, t.status, t.priority, t.channel, t.customer_id, t.company_id,
       t.team_id, t.queue_id, t.assignee_user_id, t.tags, t.reopened_count,
       round(extract(epoch FROM t.first_response_at - t.created_at) / 60, 1) AS first_reply_minutes,
       round(extract(epoch FROM t.resolved_at - t.created_at) / 60, 1) AS resolution_minutes,
       (SELECT count(*) FROM comment c WHERE c.org_id = t.org_id AND c.ticket_id = t.ticket_id AND NOT c.internal) AS comments,
       (SELECT s.score FROM csat_survey s WHERE s.org_id = t.org_id AND s.ticket_id = t.ticket_id AND s.score IS NOT NULL
         ORDER BY s.responded_at DESC LIMIT 1) AS csat_score,
       (SELECT r.total FROM qa_review r WHERE r.org_id = t.org_id AND r.ticket_id = t.ticket_id
           AND r.status IN ('submitted', 'acknowledged', 'disputed') ORDER BY r.submitted_at DESC LIMIT 1) AS qa_score,
       sla_result(t.org_id, t.ticket_id, 'first_response') AS first_response_sla,
       sla_result(t.org_id, t.ticket_id, 'resolution') AS resolution_sla,
       t.first_response_at, t.resolved_at, t.closed_at, t.created_at, t.updated_at
  FROM ticket t
 WHERE t.deleted_at IS NULL;

-- CSAT and QA as the API shows them.

CREATE VIEW csat_survey_v WITH (security_invoker = true) AS
SELECT survey_id, org_id, ticket_id, customer_id, agent_user_id, team_id, queue_id, tags,
       CASE WHEN responded_at IS NOT NULL THEN 'responded' WHEN expires_at <= now() THEN 'expired'
            ELSE 'requested' END AS status,
       score, comment, requested_by, expires_at, responded_at, created_at
  FROM csat_survey;

CREATE VIEW qa_scorecard_v WITH (security_invoker = true) AS
SELECT scorecard_id, org_id, name, description, criteria, pass_mark, edition, archived, version,
       created_at, updated_at
  FROM qa_scorecard;

CREATE VIEW qa_review_v WITH (security_invoker = true) AS
SELECT review_id, org_id, ticket_id, scorecard_id, edition, agent_user_id, reviewer_id, status,
       scores, total, passed, auto_failed, comment, dispute_reason, resolution, submitted_at,
       version, created_at, updated_at
  FROM qa_review;

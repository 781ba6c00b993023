-- Macros as the API shows them.

CREATE VIEW macro_v WITH (security_invoker = true) AS
SELECT macro_id, org_id, name, description,
       CASE WHEN actions = '[]' THEN 'canned_response' ELSE 'macro' END AS kind,
       team_id, reply, internal, actions, active, version, created_at, updated_at
  FROM macro;

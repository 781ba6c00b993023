-- What reports read without touching the tickets themselves.

CREATE INDEX ticket_report ON ticket (org_id, created_at)
  INCLUDE (first_response_at, resolved_at, status, priority, team_id, assignee_user_id)
  WHERE deleted_at IS NULL;
CREATE INDEX ticket_resolved ON ticket (org_id, resolved_at)
  INCLUDE (created_at, assignee_user_id, team_id, reopened_count)
  WHERE resolved_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX comment_author ON comment (org_id, created_at) INCLUDE (author_id)
  WHERE NOT internal AND author_type <> 'customer';

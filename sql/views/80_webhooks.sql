-- Webhooks and their deliveries as the API shows them.

CREATE VIEW webhook_v WITH (security_invoker = true) AS
SELECT webhook_id, org_id, url, description, topics, conditions, active,
       CASE WHEN NOT active THEN 'disabled' WHEN cooldown_until > now() THEN 'cooling_down'
            WHEN consecutive_failures > 0 THEN 'failing' ELSE 'healthy' END AS health,
       consecutive_failures, failing_since, cooldown_until, last_success_at, last_failure_at, disabled_reason,
       disabled_at, CASE WHEN previous_until > now() THEN previous_until END AS rotating_until,
       version, created_at, updated_at
  FROM webhook;

CREATE VIEW webhook_delivery_v WITH (security_invoker = true) AS
SELECT d.delivery_id, d.org_id, d.webhook_id, d.event_id, d.topic, d.seq, d.ticket_id, d.status, d.attempts,
       d.response_status, d.error, d.next_attempt_at, d.delivered_at, d.replay_of, d.created_at, d.body::jsonb AS body,
       (SELECT COALESCE(jsonb_agg(jsonb_build_object('n', a.n, 'status', a.status, 'duration_ms', a.duration_ms,
                 'error', a.error, 'response', a.response, 'at', iso(a.at)) ORDER BY a.n), '[]')
          FROM webhook_attempt a WHERE a.org_id = d.org_id AND a.delivery_id = d.delivery_id) AS tries
  FROM webhook_delivery d;

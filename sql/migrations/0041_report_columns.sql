-- What reports measure is worked out when a ticket is written, and stands in their indexes: a
-- million tickets are counted without reading one. The table is written anew, which takes
-- about a minute for two million tickets; meanwhile nobody can use them.

ALTER TABLE ticket
  -- From creation to the first public reply, and to the resolution.
  ADD COLUMN first_reply_seconds float8 GENERATED ALWAYS AS (date_part('epoch', first_response_at - created_at)) STORED,
  ADD COLUMN resolution_seconds float8 GENERATED ALWAYS AS (date_part('epoch', resolved_at - created_at)) STORED,
  -- The same for tickets with the same tags, so that these are read of one of them.
  ADD COLUMN tags_hash bigint GENERATED ALWAYS AS (hash_array_extended(tags, 0)) STORED,
  ADD COLUMN topic text GENERATED ALWAYS AS (ai_classification ->> 'topic') STORED,
  -- What the model said, and whether a person has corrected it; null where the model said nothing.
  ADD COLUMN model_overridden boolean GENERATED ALWAYS AS (
    CASE WHEN ai_classification -> 'overridden' IS DISTINCT FROM 'true' THEN CASE WHEN ai_classification IS NOT NULL THEN false END
         WHEN ai_classification ? 'model_topic' THEN true END) STORED,
  ADD COLUMN model_topic text GENERATED ALWAYS AS (
    ai_classification ->> CASE ai_classification -> 'overridden' WHEN 'true' THEN 'model_topic' ELSE 'topic' END) STORED,
  -- 1 to 10, each of which is a tenth; 11 is full confidence.
  ADD COLUMN model_confidence_step smallint GENERATED ALWAYS AS (
    CASE ai_classification -> 'overridden' WHEN 'true' THEN
      CASE jsonb_typeof(ai_classification -> 'model_confidence') WHEN 'number' THEN width_bucket((ai_classification ->> 'model_confidence')::numeric, 0, 1, 10) END
    ELSE
      CASE jsonb_typeof(ai_classification -> 'confidence') WHEN 'number' THEN width_bucket((ai_classification ->> 'confidence')::numeric, 0, 1, 10) END
    END) STORED;

DROP INDEX ticket_report;
CREATE INDEX ticket_report ON ticket (org_id, created_at)
  INCLUDE (first_reply_seconds, status, priority, team_id, assignee_user_id, queue_id, channel, topic, tags_hash, number)
  WHERE deleted_at IS NULL;
DROP INDEX ticket_resolved;
CREATE INDEX ticket_resolved ON ticket (org_id, resolved_at)
  INCLUDE (resolution_seconds, reopened_count, status, priority, team_id, assignee_user_id, queue_id, channel, topic, tags_hash, number)
  WHERE resolved_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX ticket_model ON ticket (org_id, created_at)
  INCLUDE (model_overridden, model_topic, model_confidence_step)
  WHERE model_overridden IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX ticket_open ON ticket (org_id, created_at)
  INCLUDE (assignee_user_id, team_id)
  WHERE status IN ('new', 'open', 'pending', 'on_hold') AND deleted_at IS NULL;

-- The planner sees by the columns now what 0028 told it.
DROP STATISTICS ticket_first_reply, ticket_resolution;

-- Saved views: a filter, an order and columns under a name. ("view" itself is
-- a word of SQL.)

CREATE TABLE saved_view (
  org_id      text NOT NULL REFERENCES organization,
  view_id     uuid NOT NULL,
  name        text NOT NULL,
  description text NOT NULL DEFAULT '',
  conditions  jsonb NOT NULL DEFAULT '{}',
  sort        text NOT NULL DEFAULT '-created_at',
  columns     text[] NOT NULL DEFAULT '{}',
  visibility  text NOT NULL DEFAULT 'everyone',
  team_id     uuid,
  owner_id    text,
  position    int NOT NULL DEFAULT 0,
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, view_id),
  CONSTRAINT saved_view__team_id FOREIGN KEY (org_id, team_id) REFERENCES team ON DELETE CASCADE,
  CONSTRAINT saved_view__visibility CHECK (visibility IN ('private', 'team', 'everyone')),
  CONSTRAINT saved_view_team__team_id CHECK ((visibility = 'team') = (team_id IS NOT NULL))
);
CREATE INDEX saved_view_position ON saved_view (org_id, position, view_id);
CREATE INDEX saved_view_team ON saved_view (org_id, team_id) WHERE team_id IS NOT NULL;

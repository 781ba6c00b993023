-- Macros: prepared replies and changes.

CREATE TABLE macro (
  org_id      text NOT NULL REFERENCES organization,
  macro_id    uuid NOT NULL,
  name        text NOT NULL,
  description text NOT NULL DEFAULT '',
  team_id     uuid,
  reply       text,
  internal    boolean NOT NULL DEFAULT false,
  actions     jsonb NOT NULL DEFAULT '[]',
  active      boolean NOT NULL DEFAULT true,
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, macro_id),
  CONSTRAINT macro__team_id FOREIGN KEY (org_id, team_id) REFERENCES team ON DELETE CASCADE
);
CREATE UNIQUE INDEX macro__name ON macro (org_id, lower(name));
CREATE INDEX macro_team ON macro (org_id, team_id) WHERE team_id IS NOT NULL;

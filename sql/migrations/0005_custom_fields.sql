-- Custom fields: what an organisation adds to its tickets. The values are in
-- ticket.custom_fields under the field's key.

CREATE TABLE custom_field (
  org_id     text NOT NULL REFERENCES organization,
  field_id   uuid NOT NULL,
  key        text NOT NULL,
  label      text NOT NULL,
  type       text NOT NULL,
  deleted_at timestamptz,
  version    int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, field_id),
  CONSTRAINT custom_field__key CHECK (key ~ '^[a-z][a-z0-9_]{0,62}$'),
  CONSTRAINT custom_field__type CHECK (type IN ('text', 'number', 'boolean', 'date', 'dropdown', 'multiselect', 'email', 'url'))
);
CREATE UNIQUE INDEX custom_field_key__key ON custom_field (org_id, key) WHERE deleted_at IS NULL;

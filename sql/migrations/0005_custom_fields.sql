-- Custom fields: what an organisation adds to its tickets. The values are in
-- ticket.custom_fields under the field's key.

CREATE TABLE custom_field (
  org_id        text NOT NULL REFERENCES organization,
  field_id      uuid NOT NULL,
  key           text NOT NULL,
  label         text NOT NULL,
  description   text NOT NULL DEFAULT '',
  type          text NOT NULL,
  required      boolean NOT NULL DEFAULT false,
  options       text[] NOT NULL DEFAULT '{}',
  default_value jsonb,
  minimum       numeric,
  maximum       numeric,
  position      int NOT NULL DEFAULT 0,
  deleted_at    timestamptz,
  version       int NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, field_id),
  CONSTRAINT custom_field__type CHECK (type IN ('text', 'number', 'boolean', 'date', 'dropdown', 'multiselect', 'email', 'url')),
  CONSTRAINT custom_field__minimum CHECK (minimum <= maximum)
);
CREATE UNIQUE INDEX custom_field__key ON custom_field (org_id, key) WHERE deleted_at IS NULL;
CREATE INDEX custom_field_order ON custom_field (org_id, position, field_id);

-- ticket.custom_fields by key and value, for filters and orders: operators of
-- jsonb are not leakproof, so under row-level security they use no index.
CREATE TABLE ticket_field (
  org_id    text NOT NULL,
  key       text NOT NULL,
  word      text COLLATE "C" NOT NULL,
  number    numeric,
  ticket_id uuid NOT NULL,
  PRIMARY KEY (org_id, key, word, ticket_id),
  CONSTRAINT ticket_field__ticket_id FOREIGN KEY (org_id, ticket_id) REFERENCES ticket ON DELETE CASCADE
);
CREATE INDEX ticket_field_number ON ticket_field (org_id, key, number, ticket_id) WHERE number IS NOT NULL;
CREATE INDEX ticket_field_ticket ON ticket_field (org_id, ticket_id);

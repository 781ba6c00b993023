-- Customers by e-mail address: lower() is not leakproof, so under row-level
-- security the unique index of customer cannot be searched.

CREATE TABLE customer_email (
  org_id      text NOT NULL,
  email       text NOT NULL,
  customer_id uuid NOT NULL,
  PRIMARY KEY (org_id, email, customer_id),
  CONSTRAINT customer_email__customer_id FOREIGN KEY (org_id, customer_id) REFERENCES customer ON DELETE CASCADE
);
CREATE INDEX customer_email_customer ON customer_email (org_id, customer_id);

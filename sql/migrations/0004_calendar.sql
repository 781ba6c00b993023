-- Business hours, what teams have of them, and companies by their domains.

CREATE TABLE business_hours (
  org_id            text NOT NULL REFERENCES organization,
  business_hours_id uuid NOT NULL,
  name              text NOT NULL,
  timezone          text NOT NULL,
  weekly            jsonb NOT NULL DEFAULT '{}',
  holidays          jsonb NOT NULL DEFAULT '[]',
  is_default        boolean NOT NULL DEFAULT false,
  version           int NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, business_hours_id)
);
CREATE UNIQUE INDEX business_hours__name ON business_hours (org_id, lower(name));
CREATE UNIQUE INDEX business_hours__is_default ON business_hours (org_id) WHERE is_default;

ALTER TABLE team ADD COLUMN business_hours_id uuid;
ALTER TABLE team ADD CONSTRAINT team__business_hours_id
  FOREIGN KEY (org_id, business_hours_id) REFERENCES business_hours;
CREATE INDEX team_business_hours ON team (org_id, business_hours_id) WHERE business_hours_id IS NOT NULL;

-- company.domains by domain: one company each, and found by an index.
CREATE TABLE company_domain (
  org_id     text NOT NULL,
  domain     text NOT NULL,
  company_id uuid NOT NULL,
  PRIMARY KEY (org_id, domain),
  CONSTRAINT company_domain__company_id FOREIGN KEY (org_id, company_id) REFERENCES company ON DELETE CASCADE
);
CREATE INDEX company_domain_company ON company_domain (org_id, company_id);
CREATE INDEX company_created ON company (org_id, created_at, company_id);
CREATE INDEX ticket_company ON ticket (org_id, company_id, created_at) WHERE company_id IS NOT NULL;

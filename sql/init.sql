-- Once per cluster, by a superuser: the three roles. Databases are made by
-- createdb -O serviceos_owner; everything else is `serviceosctl migrate`.
--   serviceos_owner      owns the schema; migrations and administration
--   serviceos_app        the workers; owns nothing, subject to row-level security
--   serviceos_scheduler  the scheduler; sees all organisations, but few tables
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['serviceos_owner', 'serviceos_app', 'serviceos_scheduler'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- there already, or made by somebody else at this moment
    END;
  END LOOP;
END
$$;

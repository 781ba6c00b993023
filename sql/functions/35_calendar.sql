-- Business hours: the only place where their arithmetic is done.
--
-- A minute counts when the local clock shows a time within an interval of the
-- local day. So an hour that the clock skips does not count, and one that it
-- repeats counts twice: nobody works in the first, everybody in the second.

-- The intervals of a local day: of the holiday, if it is one, else of the weekday.
CREATE OR REPLACE FUNCTION business_day(h business_hours, p_day date) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT COALESCE(
    (SELECT COALESCE(x -> 'intervals', '[]') FROM jsonb_array_elements(h.holidays) x
      WHERE x ->> 'date' = p_day::text LIMIT 1),
    h.weekly -> (ARRAY['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'])
                [extract(isodow FROM p_day)::int],
    '[]')
$$;

-- A day on which the clock is put forward or back, or over whose midnight it is put
-- back: minute by minute, then put together again. A few days a year, so its cost
-- does not matter.
CREATE OR REPLACE FUNCTION business_odd_day(p_zone text, p_day date, p_intervals jsonb)
RETURNS TABLE (opens timestamptz, closes timestamptz) LANGUAGE sql STABLE AS $$
  WITH hours AS MATERIALIZED (
    SELECT p_day + i.start::interval AS opens, p_day + i."end"::interval AS closes
      FROM jsonb_to_recordset(p_intervals) AS i(start text, "end" text)
  ), minute AS (
    SELECT m, m AT TIME ZONE p_zone AS local
      FROM generate_series((p_day - 1)::timestamp AT TIME ZONE p_zone,
                           (p_day + 2)::timestamp AT TIME ZONE p_zone, interval '1 minute') m
  ), open AS (
    SELECT m, m - row_number() OVER (ORDER BY m) * interval '1 minute' AS island
      FROM minute
     WHERE EXISTS (SELECT 1 FROM hours h WHERE local >= h.opens AND local < h.closes)
  )
  SELECT min(m), max(m) + interval '1 minute' FROM open GROUP BY island
$$;

-- When it is open, from one local day to another, in order. Of a midnight that the
-- clock shows twice PostgreSQL takes the later: a day is plain if it has 24 hours
-- from there and the clock was not changed in the hours before.
CREATE OR REPLACE FUNCTION business_spans(h business_hours, p_first date, p_last date)
RETURNS TABLE (opens timestamptz, closes timestamptz) LANGUAGE sql STABLE AS $$
  WITH day AS (
    SELECT d::date AS day, business_day(h, d::date) AS intervals,
           ((d + interval '1 day') AT TIME ZONE h.timezone) - (d AT TIME ZONE h.timezone) = interval '24 hours'
           AND ((d AT TIME ZONE h.timezone) - interval '12 hours') AT TIME ZONE h.timezone = d - interval '12 hours' AS plain
      FROM generate_series(p_first::timestamp, p_last::timestamp, interval '1 day') d
  )
  SELECT (day + i.start::interval) AT TIME ZONE h.timezone, (day + i."end"::interval) AT TIME ZONE h.timezone
    FROM day, jsonb_to_recordset(day.intervals) AS i(start text, "end" text)
   WHERE day.plain
  UNION ALL
  SELECT o.opens, o.closes
    FROM day, business_odd_day(h.timezone, day.day, day.intervals) o
   WHERE NOT day.plain AND day.intervals <> '[]'
   ORDER BY 1
$$;

-- Minutes of business between two instants; without a calendar, all of them.
CREATE OR REPLACE FUNCTION business_minutes_between(p_org text, p_calendar uuid, p_from timestamptz, p_to timestamptz)
RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
  h business_hours;
BEGIN
  IF p_to <= p_from THEN
    RETURN 0;
  END IF;
  SELECT * INTO h FROM business_hours b WHERE b.org_id = p_org AND b.business_hours_id = p_calendar;
  IF h.org_id IS NULL THEN
    RETURN extract(epoch FROM p_to - p_from) / 60;
  END IF;
  RETURN (SELECT COALESCE(sum(extract(epoch FROM least(s.closes, p_to) - greatest(s.opens, p_from))) / 60, 0)
            FROM business_spans(h, (p_from AT TIME ZONE h.timezone)::date,
                                (p_to AT TIME ZONE h.timezone)::date) s
           WHERE s.closes > p_from AND s.opens < p_to);
END
$$;

-- The instant at which so many minutes of business are over; null when that is
-- not within five years.
CREATE OR REPLACE FUNCTION business_add(p_org text, p_calendar uuid, p_from timestamptz, p_minutes numeric)
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
  h business_hours;
  first date;
  today date;
  left_ numeric := p_minutes * 60;
  passed numeric;
  due timestamptz;
BEGIN
  SELECT * INTO h FROM business_hours b WHERE b.org_id = p_org AND b.business_hours_id = p_calendar;
  IF h.org_id IS NULL OR p_minutes <= 0 THEN
    RETURN p_from + make_interval(secs => p_minutes::float8 * 60);
  END IF;
  today := (p_from AT TIME ZONE h.timezone)::date;
  first := today;
  WHILE first < today + 5 * 366 LOOP
    WITH span AS (
      SELECT greatest(s.opens, p_from) AS opens, s.closes,
             extract(epoch FROM s.closes - greatest(s.opens, p_from)) AS seconds
        FROM business_spans(h, first, first + 31) s
       WHERE s.closes > p_from
    ), run AS (
      SELECT opens, seconds, sum(seconds) OVER (ORDER BY opens) AS total FROM span
    )
    SELECT min(opens + make_interval(secs => (left_ - (total - seconds))::float8))
             FILTER (WHERE total >= left_ AND total - seconds < left_),
           COALESCE(max(total), 0)
      INTO due, passed
      FROM run;
    IF due IS NOT NULL THEN
      RETURN due;
    END IF;
    left_ := left_ - passed;
    first := first + 32;
  END LOOP;
  RETURN NULL;
END
$$;

-- Intervals of one day: times, in order, apart. Gives them back sorted.
CREATE OR REPLACE FUNCTION business_check_day(p_intervals jsonb, p_field text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  i record;
  last_end text := '';
BEGIN
  FOR i IN SELECT x ->> 'start' AS start, x ->> 'end' AS "end", n - 1 AS n
             FROM jsonb_array_elements(p_intervals) WITH ORDINALITY AS e(x, n)
            ORDER BY 1 LOOP
    IF i.start !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' THEN
      PERFORM fail(422, 'format', 'Must be a time of day such as 09:30.', format('%s[%s].start', p_field, i.n));
    ELSIF i."end" !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' AND i."end" <> '24:00' THEN
      PERFORM fail(422, 'format', 'Must be a time of day such as 17:30, or 24:00.', format('%s[%s].end', p_field, i.n));
    ELSIF i."end" <= i.start THEN
      PERFORM fail(422, 'range', 'The end must be after the start.', format('%s[%s].end', p_field, i.n));
    ELSIF i.start < last_end THEN
      PERFORM fail(422, 'overlap', 'The intervals of a day must not overlap.', format('%s[%s].start', p_field, i.n));
    END IF;
    last_end := i."end";
  END LOOP;
  RETURN (SELECT COALESCE(jsonb_agg(x ORDER BY x ->> 'start'), '[]') FROM jsonb_array_elements(p_intervals) x);
END
$$;

CREATE OR REPLACE FUNCTION business_hours_before() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  d record;
BEGIN
  IF TG_OP = 'INSERT' OR NEW.timezone <> OLD.timezone THEN
    PERFORM check_timezone(NEW.timezone);
  END IF;
  FOR d IN SELECT key, value FROM jsonb_each(NEW.weekly) LOOP
    NEW.weekly := jsonb_set(NEW.weekly, ARRAY[d.key], business_check_day(d.value, 'weekly.' || d.key));
  END LOOP;
  FOR d IN SELECT n - 1 AS n, x -> 'intervals' AS intervals,
                  row_number() OVER (PARTITION BY x ->> 'date' ORDER BY n) AS nth
             FROM jsonb_array_elements(NEW.holidays) WITH ORDINALITY AS e(x, n) ORDER BY n LOOP
    IF d.nth > 1 THEN
      PERFORM fail(422, 'repeated', 'The day is given twice.', format('holidays[%s].date', d.n));
    ELSIF d.intervals IS NOT NULL THEN
      NEW.holidays := jsonb_set(NEW.holidays, ARRAY[d.n::text, 'intervals'],
                                business_check_day(d.intervals, format('holidays[%s].intervals', d.n)));
    END IF;
  END LOOP;
  IF NEW.is_default THEN -- there is one default: the newest
    UPDATE business_hours b SET is_default = false
     WHERE b.org_id = NEW.org_id AND b.is_default AND b.business_hours_id <> NEW.business_hours_id;
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER check_hours BEFORE INSERT OR UPDATE OF timezone, weekly, holidays, is_default ON business_hours
  FOR EACH ROW EXECUTE FUNCTION business_hours_before();
CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON business_hours FOR EACH ROW EXECUTE FUNCTION touch();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON business_hours
  FOR EACH ROW EXECUTE FUNCTION record_change('business_hours', 'business_hours_id', 'audit');

-- What uses a calendar keeps it: teams, SLA policies, and clocks that are not
-- stopped. An archived policy lets go of it; the clocks that it may start yet, of
-- tickets that are under it, count as if it had named none.
CREATE OR REPLACE FUNCTION business_hours_delete(p_org text, p_calendar uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  users text;
BEGIN
  PERFORM 1 FROM business_hours b WHERE b.org_id = p_org AND b.business_hours_id = p_calendar FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT string_agg(format('%s (%s)', x.what, x.n), ', ') INTO users
    FROM (SELECT 'teams' AS what, count(*) AS n FROM team t
           WHERE t.org_id = p_org AND t.business_hours_id = p_calendar
          UNION ALL
          SELECT 'SLA policies', count(*) FROM sla_policy p
           WHERE p.org_id = p_org AND p.business_hours_id = p_calendar AND p.archived_at IS NULL
          UNION ALL
          SELECT 'SLA timers that have not stopped', count(*) FROM sla_timer t
           WHERE t.org_id = p_org AND t.business_hours_id = p_calendar AND t.stopped_at IS NULL) x
   WHERE x.n > 0;
  IF users IS NOT NULL THEN
    PERFORM fail(409, 'in_use', format('The calendar is used by %s.', users));
  END IF;
  UPDATE sla_policy p SET business_hours_id = NULL WHERE p.org_id = p_org AND p.business_hours_id = p_calendar;
  DELETE FROM business_hours b WHERE b.org_id = p_org AND b.business_hours_id = p_calendar;
  RETURN p_calendar;
END
$$;

-- Companies: their domains as rows, and new customers by them. A domain that somebody
-- is about to have is awaited; only then it is known whose it is.
CREATE OR REPLACE FUNCTION company_domains() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  taken text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM company_domain d
     WHERE d.org_id = NEW.org_id AND d.company_id = NEW.company_id AND d.domain <> ALL (NEW.domains);
  END IF;
  INSERT INTO company_domain (org_id, domain, company_id)
  SELECT NEW.org_id, x, NEW.company_id FROM unnest(NEW.domains) x
  ON CONFLICT DO NOTHING; -- which waits for another company that is being written
  SELECT d.domain INTO taken FROM company_domain d
   WHERE d.org_id = NEW.org_id AND d.domain = ANY (NEW.domains) AND d.company_id <> NEW.company_id LIMIT 1;
  IF taken IS NOT NULL THEN
    PERFORM fail(409, 'already_exists', 'Another company has the domain ' || taken || '.', 'domains');
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER company_domains AFTER INSERT OR UPDATE OF domains ON company
  FOR EACH ROW EXECUTE FUNCTION company_domains();

-- Domains have no case, and are given once.
CREATE OR REPLACE FUNCTION company_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.domains := ARRAY(SELECT DISTINCT lower(btrim(x)) FROM unnest(NEW.domains) x ORDER BY 1);
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER company_before BEFORE INSERT OR UPDATE OF domains ON company
  FOR EACH ROW EXECUTE FUNCTION company_before();

-- A policy that was archived while companies name it stays named; nobody comes to it.
CREATE OR REPLACE FUNCTION company_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (TG_OP = 'INSERT' OR NEW.sla_policy_id IS DISTINCT FROM OLD.sla_policy_id) AND EXISTS (
       SELECT 1 FROM sla_policy p WHERE p.org_id = NEW.org_id AND p.policy_id = NEW.sla_policy_id AND p.archived_at IS NOT NULL) THEN
    PERFORM fail(422, 'unknown_reference', 'The SLA policy is archived.', 'sla_policy_id');
  END IF;
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER company_policy BEFORE INSERT OR UPDATE OF sla_policy_id ON company
  FOR EACH ROW WHEN (NEW.sla_policy_id IS NOT NULL) EXECUTE FUNCTION company_policy();

CREATE OR REPLACE FUNCTION customer_company() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT d.company_id INTO NEW.company_id FROM company_domain d
   WHERE d.org_id = NEW.org_id AND d.domain = lower(split_part(NEW.email, '@', 2));
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER customer_company BEFORE INSERT ON customer
  FOR EACH ROW WHEN (NEW.company_id IS NULL AND NEW.email IS NOT NULL) EXECUTE FUNCTION customer_company();

CREATE OR REPLACE FUNCTION company_delete(p_org text, p_company uuid) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  UPDATE customer c SET company_id = NULL WHERE c.org_id = p_org AND c.company_id = p_company;
  PERFORM set_config('app.unmerge', 'on', true); -- merged tickets too
  UPDATE ticket t SET company_id = NULL WHERE t.org_id = p_org AND t.company_id = p_company;
  PERFORM set_config('app.unmerge', '', true);
  DELETE FROM company c WHERE c.org_id = p_org AND c.company_id = p_company;
  RETURN p_company;
END
$$;

-- Teams.

CREATE OR REPLACE FUNCTION json_ids(p_list jsonb) RETURNS uuid[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY(SELECT DISTINCT x::uuid FROM jsonb_array_elements_text(COALESCE(p_list, '[]')) x)
$$;

-- Locked, so that none of them is deactivated meanwhile and becomes a member afterwards.
CREATE OR REPLACE FUNCTION team_check_members(p_org text, p_list jsonb, p_field text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  bad bigint;
BEGIN
  PERFORM 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id = ANY (json_ids(p_list)) ORDER BY u.user_id FOR SHARE;
  SELECT min(e.n) - 1 INTO bad FROM jsonb_array_elements_text(p_list) WITH ORDINALITY AS e(id, n)
   WHERE NOT EXISTS (SELECT 1 FROM app_user u WHERE u.org_id = p_org AND u.user_id = e.id::uuid AND u.active);
  IF bad IS NOT NULL THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such active user.', format('%s[%s]', p_field, bad));
  END IF;
END
$$;

-- A team whose members change is another version of itself.
CREATE OR REPLACE FUNCTION team_touched(p_org text, p_team uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE team t SET updated_at = clock_timestamp() WHERE t.org_id = p_org AND t.team_id = p_team;
END
$$;

CREATE OR REPLACE FUNCTION team_add(p_org text, p_team uuid, p_list jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  PERFORM team_check_members(p_org, p_list, 'member_ids');
  INSERT INTO team_member (org_id, team_id, user_id)
  SELECT p_org, p_team, x FROM unnest(json_ids(p_list)) x ON CONFLICT DO NOTHING;
  IF FOUND THEN
    PERFORM team_touched(p_org, p_team);
  END IF;
  RETURN p_team;
END
$$;

CREATE OR REPLACE FUNCTION team_remove(p_org text, p_team uuid, p_users uuid[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM team_member m
   WHERE m.org_id = p_org AND m.team_id = p_team AND m.user_id = ANY (p_users);
  IF FOUND THEN
    PERFORM team_touched(p_org, p_team);
    RETURN true;
  END IF;
  RETURN false;
END
$$;

-- Who is deactivated leaves all teams, and does not come back to them by being activated.
CREATE OR REPLACE FUNCTION teams_leave() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  team_ uuid;
BEGIN
  FOR team_ IN SELECT m.team_id FROM team_member m
                WHERE m.org_id = NEW.org_id AND m.user_id = NEW.user_id ORDER BY m.team_id LOOP
    PERFORM team_remove(NEW.org_id, team_, ARRAY[NEW.user_id]);
  END LOOP;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER teams_leave AFTER UPDATE OF active ON app_user
  FOR EACH ROW WHEN (OLD.active AND NOT NEW.active) EXECUTE FUNCTION teams_leave();

CREATE OR REPLACE FUNCTION team_create(p_org text, p_team uuid, p_body jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO team (org_id, team_id, name, description, business_hours_id)
  VALUES (p_org, p_team, p_body ->> 'name', COALESCE(p_body ->> 'description', ''),
          (p_body ->> 'business_hours_id')::uuid);
  RETURN team_add(p_org, p_team, COALESCE(p_body -> 'member_ids', '[]'));
END
$$;

-- member_ids, when given, is the whole list.
CREATE OR REPLACE FUNCTION team_update(p_org text, p_team uuid, p_body jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  wanted uuid[] := json_ids(p_body -> 'member_ids');
BEGIN
  UPDATE team t
     SET (name, description, business_hours_id) =
         (SELECT n.name, n.description, n.business_hours_id FROM jsonb_populate_record(t, p_body) n)
   WHERE t.org_id = p_org AND t.team_id = p_team;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF p_body ? 'member_ids' THEN
    PERFORM team_remove(p_org, p_team, ARRAY(SELECT m.user_id FROM team_member m
      WHERE m.org_id = p_org AND m.team_id = p_team AND m.user_id <> ALL (wanted)));
    PERFORM team_add(p_org, p_team, p_body -> 'member_ids');
  END IF;
  RETURN p_team;
END
$$;

-- Tickets, queues and macros go to the successor, or to no team; views of the team go with it.
CREATE OR REPLACE FUNCTION team_delete(p_org text, p_team uuid, p_to uuid) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  IF p_to = p_team OR (p_to IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM team t WHERE t.org_id = p_org AND t.team_id = p_to)) THEN
    PERFORM fail(422, 'unknown_reference', 'There is no such other team.', 'move_to');
  END IF;
  PERFORM set_config('app.unmerge', 'on', true);
  UPDATE ticket t SET team_id = p_to WHERE t.org_id = p_org AND t.team_id = p_team;
  PERFORM set_config('app.unmerge', '', true);
  UPDATE queue q SET team_id = p_to WHERE q.org_id = p_org AND q.team_id = p_team;
  UPDATE macro m SET team_id = p_to WHERE m.org_id = p_org AND m.team_id = p_team;
  DELETE FROM team t WHERE t.org_id = p_org AND t.team_id = p_team;
  RETURN p_team;
END
$$;

-- Due jobs (src/store/due.c): claimed with a lease and a fencing token.

-- Make or move a job. A claim that is under way loses its token.
CREATE OR REPLACE FUNCTION due_put(p_org text, p_kind text, p_ref uuid, p_lane text, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO due_job AS d (org_id, kind, ref, lane, run_at)
  VALUES (p_org, p_kind, p_ref, p_lane, p_at)
  ON CONFLICT (org_id, kind, ref) DO UPDATE
     SET run_at = excluded.run_at, lane = excluded.lane, state = 'ready', attempts = 0, lost = 0,
         error = NULL, token = d.token + 1, lease_until = NULL;
END
$$;

-- The same at once for many without a lane.
CREATE OR REPLACE FUNCTION due_now(p_org text, p_kind text, p_refs uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO due_job AS d (org_id, kind, ref)
  SELECT DISTINCT p_org, p_kind, x FROM unnest(p_refs) x
  ON CONFLICT (org_id, kind, ref) DO UPDATE
     SET run_at = now(), state = 'ready', attempts = 0, lost = 0, error = NULL, token = d.token + 1, lease_until = NULL;
END
$$;

-- The attempt counts from here, so that a job that kills its scheduler is not
-- tried for ever.
CREATE OR REPLACE FUNCTION due_claim(p_org text, p_kind text, p_lane text, p_most int, p_lease interval)
RETURNS TABLE (ref uuid, token bigint, attempts int, late_ms bigint) LANGUAGE plpgsql AS $$
BEGIN
  -- A claim that a crash of PostgreSQL forgets is claimed again: no wait for the disk.
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN QUERY
  WITH due AS MATERIALIZED ( -- once: a join could run it again, and take more than p_most
    SELECT d.ref FROM due_job d
     WHERE d.org_id = p_org AND d.kind = p_kind AND d.lane = p_lane AND d.state = 'ready'
       AND d.run_at <= clock_timestamp()
     ORDER BY d.run_at LIMIT p_most FOR UPDATE SKIP LOCKED)
  UPDATE due_job j
     SET state = 'running', attempts = j.attempts + 1, token = j.token + 1,
         lease_until = clock_timestamp() + p_lease
    FROM due
   WHERE j.org_id = p_org AND j.kind = p_kind AND j.ref = due.ref
  RETURNING j.ref, j.token, j.attempts, (extract(epoch FROM clock_timestamp() - j.run_at) * 1000)::bigint;
END
$$;

-- Who holds the claim is gone: the job is ready again, and dead the third time.
CREATE OR REPLACE FUNCTION due_recover() RETURNS bigint LANGUAGE sql AS $$
  WITH x AS MATERIALIZED (
    SELECT d.org_id, d.kind, d.ref FROM due_job d
     WHERE d.state = 'running' AND d.lease_until < clock_timestamp()
     LIMIT 1000 FOR UPDATE SKIP LOCKED
  ), back AS (
    UPDATE due_job j
       SET state = CASE WHEN j.lost >= 2 THEN 'dead' ELSE 'ready' END, lost = j.lost + 1,
           lease_until = NULL, token = j.token + 1,
           error = 'The scheduler that worked on it ended without a result.'
      FROM x
     WHERE j.org_id = x.org_id AND j.kind = x.kind AND j.ref = x.ref
    RETURNING 1)
  SELECT count(*) FROM back
$$;

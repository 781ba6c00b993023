-- Search: keeping the words of tickets, comments and customers in search_document, and
-- learning which there are. The functions that touch it run as its owner; 56_search.sql finds.

-- However accents are written, they are written in one way; ASCII is left alone.
CREATE OR REPLACE FUNCTION search_text(p_text text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN octet_length(p_text) = char_length(p_text) THEN p_text ELSE normalize(p_text) END
$$;
-- The parser takes the 4711 of "order-4711" for a negative number, what stands in < >
-- for markup, which it leaves out, and an address or a path for one word.
CREATE OR REPLACE FUNCTION search_source(p_text text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_text ~ '[-/<>=&?]' THEN translate(regexp_replace(search_text(p_text), '(?<=\S)-(?=\d)', ' ', 'g'), '/<>=&?', '      ')
              ELSE search_text(p_text) END
$$;
-- The text search configuration is ours: words without their accents.
CREATE OR REPLACE FUNCTION ticket_words(p_title text, p_description text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
  SELECT setweight(to_tsvector('desk', search_source(p_title)), 'A') || setweight(to_tsvector('desk', search_source(left(p_description, 20000))), 'B')
$$;
CREATE OR REPLACE FUNCTION comment_words(p_body text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
  SELECT setweight(to_tsvector('desk', search_source(left(p_body, 20000))), 'C')
$$;
CREATE OR REPLACE FUNCTION customer_words(p_name text, p_email text, p_phone text, p_external text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
  SELECT setweight(to_tsvector('desk', search_source(p_name || ' ' || COALESCE(p_email, '') || ' ' ||
           translate(COALESCE(p_email, ''), '@.-_+', '     ') || ' ' || COALESCE(p_phone, '') || ' ' || COALESCE(p_external, ''))), 'A')
$$;
CREATE OR REPLACE FUNCTION comment_kind(p_internal boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_internal THEN 'note' ELSE 'comment' END
$$;

-- What is new is kept once for a statement. The words of an import wait for
-- search_keep_up(), so that another connection keeps them while the import goes on.
CREATE OR REPLACE FUNCTION search_new() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'ticket' AND is_import() THEN
    INSERT INTO search_pending (org_id, kind, ids)
    SELECT x.org_id, 'ticket', array_agg(x.ticket_id)
      FROM (SELECT n.org_id, n.ticket_id, row_number() OVER () / 500 AS part FROM fresh n) x GROUP BY x.org_id, x.part;
  ELSIF TG_TABLE_NAME = 'comment' AND is_import() THEN
    INSERT INTO search_pending (org_id, kind, ids)
    SELECT x.org_id, 'comment', array_agg(x.comment_id)
      FROM (SELECT n.org_id, n.comment_id, row_number() OVER () / 500 AS part FROM fresh n) x GROUP BY x.org_id, x.part;
  ELSIF TG_TABLE_NAME = 'ticket' THEN
    INSERT INTO search_document (org_id, kind, id, ticket_id, at, title, words)
    SELECT n.org_id, 'ticket', n.ticket_id, n.ticket_id, n.created_at, n.title, ticket_words(n.title, n.description) FROM fresh n;
  ELSIF TG_TABLE_NAME = 'comment' THEN
    INSERT INTO search_document (org_id, kind, id, ticket_id, at, words)
    SELECT n.org_id, comment_kind(n.internal), n.comment_id, n.ticket_id, n.created_at, comment_words(n.body) FROM fresh n;
  ELSE
    INSERT INTO search_document (org_id, kind, id, at, title, words)
    SELECT n.org_id, 'customer', n.customer_id, n.created_at, NULLIF(n.name, ''),
           customer_words(n.name, n.email, n.phone, n.external_id) FROM fresh n;
  END IF;
  RETURN NULL;
END
$$;
DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['ticket', 'comment', 'customer'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER search_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS fresh
      FOR EACH STATEMENT EXECUTE FUNCTION search_new()', t);
  END LOOP;
END
$$;

-- Words of tickets or comments that are there and have none.
CREATE OR REPLACE FUNCTION search_add(p_org text, p_kind text, p_ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_kind = 'ticket' THEN
    INSERT INTO search_document (org_id, kind, id, ticket_id, at, title, words)
    SELECT t.org_id, 'ticket', t.ticket_id, t.ticket_id, t.created_at, t.title, ticket_words(t.title, t.description)
      FROM ticket t WHERE t.org_id = p_org AND t.ticket_id = ANY (p_ids) AND t.deleted_at IS NULL
    ON CONFLICT DO NOTHING;
  ELSE
    INSERT INTO search_document (org_id, kind, id, ticket_id, at, words)
    SELECT c.org_id, comment_kind(c.internal), c.comment_id, c.ticket_id, c.created_at, comment_words(c.body)
      FROM comment c JOIN ticket t ON t.org_id = p_org AND t.ticket_id = c.ticket_id AND t.deleted_at IS NULL
     WHERE c.org_id = p_org AND c.comment_id = ANY (p_ids)
    ON CONFLICT DO NOTHING;
  END IF;
END
$$;

-- Keep the words of one entry that waits, the organisation's or (null) anybody's that
-- nobody else is at. True when there may be more.
CREATE OR REPLACE FUNCTION search_keep_up(p_org text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  p search_pending;
BEGIN
  IF session_user = 'serviceos_app' AND p_org IS DISTINCT FROM NULLIF(current_setting('app.org', true), '') THEN
    RAISE insufficient_privilege;
  END IF;
  IF p_org IS NULL THEN
    PERFORM set_config('synchronous_commit', 'off', true); -- what a crash forgets waits again
    SELECT * INTO p FROM search_pending x ORDER BY x.n LIMIT 1 FOR UPDATE SKIP LOCKED;
  ELSE
    SELECT * INTO p FROM search_pending x WHERE x.org_id = p_org ORDER BY x.n LIMIT 1 FOR UPDATE;
  END IF;
  IF p.n IS NULL THEN
    RETURN EXISTS (SELECT 1 FROM search_pending x WHERE x.org_id = p_org);
  END IF;
  PERFORM set_config('app.org', p.org_id, true);
  PERFORM search_add(p.org_id, p.kind, p.ids);
  DELETE FROM search_pending x WHERE x.org_id = p.org_id AND x.n = p.n;
  RETURN true;
END
$$;
REVOKE ALL ON FUNCTION search_keep_up(text) FROM PUBLIC;

-- What is about to change or go must not have its words kept at the same moment, as
-- they were: wait for that, and let it wait.
CREATE OR REPLACE FUNCTION search_settle(p_org text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM search_pending p WHERE p.org_id = p_org FOR SHARE;
END
$$;

-- What is deleted has no words, and gets none by a change.
CREATE OR REPLACE FUNCTION search_keep(p_org text, p_kind text, p_id uuid, p_ticket uuid, p_title text, p_words tsvector)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- A worker writes its own organisation's words; what calls it otherwise is no trigger of its rows.
  IF session_user = 'serviceos_app' AND p_org IS DISTINCT FROM NULLIF(current_setting('app.org', true), '') THEN
    RAISE insufficient_privilege;
  END IF;
  PERFORM search_settle(p_org);
  UPDATE search_document d SET ticket_id = p_ticket, title = p_title, words = p_words
   WHERE d.org_id = p_org AND d.kind = p_kind AND d.id = p_id;
END
$$;

CREATE OR REPLACE FUNCTION search_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM search_keep(NEW.org_id, 'ticket', NEW.ticket_id, NEW.ticket_id, NEW.title, ticket_words(NEW.title, NEW.description));
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_update AFTER UPDATE ON ticket
  FOR EACH ROW WHEN (NEW.title <> OLD.title OR NEW.description <> OLD.description) EXECUTE FUNCTION search_ticket();

CREATE OR REPLACE FUNCTION search_comment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM search_keep(NEW.org_id, comment_kind(NEW.internal), NEW.comment_id, NEW.ticket_id, NULL, comment_words(NEW.body));
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_update AFTER UPDATE ON comment
  FOR EACH ROW WHEN (NEW.body <> OLD.body OR NEW.ticket_id <> OLD.ticket_id) EXECUTE FUNCTION search_comment();

CREATE OR REPLACE FUNCTION search_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM search_keep(NEW.org_id, 'customer', NEW.customer_id, NULL, NULLIF(NEW.name, ''),
    customer_words(NEW.name, NEW.email, NEW.phone, NEW.external_id));
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_update AFTER UPDATE ON customer
  FOR EACH ROW WHEN ((NEW.name, NEW.email, NEW.phone, NEW.external_id) IS DISTINCT FROM (OLD.name, OLD.email, OLD.phone, OLD.external_id))
  EXECUTE FUNCTION search_customer();

CREATE OR REPLACE FUNCTION search_forget() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM search_settle(OLD.org_id);
  DELETE FROM search_document d
   WHERE d.org_id = OLD.org_id AND d.kind = ANY (TG_ARGV[1:]::text[]) AND d.id = (to_jsonb(OLD) ->> TG_ARGV[0])::uuid;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_delete AFTER DELETE ON ticket
  FOR EACH ROW EXECUTE FUNCTION search_forget('ticket_id', 'ticket');
CREATE OR REPLACE TRIGGER search_delete AFTER DELETE ON comment
  FOR EACH ROW EXECUTE FUNCTION search_forget('comment_id', 'comment', 'note');
CREATE OR REPLACE TRIGGER search_delete AFTER DELETE ON customer
  FOR EACH ROW EXECUTE FUNCTION search_forget('customer_id', 'customer');
-- Merging is for good: who was merged is found under the other's name.
CREATE OR REPLACE TRIGGER search_merged AFTER UPDATE ON customer
  FOR EACH ROW WHEN (NEW.merged_into_id IS NOT NULL AND OLD.merged_into_id IS NULL)
  EXECUTE FUNCTION search_forget('customer_id', 'customer');

-- A deleted ticket is not found, nor is its thread; one that comes back is.
CREATE OR REPLACE FUNCTION search_ticket_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM search_settle(NEW.org_id);
  IF NEW.deleted_at IS NOT NULL THEN
    DELETE FROM search_document d
     USING (SELECT 'ticket' AS kind, NEW.ticket_id AS id UNION ALL
            SELECT comment_kind(c.internal), c.comment_id FROM comment c WHERE c.org_id = NEW.org_id AND c.ticket_id = NEW.ticket_id) x
     WHERE d.org_id = NEW.org_id AND d.kind = x.kind AND d.id = x.id;
  ELSE
    PERFORM search_add(NEW.org_id, 'ticket', ARRAY[NEW.ticket_id]);
    PERFORM search_add(NEW.org_id, 'comment',
      ARRAY(SELECT c.comment_id FROM comment c WHERE c.org_id = NEW.org_id AND c.ticket_id = NEW.ticket_id));
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_gone AFTER UPDATE ON ticket
  FOR EACH ROW WHEN ((NEW.deleted_at IS NULL) <> (OLD.deleted_at IS NULL)) EXECUTE FUNCTION search_ticket_gone();

-- Take the organisation's words anew: the 5000 that the most of its newest 5000 texts
-- have, and two at least. Notes are left out, because not everybody reads them.
CREATE OR REPLACE FUNCTION search_learn(p_org text, p_seq bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM set_config('app.org', p_org, true), set_config('synchronous_commit', 'off', true);
  WITH w AS MATERIALIZED (
    SELECT s.word, length(s.word) AS len
      FROM ts_stat(format('SELECT d.words FROM search_document d WHERE d.org_id = %L AND d.kind <> ''customer'' AND d.kind <> ''note''
                            ORDER BY d.at DESC LIMIT 5000', p_org)) s
     WHERE s.ndoc > 1 AND length(s.word) BETWEEN 3 AND 40 AND s.word ~ '[[:alpha:]]' ORDER BY s.ndoc DESC, s.word LIMIT 5000)
  INSERT INTO search_vocabulary AS v (org_id, last_seq, taken_at, words, ends)
  SELECT p_org, p_seq, now(), ARRAY(SELECT w.word FROM w ORDER BY w.len, w.word),
         ARRAY(SELECT (SELECT count(*) FROM w WHERE w.len <= i) FROM generate_series(1, (SELECT max(w.len) FROM w)) i)
  ON CONFLICT (org_id) DO UPDATE SET last_seq = excluded.last_seq, taken_at = excluded.taken_at, words = excluded.words, ends = excluded.ends;
END
$$;
REVOKE ALL ON FUNCTION search_learn(text, bigint) FROM PUBLIC;

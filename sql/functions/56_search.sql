-- Search: keeping the words, finding candidates, marking what matched.
-- The functions that touch search_document run as its owner.

CREATE OR REPLACE FUNCTION ticket_words(p_title text, p_description text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
  SELECT setweight(to_tsvector('simple', p_title), 'A') || setweight(to_tsvector('simple', left(p_description, 20000)), 'B')
$$;
CREATE OR REPLACE FUNCTION comment_words(p_body text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
  SELECT setweight(to_tsvector('simple', left(p_body, 20000)), 'C')
$$;
CREATE OR REPLACE FUNCTION customer_words(p_name text, p_email text, p_phone text, p_external text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
  SELECT setweight(to_tsvector('simple', p_name || ' ' || COALESCE(p_email, '') || ' ' ||
           translate(COALESCE(p_email, ''), '@.-_+', '     ') || ' ' || COALESCE(p_phone, '') || ' ' || COALESCE(p_external, '')), 'A')
$$;
CREATE OR REPLACE FUNCTION comment_kind(p_internal boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_internal THEN 'note' ELSE 'comment' END
$$;

-- What is new is kept once for a statement, be it one ticket or the batch of an import.
CREATE OR REPLACE FUNCTION search_new() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'ticket' THEN
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

-- What is deleted has no words, and gets none by a change.
CREATE OR REPLACE FUNCTION search_keep(p_org text, p_kind text, p_id uuid, p_ticket uuid, p_title text, p_words tsvector)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- A worker writes its own organisation's words; what calls it otherwise is no trigger of its rows.
  IF session_user = 'serviceos_app' AND p_org IS DISTINCT FROM NULLIF(current_setting('app.org', true), '') THEN
    RAISE insufficient_privilege;
  END IF;
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
  IF NEW.deleted_at IS NOT NULL THEN
    DELETE FROM search_document d
     USING (SELECT 'ticket' AS kind, NEW.ticket_id AS id UNION ALL
            SELECT comment_kind(c.internal), c.comment_id FROM comment c WHERE c.org_id = NEW.org_id AND c.ticket_id = NEW.ticket_id) x
     WHERE d.org_id = NEW.org_id AND d.kind = x.kind AND d.id = x.id;
  ELSE
    INSERT INTO search_document (org_id, kind, id, ticket_id, at, title, words)
    SELECT NEW.org_id, 'ticket', NEW.ticket_id, NEW.ticket_id, NEW.created_at, NEW.title, ticket_words(NEW.title, NEW.description)
    UNION ALL
    SELECT c.org_id, comment_kind(c.internal), c.comment_id, c.ticket_id, c.created_at, NULL, comment_words(c.body)
      FROM comment c WHERE c.org_id = NEW.org_id AND c.ticket_id = NEW.ticket_id
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_gone AFTER UPDATE ON ticket
  FOR EACH ROW WHEN ((NEW.deleted_at IS NULL) <> (OLD.deleted_at IS NULL)) EXECUTE FUNCTION search_ticket_gone();

-- "quoted words", -without, or: the syntax of web searches; the last word may be its beginning.
CREATE OR REPLACE FUNCTION search_query(p_text text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  q tsquery := websearch_to_tsquery('simple', p_text);
BEGIN
  IF numnode(q) > 0 AND p_text ~ '[[:alnum:]]$' THEN
    RETURN (q::text || ':*')::tsquery;
  END IF;
  RETURN q;
END
$$;

-- The words of the text, each that stands nowhere as the one that looks most like
-- it among those that several of the newest 500 documents have and that are at
-- most two characters longer or shorter. Null when nothing looks alike, or all of them stand somewhere.
CREATE OR REPLACE FUNCTION search_corrected(p_org text, p_text text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (WITH asked AS MATERIALIZED (
    SELECT w.word, w.n FROM regexp_split_to_table(lower(btrim(p_text)), '\s+') WITH ORDINALITY AS w(word, n)
  ), span AS MATERIALIZED (
    SELECT min(length(a.word)) - 2 AS shortest, max(length(a.word)) + 2 AS longest FROM asked a
  ), known AS MATERIALIZED (
    SELECT k.word
      FROM (SELECT unnest(tsvector_to_array(d.words)) AS word
              FROM (SELECT x.words FROM search_document x
                     WHERE x.org_id = p_org AND x.kind <> 'customer' ORDER BY x.at DESC LIMIT 500) d) k, span s
     WHERE length(k.word) BETWEEN s.shortest AND s.longest
     GROUP BY k.word HAVING count(*) > 1
  ), best AS MATERIALIZED (
    SELECT a.n, a.word, COALESCE(
             (SELECT k.word FROM known k WHERE k.word = a.word),
             (SELECT a.word FROM search_document d
               WHERE d.org_id = p_org AND d.words @@ plainto_tsquery('simple', a.word) AND d.kind <> 'customer' LIMIT 1),
             (SELECT x.word
                FROM (SELECT k.word, similarity(k.word, a.word) AS likeness FROM known k
                       WHERE length(k.word) BETWEEN length(a.word) - 2 AND length(a.word) + 2 OFFSET 0) x
               WHERE x.likeness >= 0.3 ORDER BY x.likeness DESC, x.word LIMIT 1)) AS best
      FROM asked a
  )
  SELECT CASE WHEN bool_and(b.best IS NOT NULL) AND bool_or(b.best <> b.word) THEN string_agg(b.best, ' ' ORDER BY b.n) END
    FROM best b);
END
$$;

-- Whether looking through the newest documents until 500 match is cheaper than
-- gathering all matches: with n documents, a share s of which match, 500 / s
-- documents are read one way and s * n the other, each of which costs five times as much.
CREATE OR REPLACE FUNCTION search_frequent(p_org text, p_query tsquery, p_kinds text[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT (count(*) / 300.0) ^ 2 * (SELECT c.next_number FROM ticket_counter c WHERE c.org_id = p_org) > 100
            FROM (SELECT d.kind, d.words FROM search_document d
                   WHERE d.org_id = p_org AND d.kind <> 'customer' ORDER BY d.at DESC LIMIT 300) x
           WHERE x.words @@ p_query AND x.kind = ANY (p_kinds));
END
$$;

-- How many match, whether others do that are not counted, and of the best 500 those
-- behind a place, so many. A word that is frequent among the newest documents
-- is looked for there until 500 have it, because the index of words would gather all
-- of its places first; so is one of which there are 5000. The last word is a
-- beginning when fewer than 200 have it as it stands; such hits rank half.
CREATE OR REPLACE FUNCTION search_matching(p_org text, p_whole tsquery, p_begun tsquery, p_kinds text[],
  p_score int, p_id uuid, p_limit int, OUT total int, OUT more boolean, OUT hits search_hit[])
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$ -- planning takes longer than looking
DECLARE
  frequent boolean := p_kinds <> '{customer}' AND search_frequent(p_org, p_begun, p_kinds);
  depth int := CASE WHEN p_score > 1000000 THEN least(p_limit, 500) ELSE 500 END;
BEGIN
  WITH whole AS MATERIALIZED (
    SELECT d.kind, d.id, d.ticket_id, (ts_rank(d.words, p_whole) * 1000000)::int AS score
      FROM search_document d
     WHERE NOT frequent AND d.org_id = p_org AND d.words @@ p_whole AND d.kind = ANY (p_kinds) AND d.kind <> 'customer' LIMIT 5000
  ), found AS MATERIALIZED (
    SELECT count(*) AS n FROM whole
  ), match AS MATERIALIZED (
    SELECT w.*, false AS more FROM whole w
    UNION ALL
    (SELECT d.kind, d.id, d.ticket_id, (ts_rank(d.words, p_whole) * 500000 + ts_rank(d.words, p_begun) * 500000)::int, false
       FROM search_document d
      WHERE 'customer' = ANY (p_kinds) AND d.org_id = p_org AND d.words @@ p_begun AND d.kind = 'customer' LIMIT 1000)
    UNION ALL
    (SELECT d.kind, d.id, d.ticket_id, (ts_rank(d.words, p_begun) * 500000)::int, false
       FROM search_document d
      WHERE NOT frequent AND (SELECT f.n FROM found f) < 200
        AND d.org_id = p_org AND d.words @@ p_begun AND NOT d.words @@ p_whole AND d.kind = ANY (p_kinds) AND d.kind <> 'customer'
      LIMIT 1000)
    UNION ALL
    (SELECT x.kind, x.id, x.ticket_id, (ts_rank(x.words, p_begun) * 1000000)::int, true
       FROM (SELECT * FROM search_document d WHERE d.org_id = p_org AND d.kind <> 'customer' ORDER BY d.at DESC LIMIT 50000) x
      WHERE (frequent OR (SELECT f.n FROM found f) = 5000)
        AND x.words @@ p_begun AND x.kind = ANY (p_kinds) AND x.id NOT IN (SELECT w.id FROM whole w)
      LIMIT 501)
  )
  SELECT m.n, m.more, ARRAY(
           SELECT ROW(b.kind, b.id, b.ticket_id, b.score)::search_hit
             FROM (SELECT * FROM match ORDER BY score DESC, id LIMIT depth) b
            WHERE b.score < p_score OR (b.score = p_score AND b.id > p_id)
            ORDER BY b.score DESC, b.id LIMIT p_limit)
    INTO total, more, hits
    FROM (SELECT count(*) AS n, COALESCE(bool_or(match.more), false) AS more FROM match) m;
END
$$;

-- The documents of the transaction's organisation that match, with their rank in
-- millionths: of the best 500 so many as lie behind a place. When nothing matches, the
-- words are corrected by those that are there ("pasword"), or the newest titles and
-- some names that look alike are taken. Words: those that were looked for in the end.
-- More: there are others that match and are not counted.
CREATE OR REPLACE FUNCTION search_candidates(p_text text, p_kinds text[], p_score int, p_id uuid, p_limit int,
  OUT total int, OUT more boolean, OUT alike boolean, OUT words text, OUT hits search_hit[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  org text := NULLIF(current_setting('app.org', true), '');
BEGIN
  words := p_text;
  total := 0;
  more := false;
  alike := false;
  hits := '{}';
  IF numnode(websearch_to_tsquery('simple', p_text)) = 0 THEN
    RETURN;
  END IF;
  FOR try IN 1 .. 2 LOOP
    SELECT m.* INTO total, more, hits
      FROM search_matching(org, websearch_to_tsquery('simple', words), search_query(words), p_kinds, p_score, p_id, p_limit) m;
    IF total > 0 OR p_text !~ '^[[:alnum:][:space:]]{4,100}$' THEN
      RETURN;
    END IF;
    alike := true;
    EXIT WHEN try = 2;
    words := search_corrected(org, p_text);
    EXIT WHEN words IS NULL;
  END LOOP;
  words := p_text;
  SELECT count(*), COALESCE(array_agg(ROW(y.kind, y.id, y.ticket_id, y.score)::search_hit ORDER BY y.score DESC, y.id)
           FILTER (WHERE y.score < p_score OR (y.score = p_score AND y.id > p_id)), '{}')
    INTO total, hits
    FROM (SELECT x.*, (word_similarity(p_text, x.title) * 1000000)::int AS score
            FROM ((SELECT d.kind, d.id, d.ticket_id, d.title FROM search_document d
                    WHERE d.org_id = org AND d.kind <> 'customer' AND d.title IS NOT NULL ORDER BY d.at DESC LIMIT 2000) UNION ALL
                  (SELECT d.kind, d.id, d.ticket_id, d.title FROM search_document d
                    WHERE d.org_id = org AND d.kind = 'customer' AND d.title IS NOT NULL LIMIT 2000)) x
           WHERE x.kind = ANY (p_kinds) AND word_similarity(p_text, x.title) >= 0.5 ORDER BY score DESC, x.id LIMIT 200) y;
  hits := hits[1:p_limit];
END
$$;
REVOKE ALL ON FUNCTION search_candidates(text, text[], int, uuid, int) FROM PUBLIC;

-- For each word a pattern that what it is marked in is like.
CREATE OR REPLACE FUNCTION search_patterns(p_text text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY(SELECT '%' || regexp_replace(w, '([\\%_])', '\\\1', 'g') || '%' FROM unnest(tsvector_to_array(to_tsvector('simple', p_text))) w)
$$;

-- Fragments as HTML: everything is escaped but the marks around what matched. A text
-- that is like none of the patterns is not parsed, and has its beginning shown.
CREATE OR REPLACE FUNCTION search_mark(p_text text, p_query tsquery, p_patterns text[], p_short boolean) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT replace(replace(replace(replace(replace(
           CASE WHEN lower(left(p_text, 20000)) LIKE ANY (p_patterns) THEN
             ts_headline('simple', translate(left(p_text, 20000), U&'\E000\E001', ''), p_query,
               'StartSel=' || U&'\E000' || ',StopSel=' || U&'\E001' || CASE WHEN p_short THEN ',HighlightAll=true'
                 ELSE ',MaxFragments=2,MaxWords=20,MinWords=5,FragmentDelimiter= … ' END)
             WHEN p_short OR length(p_text) <= 160 THEN translate(p_text, U&'\E000\E001', '')
             ELSE regexp_replace(translate(left(p_text, 160), U&'\E000\E001', ''), '\s+\S*$', ' …') END,
           '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), U&'\E000', '<mark>'), U&'\E001', '</mark>')
$$;

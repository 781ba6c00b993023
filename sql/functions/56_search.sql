-- Search: keeping the words, finding candidates, marking what matched.
-- The functions that touch search_document run as its owner.

CREATE OR REPLACE FUNCTION search_keep(p_org text, p_kind text, p_id uuid, p_ticket uuid, p_at timestamptz, p_title text, p_words tsvector)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- A worker writes its own organisation's words; what calls it otherwise is no trigger of its rows.
  IF session_user = 'serviceos_app' AND p_org IS DISTINCT FROM NULLIF(current_setting('app.org', true), '') THEN
    RAISE insufficient_privilege;
  END IF;
  INSERT INTO search_document AS d (org_id, kind, id, ticket_id, at, title, words)
  VALUES (p_org, p_kind, p_id, p_ticket, p_at, p_title, p_words)
  ON CONFLICT (org_id, kind, id) DO UPDATE
     SET ticket_id = excluded.ticket_id, title = excluded.title, words = excluded.words;
END
$$;

CREATE OR REPLACE FUNCTION search_forget() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM search_document d
   WHERE d.org_id = OLD.org_id AND d.kind = ANY (TG_ARGV[1:]::text[]) AND d.id = (to_jsonb(OLD) ->> TG_ARGV[0])::uuid;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION search_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM search_keep(NEW.org_id, 'ticket', NEW.ticket_id, NEW.ticket_id, NEW.created_at, NEW.title,
    setweight(to_tsvector('simple', NEW.title), 'A') || setweight(to_tsvector('simple', left(NEW.description, 20000)), 'B'));
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_insert AFTER INSERT ON ticket FOR EACH ROW EXECUTE FUNCTION search_ticket();
CREATE OR REPLACE TRIGGER search_update AFTER UPDATE ON ticket
  FOR EACH ROW WHEN (NEW.title <> OLD.title OR NEW.description <> OLD.description) EXECUTE FUNCTION search_ticket();
CREATE OR REPLACE TRIGGER search_delete AFTER DELETE ON ticket
  FOR EACH ROW EXECUTE FUNCTION search_forget('ticket_id', 'ticket');

CREATE OR REPLACE FUNCTION search_comment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM search_keep(NEW.org_id, CASE WHEN NEW.internal THEN 'note' ELSE 'comment' END, NEW.comment_id, NEW.ticket_id,
    NEW.created_at, NULL, setweight(to_tsvector('simple', left(NEW.body, 20000)), 'C'));
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_insert AFTER INSERT ON comment FOR EACH ROW EXECUTE FUNCTION search_comment();
CREATE OR REPLACE TRIGGER search_update AFTER UPDATE ON comment
  FOR EACH ROW WHEN (NEW.body <> OLD.body OR NEW.ticket_id <> OLD.ticket_id) EXECUTE FUNCTION search_comment();
CREATE OR REPLACE TRIGGER search_delete AFTER DELETE ON comment
  FOR EACH ROW EXECUTE FUNCTION search_forget('comment_id', 'comment', 'note');

CREATE OR REPLACE FUNCTION search_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM search_keep(NEW.org_id, 'customer', NEW.customer_id, NULL, NEW.created_at, NULLIF(NEW.name, ''),
    setweight(to_tsvector('simple', NEW.name || ' ' || COALESCE(NEW.email, '') || ' ' ||
      translate(COALESCE(NEW.email, ''), '@.-_+', '     ') || ' ' || COALESCE(NEW.phone, '') || ' ' || COALESCE(NEW.external_id, '')), 'A'));
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER search_insert AFTER INSERT ON customer FOR EACH ROW EXECUTE FUNCTION search_customer();
CREATE OR REPLACE TRIGGER search_update AFTER UPDATE ON customer
  FOR EACH ROW WHEN ((NEW.name, NEW.email, NEW.phone, NEW.external_id) IS DISTINCT FROM (OLD.name, OLD.email, OLD.phone, OLD.external_id))
  EXECUTE FUNCTION search_customer();
CREATE OR REPLACE TRIGGER search_delete AFTER DELETE ON customer
  FOR EACH ROW EXECUTE FUNCTION search_forget('customer_id', 'customer');

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

-- The words of the text, each that stands nowhere near one of the newest 2000
-- documents as the word there that looks most like it. Null when nothing looks alike.
CREATE OR REPLACE FUNCTION search_corrected(p_org text, p_text text) RETURNS text LANGUAGE sql STABLE AS $$
  WITH known AS MATERIALIZED (
    SELECT DISTINCT unnest(tsvector_to_array(d.words)) AS word
      FROM (SELECT x.words FROM search_document x WHERE x.org_id = p_org ORDER BY x.at DESC LIMIT 2000) d
  ), asked AS (
    SELECT w.word, w.n FROM regexp_split_to_table(lower(btrim(p_text)), '\s+') WITH ORDINALITY AS w(word, n)
  )
  SELECT CASE WHEN bool_and(b.best IS NOT NULL) AND bool_or(b.best <> a.word) THEN string_agg(b.best, ' ' ORDER BY a.n) END
    FROM asked a
    LEFT JOIN LATERAL (
         SELECT k.word AS best FROM known k
          WHERE length(k.word) BETWEEN length(a.word) - 2 AND length(a.word) + 2 AND similarity(k.word, a.word) >= 0.3
          ORDER BY k.word = a.word DESC, similarity(k.word, a.word) DESC, k.word LIMIT 1) b ON true
$$;

-- At most 1000 documents of the transaction's organisation, with their rank.
-- Fewer than 3000 matches are ranked all; of more, the newest 1000 are. What more
-- than one of 40 of the newest documents have is looked for among the newest
-- alone: the index of words would gather all of its places first. When nothing matches, the words
-- are corrected by those that are there ("pasword"), or in an organisation of
-- moderate size titles and names that look alike are taken.
DO $$
BEGIN
  IF to_regtype('search_hit') IS NULL THEN
    CREATE TYPE search_hit AS (kind text, id uuid, ticket_id uuid, rank real);
  END IF;
END
$$;
CREATE OR REPLACE FUNCTION search_candidates(p_text text, p_kinds text[])
RETURNS TABLE (kind text, id uuid, ticket_id uuid, score numeric, matches bigint, alike boolean)
LANGUAGE plpgsql STABLE ROWS 200 SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  org text := NULLIF(current_setting('app.org', true), '');
  q tsquery := search_query(p_text);
  words_only boolean := p_text ~ '^[[:alnum:][:space:]]{4,100}$';
  corrected text;
  common boolean := false;
  n bigint := 0;
  hits search_hit[];
BEGIN
  FOR try IN 1 .. 2 LOOP
    common := (SELECT count(*) FROM (SELECT d.words FROM search_document d
                 WHERE d.org_id = org AND d.kind = ANY (p_kinds) AND d.kind <> 'customer'
                 ORDER BY d.at DESC LIMIT 300) x WHERE x.words @@ q) >= 8;
    EXIT WHEN common;
    SELECT array_agg(ROW(x.kind, x.id, x.ticket_id, x.rank)::search_hit), count(*) INTO hits, n
      FROM (SELECT d.kind, d.id, d.ticket_id, ts_rank(d.words, q) AS rank FROM search_document d
             WHERE d.org_id = org AND d.words @@ q AND d.kind = ANY (p_kinds) LIMIT 3000) x;
    EXIT WHEN n > 0 OR try = 2 OR NOT words_only;
    corrected := search_corrected(org, p_text);
    EXIT WHEN corrected IS NULL;
    q := search_query(corrected);
  END LOOP;
  IF common THEN
    -- The newest ones, until there are enough: the order goes by its own index.
    RETURN QUERY
      SELECT x.kind, x.id, x.ticket_id, round(ts_rank(x.words, q)::numeric, 6), 3000::bigint, corrected IS NOT NULL
        FROM (SELECT * FROM search_document d WHERE d.org_id = org AND d.kind = ANY (p_kinds) ORDER BY d.at DESC LIMIT 50000) x
       WHERE x.words @@ q
       LIMIT 1000;
  ELSIF n = 3000 THEN
    RETURN QUERY
      SELECT x.kind, x.id, x.ticket_id, round(ts_rank(x.words, q)::numeric, 6), n, corrected IS NOT NULL
        FROM (SELECT * FROM search_document d WHERE d.org_id = org AND d.words @@ q AND d.kind = ANY (p_kinds)
               ORDER BY d.at DESC LIMIT 1000) x;
  ELSIF n > 0 THEN
    RETURN QUERY
      SELECT h.kind, h.id, h.ticket_id, round(h.rank::numeric, 6), n, corrected IS NOT NULL
        FROM unnest(hits) h ORDER BY 4 DESC, 2 LIMIT 1000;
  ELSIF words_only AND (SELECT count(*) FROM (SELECT 1 FROM search_document d WHERE d.org_id = org LIMIT 20001) x) <= 20000 THEN
    PERFORM set_config('pg_trgm.word_similarity_threshold', '0.5', true);
    RETURN QUERY
      SELECT x.kind, x.id, x.ticket_id, round(word_similarity(p_text, x.title)::numeric, 6), 0::bigint, true
        FROM (SELECT * FROM search_document d
               WHERE d.org_id = org AND p_text <% d.title AND d.kind = ANY (p_kinds) LIMIT 1000) x
       ORDER BY 4 DESC, 2 LIMIT 200;
  END IF;
END
$$;
REVOKE ALL ON FUNCTION search_candidates(text, text[]) FROM PUBLIC;

-- Fragments as HTML: everything is escaped but the marks around what matched.
CREATE OR REPLACE FUNCTION search_mark(p_text text, p_query tsquery, p_short boolean) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT replace(replace(replace(replace(replace(
           ts_headline('simple', translate(left(p_text, 20000), U&'\E000\E001', ''), p_query,
             'StartSel=' || U&'\E000' || ',StopSel=' || U&'\E001' || CASE WHEN p_short THEN ',HighlightAll=true'
               ELSE ',MaxFragments=2,MaxWords=20,MinWords=5,FragmentDelimiter= … ' END),
           '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), U&'\E000', '<mark>'), U&'\E001', '</mark>')
$$;

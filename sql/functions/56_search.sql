-- Search: finding candidates among the words that are kept (54_search_words.sql), marking what matched.

-- "quoted words", -without, or: the syntax of web searches.
CREATE OR REPLACE FUNCTION search_words(p_text text) RETURNS tsquery LANGUAGE sql IMMUTABLE AS $$
  SELECT websearch_to_tsquery('desk', search_source(p_text))
$$;

-- The same, as what is typed until now: the last word may be its
-- beginning, unless it is one that must not occur.
CREATE OR REPLACE FUNCTION search_query(p_text text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  q tsquery := search_words(p_text);
BEGIN
  IF numnode(q) > 0 AND p_text ~ '[[:alnum:]]$' AND q::text !~ '!''[^'']*''$' THEN
    RETURN (q::text || ':*')::tsquery;
  END IF;
  RETURN q;
END
$$;

-- What hits are ranked by: a query without what it excludes, because ts_rank() gives nothing
-- to a text that lacks one of the words, an excluded one too.
CREATE OR REPLACE FUNCTION search_wanted(p_query tsquery) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  wanted text := querytree(p_query);
BEGIN
  RETURN CASE WHEN wanted IN ('', 'T') THEN p_query ELSE wanted::tsquery END;
END
$$;

-- The words of the text, each that stands nowhere as the one that looks most like it
-- among those that were learnt or that several of the newest 100 texts have, and that are
-- at most two characters longer or shorter; as one that begins alike, where there is
-- one. Null when nothing looks alike, or all of them stand somewhere.
CREATE OR REPLACE FUNCTION search_corrected(p_org text, p_text text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (WITH asked AS MATERIALIZED (
    SELECT w.word, w.n, length(w.word) AS len
      FROM (SELECT btrim(x.word, '.,;:!?()') AS word, x.n FROM regexp_split_to_table(search_plain(p_text), '\s+') WITH ORDINALITY AS x(word, n)) w
     WHERE w.word <> ''
  ), span AS MATERIALIZED (
    SELECT min(a.len) - 2 AS shortest, max(a.len) + 2 AS longest FROM asked a
  ), known AS MATERIALIZED (
    SELECT unnest(v.words[COALESCE(v.ends[least(s.shortest - 1, cardinality(v.ends))], 0) + 1 : v.ends[least(s.longest, cardinality(v.ends))]]) AS word
      FROM search_vocabulary v, span s WHERE v.org_id = p_org
     UNION ALL
    SELECT k.word
      FROM (SELECT unnest(tsvector_to_array(d.words)) AS word
              FROM (SELECT x.words FROM search_document x
                     WHERE x.org_id = p_org AND x.kind <> 'customer' AND x.kind <> 'note' ORDER BY x.at DESC LIMIT 100) d) k, span s
     WHERE length(k.word) BETWEEN s.shortest AND s.longest
     GROUP BY k.word HAVING count(*) > 1
  ), best AS MATERIALIZED (
    SELECT a.n, a.word, COALESCE(
             (SELECT k.word FROM known k WHERE k.word = a.word LIMIT 1),
             (SELECT a.word FROM search_document d
               WHERE d.org_id = p_org AND d.words @@ plainto_tsquery('desk', a.word) AND d.kind <> 'customer' LIMIT 1),
             search_alike(a.word, ARRAY(SELECT k.word FROM known k WHERE k.word ^@ left(a.word, 1) AND length(k.word) BETWEEN a.len - 2 AND a.len + 2)),
             search_alike(a.word, ARRAY(SELECT k.word FROM known k WHERE length(k.word) BETWEEN a.len - 2 AND a.len + 2))) AS best
      FROM asked a
  )
  SELECT CASE WHEN bool_and(b.best IS NOT NULL) AND bool_or(b.best <> b.word) THEN string_agg(b.best, ' ' ORDER BY b.n) END
    FROM best b);
END
$$;

-- The word that looks most like one, if any does. (In plpgsql, because a function in SQL
-- that reads something is planned again for each statement that calls it.)
CREATE OR REPLACE FUNCTION search_alike(p_word text, p_words text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN (SELECT x.word FROM (SELECT w AS word, similarity(w, p_word) AS likeness FROM unnest(p_words) w) x
           WHERE x.likeness >= 0.3 ORDER BY x.likeness DESC, x.word LIMIT 1);
END
$$;

-- How well words match, in millionths; half of that when the last one only begins so.
CREATE OR REPLACE FUNCTION search_score(p_words tsvector, p_is_whole boolean, p_whole tsquery, p_begun tsquery) RETURNS int LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_is_whole THEN ts_rank(p_words, p_whole) * 1000000 ELSE ts_rank(p_words, p_begun) * 500000 END::int
$$;

-- Where a hit stands: by its score in millionths and then by when it was written, in seconds
-- from 1970 to 2242. The score is in the bits from 33 up; every place is behind the largest bigint.
CREATE OR REPLACE FUNCTION search_place(p_score int, p_at timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT (p_score::bigint << 33) | greatest(least(date_part('epoch', p_at), 8589934591), 0)::bigint
$$;

-- Whether looking through the newest documents until 500 match is cheaper than
-- gathering all matches: with n documents, a share s of which match, 500 / s
-- documents are read one way and s * n the other, each of which costs five times as
-- much. So many of the newest tell it as have four where both cost the same.
CREATE OR REPLACE FUNCTION search_frequent(p_org text, p_query tsquery, p_kinds text[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  n bigint := (SELECT c.next_number FROM ticket_counter c WHERE c.org_id = p_org);
  sample int := least(ceil(0.4 * sqrt(n)), 300);
BEGIN
  RETURN (SELECT (count(*) / sample::float8) ^ 2 * n > 100
            FROM (SELECT * FROM (SELECT d.kind, d.words FROM search_document d
                   WHERE d.org_id = p_org AND d.kind <> 'customer' ORDER BY d.at DESC LIMIT 300) newest LIMIT sample) x
           WHERE x.words @@ p_query AND x.kind = ANY (p_kinds));
END
$$;

-- How many match, whether others do that are not counted, and of the best 500 those
-- behind a place, so many. A word that is frequent among the newest documents
-- is looked for there until 500 have it, because the index of words would gather all
-- of its places first; so is one of which there are 5000. The last word is a
-- beginning when fewer than 200 have it as it stands; such hits rank half. (The best are
-- told by the place of the last of them, because numbers are ordered faster than rows.)
CREATE OR REPLACE FUNCTION search_matching(p_org text, p_whole tsquery, p_begun tsquery, p_kinds text[],
  p_place bigint, p_id uuid, p_limit int, OUT total int, OUT more boolean, OUT hits search_hit[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
  first_page boolean := p_place = 9223372036854775807;
  depth int := CASE WHEN first_page THEN least(p_limit, 500) ELSE 500 END;
  texts boolean := p_kinds <> '{customer}';
  all_texts boolean := p_kinds @> '{ticket,comment,note}';
  frequent boolean := texts AND search_frequent(p_org, p_begun, p_kinds);
  by_whole tsquery := search_wanted(p_whole);
  by_begun tsquery := search_wanted(p_begun);
  n int := 0;
  part search_hit[];
  whole boolean;
BEGIN
  total := 0;
  more := false;
  hits := '{}';
  FOREACH whole IN ARRAY CASE WHEN texts AND NOT frequent THEN '{true,false}'::boolean[] ELSE '{}' END LOOP
    WITH m AS MATERIALIZED (
      SELECT d.kind, d.id, d.ticket_id, search_place(search_score(d.words, whole, by_whole, by_begun), d.at) AS place FROM search_document d
       WHERE d.org_id = p_org AND d.words @@ CASE WHEN whole THEN p_whole ELSE p_begun END AND (whole OR NOT d.words @@ p_whole)
         AND (all_texts OR d.kind = ANY (p_kinds)) AND d.kind <> 'customer' LIMIT CASE WHEN whole THEN 5000 ELSE 1000 END)
    SELECT (SELECT count(*) FROM m), ARRAY(SELECT ROW(m.kind, m.id, m.ticket_id, m.place)::search_hit FROM m
             WHERE m.place >= COALESCE((SELECT x.place FROM m x ORDER BY x.place DESC OFFSET depth - 1 LIMIT 1), 0))
      INTO n, part;
    total := total + n;
    hits := hits || part;
    EXIT WHEN n >= 200;
  END LOOP;
  IF frequent OR n = 5000 THEN
    -- Among them may be some that were gathered and are not in hits, which is one page's or
    -- all: they stand in the same place.
    WITH m AS MATERIALIZED (
      SELECT x.kind, x.id, x.ticket_id, search_place(search_score(x.words, x.words @@ p_whole, by_whole, by_begun), x.at) AS place
        FROM (SELECT * FROM search_document d WHERE d.org_id = p_org AND d.kind <> 'customer' ORDER BY d.at DESC LIMIT 50000) x
       WHERE x.words @@ p_begun AND x.kind = ANY (p_kinds) AND x.id NOT IN (SELECT h.id FROM unnest(hits) h) LIMIT 501)
    SELECT (SELECT count(*) FROM m), ARRAY(SELECT ROW(m.kind, m.id, m.ticket_id, m.place)::search_hit FROM m
             WHERE m.place >= COALESCE((SELECT x.place FROM m x ORDER BY x.place DESC OFFSET depth - 1 LIMIT 1), 0))
      INTO n, part;
    more := n > 0;
    total := total + n;
    hits := hits || part;
  END IF;
  IF 'customer' = ANY (p_kinds) THEN
    WITH m AS MATERIALIZED (
      SELECT d.kind, d.id, d.ticket_id, search_place((ts_rank(d.words, by_whole) * 500000 + ts_rank(d.words, by_begun) * 500000)::int, d.at) AS place
        FROM search_document d WHERE d.org_id = p_org AND d.words @@ p_begun AND d.kind = 'customer' LIMIT 1000)
    SELECT (SELECT count(*) FROM m), ARRAY(SELECT ROW(m.kind, m.id, m.ticket_id, m.place)::search_hit FROM m
             WHERE m.place >= COALESCE((SELECT x.place FROM m x ORDER BY x.place DESC OFFSET depth - 1 LIMIT 1), 0))
      INTO n, part;
    total := total + n;
    hits := hits || part;
  END IF;
  IF NOT first_page OR cardinality(hits) > depth THEN -- else those are all that are wanted; the caller puts them in order
    hits := ARRAY(SELECT ROW(b.kind, b.id, b.ticket_id, b.place)::search_hit
                    FROM (SELECT * FROM unnest(hits) h ORDER BY h.place DESC, h.id DESC LIMIT depth) b
                   WHERE b.place < p_place OR (b.place = p_place AND b.id < p_id)
                   ORDER BY b.place DESC, b.id DESC LIMIT p_limit);
  END IF;
END
$$;

-- The documents of the transaction's organisation that match, with their place:
-- of the best 500 so many as lie behind a place, or all of them. When nothing matches, the
-- words are corrected by those that are there ("pasword"), or the newest titles and the
-- names that look alike are taken. Words: those that were looked for in the end.
-- More: there are others that match and are not counted.
CREATE OR REPLACE FUNCTION search_candidates(p_text text, p_kinds text[], p_place bigint DEFAULT 9223372036854775807,
  p_id uuid DEFAULT 'ffffffff-ffff-ffff-ffff-ffffffffffff', p_limit int DEFAULT 500,
  OUT total int, OUT more boolean, OUT alike boolean, OUT words text, OUT hits search_hit[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$ -- here and in what it calls: planning takes longer than looking
DECLARE
  org text := NULLIF(current_setting('app.org', true), '');
BEGIN
  words := p_text;
  total := 0;
  more := false;
  alike := false;
  hits := '{}';
  IF numnode(search_words(p_text)) = 0 THEN
    RETURN;
  END IF;
  FOR try IN 1 .. 2 LOOP
    SELECT m.* INTO total, more, hits
      FROM search_matching(org, search_words(words), search_query(words), p_kinds, p_place, p_id, p_limit) m;
    IF total > 0 THEN
      alike := try = 2;
      RETURN;
    ELSIF length(p_text) NOT BETWEEN 4 AND 100 OR p_text ~ '"|(^|\s)-' OR p_text ~* '\mor\M' THEN
      RETURN; -- an operator is no slip
    END IF;
    EXIT WHEN try = 2;
    words := search_corrected(org, p_text);
    EXIT WHEN words IS NULL;
  END LOOP;
  words := p_text;
  PERFORM set_config('pg_trgm.word_similarity_threshold', '0.5', true); -- of <%
  SELECT count(*), COALESCE(array_agg(ROW(y.kind, y.id, y.ticket_id, y.place)::search_hit ORDER BY y.place DESC, y.id DESC)
           FILTER (WHERE y.place < p_place OR (y.place = p_place AND y.id < p_id)), '{}')
    INTO total, hits
    FROM (SELECT x.*, search_place((word_similarity(p_text, x.title) * 1000000)::int, x.at) AS place
            FROM ((SELECT d.kind, d.id, d.ticket_id, d.title, d.at FROM search_document d
                    WHERE d.org_id = org AND d.kind <> 'customer' AND d.title IS NOT NULL ORDER BY d.at DESC LIMIT 2000) UNION ALL
                  (SELECT d.kind, d.id, d.ticket_id, d.title, d.at FROM search_document d -- by its index
                    WHERE d.org_id = org AND d.kind = 'customer' AND p_text <% d.title)) x
           WHERE x.kind = ANY (p_kinds) AND word_similarity(p_text, x.title) >= 0.5 ORDER BY place DESC, x.id DESC LIMIT 200) y;
  alike := total > 0;
  hits := hits[1:p_limit];
END
$$;
REVOKE ALL ON FUNCTION search_candidates(text, text[], bigint, uuid, int) FROM PUBLIC;

-- The best 500 of the documents of these tickets that match, with the place that
-- search_candidates() gives them.
CREATE OR REPLACE FUNCTION search_among(p_text text, p_kinds text[], p_tickets uuid[]) RETURNS search_hit[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  org text := NULLIF(current_setting('app.org', true), '');
  whole tsquery := search_words(p_text);
  begun tsquery := search_query(p_text);
  by_whole tsquery := search_wanted(whole);
  by_begun tsquery := search_wanted(begun);
BEGIN
  RETURN (WITH i AS MATERIALIZED (
    SELECT 'ticket' AS kind, t AS id FROM unnest(p_tickets) t WHERE 'ticket' = ANY (p_kinds)
     UNION ALL
    SELECT comment_kind(c.internal), c.comment_id FROM comment c
     WHERE c.org_id = org AND c.ticket_id = ANY (p_tickets) AND comment_kind(c.internal) = ANY (p_kinds)
  )
  SELECT ARRAY(SELECT ROW(d.kind, d.id, d.ticket_id, d.place)::search_hit
                 FROM i, LATERAL (SELECT x.kind, x.id, x.ticket_id, search_place(search_score(x.words, x.words @@ whole, by_whole, by_begun), x.at) AS place
                                    FROM search_document x
                                   WHERE x.org_id = org AND x.kind = i.kind AND x.id = i.id AND x.words @@ begun
                                  OFFSET 0) d
                ORDER BY d.place DESC, d.id DESC LIMIT 500));
END
$$;
REVOKE ALL ON FUNCTION search_among(text, text[], uuid[]) FROM PUBLIC;

-- For each word a pattern that what it is marked in is like.
CREATE OR REPLACE FUNCTION search_patterns(p_text text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN ARRAY(SELECT '%' || regexp_replace(w, '([\\%_])', '\\\1', 'g') || '%' FROM unnest(tsvector_to_array(to_tsvector('desk', search_source(p_text)))) w);
END
$$;

-- A text as its words are kept: small letters without accents.
CREATE OR REPLACE FUNCTION search_plain(p_text text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN octet_length(p_text) = char_length(p_text) THEN lower(p_text) ELSE unaccent(lower(normalize(p_text))) END
$$;

-- Fragments as HTML: everything is escaped but the marks around what matched. A text
-- that is like none of the patterns is not parsed, and has its beginning shown.
CREATE OR REPLACE FUNCTION search_mark(p_text text, p_query tsquery, p_patterns text[], p_short boolean) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT replace(replace(replace(replace(replace(
           CASE WHEN search_plain(left(p_text, 20000)) LIKE ANY (p_patterns) THEN
             ts_headline('desk', replace(replace(search_text(left(p_text, 20000)), U&'\E000', ''), U&'\E001', ''), p_query,
               'StartSel=' || U&'\E000' || ',StopSel=' || U&'\E001' || CASE WHEN p_short THEN ',HighlightAll=true'
                 ELSE ',MaxFragments=2,MaxWords=20,MinWords=5,FragmentDelimiter= … ' END)
             ELSE replace(replace(CASE WHEN p_short OR length(p_text) <= 160 THEN p_text
                    ELSE left(p_text, 160 - strpos(reverse(left(p_text, 160)), ' ')) || ' …' END, U&'\E000', ''), U&'\E001', '') END,
           '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), U&'\E000', '<mark>'), U&'\E001', '</mark>')
$$;

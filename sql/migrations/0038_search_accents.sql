-- Words are kept without their accents, so that "muller" finds "Müller" and the
-- other way round, and however the accents were written (Unicode NFC or NFD). The
-- numbers of "order-4711" and "2026-06-13" are kept as numbers, not as negative ones,
-- the parts of paths and addresses as words, and what stands in < > as well.
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE TEXT SEARCH CONFIGURATION desk (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION desk
  ALTER MAPPING FOR word, hword, hword_part, numword, numhword, hword_numpart WITH unaccent, simple;

-- What was kept otherwise; other texts have the same words as before.
CREATE FUNCTION pg_temp.source(p text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$SELECT translate(regexp_replace(normalize(p), '(?<=\S)-(?=\d)', ' ', 'g'), '/<>=&?', '      ')$$;
CREATE FUNCTION pg_temp.differs(p text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
  $$SELECT octet_length(p) <> char_length(p) OR p ~ '\S-\d|[/<>=&]|\w\?\w'$$;
ALTER TABLE ticket NO FORCE ROW LEVEL SECURITY;
ALTER TABLE comment NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customer NO FORCE ROW LEVEL SECURITY;
UPDATE search_document d
   SET words = setweight(to_tsvector('desk', pg_temp.source(t.title)), 'A') || setweight(to_tsvector('desk', pg_temp.source(left(t.description, 20000))), 'B')
  FROM ticket t
 WHERE d.org_id = t.org_id AND d.kind = 'ticket' AND d.id = t.ticket_id
   AND pg_temp.differs(t.title || ' ' || t.description);
UPDATE search_document d
   SET words = setweight(to_tsvector('desk', pg_temp.source(left(c.body, 20000))), 'C')
  FROM comment c
 WHERE d.org_id = c.org_id AND d.kind = CASE WHEN c.internal THEN 'note' ELSE 'comment' END AND d.id = c.comment_id
   AND pg_temp.differs(c.body);
UPDATE search_document d
   SET words = setweight(to_tsvector('desk', pg_temp.source(c.name || ' ' || COALESCE(c.email, '') || ' ' ||
                 translate(COALESCE(c.email, ''), '@.-_+', '     ') || ' ' || COALESCE(c.phone, '') || ' ' || COALESCE(c.external_id, ''))), 'A')
  FROM customer c
 WHERE d.org_id = c.org_id AND d.kind = 'customer' AND d.id = c.customer_id
   AND pg_temp.differs(concat_ws(' ', c.name, c.email, c.phone, c.external_id));
ALTER TABLE ticket FORCE ROW LEVEL SECURITY;
ALTER TABLE comment FORCE ROW LEVEL SECURITY;
ALTER TABLE customer FORCE ROW LEVEL SECURITY;

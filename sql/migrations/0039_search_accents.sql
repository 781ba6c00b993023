-- Words are kept without their accents, so that "muller" finds "Müller" and the
-- other way round, and however the accents were written (Unicode NFC or NFD).
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE TEXT SEARCH CONFIGURATION desk (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION desk
  ALTER MAPPING FOR word, hword, hword_part, numword, numhword, hword_numpart WITH unaccent, simple;

-- What was kept with accents; texts in ASCII have the same words as before.
ALTER TABLE ticket NO FORCE ROW LEVEL SECURITY;
ALTER TABLE comment NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customer NO FORCE ROW LEVEL SECURITY;
UPDATE search_document d
   SET words = setweight(to_tsvector('desk', normalize(t.title)), 'A') || setweight(to_tsvector('desk', normalize(left(t.description, 20000))), 'B')
  FROM ticket t
 WHERE d.org_id = t.org_id AND d.kind = 'ticket' AND d.id = t.ticket_id
   AND octet_length(t.title || t.description) <> char_length(t.title || t.description);
UPDATE search_document d
   SET words = setweight(to_tsvector('desk', normalize(left(c.body, 20000))), 'C')
  FROM comment c
 WHERE d.org_id = c.org_id AND d.kind = CASE WHEN c.internal THEN 'note' ELSE 'comment' END AND d.id = c.comment_id
   AND octet_length(c.body) <> char_length(c.body);
UPDATE search_document d
   SET words = setweight(to_tsvector('desk', normalize(c.name || ' ' || COALESCE(c.email, '') || ' ' ||
                 translate(COALESCE(c.email, ''), '@.-_+', '     ') || ' ' || COALESCE(c.phone, '') || ' ' || COALESCE(c.external_id, ''))), 'A')
  FROM customer c
 WHERE d.org_id = c.org_id AND d.kind = 'customer' AND d.id = c.customer_id
   AND octet_length(c.name || COALESCE(c.email, '') || COALESCE(c.external_id, ''))
    <> char_length(c.name || COALESCE(c.email, '') || COALESCE(c.external_id, ''));
ALTER TABLE ticket FORCE ROW LEVEL SECURITY;
ALTER TABLE comment FORCE ROW LEVEL SECURITY;
ALTER TABLE customer FORCE ROW LEVEL SECURITY;

-- What erasing a person looks up, however large the organisation: the person's
-- entries in the change log, and what the person wrote on others' tickets.

CREATE INDEX event_customer ON event (org_id, resource_id) WHERE resource = 'customer';
CREATE INDEX comment_customer ON comment (org_id, author_id) WHERE author_type = 'customer';

-- Numbers of custom fields as floats, whose operators are leakproof: under row-level
-- security only theirs use an index. What is rough finds the rows that can fit;
-- comparing roughly keeps the order, so that none is missed.

CREATE FUNCTION rough(p numeric) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(p) < 1e-300 THEN 0
            WHEN p > 1e300 THEN 'infinity'
            WHEN p < -1e300 THEN '-infinity'
            ELSE p::double precision END;

ALTER TABLE ticket_field ADD rough double precision GENERATED ALWAYS AS (rough(number)) STORED;
CREATE INDEX ticket_field_rough ON ticket_field (org_id, key, rough, ticket_id) WHERE rough IS NOT NULL;

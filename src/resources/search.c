/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search: full text over tickets, comments, notes and customers. Candidates
 * come from search_candidates(); here they meet row-level security, the
 * structured conditions, facets and the page.
 */
#include <string.h>

#include "http/req.h"
#include "resources/tickets.h"

/* clang-format off */
static const char *const places[] = { "tickets", "comments", "notes", "customers", NULL };
static const char *const facets[] = { "status", "priority", "channel", "team_id", "assignee_user_id", "tag", NULL };
static const char *const kinds[] = { "ticket", "comment", "note", "customer", NULL };
static const struct field search_fields[] = {
	{ "query",      T_STR,  F_BODY|F_REQ, 1, 500, .example = "\"cannot login\"", .doc = "Words: all must occur, the last may be a beginning. \"quoted words\" stand together, -word excludes, or is an alternative; accents make no difference. #17 or 17 finds the ticket of that number first." },
	{ "in",         T_ENUM, F_BODY|F_LIST, .words = places, .example = "[\"tickets\",\"comments\"]", .doc = "Where to look; everywhere the credential may read unless given, or empty. Notes need read:notes, customers read:customers." },
	{ "conditions", T_CONDITION, F_BODY, .example = "{\"field\":\"status\",\"op\":\"eq\",\"value\":\"open\"}", .doc = "Only tickets that match, as in a view, and what is written on them." },
	{ "facets",     T_ENUM, F_BODY|F_LIST, .words = facets, .example = "[\"status\"]", .doc = "Counts of the tickets found, by these." },
	{ "highlight",  T_BOOL, F_BODY, .example = "true", .doc = "Mark what matched; true unless given." },
	{ "limit",      T_INT,  F_BODY, 1, 100, .example = "20", .doc = "Items of a page; 20 unless given." },
	{ "cursor",     T_STR,  F_BODY, 1, 200, .example = "\"NjA3OTI3\"", .doc = "next_cursor of the page before." },
	{ .name = NULL }
};
static const struct field hit_fields[] = {
	{ "kind",        T_ENUM, F_OUT, .words = kinds, .example = "\"ticket\"", .doc = "What was found." },
	{ "id",          T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Its id." },
	{ "ticket_id",   T_ID,   F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket it belongs to; null for customers." },
	{ "score",       T_NUM,  F_OUT, .example = "0.607927", .doc = "How well it matches, among the hits of this search." },
	{ "title",       T_STR,  F_OUT|F_NULL, .example = "\"Cannot login to dashboard\"", .doc = "Title of the ticket, or name of the customer." },
	{ "status",      T_STR,  F_OUT|F_NULL, .example = "\"open\"", .doc = "Of the ticket." },
	{ "priority",    T_STR,  F_OUT|F_NULL, .example = "\"high\"", .doc = "Of the ticket." },
	{ "number",      T_INT,  F_OUT|F_NULL, .max = 9007199254740991, .example = "17", .doc = "Of the ticket." },
	{ "highlights",  T_OBJECT, F_OUT|F_NULL, .example = "{\"title\":\"Cannot <mark>login</mark>\"}", .doc = "title and text as HTML: escaped, with <mark> around what matched." },
	{ .name = NULL }
};
static const struct field result_fields[] = {
	{ "data",        T_OBJECT, F_OUT|F_LIST, .sub = hit_fields, .example = "[{\"kind\":\"ticket\",\"id\":\"0190163d-8694-739b-aea5-966c26f8ad91\",\"ticket_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\",\"score\":0.607927,\"title\":\"Cannot login to dashboard\",\"status\":\"open\",\"priority\":\"high\",\"number\":17,\"highlights\":{\"title\":\"Cannot <mark>login</mark> to dashboard\"}}]", .doc = "Best first; the newest of those that match as well." },
	{ "total",       T_INT,  F_OUT, .example = "42", .doc = "Hits, at most 500: the best." },
	{ "total_is_exact", T_BOOL, F_OUT, .example = "true", .doc = "False when there are more: of very many the best of 5000 are shown, and frequent words are looked for in the newest texts. When few of those meet the conditions, up to 2000 tickets that do are looked through." },
	{ "approximate", T_BOOL, F_OUT, .example = "false", .doc = "True when nothing matched and what looks alike is shown." },
	{ "corrected",   T_STR,  F_OUT|F_NULL, .example = "null", .doc = "When a word of the query stands nowhere and others look like it: the words that were looked for instead." },
	{ "facets",      T_OBJECT, F_OUT, .example = "{\"status\":{\"open\":40,\"closed\":2}}", .doc = "Counts by value." },
	{ "has_more",    T_BOOL, F_OUT, .example = "false", .doc = "Whether there is another page." },
	{ "next_cursor", T_STR,  F_OUT|F_NULL, .example = "null", .doc = "For the next page." },
	{ .name = NULL }
};
static const struct resource result = { "SearchResult", "What a search found.", NULL, NULL, NULL, result_fields };
/* clang-format on */

struct search {
	struct req *r;
	struct condition condition;
	bool conditional;    /* customers have no ticket's fields */
	const char **values; /* with room for one more */
	int nvalues;
	bool among; /* looks among the tickets that meet the conditions */
};

static int
value(struct search *s, const char *text)
{
	s->values[s->nvalues++] = text;
	return s->nvalues;
}

static bool
named(struct json_object *list, const char *word)
{
	size_t i;

	for (i = 0; list != NULL && i < json_object_array_length(list); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), word) == 0)
			return true;
	return false;
}

/* Where the caller wants to look and may, as an array's text; NULL after a refusal. */
static const char *
choose_kinds(struct search *s)
{
	static const enum scope needs[] = { S_TICKETS_READ, S_TICKETS_READ, S_NOTES_READ,
		S_CUSTOMERS_READ };
	struct json_object *in = body_get(s->r, "in");
	struct buf list;
	unsigned i;

	if (in != NULL && json_object_array_length(in) == 0)
		in = NULL;
	buf_init(&list, s->r->arena, 64);
	for (i = 0; places[i] != NULL; i++) {
		bool may = principal_may(&s->r->who, needs[i]);

		if (named(in, places[i]) && need_scope(s->r, needs[i]) == -1)
			return NULL;
		if (may && (in == NULL || named(in, places[i])) &&
		    !(s->conditional && strcmp(kinds[i], "customer") == 0))
			buf_array_item(&list, kinds[i]);
	}
	return arena_printf(s->r->arena, "{%s}", list.data);
}

/* "<place>:<id>" in base64url: the last hit of the page before. */
static int
take_cursor(struct search *s, const char **place, const char **id)
{
	const char *cursor = body_str(s->r, "cursor");
	unsigned char *raw;
	char *text, *colon;
	long len;

	*place = "9223372036854775807";
	*id = "ffffffff-ffff-ffff-ffff-ffffffffffff";
	if (cursor == NULL)
		return 0;
	len = base64url_decode(s->r->arena, cursor, strlen(cursor), &raw);
	text = len <= 0 ? NULL : arena_strndup(s->r->arena, (const char *)raw, (size_t)len);
	colon = text == NULL ? NULL : strchr(text, ':');
	if (colon == NULL || text[strspn(text, "0123456789")] != ':' || colon == text ||
	    colon - text > 16 || !uuid_valid(colon + 1))
		return fail(s->r, E_INVALID_CURSOR);
	*colon = '\0';
	*place = text;
	*id = colon + 1;
	return 0;
}

/* Each ticket once, however often it was hit. */
static void
put_facets(struct search *s, struct buf *sql)
{
	struct json_object *wanted = body_get(s->r, "facets");
	const char *comma = "";
	unsigned i;

	buf_str(sql, ", jsonb_build_object(");
	for (i = 0; facets[i] != NULL; i++) {
		if (!named(wanted, facets[i]))
			continue;
		if (strcmp(facets[i], "tag") == 0)
			buf_printf(sql,
			    "%s'tag', (SELECT COALESCE(jsonb_object_agg(k, n), '{}') FROM (SELECT k, count(*) AS n "
			    "FROM met m, unnest(m.tags) k GROUP BY 1) x)",
			    comma);
		else
			buf_printf(sql,
			    "%s'%s', (SELECT COALESCE(jsonb_object_agg(COALESCE(k, 'none'), n), '{}') FROM "
			    "(SELECT m.%s::text AS k, count(*) AS n FROM met m GROUP BY 1) x)",
			    comma, facets[i], facets[i]);
		comma = ", ";
	}
	buf_str(sql, ") AS facets");
}

/* "#17" or "17" */
static bool
is_number(const char *query)
{
	const char *digits = query + (query[0] == '#');
	size_t n = strspn(digits, "0123456789");

	return n > 0 && n <= 15 && digits[n] == '\0';
}

/* Whether all hits are wanted and not only a page of them: what counts or sifts them is here. */
static bool
wants_all(struct search *s)
{
	struct json_object *wanted = body_get(s->r, "facets");

	return s->conditional || is_number(body_str(s->r, "query")) ||
	       (wanted != NULL && json_object_array_length(wanted) > 0);
}

/* The tickets that meet the conditions, with what is counted by. */
static void
put_tickets(struct search *s, struct buf *sql, const char *where)
{
	struct json_object *wanted = body_get(s->r, "facets");
	unsigned i;

	buf_str(sql, "SELECT t.ticket_id");
	for (i = 0; facets[i] != NULL; i++)
		if (named(wanted, facets[i]))
			buf_printf(
			    sql, ", t.%s", strcmp(facets[i], "tag") == 0 ? "tags" : facets[i]);
	buf_printf(sql, " FROM ticket_v t WHERE t.org_id = $1 AND %s%s", s->condition.sql, where);
}

/*
 * All hits that meet the conditions. Their tickets are sought at once by an
 * array and not one after the other, which takes a quarter less.
 */
static void
put_seen(struct search *s, struct buf *sql)
{
	if (!wants_all(s)) {
		buf_str(sql, "seen AS (SELECT * FROM hit), ");
		return;
	}
	buf_str(sql, "met AS MATERIALIZED (");
	put_tickets(s, sql, " AND t.ticket_id = ANY (ARRAY(SELECT h.ticket_id FROM hit h))");
	buf_str(sql, "), seen AS MATERIALIZED (SELECT h.* FROM hit h WHERE h.kind = 'customer' OR "
		     "h.ticket_id IN (SELECT m.ticket_id FROM met m)), ");
}

/* What was found: the page alone where nothing else is done with it; the ticket of a number is the
 * first hit. */
static void
put_hits(struct search *s, struct buf *sql)
{
	buf_printf(sql,
	    "found AS MATERIALIZED (SELECT * FROM search_candidates($2::text, $3::text[]%s)), ",
	    wants_all(s) ? "" : ", $4::bigint, $5::uuid, $6::int");
	if (is_number(body_str(s->r, "query")))
		buf_str(sql,
		    "named AS MATERIALIZED (SELECT n.ticket_id FROM ticket_v n WHERE n.org_id = $1 AND n.number = "
		    "ltrim($2::text, '#')::bigint), hit AS MATERIALIZED (SELECT 'ticket' AS kind, n.ticket_id AS id, "
		    "n.ticket_id, search_place(1000000, 'infinity') AS place FROM named n UNION ALL SELECT h.* FROM found f, unnest(f.hits) h "
		    "WHERE h.id <> ALL (SELECT n.ticket_id FROM named n)), ");
	else
		buf_str(sql, "hit AS MATERIALIZED (SELECT h.* FROM found f, unnest(f.hits) h), ");
}

/*
 * The other way round: what matches among the tickets that meet the conditions. Those
 * that the best hits belong to (the last parameter) are looked at in any case.
 */
static void
put_among(struct search *s, struct buf *sql)
{
	buf_str(sql, "found AS (SELECT $2::text AS words), sifted AS MATERIALIZED ((");
	put_tickets(s, sql, " LIMIT 2000");
	buf_str(sql, ") UNION ");
	put_tickets(
	    s, sql, arena_printf(s->r->arena, " AND t.ticket_id = ANY ($%d::uuid[])", s->nvalues));
	buf_str(sql,
	    "), seen AS MATERIALIZED (SELECT h.* FROM unnest(search_among($2::text, $3::text[], "
	    "ARRAY(SELECT x.ticket_id FROM sifted x))) h), "
	    "met AS MATERIALIZED (SELECT x.* FROM sifted x WHERE x.ticket_id IN (SELECT h.ticket_id FROM seen h)), ");
}

/* How many there are and whether all; of the first look also what the second one needs. */
static void
put_totals(struct search *s, struct buf *sql)
{
	if (s->among) {
		buf_str(sql,
		    ", (SELECT count(*) FROM seen) AS total, "
		    "(SELECT count(*) FROM sifted) >= 2000 OR (SELECT count(*) FROM seen) >= 500 AS more");
		return;
	}
	buf_printf(sql,
	    ", %s AS total, f.total > 500 OR f.more AS more, f.alike AS approximate, f.words",
	    wants_all(s) ? "(SELECT count(*) FROM seen)" : "least(f.total, 500)");
	if (s->conditional)
		buf_str(sql,
		    ", CASE WHEN (f.total > 500 OR f.more) AND (SELECT count(*) FROM met) < 50 "
		    "THEN ARRAY(SELECT m.ticket_id FROM met m) END AS few");
}

/* $1 org, $2 query, $3 kinds, $4 place and $5 id of the cursor, $6 limit + 1, then conditions. */
static const char *
compose(struct search *s)
{
	struct buf sql;

	buf_init(&sql, s->r->arena, 4096);
	buf_str(&sql, "WITH ");
	if (s->among) {
		put_among(s, &sql);
	} else {
		put_hits(s, &sql);
		put_seen(s, &sql);
	}
	buf_str(&sql,
	    "chosen AS MATERIALIZED (SELECT s.* FROM seen s WHERE s.place < $4::bigint OR (s.place = $4::bigint "
	    "AND s.id < $5::uuid) ORDER BY s.place DESC, s.id DESC LIMIT $6::int), "
	    "page AS MATERIALIZED (SELECT row_number() OVER (ORDER BY c.place DESC, c.id DESC) AS n, c.kind, c.id, c.ticket_id, "
	    "c.place, COALESCE(t.title, u.name) AS title, t.status, t.priority, t.number, "
	    "CASE c.kind WHEN 'ticket' THEN NULLIF(t.description, '') WHEN 'customer' THEN NULL ELSE "
	    "(SELECT m.body FROM comment m WHERE m.org_id = $1 AND m.comment_id = c.id) END AS body FROM chosen c "
	    "LEFT JOIN ticket_v t ON t.org_id = $1 AND t.ticket_id = c.ticket_id "
	    "LEFT JOIN customer_v u ON u.org_id = $1 AND u.customer_id = CASE c.kind WHEN 'customer' THEN c.id END "
	    "WHERE t.ticket_id IS NOT NULL OR u.customer_id IS NOT NULL), "
	    "sought AS MATERIALIZED (SELECT search_query(f.words) AS query, search_patterns(f.words) AS patterns FROM found f), "
	    "shown AS (SELECT p.n, row_to_json(x)::text AS item FROM page p, sought q, LATERAL (SELECT p.kind, p.id, p.ticket_id, "
	    "round((p.place >> 33) / 1000000.0, 6) AS score, p.title, p.status, p.priority, p.number, ");
	buf_str(&sql,
	    body_bool(s->r, "highlight", true)
		? "json_strip_nulls(json_build_object('title', search_mark(p.title, q.query, q.patterns, true), "
		  "'text', search_mark(p.body, q.query, q.patterns, false)))"
		: "NULL::json");
	buf_str(&sql,
	    " AS highlights) x WHERE p.n < $6::int) "
	    "SELECT (SELECT string_agg(s.item, ',' ORDER BY s.n) FROM shown s) AS items, "
	    "(SELECT p.place || ':' || p.id FROM page p WHERE p.n = $6::int - 1 AND EXISTS "
	    "(SELECT 1 FROM page x WHERE x.n = $6::int)) AS last");
	put_totals(s, &sql);
	put_facets(s, &sql);
	buf_str(&sql, " FROM found f");
	return sql.data;
}

static const PGresult *
look(struct search *s)
{
	return db_result(s->r->db, db_queue_text(s->r->db, compose(s), s->nvalues, s->values));
}

/*
 * When few of the best hits meet the conditions and there are more hits, look among
 * the tickets that do. It is decided alike for each page. Where that takes too long,
 * because no index knows the condition, the best are better than nothing.
 */
static const PGresult *
look_among(struct search *s, const PGresult *first)
{
	const char *few = s->conditional ? db_get(first, 0, "few") : NULL;
	const PGresult *row;

	if (few == NULL || is_number(body_str(s->r, "query")))
		return first;
	s->among = true;
	s->values[1] = db_get(first, 0, "words");
	value(s, few);
	row = look(s);
	return row == NULL && db_forgive_timeout(s->r->db) ? first : row;
}

static void
put_text(struct buf *out, const char *text)
{
	if (text == NULL)
		buf_str(out, "null");
	else
		buf_json_str(out, text);
}

/* The first look tells what was looked for, the other one (which may be the first) what was found.
 */
static void
put_result(struct search *s, const PGresult *first, const PGresult *row)
{
	struct buf *out = &s->r->out->body;
	const char *items = db_get(row, 0, "items"), *last = db_get(row, 0, "last"),
		   *words = db_get(first, 0, "words");

	buf_printf(out,
	    "{\"data\":[%s],\"total\":%s,\"total_is_exact\":%s,\"approximate\":%s,\"corrected\":",
	    items == NULL ? "" : items, db_get(row, 0, "total"),
	    *db_get(row, 0, "more") == 'f' ? "true" : "false",
	    *db_get(first, 0, "approximate") == 't' ? "true" : "false");
	put_text(out, strcmp(words, body_str(s->r, "query")) == 0 ? NULL : words);
	buf_printf(out, ",\"facets\":%s,\"has_more\":%s,\"next_cursor\":", db_get(row, 0, "facets"),
	    last == NULL ? "false" : "true");
	put_text(out, last == NULL ? NULL : base64url_encode(s->r->arena, last, strlen(last)));
	buf_char(out, '}');
}

static int
search(struct req *r)
{
	struct search s = { .r = r };
	const char *kinds_, *place, *id;
	const PGresult *first, *row;
	int i;

	s.conditional = body_has(r, "conditions");
	if (req_conditions(r, 7, CONDITION_STORED, &s.condition) == -1)
		return -1;
	kinds_ = choose_kinds(&s);
	if (kinds_ == NULL || take_cursor(&s, &place, &id) == -1)
		return -1;
	s.values = arena_alloc(r->arena, ((size_t)s.condition.nvalues + 7) * sizeof(*s.values));
	value(&s, r->org);
	value(&s, body_str(r, "query"));
	value(&s, kinds_);
	value(&s, place);
	value(&s, id);
	value(&s, arena_printf(r->arena, "%ld", (long)body_int(r, "limit", 20) + 1));
	for (i = 0; i < s.condition.nvalues; i++)
		value(&s, s.condition.values[i]);
	first = look(&s);
	row = first == NULL ? NULL : look_among(&s, first);
	if (row == NULL)
		return fail_db(r);
	put_result(&s, first, row);
	return reply_json(r, 200);
}

/* clang-format off */
const struct route search_routes[] = {
	{ POST, "/api/v1/search", "search.search", search, S_TICKETS_READ, .flags = R_READ, .body = search_fields, .reply = &result,
	    .summary = "Search tickets, comments, notes and customers", .doc = "Full text, best first, with marked fragments, structured conditions and facets. When nothing matches, titles that look alike are shown.",
	    .example = "{\"query\":\"cannot login\",\"facets\":[\"status\"]}" },
	{ .path = NULL }
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "resources/routing.h"

#include <string.h>

#include "base/json.h"

#define VALUES_EACH 200
#define KNOWN 256
#define TRUST_US 1000000

/* Whether an organisation has queues with conditions, as seen a moment ago. */
static struct {
	char org[64];
	int64_t until_us;
	bool none;
} known[KNOWN];

static unsigned
place_of(const char *org)
{
	unsigned hash = 5381;

	while (*org != '\0')
		hash = hash * 33 + (unsigned char)*org++;
	return hash % KNOWN;
}

static bool
known_to_have_none(const char *org)
{
	unsigned i = place_of(org);

	return known[i].none && strcmp(known[i].org, org) == 0 && mono_us() < known[i].until_us;
}

static void
remember(const char *org, bool none)
{
	unsigned i = place_of(org);

	snprintf(known[i].org, sizeof(known[i].org), "%s", org);
	known[i].none = none;
	known[i].until_us = mono_us() + TRUST_US;
}

int
routing_load(struct req *r, struct routing *out, int first, const char *const *before)
{
	const PGresult *rows = db_rows(r->db, SQL_QUEUE_RULES, P(r->org));
	struct json_error error;
	int i;

	if (rows == NULL)
		return fail_db(r);
	*out = (struct routing){ .rows = rows, .n = PQntuples(rows), .nvalues = first - 1 };
	out->conditions = arena_alloc(r->arena, ((size_t)out->n + 1) * sizeof(*out->conditions));
	out->values = arena_alloc(
	    r->arena, ((size_t)out->n * VALUES_EACH + (size_t)first) * sizeof(*out->values));
	memcpy(out->values, before, ((size_t)first - 1) * sizeof(*before));
	for (i = 0; i < out->n; i++) {
		struct condition *c = &out->conditions[i];
		const char *text = PQgetvalue(rows, i, 2);

		if (!condition_compile(r->db, r->arena, r->org,
			json_parse(r->arena, text, strlen(text), &error), out->nvalues + 1,
			CONDITION_ROW, c)) {
			if (c->code == NULL)
				return fail_db(r);
			c->sql = NULL; /* it names a custom field that is gone */
			continue;
		}
		if (c->nvalues > 0)
			memcpy(out->values + out->nvalues, c->values,
			    (size_t)c->nvalues * sizeof(*c->values));
		out->nvalues += c->nvalues;
	}
	return 0;
}

/* The id of the first queue that wants the ticket, or NULL. */
static const char *
first_match(struct req *r, const struct routing *rules)
{
	struct buf sql;
	const PGresult *row;
	int i;

	buf_init(&sql, r->arena, 1024);
	buf_str(&sql, "SELECT CASE WHEN false THEN 0");
	for (i = 0; i < rules->n; i++)
		if (rules->conditions[i].sql != NULL)
			buf_printf(&sql, " WHEN %s THEN %d", rules->conditions[i].sql, i + 1);
	buf_str(&sql,
	    " END FROM ticket t WHERE t.org_id = $1 AND t.ticket_id = $2 AND t.queue_id IS NULL");
	row = db_result(r->db, db_queue_text(r->db, sql.data, rules->nvalues, rules->values));
	if (row == NULL || PQntuples(row) == 0 || PQgetisnull(row, 0, 0))
		return NULL;
	return PQgetvalue(rules->rows, (int)strtol(PQgetvalue(row, 0, 0), NULL, 10) - 1, 0);
}

int
routing_apply(struct req *r, const char *ticket_id)
{
	const char *before[] = { r->org, ticket_id }, *queue;
	struct routing rules;

	if (known_to_have_none(r->org))
		return 0;
	if (routing_load(r, &rules, 3, before) == -1)
		return -1;
	remember(r->org, rules.n == 0);
	if (rules.n == 0)
		return 0;
	queue = first_match(r, &rules);
	if (queue != NULL)
		db_do(r->db, SQL_TICKET_ROUTE, P(r->org, ticket_id, queue));
	return db_failed(r->db) ? fail_db(r) : 0;
}

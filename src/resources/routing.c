/* SPDX-License-Identifier: Apache-2.0 */
#include "resources/routing.h"

#include <string.h>

#define VALUES_EACH 200
#define KNOWN 256

/* Organisations that had queues with conditions when this process last looked. */
static char known[KNOWN][64];

static char *
place_of(const char *org)
{
	unsigned hash = 5381;

	while (*org != '\0')
		hash = hash * 33 + (unsigned char)*org++;
	return known[hash % KNOWN];
}

static void
remember(const char *org, bool some)
{
	char *place = place_of(org);

	if (some)
		snprintf(place, sizeof(known[0]), "%s", org);
	else if (strcmp(place, org) == 0)
		*place = '\0';
}

bool
routing_begin(struct req *r)
{
	if (r->attempt == 1 && strcmp(place_of(r->org), r->org) != 0)
		return false;
	db_do(r->db, SQL_ROUTING_BEGIN, 0, NULL);
	return true;
}

int
routing_load(struct req *r, struct routing *out, int first, const char *const *before)
{
	const PGresult *rows = db_rows(r->db, SQL_QUEUE_RULES, P(r->org));
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

		if (!condition_load(r->db, r->arena, r->org, PQgetvalue(rows, i, 2),
			out->nvalues + 1, CONDITION_ROW, c) &&
		    c->code == NULL)
			return fail_db(r);
		if (c->nvalues > 0)
			memcpy(out->values + out->nvalues, c->values,
			    (size_t)c->nvalues * sizeof(*c->values));
		out->nvalues += c->nvalues;
	}
	return 0;
}

/* Of the tickets without a queue: ticket_id, and the place of the first queue that wants it. */
static const PGresult *
first_matches(struct req *r, const struct routing *rules)
{
	struct buf sql;
	int i;

	buf_init(&sql, r->arena, 1024);
	buf_str(&sql, "SELECT t.ticket_id, CASE WHEN false THEN 0");
	for (i = 0; i < rules->n; i++)
		buf_printf(&sql, " WHEN %s THEN %d", rules->conditions[i].sql, i);
	buf_str(&sql, " END FROM ticket t WHERE t.org_id = $1 AND t.ticket_id = ANY ($2::uuid[]) "
		      "AND t.queue_id IS NULL ORDER BY t.ticket_id");
	return db_result(r->db, db_queue_text(r->db, sql.data, rules->nvalues, rules->values));
}

static void
put_into_queues(struct req *r, const struct routing *rules, const PGresult *matches)
{
	struct buf tickets, queues;
	int i;

	buf_init(&tickets, r->arena, 256);
	buf_init(&queues, r->arena, 256);
	for (i = 0; i < PQntuples(matches); i++) {
		if (PQgetisnull(matches, i, 1))
			continue;
		buf_array_item(&tickets, PQgetvalue(matches, i, 0));
		buf_array_item(&queues,
		    PQgetvalue(rules->rows, (int)strtol(PQgetvalue(matches, i, 1), NULL, 10), 0));
	}
	if (tickets.len > 0)
		db_do(r->db, SQL_TICKETS_ROUTE,
		    P(r->org, arena_printf(r->arena, "{%s}", tickets.data),
			arena_printf(r->arena, "{%s}", queues.data)));
}

int
routing_apply(struct req *r, const char *ticket_ids)
{
	const char *before[] = { r->org, ticket_ids };
	const PGresult *matches;
	struct routing rules;

	if (routing_load(r, &rules, 3, before) == -1)
		return -1;
	remember(r->org, rules.n > 0);
	if (rules.n == 0)
		return 0;
	matches = first_matches(r, &rules);
	if (matches != NULL)
		put_into_queues(r, &rules, matches);
	return db_failed(r->db) ? fail_db(r) : 0;
}

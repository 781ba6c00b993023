/* SPDX-License-Identifier: Apache-2.0 */
/* Queues: where tickets wait for an agent. Claiming is sql/functions/61_queues.sql. */
#include <string.h>

#include "resources/routing.h"
#include "resources/tickets.h"

/* clang-format off */
static const char *const strategy[] = { "manual", "round_robin", "least_loaded", "skill", NULL };
static const char *const order[] = { "priority", "created_at", "updated_at", NULL };
static const struct field queue_fields[] = {
	{ "queue_id",    T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "name",        T_STR,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 120, .example = "\"Urgent\"", .doc = "Name; unique whatever its case." },
	{ "description", T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 2000, .example = "\"What cannot wait\"", .doc = "What it is for." },
	{ "team_id",     T_ID,   F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "Its team: only members take tickets from it." },
	{ "conditions",  T_CONDITION, F_CREATE|F_PATCH|F_OUT, .example = "{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"urgent\"}", .doc = "Which new tickets come here by themselves, as in a view; empty for none. Whichever way a ticket comes in (but not by an import, a clone or a split), the first queue by position that wants it gets it. At most 100 active queues have conditions." },
	{ "strategy",    T_ENUM, F_CREATE|F_PATCH|F_OUT, .words = strategy, .example = "\"manual\"", .doc = "manual: tickets wait to be taken; the others assign an open ticket without an agent that comes here, by its conditions or by hand, to an agent of the team who is online and has capacity left. When nobody is free it waits." },
	{ "order_by",    T_ENUM, F_CREATE|F_PATCH|F_OUT, .words = order, .example = "\"priority\"", .doc = "Which one is next: the most urgent, then the oldest; or the oldest by creation or by last change." },
	{ "lease_seconds", T_INT, F_CREATE|F_PATCH|F_OUT, 30, 86400, .example = "900", .doc = "A ticket taken with next and left alone for so long goes back." },
	{ "active",      T_BOOL, F_CREATE|F_PATCH|F_OUT, .example = "true", .doc = "Whether new tickets come here by themselves." },
	{ "position",    T_INT,  F_CREATE|F_PATCH|F_OUT, -1000000, 1000000, .example = "0", .doc = "Place among the queues, smallest first." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource queue = { "Queue", "Where tickets wait for an agent.", "queue_v", "queue_id", NULL, queue_fields };
static const struct filter by[] = {
	{ "team_id", T_ID,   "t.team_id = $?", NULL, "Team; repeatable." },
	{ "active",  T_BOOL, "t.active = $?",  NULL, "Whether new tickets come to it.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = {
	{ "position",   "t.position",   "int" },
	{ "name",       "t.name",       "text" },
	{ "created_at", "t.created_at", "timestamptz" },
	{ .name = NULL }
};
static const struct list queues = { by, sorts, NULL, true };
static const struct include includes[] = {
	{ "stats", SQL_QUEUE_STATS, false, NULL, "depth (open tickets), waiting (without an agent), oldest_age_seconds, at_risk (without a first reply for four hours)." },
	{ .name = NULL }
};
static const struct filter heir[] = {
	{ "move_to", T_ID, "", NULL, "Queue that takes over the tickets; without it they have none. They wait there, whatever its strategy; what an agent has taken stays the agent's until the lease ends.", true },
	{ .name = NULL }
};

static const struct field match_fields[] = {
	{ "ticket_id",  T_ID, F_BODY, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "A ticket that exists." },
	{ "attributes", T_OBJECT, F_BODY|F_PARTIAL, .sub = ticket_fields, .example = "{\"priority\":\"urgent\"}", .doc = "Or fields of one that does not exist yet: it is made as POST /api/tickets makes it, judged, and taken back. What creating requires may be left out." },
	{ .name = NULL }
};
static const struct field why_fields[] = {
	{ "path",    T_STR,  F_OUT, .example = "\"all[0]\"", .doc = "The comparison's place in the queue's conditions; empty when they are one comparison." },
	{ "field",   T_STR,  F_OUT, .example = "\"priority\"", .doc = "Its field." },
	{ "op",      T_STR,  F_OUT, .example = "\"eq\"", .doc = "Its operator." },
	{ "value",   T_ANY,  F_OUT|F_OPT, .example = "\"urgent\"", .doc = "Its value, unless the operator takes none." },
	{ "matched", T_BOOL, F_OUT, .example = "true", .doc = "Whether it holds." },
	{ .name = NULL }
};
static const struct field matched_fields[] = {
	{ "queue_id", T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The queue." },
	{ "name",     T_STR,  F_OUT, .example = "\"Urgent\"", .doc = "Its name." },
	{ "matched",  T_BOOL, F_OUT, .example = "true", .doc = "Whether it wants the ticket." },
	{ "why",      T_OBJECT, F_OUT|F_LIST, .sub = why_fields, .example = "[]", .doc = "Each comparison, and whether it holds." },
	{ "error",    T_STR,  F_OUT|F_OPT, .example = "\"conditions.field: Tickets have no field \\\"custom_fields.plan\\\".\"", .doc = "Why it wants no ticket at all: its conditions do not hold any more, because a custom field is gone." },
	{ .name = NULL }
};
static const struct field answer_fields[] = {
	{ "first", T_ID, F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The queue to which the ticket would go; that of the attributes when they name one." },
	{ "data",  T_OBJECT, F_OUT|F_LIST, .sub = matched_fields, .example = "[]", .doc = "The active queues that have conditions, in their order." },
	{ .name = NULL }
};
static const struct resource answer = { "QueueMatch", "Which queues want a ticket, and why.", NULL, NULL, NULL, answer_fields };
static const struct field next_fields[] = {
	{ "user_id", T_ID, F_BODY, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "For whom; a user who is logged in takes for himself." },
	{ .name = NULL }
};
/* The ticket with its lease. */
static const struct resource taken = { "Ticket", "A customer's request for help.", "taken_ticket_v", "ticket_id", NULL, ticket_fields };
/* clang-format on */

static int
check_conditions(struct req *r)
{
	struct condition c;

	if (req_conditions(r, 1, CONDITION_ROW, &c) == -1)
		return -1;
	return api_exec(r);
}

static int
remove_queue(struct req *r)
{
	r->exec_slot =
	    db_queue(r->db, SQL_QUEUE_DELETE, P(r->org, r->args[0], query_get(r, "move_to")));
	return reply_empty(r);
}

/* A column for each queue: an array of whether it matches, then whether each comparison does. */
static const char *
select_matches(struct req *r, const struct routing *rules)
{
	struct buf sql;
	int i, j;

	buf_init(&sql, r->arena, 2048);
	buf_str(&sql, "SELECT 1");
	for (i = 0; i < rules->n; i++) {
		const struct condition *c = &rules->conditions[i];

		buf_printf(&sql, ", ARRAY[%s IS TRUE", c->sql);
		for (j = 0; j < c->nleaves; j++)
			buf_printf(&sql, ", %s IS TRUE", c->leaves[j].sql);
		buf_str(&sql, "]::text");
	}
	return sql.data;
}

static void
put_comparison(struct buf *out, const struct condition_leaf *leaf, bool matched)
{
	buf_str(out, "{\"path\":");
	buf_json_str(out, leaf->path);
	buf_str(out, ",\"field\":");
	buf_json_str(out, leaf->field);
	buf_printf(out, ",\"op\":\"%s\"", leaf->op);
	if (leaf->value != NULL)
		buf_printf(out, ",\"value\":%s", leaf->value);
	buf_printf(out, ",\"matched\":%s}", matched ? "true" : "false");
}

/* array is "{true,false,…}" of select_matches(). */
static void
put_match(struct req *r, const struct routing *rules, int i, const char *array)
{
	const struct condition *c = &rules->conditions[i];
	struct buf *out = &r->out->body;
	const char *p = array + 1;
	int j;

	buf_printf(out, "%s{\"queue_id\":\"%s\",\"name\":", i == 0 ? "" : ",",
	    PQgetvalue(rules->rows, i, 0));
	buf_json_str(out, PQgetvalue(rules->rows, i, 1));
	buf_printf(out, ",\"matched\":%s,\"why\":[", *p == 't' ? "true" : "false");
	for (j = 0; j < c->nleaves; j++) {
		p += strcspn(p, ",") + 1;
		buf_str(out, j == 0 ? "" : ",");
		put_comparison(out, &c->leaves[j], *p == 't');
	}
	buf_char(out, ']');
	if (c->code != NULL) {
		buf_str(out, ",\"error\":");
		buf_json_str(out, arena_printf(r->arena, "conditions%s%s: %s",
				      *c->path == '\0' ? "" : ".", c->path, c->message));
	}
	buf_char(out, '}');
}

/* What creating refuses, under the name that it has here. */
static int
fail_attributes(struct req *r)
{
	struct field_error *e;

	fail_db(r);
	for (e = r->fields; e != NULL; e = e->next)
		e->field = arena_printf(r->arena, "attributes.%s", e->field);
	return -1;
}

/* The id of the ticket to be judged, made for it when there is none; NULL after a failure. */
static const char *
judged_ticket(struct req *r, struct json_object *attributes)
{
	char *id;

	if (attributes == NULL)
		return body_str(r, "ticket_id");
	id = arena_alloc(r->arena, 37);
	uuid7(id);
	if (db_row(r->db, SQL_TICKET_TRY,
		P(r->org, id,
		    json_object_to_json_string_ext(attributes, JSON_C_TO_STRING_PLAIN))) != NULL)
		return id;
	fail_attributes(r);
	return NULL;
}

/* A queue that the attributes name is the ticket's, whatever the others want. */
static const char *
named_queue(struct json_object *attributes)
{
	struct json_object *v;

	return attributes != NULL && json_object_object_get_ex(attributes, "queue_id", &v)
	           ? json_object_get_string(v)
	           : NULL;
}

static int
match(struct req *r)
{
	struct json_object *attributes = body_get(r, "attributes");
	const char *before[] = { r->org, NULL }, *first = named_queue(attributes);
	struct routing rules;
	const PGresult *row;
	int i;

	if (body_has(r, "ticket_id") == (attributes != NULL))
		return fail_field(r, "ticket_id", "required", "Give a ticket_id, or attributes.");
	before[1] = judged_ticket(r, attributes);
	if (before[1] == NULL || routing_load(r, &rules, 3, before) == -1)
		return -1;
	row =
	    db_result(r->db, db_queue_text(r->db,
				 arena_printf(r->arena,
				     "%s FROM ticket_v t WHERE t.org_id = $1 AND t.ticket_id = $2",
				     select_matches(r, &rules)),
				 rules.nvalues, rules.values));
	if (row == NULL)
		return fail_db(r);
	if (PQntuples(row) == 0)
		return fail(r, E_NOT_FOUND);
	buf_str(&r->out->body, "{\"data\":[");
	for (i = 0; i < rules.n; i++) {
		put_match(r, &rules, i, PQgetvalue(row, 0, i + 1));
		if (first == NULL && PQgetvalue(row, 0, i + 1)[1] == 't')
			first = PQgetvalue(rules.rows, i, 0);
	}
	buf_printf(
	    &r->out->body, first == NULL ? "],\"first\":null}" : "],\"first\":\"%s\"}", first);
	return reply_json(r, 200);
}

/* The caller's own next ticket, or that of somebody the caller may speak for. */
static int
next(struct req *r)
{
	const char *user = body_str(r, "user_id");
	const char *own = r->who.user_id[0] == '\0' ? NULL : r->who.user_id;
	const char *chosen;

	if (user == NULL)
		user = own;
	if (user == NULL)
		return fail_field(
		    r, "user_id", "required", "Say for whom; only a user takes for himself.");
	if (own != NULL && strcasecmp(user, own) != 0 && !principal_may(&r->who, S_USERS_WRITE))
		return fail_detail(r, E_FORBIDDEN,
		    "Taking a ticket for somebody else needs the scope write:users.");
	chosen = db_value(r->db, SQL_QUEUE_NEXT, P(r->org, r->args[0], user));
	if (db_failed(r->db))
		return fail_db(r);
	if (chosen == NULL)
		return reply_empty(r);
	return reply_resource(r, 200, &taken, NULL, chosen);
}

/* clang-format off */
#define PATH "/api/organizations/:org_id/queues"
const struct route queue_routes[] = {
	{ POST, PATH, "queues.create", check_conditions, S_USERS_WRITE, .flags = R_CREATE, .body = queue_fields, .reply = &queue,
	    .exec = SQL_QUEUE_CREATE, .summary = "Create a queue" },
	{ GET, PATH, "queues.list", api_list, S_USERS_READ, .reply = &queue, .list = &queues, .summary = "List queues" },
	{ POST, PATH "/match", "queues.match", match, S_TICKETS_READ, .flags = R_READ|R_TRIES, .body = match_fields, .reply = &answer,
	    .summary = "Find matching queues", .doc = "Which queues want a ticket, or one with these attributes, and why.", .example = "{\"attributes\":{\"priority\":\"urgent\"}}" },
	{ GET, PATH "/:id", "queues.get", api_get, S_USERS_READ, .reply = &queue, .includes = includes, .summary = "Get a queue" },
	{ PATCH, PATH "/:id", "queues.update", check_conditions, S_USERS_WRITE, .body = queue_fields, .use = F_PATCH, .reply = &queue,
	    .exec = SQL_QUEUE_PATCH, .summary = "Update a queue", .example = "{\"order_by\":\"created_at\"}" },
	{ DELETE, PATH "/:id", "queues.delete", remove_queue, S_USERS_WRITE, .on = &queue, .query = heir, .status = 204, .summary = "Delete a queue" },
	{ POST, PATH "/:id/next", "queues.next", next, S_TICKETS_WRITE, .flags = R_EMPTY, .body = next_fields, .reply = &ticket, .on = &queue,
	    .summary = "Take the next ticket", .doc = "Atomic: no ticket is given twice. It becomes the agent's; left alone until lease_until it goes back. It is kept by a reply or a note, by any change of it that the agent makes (or the key that took it for the agent), and by another status, assignee, queue, team or a snooze whoever sets them; what a workflow does besides the status and the assignee does not count. 204 when none waits that the agent has the skills for; 409 when the agent has no capacity left." },
	{ .path = NULL }
};

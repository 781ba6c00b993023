/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views: saved filters over tickets. Who sees which one is the business of the
 * SQL view saved_view_v; the filter is a condition (store/condition.h) and is
 * compiled each time the view is used, so that "now-2d" means today's.
 */
#include <string.h>

#include "http/req.h"
#include "resources/tickets.h"

#define COUNT_LIMIT 10000 /* beyond this the counts of all views say "at least" */
#define COUNT_US 1000000  /* and views that have not had their turn by then are not counted */
#define COUNT_ROUND 10    /* counts in one flight */
#define VIEWS_EACH 1000   /* in sql/functions/65_views.sql, too */
#define TEXT_(number) #number
#define TEXT(number) TEXT_(number)

/* clang-format off */
static const char *const visibility[] = { "private", "team", "everyone", NULL };
static const struct field view_fields[] = {
	{ "view_id",     T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "name",        T_STR,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 120, .example = "\"Urgent and unassigned\"", .doc = "Name; at most 120 characters." },
	{ "description", T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 2000, .example = "\"What nobody has taken yet\"", .doc = "What it is for." },
	{ "conditions",  T_CONDITION, F_CREATE|F_PATCH|F_OUT, .example = "{\"all\":[{\"field\":\"priority\",\"op\":\"in\",\"value\":[\"high\",\"urgent\"]},{\"field\":\"assignee_user_id\",\"op\":\"is_not_set\"}]}", .doc = "Which tickets: all, any or not of comparisons {field, op, value}. Empty: all tickets." },
	{ "sort",        T_STR,  F_CREATE|F_PATCH|F_OUT, 1, 68, .example = "\"-created_at\"", .doc = "Order: created_at, updated_at, number or priority, or cf.<key> of a custom field; with a minus, the largest first. Tickets without a value come last either way." },
	{ "columns",     T_STR,  F_CREATE|F_PATCH|F_OUT|F_LIST, 1, 80, .max_items = 30, .example = "[\"number\",\"title\",\"priority\"]", .doc = "Fields that a list of these tickets should show, each once; custom_fields.<key> too. For user interfaces." },
	{ "visibility",  T_ENUM, F_CREATE|F_PATCH|F_OUT, .words = visibility, .example = "\"everyone\"", .doc = "private: its owner; team: the members of team_id; everyone. Unless given, everyone for a caller with the scope write:settings, which sharing needs, and private for others." },
	{ "team_id",     T_ID,   F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "The team, with visibility team; there it must be given, with another it must not." },
	{ "owner_id",    T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who created it." },
	{ "position",    T_INT,  F_CREATE|F_PATCH|F_OUT, -1000000, 1000000, .example = "0", .doc = "Place among the views, smallest first." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource view = { "View", "A saved filter over tickets.", "saved_view_v", "view_id", NULL, view_fields };
static const struct filter by[] = {
	{ "visibility", T_ENUM, "t.visibility = $?", visibility, "Visibility; repeatable." },
	{ "team_id",    T_ID,   "t.team_id = $?",    NULL, "Team; repeatable." },
	{ .name = NULL }
};
static const struct sort sorts[] = {
	{ "position",   "t.position",   "int" },
	{ "created_at", "t.created_at", "timestamptz" },
	{ "name",       "t.name",       "text" },
	{ .name = NULL }
};
static const struct list views = { by, sorts, NULL, true };

static const struct field count_fields[] = {
	{ "view_id", T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The view." },
	{ "name",    T_STR,  F_OUT|F_OPT, .example = "\"Urgent and unassigned\"", .doc = "Its name, among the counts of all views." },
	{ "count",   T_INT,  F_OUT|F_NULL, .max = 9007199254740991, .example = "42", .doc = "Tickets that match; null when the filter names something that is gone or cannot be read, or among the counts of all views when there was no time for it." },
	{ "exact",   T_BOOL, F_OUT, .example = "true", .doc = "False when there are more than count." },
	{ .name = NULL }
};
static const struct resource view_count = { "ViewCount", "How many tickets a view has.", NULL, "view_id", NULL, count_fields };
static const struct field counts_fields[] = {
	{ "data", T_OBJECT, F_OUT|F_LIST, .sub = count_fields, .example = "[]", .doc = "A count for each view that the caller sees, in their order." },
	{ "complete", T_BOOL, F_OUT, .example = "true", .doc = "False when there was no time to count the tickets of all views: count is null for those that come last." },
	{ .name = NULL }
};
static const struct resource view_counts = { "ViewCounts", "How many tickets each view has.", NULL, NULL, NULL, counts_fields };
/* clang-format on */

static bool
is_sort(struct req *r, const char *word)
{
	const struct sort *s;

	word += *word == '-';
	if (strncmp(word, "cf.", 3) == 0)
		return custom_field_orders(r, word + 3);
	for (s = ticket_list.sorts; s->name != NULL; s++)
		if (strcmp(s->name, word) == 0)
			return true;
	return false;
}

static bool
is_column(struct req *r, const char *word)
{
	const struct field *f;

	if (strncmp(word, "custom_fields.", 14) == 0)
		return custom_field_type(r, word + 14) != NULL;
	for (f = ticket.fields; f->name != NULL; f++)
		if ((f->flags & (F_OUT | F_OPT)) == F_OUT && strcmp(f->name, word) == 0)
			return true;
	return false;
}

static const char *
column(struct json_object *columns, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(columns, i));
}

static void
check_columns(struct req *r, struct json_object *columns)
{
	size_t i, k;

	for (i = 0; columns != NULL && i < json_object_array_length(columns); i++) {
		const char *place = arena_printf(r->arena, "columns[%zu]", i);

		if (!is_column(r, column(columns, i)))
			fail_field(r, place, "not_allowed", "Tickets have no such field.");
		for (k = 0; k < i; k++)
			if (strcmp(column(columns, k), column(columns, i)) == 0)
				break;
		if (k < i)
			fail_field(r, place, "repeated", "The field is given twice.");
	}
}

/*
 * What the field table cannot say: conditions, order, columns, and who may share. Whether a team
 * belongs to it is in sql/functions/65_views.sql.
 */
static int
check_view(struct req *r)
{
	const char *sort = body_str(r, "sort"), *seen = body_str(r, "visibility");
	struct condition c;

	if (sort != NULL && !is_sort(r, sort))
		fail_field(r, "sort", "not_allowed", "Tickets cannot be sorted by this.");
	check_columns(r, body_get(r, "columns"));
	if (db_failed(r->db))
		return fail_db(r);
	if (req_conditions(r, 1, CONDITION_STORED, &c) == -1)
		return -1;
	if (r->failed)
		return -1;
	if (seen != NULL && strcmp(seen, "private") != 0 &&
	    !principal_may(&r->who, S_SETTINGS_WRITE))
		return fail_detail(r, E_FORBIDDEN,
		    "Sharing a view needs the scope write:settings; without it a view is private.");
	return 0;
}

/* The view's row as the caller sees it; NULL after a failure. */
static const PGresult *
definition(struct req *r)
{
	const PGresult *row = db_row(r->db, SQL_VIEW_DEFINITION, P(r->org, r->args[0]));

	if (row == NULL && db_failed(r->db))
		fail_db(r);
	else if (row == NULL)
		fail(r, E_NOT_FOUND);
	return row;
}

/* Its owner may change a private view; the others belong to who may change settings. */
static int
check_owner(struct req *r)
{
	const PGresult *row = definition(r);
	const char *owner;

	if (row == NULL)
		return -1;
	owner = db_get(row, 0, "owner_id");
	if ((owner != NULL && strcmp(owner, r->who.actor) == 0) ||
	    principal_may(&r->who, S_SETTINGS_WRITE))
		return 0;
	return fail_detail(r, E_FORBIDDEN, "The view belongs to somebody else.");
}

static int
create_view(struct req *r)
{
	const char *otherwise = principal_may(&r->who, S_SETTINGS_WRITE) ? "everyone" : "private";

	if (check_view(r) == -1)
		return -1;
	r->exec_slot =
	    db_queue(r->db, SQL_VIEW_CREATE, P(r->org, r->new_id, r->body_text, otherwise));
	return reply_resource(r, 201, &view, NULL, r->new_id);
}

static int
update_view(struct req *r)
{
	return check_owner(r) == -1 || check_view(r) == -1 ? -1 : api_exec(r);
}

static int
delete_view(struct req *r)
{
	return check_owner(r) == -1 ? -1 : api_exec(r);
}

/* The stored filter; it was right when it was stored, but a custom field may be gone since. */
static int
compile(struct req *r, const PGresult *row, struct condition *c)
{
	return req_stored_condition(
	    r, "view", db_get(row, 0, "conditions"), 2, CONDITION_STORED, c);
}

/* The stored order, likewise. */
static int
check_order(struct req *r, const char *sort)
{
	if (is_sort(r, sort))
		return 0;
	return db_failed(r->db)
	           ? fail_db(r)
	           : fail_detail(r, E_CONFLICT,
			 "The view's order does not hold any more: %s is no field to sort by.",
			 sort + (*sort == '-'));
}

static int
execute_view(struct req *r)
{
	const PGresult *row = definition(r);
	struct list *list;
	struct condition c;

	if (row == NULL || compile(r, row, &c) == -1 ||
	    (query_get(r, "sort") == NULL && check_order(r, db_get(row, 0, "sort")) == -1))
		return -1;
	list = arena_memdup(r->arena, &ticket_list, sizeof(*list));
	list->order = db_get(row, 0, "sort");
	return reply_list(r, &ticket, list, c.sql, c.nvalues, c.values);
}

/* Queue the count of a compiled filter; beyond most it stops, 0 for never. */
static int
queue_count(struct req *r, const struct condition *c, long most)
{
	const char **values = arena_alloc(r->arena, ((size_t)c->nvalues + 1) * sizeof(*values));
	const char *where =
	    arena_printf(r->arena, "FROM ticket_v t WHERE t.org_id = $1 AND %s", c->sql);

	values[0] = r->org;
	if (c->nvalues > 0)
		memcpy(values + 1, c->values, (size_t)c->nvalues * sizeof(*values));
	return db_queue_text(r->db,
	    most == 0 ? arena_printf(r->arena, "SELECT count(*) %s", where)
		      : arena_printf(r->arena, "SELECT count(*) FROM (SELECT 1 %s LIMIT %ld) x",
			    where, most + 1),
	    c->nvalues + 1, values);
}

static int
count_view(struct req *r)
{
	const PGresult *row = definition(r), *total;
	struct condition c;

	if (row == NULL || compile(r, row, &c) == -1)
		return -1;
	total = db_result(r->db, queue_count(r, &c, 0));
	if (total == NULL)
		return fail_db(r);
	buf_printf(&r->out->body, "{\"view_id\":\"%s\",\"count\":%s,\"exact\":true}", r->args[0],
	    PQgetvalue(total, 0, 0));
	return reply_json(r, 200);
}

static void
put_count(struct req *r, const PGresult *views_, int i, const PGresult *total)
{
	struct buf *out = &r->out->body;
	long n = total == NULL ? 0 : strtol(PQgetvalue(total, 0, 0), NULL, 10);

	buf_printf(
	    out, "%s{\"view_id\":\"%s\",\"name\":", i == 0 ? "" : ",", PQgetvalue(views_, i, 0));
	buf_json_str(out, PQgetvalue(views_, i, 1));
	if (total == NULL)
		buf_str(out, ",\"count\":null,\"exact\":false}");
	else
		buf_printf(out, ",\"count\":%ld,\"exact\":%s}", n > COUNT_LIMIT ? COUNT_LIMIT : n,
		    n > COUNT_LIMIT ? "false" : "true");
}

/* Counts of some of the views, in one flight; false when one took too long. */
static bool
count_round(struct req *r, const PGresult *rows, int first, int end)
{
	int slots[COUNT_ROUND], i, mark = db_mark(r->db);
	bool all = true;

	for (i = first; i < end; i++) {
		struct condition c;

		slots[i - first] = -1;
		if (condition_load(r->db, r->arena, r->org, db_get(rows, i, "conditions"), 2,
			CONDITION_STORED, &c))
			slots[i - first] = queue_count(r, &c, COUNT_LIMIT);
	}
	for (i = first; i < end; i++) {
		const PGresult *total = db_result(r->db, slots[i - first]);

		all = all && (total != NULL || slots[i - first] == -1);
		if (total == NULL)
			db_forgive_timeout(r->db);
		put_count(r, rows, i, total);
	}
	db_reuse(r->db, mark);
	return all;
}

static int
count_all(struct req *r)
{
	const PGresult *rows = db_rows(r->db, SQL_VIEW_ALL, P(r->org));
	int64_t until = mono_us() + COUNT_US;
	bool complete = true;
	int i, n;

	if (rows == NULL)
		return fail_db(r);
	n = PQntuples(rows);
	buf_str(&r->out->body, "{\"data\":[");
	for (i = 0; i < n && complete && !db_failed(r->db); i += COUNT_ROUND)
		complete = count_round(r, rows, i, i + COUNT_ROUND < n ? i + COUNT_ROUND : n) &&
		           (mono_us() < until || i + COUNT_ROUND >= n);
	for (; i < n; i++)
		put_count(r, rows, i, NULL);
	buf_printf(&r->out->body, "],\"complete\":%s}", complete ? "true" : "false");
	return db_failed(r->db) ? fail_db(r) : reply_json(r, 200);
}

/* clang-format off */
#define PATH "/api/organizations/:org_id/views"
const struct route view_routes[] = {
	{ POST, PATH, "views.create", create_view, S_TICKETS_WRITE, .flags = R_CREATE,
	    .body = view_fields, .reply = &view, .summary = "Create a view", .doc = "Of one owner there are at most " TEXT(VIEWS_EACH) "." },
	{ GET, PATH, "views.list", api_list, S_TICKETS_READ, .reply = &view, .list = &views,
	    .summary = "List views", .doc = "Everybody's, those of the caller's teams, and the caller's own." },
	{ GET, PATH "/counts", "views.counts", count_all, S_TICKETS_READ, .reply = &view_counts,
	    .summary = "Count the tickets of all views", .doc = "In one call, for a sidebar. Counts stop at " TEXT(COUNT_LIMIT) ", and after a second no further ones begin." },
	{ GET, PATH "/:id", "views.get", api_get, S_TICKETS_READ, .reply = &view, .summary = "Get a view" },
	{ PATCH, PATH "/:id", "views.update", update_view, S_TICKETS_WRITE,
	    .body = view_fields, .use = F_PATCH, .reply = &view, .exec = SQL_VIEW_PATCH, .summary = "Update a view",
	    .doc = "Its owner may, and whoever has the scope write:settings.", .example = "{\"sort\":\"-priority\"}" },
	{ DELETE, PATH "/:id", "views.delete", delete_view, S_TICKETS_WRITE, .on = &view, .exec = SQL_VIEW_DELETE,
	    .status = 204, .summary = "Delete a view", .doc = "Its owner may, and whoever has the scope write:settings." },
	{ GET, PATH "/:id/tickets", "views.tickets", execute_view, S_TICKETS_READ, .flags = R_STALE, .reply = &ticket, .list = &ticket_list,
	    .summary = "Execute a view", .doc = "The tickets that match, in the view's order unless sort says otherwise; filters narrow it further. 409 when the filter or the order names a custom field that is gone." },
	{ GET, PATH "/:id/count", "views.count", count_view, S_TICKETS_READ, .flags = R_STALE, .reply = &view_count,
	    .summary = "Count the tickets of a view", .doc = "409 when its conditions do not hold any more, because a custom field is gone." },
	{ .path = NULL }
};

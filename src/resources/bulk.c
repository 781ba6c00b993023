/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk: one change to many tickets, now (at most 100) or as a job on all that
 * match a condition. The work is done by sql/functions/62_bulk.sql.
 */
#include <string.h>

#include "base/json.h"
#include "http/problem.h"
#include "http/schema.h"
#include "resources/actions.h"
#include "resources/routing.h"
#include "resources/tickets.h"

#define MOST 100

/* clang-format off */
#define IDS { "ticket_ids", T_ID, F_BODY|F_REQ|F_LIST, .max_items = MOST, .example = "[\"0190163d-8694-739b-aea5-966c26f8ad91\"]", .doc = "The tickets; 1 to 100." }
#define MODES \
	{ "dry_run", T_BOOL, F_BODY, .example = "false", .doc = "Do everything and take it back: the answer tells what would happen." }, \
	{ "atomic",  T_BOOL, F_BODY, .example = "false", .doc = "All or none: the first failure leaves every ticket as it was." }
static const struct field update_fields[] = {
	IDS,
	{ "changes", T_OBJECT, F_BODY|F_REQ|F_PARTIAL, .sub = ticket_fields, .example = "{\"priority\":\"low\"}", .doc = "What changes, as in updating one ticket." },
	MODES,
	{ .name = NULL }
};
static const struct field close_fields[] = {
	{ "ticket_ids", T_ID, F_BODY|F_LIST, .max_items = MOST, .example = "[\"0190163d-8694-739b-aea5-966c26f8ad91\"]", .doc = "The tickets; 1 to 100. Where a body cannot be sent, ?ids= names them." },
	MODES,
	{ .name = NULL }
};
static const struct field tag_fields[] = {
	IDS,
	{ "add",    T_TAG, F_BODY|F_LIST, .example = "[\"vip\"]", .doc = "Tags to add." },
	{ "remove", T_TAG, F_BODY|F_LIST, .example = "[\"bug\"]", .doc = "Tags to remove." },
	MODES,
	{ .name = NULL }
};
static const struct field create_fields[] = {
	{ "tickets", T_OBJECT, F_BODY|F_REQ|F_LIST|F_ALONE, .sub = ticket_fields, .max_items = MOST, .example = "[{\"title\":\"Cannot login to dashboard\"}]", .doc = "The new tickets, as in creating one; 1 to 100." },
	MODES,
	{ .name = NULL }
};
static const char *const outcomes[] = { "ok", "failed", "rolled_back", NULL };
static const struct field wrong_fields[] = {
	{ "field",   T_STR, F_OUT, .example = "\"title\"", .doc = "The field." },
	{ "code",    T_STR, F_OUT, .example = "\"required\"", .doc = "What is wrong, as a stable word." },
	{ "message", T_STR, F_OUT, .example = "\"The field is required.\"", .doc = "What is wrong." },
	{ .name = NULL }
};
static const struct field item_fields[] = {
	{ "index",     T_INT,  F_OUT, .example = "0", .doc = "Position in the request." },
	{ "ticket_id", T_ID,   F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket; null when a new one was not made, or not in earnest." },
	{ "status",    T_ENUM, F_OUT, .words = outcomes, .example = "\"ok\"", .doc = "rolled_back: it would have been ok, but another was not and all or none was wanted." },
	{ "code",      T_STR,  F_OUT|F_OPT, .example = "\"invalid_transition\"", .doc = "Why it failed, as a stable word." },
	{ "message",   T_STR,  F_OUT|F_OPT, .example = "\"A ticket cannot go from merged to open.\"", .doc = "Why it failed." },
	{ "field",     T_STR,  F_OUT|F_OPT|F_NULL, .example = "\"status\"", .doc = "The field at fault, if it was one." },
	{ "errors",    T_OBJECT, F_OUT|F_OPT|F_LIST, .sub = wrong_fields, .example = "[]", .doc = "Of a new ticket whose fields are not valid: all of them; code, message and field are those of the first." },
	{ "before",    T_OBJECT, F_OUT|F_OPT, .example = "{\"priority\":\"normal\"}", .doc = "What the changed fields were." },
	{ .name = NULL }
};
static const struct field result_fields[] = {
	{ "dry_run",   T_BOOL, F_OUT, .example = "false", .doc = "Whether nothing was done in earnest." },
	{ "atomic",    T_BOOL, F_OUT, .example = "false", .doc = "Whether it was all or none." },
	{ "succeeded", T_INT,  F_OUT, .example = "1", .doc = "Tickets that are changed now, or in a dry run would be." },
	{ "failed",    T_INT,  F_OUT, .example = "0", .doc = "Tickets that could not be changed." },
	{ "results",   T_OBJECT, F_OUT|F_LIST, .sub = item_fields, .example = "[]", .doc = "One for each ticket, in the order of the request." },
	{ .name = NULL }
};
static const struct resource result = { "BulkResult", "What became of each ticket.", NULL, NULL, NULL, result_fields };
static const struct filter by_ids[] = {
	{ "ids",     T_STR,  "", NULL, "Ticket ids separated by commas, instead of the body's ticket_ids; 1 to 100.", true },
	{ "dry_run", T_BOOL, "", NULL, "As in the body, which must not say something else.", true },
	{ "atomic",  T_BOOL, "", NULL, "As in the body, which must not say something else.", true },
	{ .name = NULL }
};

static const char *const actions[] = { "update", "close", "tag", "delete", NULL };
static const struct action_members members[] = {
	{ "update", { "changes" } }, { "tag", { "add", "remove" } }, { "close", { NULL } }, { "delete", { NULL } }, { .action = NULL }
};
static const char *const states[] = { "queued", "running", "completed", "failed", "cancelled", NULL };
static const struct field error_fields[] = {
	{ "ticket_id", T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "code",      T_STR, F_OUT|F_NULL, .example = "\"ticket_merged\"", .doc = "Why, as a stable word." },
	{ "message",   T_STR, F_OUT|F_NULL, .example = "\"The ticket was merged into another one.\"", .doc = "Why." },
	{ .name = NULL }
};
static const struct field job_fields[] = {
	{ "job_id",     T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",     T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "action",     T_ENUM, F_BODY|F_REQ|F_OUT, .words = actions, .example = "\"update\"", .doc = "What is done with each ticket." },
	{ "conditions", T_CONDITION, F_BODY|F_REQ|F_OUT, .example = "{\"field\":\"status\",\"op\":\"eq\",\"value\":\"resolved\"}", .doc = "Which tickets, as in a view; those that exist when the job is made. {} means all." },
	{ "changes",    T_OBJECT, F_BODY|F_PARTIAL, .sub = ticket_fields, .example = "{\"priority\":\"low\"}", .doc = "With update: what changes, as in updating one ticket." },
	{ "add",        T_TAG,  F_BODY|F_LIST, .example = "[\"vip\"]", .doc = "With tag: tags to add." },
	{ "remove",     T_TAG,  F_BODY|F_LIST, .example = "[\"bug\"]", .doc = "With tag: tags to remove." },
	{ "dry_run",    T_BOOL, F_BODY|F_OUT, .example = "false", .doc = "Try each ticket and take it back." },
	{ "max_items",  T_INT,  F_BODY, 1, 1000000, .example = "10000", .doc = "Stop after so many tickets." },
	{ "changes",    T_OBJECT, F_OUT|F_NULL|F_PARTIAL, .sub = ticket_fields, .example = "{\"priority\":\"low\"}", .doc = "What changes, as it was asked for; null with another action." },
	{ "add",        T_TAG,  F_OUT|F_NULL|F_LIST, .example = "null", .doc = "Tags to add, as it was asked for." },
	{ "remove",     T_TAG,  F_OUT|F_NULL|F_LIST, .example = "null", .doc = "Tags to remove, as it was asked for." },
	{ "max_items",  T_INT,  F_OUT|F_NULL, .max = 1000000, .example = "null", .doc = "It stops after so many tickets; null for no limit." },
	{ "state",      T_ENUM, F_OUT, .words = states, .example = "\"running\"", .doc = "Where the job stands." },
	{ "undo",       T_BOOL, F_OUT, .example = "false", .doc = "Whether it takes back, or has taken back, what it did." },
	{ "total",      T_INT,  F_OUT|F_NULL, .max = 9007199254740991, .example = "250", .doc = "Tickets that matched at the start; null before that." },
	{ "done",       T_INT,  F_OUT, .max = 9007199254740991, .example = "100", .doc = "Tickets changed so far." },
	{ "failed",     T_INT,  F_OUT, .max = 9007199254740991, .example = "0", .doc = "Tickets that could not be changed." },
	{ "undone",     T_INT,  F_OUT, .max = 9007199254740991, .example = "0", .doc = "Tickets put back by undo." },
	{ "skipped",    T_INT,  F_OUT, .max = 9007199254740991, .example = "0", .doc = "Tickets that undo left alone because they have changed since." },
	{ "errors",     T_OBJECT, F_OUT|F_LIST, .sub = error_fields, .example = "[]", .doc = "The first 100 failures." },
	{ "error",      T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Why the whole job failed." },
	{ "created_by", T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "In whose name it works." },
	{ "started_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it began." },
	{ "finished_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it ended." },
	{ "created_at", T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource job = { "BulkJob", "A change to all tickets that match a condition.", "bulk_job_v", "job_id", NULL, job_fields };
static const struct filter undo[] = {
	{ "undo", T_BOOL, "", NULL, "Take back what was done, where a ticket is as the job left it.", true },
	{ .name = NULL }
};
/* clang-format on */

/* The ids of the query, or else of the body, as an array's text; NULL after a refusal. */
static const char *
ids_of(struct req *r, struct json_object *ids, bool of_query)
{
	size_t i, j, n = json_object_array_length(ids);
	struct buf list;

	buf_init(&list, r->arena, 4096);
	for (i = 0; i < n; i++) {
		const char *id = json_object_get_string(json_object_array_get_idx(ids, i));

		for (j = 0; j < i; j++)
			if (strcasecmp(
				id, json_object_get_string(json_object_array_get_idx(ids, j))) == 0)
				fail_field(r,
				    of_query ? "ids" : arena_printf(r->arena, "ticket_ids[%zu]", i),
				    "repeated", "The ticket is given twice.");
		buf_array_item(&list, id);
	}
	return r->failed ? NULL : arena_printf(r->arena, "{%s}", list.data);
}

/* more: an object, whose members count as the body's. */
static int
run(struct req *r, const char *operation, const char *ids, const char *more)
{
	bool routed;
	int slot;

	if (ids == NULL || more == NULL)
		return -1;
	routed = strcmp(operation, "create") == 0 && routing_begin(r);
	slot = db_queue(
	    r->db, SQL_BULK_TICKETS, P(r->org, operation, ids, r->body_text, r->number, more));
	if (routed && routing_apply(r, ids) == -1)
		return -1;
	return reply_slot(r, 200, &result, slot);
}

static int
bulk_update(struct req *r)
{
	check_members(r, members, "update", "", r->body);
	return run(r, "update", ids_of(r, body_get(r, "ticket_ids"), false), "{}");
}

static int
bulk_tag(struct req *r)
{
	check_members(r, members, "tag", "", r->body);
	return run(r, "tag", ids_of(r, body_get(r, "ticket_ids"), false), "{}");
}

/* "a,b,c" as the JSON array that a body would have; NULL after a refusal. */
static struct json_object *
split_ids(struct req *r, const char *text)
{
	struct json_error error;
	struct buf list;
	unsigned n = 0;

	buf_init(&list, r->arena, 4096);
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		const char *id = arena_strndup(r->arena, text, len);

		if (!uuid_valid(id)) {
			fail_field(r, "ids", "format", "Must be UUIDs separated by commas.");
			return NULL;
		}
		buf_printf(&list, "%s\"%s\"", n++ == 0 ? "[" : ",", id);
		text += len + (text[len] == ',');
	}
	if (n > MOST)
		fail_field(r, "ids", "too_many", "At most %d ids.", MOST);
	if (n == 0)
		fail_field(r, "ids", "required", "Name at least one ticket.");
	if (r->failed)
		return NULL;
	buf_char(&list, ']');
	return json_parse(r->arena, list.data, list.len, &error);
}

/* What the query says of how to do it, as an object; NULL after a refusal. */
static const char *
query_modes(struct req *r)
{
	static const char *const names[] = { "dry_run", "atomic" };
	struct buf modes;
	unsigned i;

	buf_init(&modes, r->arena, 64);
	for (i = 0; i < LENGTH(names); i++) {
		const char *word = query_get(r, names[i]);

		if (word == NULL)
			continue;
		if (body_has(r, names[i]) &&
		    body_bool(r, names[i], false) != (strcmp(word, "true") == 0))
			fail_field(r, names[i], "conflict",
			    "The query and the body say different things.");
		buf_printf(&modes, "%s\"%s\":%s", modes.len == 0 ? "" : ",", names[i], word);
	}
	return r->failed ? NULL : arena_printf(r->arena, "{%s}", modes.data);
}

/* Some proxies drop the body of a DELETE, so the query may say all of it. */
static int
bulk_close(struct req *r)
{
	const char *query = query_get(r, "ids");
	struct json_object *ids = query == NULL ? body_get(r, "ticket_ids") : split_ids(r, query);

	if (r->failed)
		return -1;
	if (query != NULL && body_has(r, "ticket_ids"))
		return fail_field(
		    r, "ids", "conflict", "Either the query or the body names the tickets.");
	if (ids == NULL || json_object_array_length(ids) == 0)
		return fail_field(r, "ticket_ids", "required", "The field is required.");
	return run(r, "close", ids_of(r, ids, query != NULL), query_modes(r));
}

/*
 * Which of the tickets are not valid, as a member "refused": their errors by position. When all
 * or none is wanted, one of them refuses the call; then NULL.
 */
static const char *
refused(struct req *r, struct json_object *tickets)
{
	bool all = body_bool(r, "atomic", false);
	size_t i, n = json_object_array_length(tickets);
	const struct field_error *errors;
	struct buf list;

	buf_init(&list, r->arena, 256);
	for (i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(tickets, i);

		if (all) {
			schema_members(r, arena_printf(r->arena, "tickets[%zu]", i), ticket_fields,
			    F_BODY, one);
			continue;
		}
		errors = schema_problems(r, ticket_fields, F_BODY, one);
		if (errors == NULL)
			continue;
		buf_printf(&list, "%s\"%zu\":", list.len == 0 ? "" : ",", i);
		problem_errors(&list, errors);
	}
	return r->failed ? NULL : arena_printf(r->arena, "{\"refused\":{%s}}", list.data);
}

/* New ids, as many as there are tickets. */
static int
bulk_create(struct req *r)
{
	struct json_object *tickets = body_get(r, "tickets");
	size_t i, n = json_object_array_length(tickets);
	struct buf list;
	char id[37];

	buf_init(&list, r->arena, 4096);
	for (i = 0; i < n; i++) {
		uuid7(id);
		buf_array_item(&list, id);
	}
	return run(r, "create", arena_printf(r->arena, "{%s}", list.data), refused(r, tickets));
}

static int
create_job(struct req *r)
{
	struct condition c;

	check_members(r, members, body_str(r, "action"), "", r->body);
	req_conditions(r, 1, CONDITION_STORED, &c);
	if (r->failed)
		return -1;
	r->exec_slot = db_queue(r->db, SQL_JOB_CREATE, P(r->org, r->new_id, "bulk", r->body_text));
	return reply_resource(r, 202, &job, NULL, r->new_id);
}

/* A job is undone once: what came back would count as changed since. 0, or -1 after a refusal. */
static int
check_undo(struct req *r, const PGresult *row, bool running)
{
	if (running)
		return fail_detail(
		    r, E_CONFLICT, "The job still works; cancel it first, then undo it.");
	if (*db_get(row, 0, "dry_run") == 't')
		return fail_detail(
		    r, E_CONFLICT, "The job was a dry run: there is nothing to undo.");
	if (*db_get(row, 0, "undone") == 't')
		return fail_detail(r, E_CONFLICT, "The job has been undone already.");
	return 0;
}

/* Stop it; with undo=true also take back what it did, once it has stopped. */
static int
end_job(struct req *r)
{
	const char *wanted = query_get(r, "undo");
	bool back = wanted != NULL && strcmp(wanted, "true") == 0;
	const PGresult *row = db_row(r->db, SQL_BULK_JOB_GET, P(r->org, r->args[0]));
	const char *state;
	bool running;

	if (row == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	state = db_get(row, 0, "state");
	running = strcmp(state, "queued") == 0 || strcmp(state, "running") == 0;
	if (back && check_undo(r, row, running) == -1)
		return -1;
	if (!back && !running)
		return fail_detail(r, E_CONFLICT, "The job is %s already.", state);
	db_do(r->db, back ? SQL_BULK_JOB_UNDO : SQL_JOB_CANCEL, back ? 2 : 3,
	    (const char *const[]){ r->org, r->args[0], "bulk" });
	return reply_resource(r, 202, &job, NULL, r->args[0]);
}

/* clang-format off */
const struct route bulk_routes[] = {
	{ PATCH, "/api/bulk/tickets", "bulk.update", bulk_update, S_TICKETS_WRITE, TIER_BULK, .body = update_fields, .reply = &result,
	    .summary = "Update many tickets", .doc = "Each ticket succeeds or fails on its own, unless `atomic` is set; the answer is 200 with a result for each." },
	{ DELETE, "/api/bulk/tickets", "bulk.close", bulk_close, S_TICKETS_WRITE, TIER_BULK, .body = close_fields, .query = by_ids, .reply = &result,
	    .summary = "Close many tickets", .doc = "Tickets are closed, not deleted. Where a body cannot be sent, the query says all of it: ids, dry_run and atomic." },
	{ POST, "/api/bulk/tickets", "bulk.create", bulk_create, S_TICKETS_WRITE, TIER_BULK, .flags = R_NUMBERS, .body = create_fields, .reply = &result,
	    .summary = "Create many tickets", .doc = "Each ticket is made or refused on its own: what is wrong with its fields is said in its result, and the others are made. With `atomic` a field that is not valid refuses the call with 422, naming it as tickets[1].priority." },
	{ POST, "/api/bulk/tickets/tag", "bulk.tag", bulk_tag, S_TICKETS_WRITE, TIER_BULK, .body = tag_fields, .reply = &result,
	    .summary = "Add and remove tags on many tickets" },
	{ POST, "/api/bulk/jobs", "bulk.createJob", create_job, S_TICKETS_WRITE, TIER_BULK, .flags = R_CREATE, .status = 202, .body = job_fields, .reply = &job,
	    .summary = "Change all tickets that match a condition", .doc = "Returns at once; the job works in batches of 100. Whatever its end, topic bulk.job.completed tells it with its state.",
	    .example = "{\"action\":\"tag\",\"conditions\":{\"field\":\"status\",\"op\":\"eq\",\"value\":\"resolved\"},\"add\":[\"done\"]}" },
	{ GET, "/api/bulk/jobs/:id", "bulk.getJob", api_get, S_TICKETS_READ, .reply = &job, .summary = "Get a bulk job", .doc = "Its progress, and the first 100 failures." },
	{ DELETE, "/api/bulk/jobs/:id", "bulk.endJob", end_job, S_TICKETS_WRITE, .query = undo, .status = 202, .reply = &job,
	    .summary = "Cancel or undo a bulk job", .doc = "A running job stops after its batch. With undo=true a job that has ended takes back what it did, except where a ticket has changed since; it does so once, and a dry run has nothing to take back. An undo that was cancelled or failed goes on when it is asked for again." },
	{ .path = NULL }
};

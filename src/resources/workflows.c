/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workflows: triggers, conditions, actions. What a run does is
 * sql/functions/74_workflows.sql; jobs/workflow.c decides which ones run.
 */
#include <string.h>

#include "resources/actions.h"

/* clang-format off */
static const char *const types[] = { "event", "time", NULL };
static const char *const clocks[] = { "created_at", "updated_at", "last_customer_comment_at", "last_agent_comment_at", "resolved_at", NULL };
static const char *const outcomes[] = { "completed", "stopped", "skipped", "failed", NULL };
static const struct field trigger_fields[] = {
	{ "type",    T_ENUM, F_BODY|F_OUT|F_REQ, .words = types, .example = "\"event\"", .doc = "event: when it happens; time: when so many minutes have passed." },
	{ "topics",  T_STR,  F_BODY|F_OUT|F_OPT|F_LIST, 1, 64, .max_items = 50, .example = "[\"ticket.created\"]", .doc = "With event: topics of events about tickets, by name or by group (ticket.*)." },
	{ "field",   T_ENUM, F_BODY|F_OUT|F_OPT, .words = clocks, .example = "\"updated_at\"", .doc = "With time: since when; looked at each minute, once for each value. Closed and merged tickets are left alone." },
	{ "minutes", T_INT,  F_BODY|F_OUT|F_OPT, 1, 5256000, .example = "2880", .doc = "With time: how long." },
	{ .name = NULL }
};
static const struct field workflow_fields[] = {
	{ "workflow_id", T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "name",        T_STR,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 120, .example = "\"Tag billing questions\"", .doc = "Name; unique whatever its case." },
	{ "description", T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 2000, .example = "\"So that finance sees them\"", .doc = "What it is for." },
	{ "trigger",     T_OBJECT, F_CREATE|F_PATCH|F_OUT|F_REQ, .sub = trigger_fields, .example = "{\"type\":\"event\",\"topics\":[\"ticket.created\"]}", .doc = "When it is looked at." },
	{ "conditions",  T_CONDITION, F_CREATE|F_PATCH|F_OUT, .example = "{\"field\":\"title\",\"op\":\"contains\",\"value\":\"invoice\"}", .doc = "For which tickets, as they are then, as in a view; empty for all." },
	{ "actions",     T_OBJECT, F_CREATE|F_PATCH|F_OUT|F_REQ|F_LIST, .sub = workflow_action_fields, .max_items = 20, .example = "[{\"action\":\"add_tags\",\"tags\":[\"billing\"]}]", .doc = "What is done, in this order; all of it or nothing." },
	{ "position",    T_INT,  F_CREATE|F_PATCH|F_OUT, -1000000, 1000000, .example = "0", .doc = "Place among the workflows, smallest first; each sees what those before it did." },
	{ "enabled",     T_BOOL, F_CREATE|F_OUT, .example = "true", .doc = "Whether it runs." },
	{ "edition",     T_INT,  F_OUT, .example = "1", .doc = "Grows when trigger, conditions or actions change; runs name it." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource workflow = { "Workflow", "What the desk does by itself.", "workflow_v", "workflow_id", NULL, workflow_fields };
static const struct filter by[] = {
	{ "enabled", T_BOOL, "t.enabled = $?", NULL, "Whether it runs.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = {
	{ "position",   "t.position",   "int" },
	{ "name",       "t.name",       "text" },
	{ "created_at", "t.created_at", "timestamptz" },
	{ .name = NULL }
};
static const struct list workflows = { by, sorts, NULL, true };
static const struct include includes[] = {
	{ "editions", SQL_WORKFLOW_EDITIONS, true, NULL, "The last 100 definitions: edition, definition, created_by, created_at." },
	{ .name = NULL }
};

static const struct field why_fields[] = {
	{ "path",    T_STR,  F_OUT, .example = "\"all[0]\"", .doc = "The comparison's place in the conditions." },
	{ "matched", T_BOOL, F_OUT, .example = "true", .doc = "Whether it held." },
	{ .name = NULL }
};
static const struct field step_fields[] = {
	{ "action", T_STR,  F_OUT, .example = "\"add_tags\"", .doc = "The action." },
	{ "ok",     T_BOOL, F_OUT, .example = "true", .doc = "Whether it could be done." },
	{ "error",  T_STR,  F_OUT|F_OPT, .example = "\"There is no such webhook.\"", .doc = "Why not; then nothing was done." },
	{ .name = NULL }
};
static const struct field run_fields[] = {
	{ "run_id",      T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id; the request_id of the events that it caused." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "workflow_id", T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The workflow." },
	{ "edition",     T_INT,  F_OUT, .example = "1", .doc = "As it was then." },
	{ "ticket_id",   T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "event_id",    T_ID,   F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The event; null for a time trigger." },
	{ "depth",       T_INT,  F_OUT, .example = "0", .doc = "How many workflows led to the event; more than 5 is a loop, and fails." },
	{ "status",      T_ENUM, F_OUT, .words = outcomes, .example = "\"completed\"", .doc = "skipped: the conditions did not hold, kept for a day; the others for 30." },
	{ "trace",       T_OBJECT, F_OUT|F_LIST, .sub = why_fields, .example = "[]", .doc = "Each comparison, and whether it held." },
	{ "steps",       T_OBJECT, F_OUT|F_LIST, .sub = step_fields, .example = "[]", .doc = "Each action that was tried." },
	{ "error",       T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Why it failed; topic workflow.run.failed says so too." },
	{ "duration_ms", T_INT,  F_OUT, .example = "3", .doc = "Milliseconds." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When." },
	{ .name = NULL }
};
static const struct resource run = { "WorkflowRun", "One workflow on one ticket.", "workflow_run_v", "run_id", "workflow_id", run_fields };
static const struct filter run_by[] = {
	{ "status",    T_ENUM, "t.status = $?", outcomes, "Status; repeatable." },
	{ "ticket_id", T_ID,   "t.ticket_id = $?", NULL, "Ticket; repeatable." },
	{ .name = NULL }
};
static const struct sort run_sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list runs = { run_by, run_sorts, NULL, false };

static const struct field try_body[] = {
	{ "ticket_id", T_ID, F_BODY|F_REQ, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "On which ticket." },
	{ .name = NULL }
};
static const struct field tried_fields[] = {
	{ "matched", T_BOOL, F_OUT, .example = "true", .doc = "Whether the conditions hold." },
	{ "trace",   T_OBJECT, F_OUT|F_LIST, .sub = why_fields, .example = "[]", .doc = "Each comparison, and whether it holds." },
	{ "status",  T_ENUM, F_OUT, .words = outcomes, .example = "\"completed\"", .doc = "What the actions would come to, whether the conditions hold or not." },
	{ "steps",   T_OBJECT, F_OUT|F_LIST, .sub = step_fields, .example = "[]", .doc = "Each action." },
	{ "error",   T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Why they would fail." },
	{ "changes", T_OBJECT, F_OUT, .example = "{\"tags\":{\"from\":[],\"to\":[\"billing\"]}}", .doc = "Fields of the ticket with their values before and after." },
	{ .name = NULL }
};
static const struct resource tried = { "WorkflowDryRun", "What a workflow would do.", NULL, NULL, NULL, tried_fields };
/* clang-format on */

static void
check_trigger(struct req *r, struct json_object *trigger)
{
	struct json_object *type, *topics = NULL, *rest;
	bool event;

	json_object_object_get_ex(trigger, "type", &type);
	event = strcmp(json_object_get_string(type), "event") == 0;
	json_object_object_get_ex(trigger, "topics", &topics);
	if (event && (topics == NULL || json_object_array_length(topics) == 0))
		fail_field(r, "trigger.topics", "required", "Name a topic at least.");
	if (!event && topics != NULL)
		fail_field(r, "trigger.topics", "not_allowed", "A time trigger has no topics.");
	if (!event && !json_object_object_get_ex(trigger, "field", &rest))
		fail_field(r, "trigger.field", "required", "A time trigger needs it.");
	if (!event && !json_object_object_get_ex(trigger, "minutes", &rest))
		fail_field(r, "trigger.minutes", "required", "A time trigger needs it.");
	if (event && (json_object_object_get_ex(trigger, "field", &rest) ||
			 json_object_object_get_ex(trigger, "minutes", &rest)))
		fail_field(r, "trigger", "not_allowed", "An event trigger has topics only.");
}

static int
check(struct req *r)
{
	struct condition c;

	if (body_get(r, "trigger") != NULL)
		check_trigger(r, body_get(r, "trigger"));
	check_actions(r);
	req_conditions(r, 1, CONDITION_STORED, &c);
	return r->failed ? -1 : api_exec(r);
}

static int
list_runs(struct req *r)
{
	if (db_row(r->db, SQL_WORKFLOW_ONE, P(r->org, r->args[0])) == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	return reply_list(r, &run, &runs, "t.workflow_id = $2", P(r->args[0]));
}

/* Whether the ticket fits, as {"matched": …, "trace": […]} without its braces. 0 or -1. */
static int
put_match(struct req *r, const char *conditions, const char *ticket)
{
	enum condition_verdict verdict;
	struct condition c;
	struct buf trace;

	if (req_stored_condition(r, "workflow", conditions, 3, CONDITION_STORED, &c) == -1)
		return -1;
	buf_init(&trace, r->arena, 256);
	verdict = condition_judge(r->db, r->arena, r->org, ticket, &c, &trace);
	if (verdict == CONDITION_FAILED)
		return fail_db(r);
	if (verdict == CONDITION_NO_TICKET)
		return fail_field(r, "ticket_id", "unknown_reference", "There is no such ticket.");
	buf_printf(&r->out->body, "\"matched\":%s,\"trace\":%s",
	    verdict == CONDITION_HOLDS ? "true" : "false", trace.data);
	return 0;
}

static int
dry_run(struct req *r)
{
	const char *ticket = body_str(r, "ticket_id");
	const PGresult *row = db_row(r->db, SQL_WORKFLOW_ONE, P(r->org, r->args[0])), *would;
	struct buf *out = &r->out->body;
	size_t at;

	if (row == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	buf_char(out, '{');
	if (put_match(r, db_get(row, 0, "conditions"), ticket) == -1)
		return -1;
	would = db_row(r->db, SQL_WORKFLOW_TRY, P(r->org, ticket, r->args[0]));
	if (would == NULL)
		return fail_db(r);
	at = out->len;
	json_row(out, would, 0, NULL);
	out->data[at] = ','; /* instead of its brace: one object */
	return reply_json(r, 200);
}

/* clang-format off */
#define PATH "/api/workflows"
const struct route workflow_routes[] = {
	{ POST, PATH, "workflows.create", check, S_SETTINGS_WRITE, .flags = R_CREATE, .body = workflow_fields, .reply = &workflow,
	    .exec = SQL_WORKFLOW_CREATE, .summary = "Create a workflow", .doc = "Runs after the change is committed, within a second or so. A workflow does not see what it did itself." },
	{ GET, PATH, "workflows.list", api_list, S_SETTINGS_READ, .reply = &workflow, .list = &workflows, .summary = "List workflows" },
	{ GET, PATH "/:id", "workflows.get", api_get, S_SETTINGS_READ, .reply = &workflow, .includes = includes, .summary = "Get a workflow" },
	{ PATCH, PATH "/:id", "workflows.update", check, S_SETTINGS_WRITE, .body = workflow_fields, .use = F_PATCH, .reply = &workflow,
	    .exec = SQL_WORKFLOW_PATCH, .summary = "Update a workflow", .example = "{\"position\":2}" },
	{ DELETE, PATH "/:id", "workflows.delete", api_exec, S_SETTINGS_WRITE, .on = &workflow, .status = 204,
	    .exec = SQL_WORKFLOW_DELETE, .summary = "Delete a workflow", .doc = "With its runs." },
	{ PATCH, PATH "/:id/enable", "workflows.enable", api_exec, S_SETTINGS_WRITE, .reply = &workflow, .exec = SQL_WORKFLOW_ENABLE,
	    .summary = "Enable a workflow", .doc = "Refused when its actions refer to what is gone." },
	{ PATCH, PATH "/:id/disable", "workflows.disable", api_exec, S_SETTINGS_WRITE, .reply = &workflow, .exec = SQL_WORKFLOW_DISABLE, .summary = "Disable a workflow" },
	{ POST, PATH "/:id/dry-run", "workflows.dryRun", dry_run, S_SETTINGS_WRITE, .body = try_body, .reply = &tried, .on = &workflow,
	    .summary = "Try a workflow on a ticket", .doc = "Shows whether the conditions hold and what the actions would do, and does nothing." },
	{ GET, PATH "/:id/runs", "workflows.runs", list_runs, S_SETTINGS_READ, .reply = &run, .on = &workflow, .list = &runs, .summary = "List runs" },
	{ .path = NULL }
};

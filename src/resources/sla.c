/* SPDX-License-Identifier: Apache-2.0 */
/* SLA: policies, timers, breaches. The clocks are sql/functions/73_sla.sql, run by jobs/sla.c. */
#include <string.h>

#include "http/req.h"

/* clang-format off */
static const char *const metrics[] = { "first_response", "next_response", "resolution", "custom", NULL };
static const char *const states[] = { "running", "paused", "breached", "met", "cancelled", NULL };
static const char *const statuses[] = { "new", "open", "pending", "on_hold", NULL };
static const char *const priorities[] = { "low", "normal", "high", "urgent", NULL };
static const char *const apply_to[] = { "new", "running", NULL };

#define TARGET(metric, text) { metric "_minutes", T_INT, F_BODY|F_OUT|F_OPT|F_NULL, 1, 5256000, .example = "60", .doc = text }
static const struct field target_fields[] = {
	TARGET("first_response", "Minutes from creation to the first public reply of an agent."),
	TARGET("next_response", "Minutes from a later customer's comment to the next reply."),
	TARGET("resolution", "Minutes from creation to resolved or closed, pauses left out."),
	{ .name = NULL }
};
#define PRIORITY(name) { name, T_OBJECT, F_BODY|F_OUT|F_OPT, .sub = target_fields, .example = "{\"first_response_minutes\":60,\"resolution_minutes\":480}", .doc = "Targets at this priority; absent for none." }
static const struct field targets_fields[] = {
	PRIORITY("low"), PRIORITY("normal"), PRIORITY("high"), PRIORITY("urgent"),
	{ .name = NULL }
};
static const struct field policy_fields[] = {
	{ "policy_id",   T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "name",        T_STR,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 120, .example = "\"Gold\"", .doc = "Name; unique whatever its case." },
	{ "description", T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 2000, .example = "\"What gold customers were promised\"", .doc = "What it promises." },
	{ "conditions",  T_CONDITION, F_CREATE|F_PATCH|F_OUT, .example = "{\"field\":\"tags\",\"op\":\"contains\",\"value\":\"gold\"}", .doc = "Tickets that come under it, as in a view; empty for all. The first policy by position counts; a company's own goes before." },
	{ "targets",     T_OBJECT, F_CREATE|F_PATCH|F_OUT|F_REQ, .sub = targets_fields, .example = "{\"urgent\":{\"first_response_minutes\":15,\"resolution_minutes\":240},\"normal\":{\"first_response_minutes\":240}}", .doc = "What is promised, by priority. A change replaces all of it." },
	{ "business_hours", T_BOOL, F_CREATE|F_PATCH|F_OUT, .example = "false", .doc = "Whether only open minutes count: of the calendar business_hours_id if given, else of the ticket's team's calendar, else of the organization's default; every minute where there is none. False unless given; a business_hours_id makes it true." },
	{ "business_hours_id", T_ID, F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "The one calendar whose open minutes count, whatever the ticket's team; null for what business_hours says." },
	{ "pause_statuses", T_ENUM, F_CREATE|F_PATCH|F_OUT|F_LIST, .words = statuses, .max_items = 4, .example = "[\"pending\",\"on_hold\"]", .doc = "Statuses in which the clocks stand still." },
	{ "warn_percent", T_INT, F_CREATE|F_PATCH|F_OUT, 1, 99, .example = "80", .doc = "Share of the target at which sla.warning is sent." },
	{ "position",    T_INT,  F_CREATE|F_PATCH|F_OUT, -1000000, 1000000, .example = "0", .doc = "Place among the policies, smallest first." },
	{ "active",      T_BOOL, F_CREATE|F_PATCH|F_OUT, .example = "true", .doc = "Whether tickets come under it. Clocks that run go on." },
	{ "apply_to",    T_ENUM, F_PATCH, .words = apply_to, .example = "\"new\"", .doc = "Whether the change also moves the clocks that run, which keep the minutes they have counted; new unless given." },
	{ "archived_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was deleted; what it promised stands." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource policy = { "SlaPolicy", "What is promised to which tickets.", "sla_policy_v", "policy_id", NULL, policy_fields };
static const struct filter policy_by[] = {
	{ "active",   T_BOOL, "t.active = $?", NULL, "Whether tickets come under it.", true },
	{ "archived", T_BOOL, "(t.archived_at IS NOT NULL) = $?", NULL, "Deleted ones, or only those that are not.", true },
	{ .name = NULL }
};
static const struct sort policy_sorts[] = {
	{ "position",   "t.position",   "int" },
	{ "name",       "t.name",       "text" },
	{ "created_at", "t.created_at", "timestamptz" },
	{ .name = NULL }
};
static const struct list policies = { policy_by, policy_sorts, NULL, true };

static const struct field ledger_fields[] = {
	{ "n",      T_INT,  F_OUT, .example = "1", .doc = "Which entry." },
	{ "what",   T_STR,  F_OUT, .example = "\"paused\"", .doc = "started, paused, resumed, retargeted, warned, breached, stopped or cancelled." },
	{ "reason", T_STR,  F_OUT|F_NULL, .example = "\"status\"", .doc = "policy, calendar, manual, status, answered, resolved, reopened, or the caller's own words." },
	{ "at",     T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When." },
	{ "elapsed_minutes", T_NUM, F_OUT, .max = 1000000000, .example = "12.5", .doc = "Minutes counted until then." },
	{ "due_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was due as of then." },
	{ "actor_id", T_STR, F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who did it." },
	{ .name = NULL }
};
static const struct field timer_fields[] = {
	{ "timer_id",  T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",    T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "ticket_id", T_ID,   F_BODY|F_OUT|F_REQ, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "policy_id", T_ID,   F_BODY|F_OUT|F_NULL, .example = "null", .doc = "The policy that it counts for." },
	{ "metric",    T_ENUM, F_BODY|F_OUT, .words = metrics, .example = "\"resolution\"", .doc = "What it counts to; a ticket has one of each at a time, and any number of custom ones. resolution unless given." },
	{ "name",      T_STR,  F_BODY|F_OUT|F_NULL, 1, 120, .example = "\"Call back\"", .doc = "For a custom one." },
	{ "status",    T_ENUM, F_OUT, .words = states, .example = "\"running\"", .doc = "breached: it was due before it was stopped." },
	{ "target_minutes", T_NUM, F_BODY|F_OUT, 1, 5256000, .example = "240", .doc = "Minutes until it is due; the policy's unless given." },
	{ "elapsed_minutes", T_NUM, F_OUT, .max = 1000000000, .example = "0", .doc = "Minutes counted before running_since." },
	{ "business_hours_id", T_ID, F_BODY|F_OUT|F_NULL, .example = "null", .doc = "Calendar whose open minutes count; null for every minute. The policy's for the ticket's team unless given. It may be deleted once the timer has stopped." },
	{ "pause_statuses", T_STR, F_OUT|F_LIST, .example = "[\"pending\",\"on_hold\"]", .doc = "Statuses of the ticket in which it stands still." },
	{ "warn_percent", T_INT, F_BODY|F_OUT, 1, 99, .example = "80", .doc = "Share of the target at which it warns." },
	{ "started_at",  T_TIME, F_BODY|F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When it began to count; now unless given." },
	{ "running_since", T_TIME, F_OUT|F_NULL, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "Since when it counts without a break." },
	{ "due_at",      T_TIME, F_OUT|F_NULL, .example = "\"2026-06-13T14:00:00.000Z\"", .doc = "When it is broken; null while it is paused." },
	{ "warn_at",     T_TIME, F_OUT|F_NULL, .example = "\"2026-06-13T13:12:00.000Z\"", .doc = "When it warns." },
	{ "paused_at",   T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Since when it stands still." },
	{ "pause_reason", T_STR, F_OUT|F_NULL, .example = "null", .doc = "status, manual, or the caller's own words." },
	{ "warned_at",   T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it warned." },
	{ "breached_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was broken." },
	{ "stopped_at",  T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When what it counts to was reached." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "ledger",      T_OBJECT, F_OUT|F_LIST, .sub = ledger_fields, .example = "[]", .doc = "All that happened to it." },
	{ .name = NULL }
};
static const struct resource timer = { "SlaTimer", "A clock that runs for a ticket.", "sla_timer_v", "timer_id", NULL, timer_fields };
static const struct filter timer_by[] = {
	{ "ticket_id", T_ID,   "t.ticket_id = $?", NULL, "Ticket; repeatable." },
	{ "policy_id", T_ID,   "t.policy_id = $?", NULL, "Policy; repeatable." },
	{ "status",    T_ENUM, "t.status = $?", states, "Status; repeatable." },
	{ "metric",    T_ENUM, "t.metric = $?", metrics, "Metric; repeatable." },
	{ "due_before", T_TIME, "t.due_at < $?", NULL, "Due before this time.", true },
	{ .name = NULL }
};
static const struct sort timer_sorts[] = { { "started_at", "t.started_at", "timestamptz" }, { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list timers = { timer_by, timer_sorts, NULL, false };

static const struct field switch_fields[] = {
	{ "timer_id",  T_ID,  F_BODY, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "One timer," },
	{ "ticket_id", T_ID,  F_BODY, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "or all of a ticket." },
	{ "reason",    T_STR, F_BODY, 1, 200, .example = "\"Waiting for the supplier\"", .doc = "Why, for the ledger." },
	{ .name = NULL }
};
static const struct field switched_fields[] = {
	{ "data", T_OBJECT, F_OUT|F_LIST, .sub = timer_fields, .example = "[]", .doc = "The timers that were switched." },
	{ .name = NULL }
};
static const struct resource switched = { "SlaTimers", "Timers that were switched.", NULL, NULL, NULL, switched_fields };
static const struct field checked_fields[] = {
	{ "checked",        T_INT, F_OUT, .example = "120", .doc = "Running timers that were looked at." },
	{ "warned_count",   T_INT, F_OUT, .example = "0", .doc = "That warned now." },
	{ "breached_count", T_INT, F_OUT, .example = "1", .doc = "That are broken now." },
	{ "warned",   T_ID, F_OUT|F_LIST, .max_items = 1000, .example = "[]", .doc = "Their ids, the first 1,000." },
	{ "breached", T_ID, F_OUT|F_LIST, .max_items = 1000, .example = "[]", .doc = "Their ids, the first 1,000." },
	{ .name = NULL }
};
static const struct resource checked = { "SlaCheck", "What a check of all timers did.", NULL, NULL, NULL, checked_fields };
static const struct field preview_body[] = {
	{ "ticket_id", T_ID,   F_BODY, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Take priority, creation and team from this ticket." },
	{ "priority",  T_ENUM, F_BODY, .words = priorities, .example = "\"urgent\"", .doc = "The ticket's, else normal, unless given." },
	{ "start",     T_TIME, F_BODY, .example = "\"2026-06-12T15:30:00Z\"", .doc = "When the clocks start; the ticket's creation, else now, unless given." },
	{ .name = NULL }
};
static const struct field span_fields[] = {
	{ "from",    T_TIME, F_OUT, .example = "\"2026-06-12T15:30:00.000Z\"", .doc = "From here" },
	{ "to",      T_TIME, F_OUT|F_NULL, .example = "\"2026-06-12T16:00:00.000Z\"", .doc = "to here the clock counts." },
	{ "minutes", T_NUM,  F_OUT, .max = 1000000000, .example = "30", .doc = "So many minutes." },
	{ .name = NULL }
};
static const struct field preview_targets[] = {
	{ "metric",   T_STR,  F_OUT, .example = "\"first_response\"", .doc = "What is promised." },
	{ "target_minutes", T_NUM, F_OUT, .max = 1000000000, .example = "60", .doc = "Minutes that count." },
	{ "due_at",   T_TIME, F_OUT|F_NULL, .example = "\"2026-06-15T07:30:00.000Z\"", .doc = "When it would be broken; null when the calendar is not open for so long in five years." },
	{ "warn_at",  T_TIME, F_OUT|F_NULL, .example = "\"2026-06-15T07:18:00.000Z\"", .doc = "When it would warn." },
	{ "elapsed_calendar_minutes", T_NUM, F_OUT|F_NULL, .max = 1000000000, .example = "3840", .doc = "Minutes of the clock on the wall until due_at." },
	{ "spans",    T_OBJECT, F_OUT|F_LIST, .sub = span_fields, .example = "[]", .doc = "The arithmetic: the first 100 spans that count." },
	{ .name = NULL }
};
static const struct field preview_fields[] = {
	{ "start",    T_TIME, F_OUT, .example = "\"2026-06-12T15:30:00.000Z\"", .doc = "When the clocks start." },
	{ "priority", T_ENUM, F_OUT, .words = priorities, .example = "\"urgent\"", .doc = "Whose targets." },
	{ "business_hours_id", T_ID, F_OUT|F_NULL, .example = "null", .doc = "The calendar that counts, without a ticket that of no team; null for every minute." },
	{ "timezone", T_STR,  F_OUT, .example = "\"Europe/Berlin\"", .doc = "Of the calendar; UTC without one." },
	{ "targets",  T_OBJECT, F_OUT|F_LIST, .sub = preview_targets, .example = "[]", .doc = "What would be due when." },
	{ .name = NULL }
};
static const struct resource preview = { "SlaPreview", "When a policy's promises would be due.", NULL, NULL, NULL, preview_fields };

static const struct field breach_fields[] = {
	{ "timer_id",  T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The timer." },
	{ "org_id",    T_STR, F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "ticket_id", T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "number",    T_INT, F_OUT, .max = 9007199254740991, .example = "17", .doc = "Its number." },
	{ "title",     T_STR, F_OUT, .example = "\"Cannot login\"", .doc = "Its title." },
	{ "ticket_status", T_STR, F_OUT, .example = "\"open\"", .doc = "Its status now." },
	{ "priority",  T_STR, F_OUT, .example = "\"high\"", .doc = "Its priority now." },
	{ "team_id",   T_ID,  F_OUT|F_NULL, .example = "null", .doc = "Its team now." },
	{ "queue_id",  T_ID,  F_OUT|F_NULL, .example = "null", .doc = "Its queue now." },
	{ "assignee_user_id", T_ID, F_OUT|F_NULL, .example = "null", .doc = "Its agent now." },
	{ "customer_id", T_ID, F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Its customer." },
	{ "policy_id", T_ID,  F_OUT|F_NULL, .example = "null", .doc = "The policy." },
	{ "metric",    T_STR, F_OUT, .example = "\"first_response\"", .doc = "What was promised." },
	{ "name",      T_STR, F_OUT|F_NULL, .example = "null", .doc = "Name of a custom timer." },
	{ "target_minutes", T_NUM, F_OUT, .max = 1000000000, .example = "60", .doc = "Within how many minutes." },
	{ "due_at",    T_TIME, F_OUT|F_NULL, .example = "\"2026-06-13T11:00:00.000Z\"", .doc = "When it was due." },
	{ "breached_at", T_TIME, F_OUT, .example = "\"2026-06-13T11:00:00.000Z\"", .doc = "When it was broken." },
	{ "stopped_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was done in the end; null while it is not." },
	{ "late_minutes", T_NUM, F_OUT|F_NULL, .max = 1000000000, .example = "null", .doc = "How late that was, in minutes that count." },
	{ .name = NULL }
};
static const struct resource breach = { "SlaBreach", "A promise that was broken.", "sla_breach_v", "timer_id", NULL, breach_fields };
static const struct filter breach_by[] = {
	{ "policy_id",        T_ID,   "t.policy_id = $?", NULL, "Policy; repeatable." },
	{ "team_id",          T_ID,   "t.team_id = $?", NULL, "Team; repeatable." },
	{ "assignee_user_id", T_ID,   "t.assignee_user_id = $?", NULL, "Agent; repeatable." },
	{ "ticket_id",        T_ID,   "t.ticket_id = $?", NULL, "Ticket; repeatable." },
	{ "priority",         T_ENUM, "t.priority = $?", priorities, "Priority; repeatable." },
	{ "metric",           T_ENUM, "t.metric = $?", metrics, "Metric; repeatable." },
	{ "open",             T_BOOL, "(t.stopped_at IS NULL) = $?", NULL, "Whether it is still not done.", true },
	{ "breached_after",   T_TIME, "t.breached_at > $?", NULL, "Broken after this time.", true },
	{ "breached_before",  T_TIME, "t.breached_at < $?", NULL, "Broken before this time.", true },
	{ .name = NULL }
};
static const struct sort breach_sorts[] = { { "breached_at", "t.breached_at", "timestamptz" }, { .name = NULL } };
static const struct list breaches = { breach_by, breach_sorts, NULL, false };
/* clang-format on */

static int
check_policy(struct req *r)
{
	struct json_object *targets = body_get(r, "targets");
	struct condition c;

	if (targets != NULL && json_object_object_length(targets) == 0)
		fail_field(r, "targets", "required", "Promise something at one priority at least.");
	req_conditions(r, 1, CONDITION_STORED, &c);
	return r->failed ? -1 : api_exec(r);
}

static int
update_policy(struct req *r)
{
	const char *to = body_str(r, "apply_to");

	if (check_policy(r) == -1)
		return -1;
	if (to != NULL && strcmp(to, "running") == 0)
		db_do(r->db, SQL_SLA_REAPPLY, P(r->org, r->args[0]));
	return 0;
}

static int
preview_policy(struct req *r)
{
	r->exec_slot = db_queue(r->db, SQL_SLA_PREVIEW,
	    P(r->org, r->args[0], r->body_text == NULL ? "{}" : r->body_text));
	return reply_slot(r, 200, &preview, r->exec_slot);
}

static int
switch_timers(struct req *r)
{
	bool on = strcmp(r->route->id, "sla.resume") == 0;
	struct buf ids;
	const PGresult *rows;
	int i;

	if ((body_str(r, "timer_id") == NULL) == (body_str(r, "ticket_id") == NULL))
		return fail_field(r, "timer_id", "required", "Give a timer_id, or a ticket_id.");
	rows = db_rows(r->db, SQL_SLA_SWITCH, P(r->org, r->body_text, on ? "true" : "false"));
	if (rows == NULL)
		return fail_db(r);
	buf_init(&ids, r->arena, 256);
	for (i = 0; i < PQntuples(rows); i++)
		buf_array_item(&ids, PQgetvalue(rows, i, 0));
	rows = db_rows(r->db, SQL_SLA_TIMERS, P(r->org, arena_printf(r->arena, "{%s}", ids.data)));
	if (rows == NULL)
		return fail_db(r);
	buf_str(&r->out->body, "{\"data\":");
	json_rows(&r->out->body, rows, PQntuples(rows));
	buf_char(&r->out->body, '}');
	return reply_json(r, 200);
}

static int
check_breaches(struct req *r)
{
	return reply_slot(r, 200, &checked, db_queue(r->db, SQL_SLA_CHECK, P(r->org)));
}

/* clang-format off */
const struct route sla_routes[] = {
	{ POST, "/api/sla/policies", "sla.createPolicy", check_policy, S_SETTINGS_WRITE, .flags = R_CREATE, .body = policy_fields, .reply = &policy,
	    .exec = SQL_SLA_POLICY_CREATE, .summary = "Create an SLA policy" },
	{ GET, "/api/sla/policies", "sla.listPolicies", api_list, S_SETTINGS_READ, .reply = &policy, .list = &policies, .summary = "List SLA policies" },
	{ GET, "/api/sla/policies/:id", "sla.getPolicy", api_get, S_SETTINGS_READ, .reply = &policy, .summary = "Get an SLA policy" },
	{ PATCH, "/api/sla/policies/:id", "sla.updatePolicy", update_policy, S_SETTINGS_WRITE, .body = policy_fields, .use = F_PATCH, .reply = &policy,
	    .exec = SQL_SLA_POLICY_PATCH, .summary = "Update an SLA policy", .example = "{\"warn_percent\":75}" },
	{ DELETE, "/api/sla/policies/:id", "sla.deletePolicy", api_exec, S_SETTINGS_WRITE, .on = &policy, .status = 204,
	    .exec = SQL_SLA_POLICY_ARCHIVE, .summary = "Delete an SLA policy", .doc = "It is archived: no ticket comes under it any more; clocks that run go on until another policy wants their ticket." },
	{ POST, "/api/sla/policies/:id/preview", "sla.preview", preview_policy, S_SETTINGS_READ, .body = preview_body, .reply = &preview, .on = &policy,
	    .summary = "Preview due times", .doc = "With the arithmetic of the business hours.", .example = "{\"priority\":\"urgent\",\"start\":\"2026-06-12T15:30:00Z\"}" },
	{ POST, "/api/sla/timers", "sla.createTimer", api_exec, S_TICKETS_WRITE, .flags = R_CREATE, .body = timer_fields, .reply = &timer,
	    .exec = SQL_SLA_TIMER_CREATE, .summary = "Create a timer on a ticket", .doc = "Beside those that policies make. It ends when the ticket is resolved; first_response and next_response when an agent replies." },
	{ GET, "/api/sla/timers", "sla.listTimers", api_list, S_TICKETS_READ, .reply = &timer, .list = &timers, .summary = "List timers" },
	{ POST, "/api/sla/timers/pause", "sla.pause", switch_timers, S_TICKETS_WRITE, .body = switch_fields, .reply = &switched,
	    .summary = "Pause timers", .doc = "Until they are resumed, whatever the ticket's status." },
	{ POST, "/api/sla/timers/resume", "sla.resume", switch_timers, S_TICKETS_WRITE, .body = switch_fields, .reply = &switched,
	    .summary = "Resume timers" },
	{ GET, "/api/sla/timers/:id", "sla.getTimer", api_get, S_TICKETS_READ, .reply = &timer, .summary = "Get a timer with its ledger" },
	{ POST, "/api/sla/check-breaches", "sla.checkBreaches", check_breaches, S_TICKETS_WRITE, .reply = &checked,
	    .summary = "Check all active timers now", .doc = "Timers ring by themselves, within a second; this says what it had to do." },
	{ GET, "/api/sla/breaches", "sla.breaches", api_list, S_TICKETS_READ, .reply = &breach, .list = &breaches, .summary = "List breached timers" },
	{ .path = NULL }
};

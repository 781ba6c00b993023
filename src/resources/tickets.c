/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: a customer's request for help, and what was done about it. Status
 * rules are in sql/functions (they hold for every writer), the representation
 * is sql/views/tickets.sql. Merging, assigning and the like: ticket_actions.c.
 */
#include "resources/tickets.h"

#include "http/req.h"
#include "resources/routing.h"

/* clang-format off */
const char *const ticket_status[] = { "new", "open", "pending", "on_hold", "resolved", "closed", "merged", NULL };
static const char *const settable[] = { "new", "open", "pending", "on_hold", "resolved", "closed", NULL };
const char *const ticket_priority[] = { "low", "normal", "high", "urgent", NULL };
static const char *const channel[] = { "api", "web", "email", "chat", "phone", "import", "mcp", NULL };

static const struct field classification_out[] = {
	{ "topic",         T_STR,  F_OUT|F_OPT, .example = "\"billing\"", .doc = "What the ticket is about." },
	{ "urgency",       T_STR,  F_OUT|F_OPT, .example = "\"high\"", .doc = "How urgent it reads: low, normal, high or urgent." },
	{ "sentiment",     T_STR,  F_OUT|F_OPT, .example = "\"negative\"", .doc = "How the customer sounds: negative, neutral or positive." },
	{ "confidence",    T_NUM,  F_OUT|F_OPT, .max = 1, .example = "0.92", .doc = "0 to 1; 1 after an override." },
	{ "classified_at", T_TIME, F_OUT|F_OPT, .example = "\"2026-06-13T10:00:00Z\"", .doc = "When the label was given." },
	{ "overridden",    T_BOOL, F_OUT|F_OPT, .example = "false", .doc = "True when a person has corrected it." },
	{ "overridden_by", T_STR,  F_OUT|F_OPT|F_NULL, .example = "null", .doc = "Who corrected it." },
	{ "model_topic",   T_STR,  F_OUT|F_OPT|F_NULL, .example = "null", .doc = "What the model had said it is about, once a person has corrected it." },
	{ "model_confidence", T_NUM, F_OUT|F_OPT|F_NULL, .max = 1, .example = "null", .doc = "How sure the model was, 0 to 1." },
	{ .name = NULL }
};

const struct field ticket_fields[] = {
	{ "ticket_id",        T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",           T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "number",           T_INT,  F_OUT, .max = 9007199254740991, .example = "1042", .doc = "Number within the organization, for people; may have gaps." },
	{ "title",            T_STR,  F_CREATE|F_REQ|F_PATCH|F_OUT, 1, 500, .example = "\"Cannot login to dashboard\"", .doc = "One line that says what is wrong; 1 to 500 characters." },
	{ "description",      T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 65536, .example = "\"User reports 500 error on login page\"", .doc = "The first message; at most 65,536 characters." },
	{ "status",           T_ENUM, F_CREATE|F_PATCH, .words = settable, .example = "\"open\"", .doc = "Where the ticket stands. Merging is an operation of its own." },
	{ "status",           T_ENUM, F_OUT, .words = ticket_status, .example = "\"open\"", .doc = "Where the ticket stands." },
	{ "priority",         T_ENUM, F_CREATE|F_PATCH|F_OUT, .words = ticket_priority, .example = "\"high\"", .doc = "How soon it must be answered; normal unless given." },
	{ "customer_id",      T_ID,   F_CREATE|F_PATCH|F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad92\"", .doc = "The customer who asks; the organization's unknown customer unless given." },
	{ "company_id",       T_ID,   F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "The customer's company." },
	{ "team_id",          T_ID,   F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "The team that works on it." },
	{ "queue_id",         T_ID,   F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "The queue in which it waits. A ticket without a team gets the queue's when it comes there; one without an agent gets one if the queue has a strategy and somebody is free." },
	{ "assignee_user_id", T_ID,   F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "The agent who has it; null for nobody." },
	{ "required_skills",  T_TAG,  F_CREATE|F_PATCH|F_OUT|F_LIST, .max_items = 20, .example = "[]", .doc = "Skills an agent needs for it." },
	{ "tags",             T_TAG,  F_CREATE|F_PATCH|F_OUT|F_LIST, .max_items = 100, .example = "[\"login\",\"bug\"]", .doc = "Labels; sorted, without duplicates. At most 100." },
	{ "channel",          T_ENUM, F_CREATE|F_OUT, .words = channel, .example = "\"api\"", .doc = "How it came in." },
	{ "external_id",      T_STR,  F_CREATE|F_PATCH|F_OUT|F_NULL, 1, 255, .example = "null", .doc = "Your own id; unique within the organization." },
	{ "custom_fields",    T_OBJECT, F_CREATE|F_PATCH|F_OUT, 0, 65536, .example = "{}", .doc = "Values of the organization's custom fields by key (ticket-schema says which there are). A change names some of them; null takes one away." },
	{ "ai_classification", T_OBJECT, F_OUT|F_NULL, .sub = classification_out, .example = "null", .doc = "What the model says of the ticket; null until it has." },
	{ "snoozed_until",    T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Asleep until then." },
	{ "snooze_until_reply", T_BOOL, F_OUT, .example = "false", .doc = "Asleep until the customer writes." },
	{ "merged_into_id",   T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The ticket into which this one was merged." },
	{ "first_response_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "First public reply of an agent." },
	{ "last_customer_comment_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Last comment of the customer." },
	{ "last_agent_comment_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Last public reply of an agent." },
	{ "resolved_at",      T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was last resolved." },
	{ "closed_at",        T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was closed." },
	{ "reopened_count",   T_INT,  F_OUT, .example = "0", .doc = "How often it was opened again." },
	{ "lease_until",      T_TIME, F_OUT|F_OPT, .example = "\"2026-06-13T10:15:00.000Z\"", .doc = "Taken from a queue: until when it is the agent's if nothing is done with it. In the reply of next alone." },
	{ "created_by",       T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who created it: user, key or legacy actor." },
	{ "version",          T_INT,  F_OUT, .example = "1", .doc = "Grows with each change; the ETag is \"v<version>\"." },
	{ "created_at",       T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",       T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};

const struct resource ticket = {
	"Ticket", "A customer's request for help.", "ticket_v", "ticket_id", NULL, ticket_fields
};

static const struct filter by[] = {
	{ "status",           T_ENUM, "t.status = $?",           ticket_status, "Status; repeatable." },
	{ "priority",         T_ENUM, "t.priority = $?",         ticket_priority, "Priority; repeatable." },
	{ "assignee_user_id", T_ID,   "t.assignee_user_id = $?", NULL, "Agent; repeatable." },
	{ "team_id",          T_ID,   "t.team_id = $?",          NULL, "Team; repeatable." },
	{ "queue_id",         T_ID,   "t.queue_id = $?",         NULL, "Queue; repeatable." },
	{ "customer_id",      T_ID,   "t.customer_id = $?",      NULL, "Customer; repeatable." },
	{ "company_id",       T_ID,   "t.company_id = $?",       NULL, "Company; repeatable." },
	{ "channel",          T_ENUM, "t.channel = $?",          channel, "Channel; repeatable." },
	{ "external_id",      T_STR,  "t.external_id = $?",      NULL, "Your own id; repeatable." },
	{ "number",           T_INT,  "t.number = $?",           NULL, "Number; repeatable." },
	{ "tag",              T_TAG,  TICKET_HAS_TAG, NULL, "Tag; repeatable (any of them)." },
	{ "assigned",         T_BOOL, "(t.assignee_user_id IS NOT NULL) = $?", NULL, "Whether an agent has it.", true },
	{ "snoozed",          T_BOOL, "(t.snoozed_until IS NOT NULL OR t.snooze_until_reply) = $?", NULL, "Whether it is asleep.", true },
	{ "created_after",    T_TIME, "t.created_at > $?",       NULL, "Created after this time.", true },
	{ "created_before",   T_TIME, "t.created_at < $?",       NULL, "Created before this time.", true },
	{ "updated_since",    T_TIME, "t.updated_at >= $?",      NULL, "Changed at or after this time.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = {
	{ "created_at", "t.created_at", "timestamptz" },
	{ "updated_at", "t.updated_at", "timestamptz" },
	{ "number",     "t.number",     "bigint" },
	{ "priority",   "(CASE t.priority WHEN 'urgent' THEN 4 WHEN 'high' THEN 3 WHEN 'normal' THEN 2 ELSE 1 END)", "int" },
	{ .name = NULL }
};
const struct list ticket_list = { by, sorts, NULL, false, .custom = true };

static const struct include includes[] = {
	{ "customer", SQL_TICKET_CUSTOMER, false, NULL, "The customer." },
	{ "assignee", SQL_TICKET_ASSIGNEE, false, NULL, "The agent who has it." },
	{ "comments", SQL_TICKET_COMMENTS, true,  NULL, "The first 100 public comments, oldest first." },
	{ "attachments", SQL_TICKET_ATTACHMENTS, true, NULL, "The newest 1000 files, oldest first; those of internal notes with read:notes.", .more = S_NOTES_READ },
	{ "links",    SQL_TICKET_LINKS,    true,  NULL, "Links to other tickets." },
	{ .name = NULL }
};
/* clang-format on */

static int
create(struct req *r)
{
	bool routed = body_str(r, "queue_id") == NULL && routing_begin(r);

	r->exec_slot =
	    db_queue(r->db, SQL_TICKET_CREATE, P(r->org, r->new_id, r->number, r->body_text));
	if (routed && routing_apply(r, arena_printf(r->arena, "{%s}", r->new_id)) == -1)
		return -1;
	return reply_resource(r, 201, &ticket, NULL, r->new_id);
}

/* clang-format off */
const struct route ticket_routes[] = {
	{ GET, "/api/tickets", "tickets.list", api_list, S_TICKETS_READ,
	    .reply = &ticket, .list = &ticket_list, .summary = "List tickets",
	    .doc = "Newest first. Filters combine with and; a repeated filter means any of its values. Custom fields filter as cf.<key>=value and sort as sort=cf.<key>; tickets without a value come last, whichever way." },
	{ POST, "/api/tickets", "tickets.create", create, S_TICKETS_WRITE, .flags = R_CREATE|R_NUMBER,
	    .body = ticket_fields, .reply = &ticket, .summary = "Create a ticket",
	    .doc = "Only the title is required. Classification by the model follows on its own.",
	    .example = "{\"title\":\"Cannot login to dashboard\",\"description\":\"User reports 500 error on login page\",\"priority\":\"high\",\"tags\":[\"login\",\"bug\"]}" },
	{ GET, "/api/tickets/:id", "tickets.get", api_get, S_TICKETS_READ,
	    .reply = &ticket, .includes = includes, .summary = "Get a ticket" },
	{ PATCH, "/api/tickets/:id", "tickets.update", api_exec, S_TICKETS_WRITE,
	    .body = ticket_fields, .use = F_PATCH, .reply = &ticket, .exec = SQL_TICKET_PATCH,
	    .summary = "Update a ticket",
	    .doc = "An absent field keeps its value. A status change follows the transition rules: "
		"new, open, pending, on_hold and resolved lead to each other's successors, a closed ticket "
		"opens again only within the organization's reopen window, a merged one never.",
	    .example = "{\"status\":\"resolved\"}" },
	{ DELETE, "/api/tickets/:id", "tickets.delete", api_exec, S_TICKETS_WRITE,
	    .on = &ticket, .exec = SQL_TICKET_DELETE, .status = 204, .summary = "Delete a ticket",
	    .doc = "For spam and mistakes. It disappears at once and is purged after the organization's retention." },
	{ .path = NULL }
};

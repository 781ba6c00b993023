/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with a ticket besides changing its fields. The rules that span
 * rows are functions of sql/functions/ticket_actions.sql, so that a bulk job
 * or a workflow that does the same keeps them too.
 */
#include "http/req.h"
#include "resources/tickets.h"

/* clang-format off */
static const struct field clone[] = {
	{ "title",            T_STR,  F_BODY, 1, 500, .example = "\"Cannot login (follow-up)\"", .doc = "Title of the copy; that of the original unless given." },
	{ "include_comments", T_BOOL, F_BODY, .example = "false", .doc = "Copy the public comments too." },
	{ .name = NULL }
};
static const struct field merge[] = {
	{ "ticket_ids", T_ID,   F_BODY|F_REQ|F_LIST, .max_items = 50, .example = "[\"0190163d-8694-739b-aea5-966c26f8ad91\"]", .doc = "The duplicates that go into this ticket; 1 to 50." },
	{ .name = NULL }
};
static const struct field unmerge[] = {
	{ "merge_id",   T_ID,   F_BODY, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The merge to undo. Not needed when the path names the ticket that was merged away." },
	{ .name = NULL }
};
static const struct field split[] = {
	{ "comment_ids", T_ID,  F_BODY|F_REQ|F_LIST, .max_items = 100, .example = "[\"0190163d-8694-739b-aea5-966c26f8ad91\"]", .doc = "The comments that move to the new ticket." },
	{ "title",      T_STR,  F_BODY, 1, 500, .example = "\"Second question\"", .doc = "Title of the new ticket." },
	{ .name = NULL }
};
static const char *const strategies[] = { "round_robin", "least_loaded", "skill", NULL };
static const struct field assign[] = {
	{ "assignee_user_id", T_ID, F_BODY|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The agent; null takes the ticket from whoever has it." },
	{ "team_id",    T_ID,   F_BODY|F_NULL, .example = "null", .doc = "The team." },
	{ "queue_id",   T_ID,   F_BODY|F_NULL, .example = "null", .doc = "The queue." },
	{ "strategy",   T_ENUM, F_BODY, .words = strategies, .example = "\"least_loaded\"", .doc = "Let the server choose an online agent with capacity left: the one longest without a ticket, the least loaded, or the least loaded with the required skills. From the team when there is one." },
	{ .name = NULL }
};
static const struct field snooze[] = {
	{ "until",       T_TIME, F_BODY|F_NULL, .example = "\"2030-01-01T08:00:00Z\"", .doc = "Wake at this time, at most ten years ahead; null wakes it now." },
	{ "until_reply", T_BOOL, F_BODY, .example = "false", .doc = "Wake when the customer writes." },
	{ .name = NULL }
};
static const char *const urgency[] = { "low", "normal", "high", "urgent", NULL };
static const char *const sentiment[] = { "negative", "neutral", "positive", NULL };
static const struct field classification[] = {
	{ "topic",      T_STR,  F_BODY, 1, 100, .example = "\"billing\"", .doc = "What the ticket is about." },
	{ "urgency",    T_ENUM, F_BODY, .words = urgency, .example = "\"high\"", .doc = "How urgent it is." },
	{ "sentiment",  T_ENUM, F_BODY, .words = sentiment, .example = "\"negative\"", .doc = "How the customer sounds." },
	{ .name = NULL }
};
static const struct field tags[] = {
	{ "tags", T_TAG, F_BODY|F_REQ|F_LIST, .max_items = 100, .example = "[\"login\"]", .doc = "Tags to add; those it has stay." },
	{ .name = NULL }
};

static const struct field merge_fields[] = {
	{ "merge_id",         T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",           T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "target_ticket_id", T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket that stayed." },
	{ "source_ticket_id", T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad92\"", .doc = "The ticket that was merged away." },
	{ "merged_by",        T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who merged." },
	{ "merged_at",        T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When." },
	{ "unmerged_by",      T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Who undid it." },
	{ "unmerged_at",      T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was undone; null while it stands." },
	{ "record",           T_OBJECT, F_OUT, .example = "{}", .doc = "What moved: comments, files, tags, links and the former status." },
	{ .name = NULL }
};
static const struct resource ticket_merge = {
	"TicketMerge", "The record of a merge.", "ticket_merge_v", "merge_id", NULL, merge_fields
};
static const struct sort merge_sorts[] = { { "merged_at", "t.merged_at", "timestamptz" }, { .name = NULL } };
static const struct list merges = { NULL, merge_sorts, NULL, false };

static const char *const kinds[] = { "change", "comment", "note", NULL };
static const struct field activity_fields[] = {
	{ "activity_id", T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "kind",        T_ENUM, F_OUT, .words = kinds, .example = "\"change\"", .doc = "A change of fields, a public comment, or an internal note." },
	{ "topic",       T_STR,  F_OUT, .example = "\"ticket.updated\"", .doc = "The event's topic." },
	{ "actor_type",  T_STR,  F_OUT|F_NULL, .example = "\"user\"", .doc = "Kind of actor." },
	{ "actor_id",    T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who did it." },
	{ "changes",     T_OBJECT, F_OUT|F_NULL, .example = "{\"status\":{\"from\":\"new\",\"to\":\"open\"}}", .doc = "Fields with their values before and after." },
	{ "data",        T_OBJECT, F_OUT|F_NULL, .example = "null", .doc = "Comment or snapshot." },
	{ "occurred_at", T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When." },
	{ .name = NULL }
};
static const struct resource activity = {
	"Activity", "One entry of a ticket's timeline.", "activity_v", "activity_id", "ticket_id", activity_fields
};
static const struct filter activity_by[] = {
	{ "kind", T_ENUM, "t.kind = $?", kinds, "Kind; repeatable." },
	{ .name = NULL }
};
static const struct sort activity_sorts[] = { { "occurred_at", "t.occurred_at", "timestamptz" }, { .name = NULL } };
static const struct list activities = { activity_by, activity_sorts, NULL, true };

static const char *const link_kinds[] = { "parent_of", "child_of", "related", "duplicate_of", "blocks", NULL };
static const struct field link_fields[] = {
	{ "link_id",    T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",     T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "ticket_id",  T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket in the path." },
	{ "target_id",  T_ID,   F_BODY|F_REQ|F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad92\"", .doc = "The other ticket." },
	{ "kind",       T_ENUM, F_BODY|F_REQ, .words = link_kinds, .example = "\"related\"", .doc = "What this ticket is to the other." },
	{ "kind",       T_STR,  F_OUT, .example = "\"related\"", .doc = "What this ticket is to the other: parent_of, child_of, related, duplicate_of, duplicated_by, blocks or blocked_by." },
	{ "created_at", T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource ticket_link = {
	"TicketLink", "A link between two tickets, seen from the one in the path.", "ticket_link_v", "link_id", "ticket_id", link_fields
};
static const struct sort link_sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list links = { NULL, link_sorts, NULL, true };
/* clang-format on */

static int
clone_ticket(struct req *r)
{
	r->exec_slot = db_queue(
	    r->db, SQL_TICKET_CLONE, P(r->org, r->args[0], r->new_id, r->number, r->body_text));
	return reply_resource(r, 201, &ticket, NULL, r->new_id);
}

static int
split_ticket(struct req *r)
{
	r->exec_slot = db_queue(
	    r->db, SQL_TICKET_SPLIT, P(r->org, r->args[0], r->new_id, r->number, r->body_text));
	return reply_resource(r, 201, &ticket, NULL, r->new_id);
}

/* A merge is seen from both sides. */
static int
merge_history(struct req *r)
{
	if (db_row(r->db, SQL_TICKET_EXISTS, P(r->org, r->args[0])) == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	return reply_list(r, &ticket_merge, &merges,
	    "(t.target_ticket_id = $2 OR t.source_ticket_id = $2)", P(r->args[0]));
}

/* The list of a ticket that does not exist is not an empty list. */
static int
list_of_ticket(struct req *r)
{
	if (db_row(r->db, SQL_TICKET_EXISTS, P(r->org, r->args[0])) == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	return api_list(r);
}

static int
assign_ticket(struct req *r)
{
	if (!body_has(r, "assignee_user_id") && !body_has(r, "team_id") &&
	    !body_has(r, "queue_id") && !body_has(r, "strategy"))
		return fail_field(r, "assignee_user_id", "required",
		    "Name an agent, a team, a queue or a strategy.");
	if (body_has(r, "strategy") && body_has(r, "assignee_user_id"))
		return fail_field(r, "strategy", "conflict",
		    "Either an agent is named or a strategy chooses one.");
	return api_exec(r);
}

/* The path's last part is no id, so the generic reply would look for the wrong row. */
static int
remove_tag(struct req *r)
{
	r->exec_slot = db_queue(r->db, SQL_TICKET_TAG_REMOVE, P(r->org, r->args[0], r->args[1]));
	return reply_resource(r, 200, &ticket, NULL, r->args[0]);
}

static int
override_classification(struct req *r)
{
	if (json_object_object_length(r->body) == 0)
		return fail_field(
		    r, "topic", "required", "Give at least one of topic, urgency and sentiment.");
	return api_exec(r);
}

/* clang-format off */
const struct route ticket_action_routes[] = {
	{ POST, "/api/tickets/:id/clone", "tickets.clone", clone_ticket, S_TICKETS_WRITE, .flags = R_CREATE|R_NUMBER,
	    .body = clone, .reply = &ticket, .summary = "Clone a ticket",
	    .doc = "A new ticket with the same title, description, priority, customer, team, tags and custom fields, linked to the original. Values are taken as they are, even those that a field would no longer take; those of deleted fields are left out." },
	{ POST, "/api/tickets/:id/merge", "tickets.merge", api_exec, S_TICKETS_WRITE,
	    .body = merge, .reply = &ticket, .exec = SQL_TICKET_MERGE, .summary = "Merge duplicate tickets",
	    .doc = "Comments, notes, files, tags and links of the duplicates move into this ticket; their descriptions become internal notes. All or none is merged, and each merge can be undone." },
	{ GET, "/api/tickets/:id/merge-history", "tickets.mergeHistory", merge_history, S_TICKETS_READ,
	    .reply = &ticket_merge, .list = &merges, .summary = "View the merge record" },
	{ POST, "/api/tickets/:id/unmerge", "tickets.unmerge", api_exec, S_TICKETS_WRITE,
	    .body = unmerge, .reply = &ticket, .exec = SQL_TICKET_UNMERGE, .summary = "Undo a merge",
	    .doc = "Everything that had moved goes back. What was written since the merge stays where it is." },
	{ PATCH, "/api/tickets/:id/classification", "tickets.classify", override_classification, S_TICKETS_WRITE,
	    .body = classification, .reply = &ticket, .exec = SQL_TICKET_CLASSIFICATION, .summary = "Override the classification" },
	{ POST, "/api/tickets/:id/split", "tickets.split", split_ticket, S_TICKETS_WRITE, .flags = R_CREATE|R_NUMBER,
	    .body = split, .reply = &ticket, .summary = "Split a ticket",
	    .doc = "Moves the chosen comments into a new ticket of the same customer, linked to this one." },
	{ POST, "/api/tickets/:id/assign", "tickets.assign", assign_ticket, S_TICKETS_WRITE,
	    .body = assign, .reply = &ticket, .exec = SQL_TICKET_ASSIGN, .summary = "Assign a ticket",
	    .example = "{\"strategy\":\"least_loaded\"}" },
	{ POST, "/api/tickets/:id/snooze", "tickets.snooze", api_exec, S_TICKETS_WRITE,
	    .body = snooze, .reply = &ticket, .exec = SQL_TICKET_SNOOZE, .summary = "Snooze a ticket" },
	{ GET, "/api/tickets/:id/activity", "tickets.activity", list_of_ticket, S_NOTES_READ,
	    .reply = &activity, .list = &activities, .summary = "Timeline of a ticket",
	    .doc = "Changes, comments and internal notes in the order in which they happened." },
	{ POST, "/api/tickets/:id/tags", "tickets.addTags", api_exec, S_TICKETS_WRITE,
	    .body = tags, .reply = &ticket, .exec = SQL_TICKET_TAGS_ADD, .summary = "Add tags",
	    .doc = "Atomic: two callers who add different tags at once both succeed." },
	{ DELETE, "/api/tickets/:id/tags/:tag", "tickets.removeTag", remove_tag, S_TICKETS_WRITE,
	    .reply = &ticket, .summary = "Remove a tag" },
	{ GET, "/api/tickets/:id/links", "tickets.links", list_of_ticket, S_TICKETS_READ,
	    .reply = &ticket_link, .list = &links, .summary = "List links" },
	{ POST, "/api/tickets/:id/links", "tickets.link", api_exec, S_TICKETS_WRITE, .flags = R_CREATE,
	    .body = link_fields, .reply = &ticket_link, .exec = SQL_TICKET_LINK_CREATE, .summary = "Link tickets" },
	{ DELETE, "/api/tickets/:id/links/:link_id", "tickets.unlink", api_exec, S_TICKETS_WRITE,
	    .exec = SQL_TICKET_LINK_DELETE, .status = 204, .summary = "Remove a link" },
	{ .path = NULL }
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Public comments of a ticket, and the notes that only agents see. */
#include "http/req.h"

#include <string.h>

/* clang-format off */
static const char *const author[] = { "agent", "customer", NULL };

static const struct field comment_fields[] = {
	{ "comment_id",  T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "ticket_id",   T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "author_type", T_ENUM, F_CREATE, .words = author, .example = "\"agent\"", .doc = "Who speaks; agent unless given." },
	{ "author_type", T_STR,  F_OUT, .example = "\"user\"", .doc = "customer, user, api_key, legacy, system or workflow." },
	{ "author_id",   T_STR,  F_CREATE, 1, 127, .example = "\"0190163d-8694-739b-aea5-966c26f8ad92\"", .doc = "The author; the caller, or the ticket's customer, unless given." },
	{ "author_id",   T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "The author's id." },
	{ "body",        T_TEXT, F_CREATE|F_REQ|F_PATCH|F_OUT, 1, 65536, .example = "\"We are looking into it.\"", .doc = "The text; 1 to 65,536 characters. Empty once it is redacted." },
	{ "external_id", T_STR,  F_CREATE|F_OUT|F_NULL, 1, 255, .example = "null", .doc = "Your own id; unique within the ticket." },
	{ "origin_ticket_id", T_ID, F_OUT|F_NULL, .example = "null", .doc = "The ticket it was written on, when a merge or split has moved it." },
	{ "edited_at",   T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was last edited." },
	{ "redacted_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When its text was removed." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "history",     T_ANY,  F_OUT|F_OPT, .example = "[]", .doc = "Earlier texts, with `include=history`." },
	{ .name = NULL }
};
static const struct resource comment = {
	"Comment", "A public message on a ticket.", "comment_v", "comment_id", "ticket_id", comment_fields
};
static const struct resource comment_history = {
	"Comment", "A public message on a ticket.", "comment_history_v", "comment_id", "ticket_id", comment_fields
};
static const struct filter by[] = {
	{ "author_type", T_STR,  "t.author_type = $?", NULL, "customer, user, api_key, legacy, system or workflow; repeatable." },
	{ "since",       T_TIME, "t.created_at >= $?", NULL, "Written at or after this time.", true },
	{ "include",     T_ENUM, "$?::text IS NOT NULL", (const char *const[]){ "history", NULL }, "history: show earlier texts.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list comments = { by, sorts, NULL, true };

static const struct filter redact_query[] = {
	{ "attachments", T_BOOL, "", NULL, "true: delete the comment's files as well.", true },
	{ .name = NULL }
};

static const struct field note_fields[] = {
	{ "note_id",     T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "ticket_id",   T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "author_type", T_STR,  F_OUT, .example = "\"user\"", .doc = "user, api_key, legacy, system or workflow." },
	{ "author_id",   T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "The author's id." },
	{ "body",        T_TEXT, F_CREATE|F_REQ|F_PATCH|F_OUT, 1, 65536, .example = "\"Customer is on the old plan.\"", .doc = "The text; 1 to 65,536 characters." },
	{ "mentions",    T_ID,   F_CREATE|F_PATCH|F_OUT|F_LIST, .max_items = 50, .example = "[]", .doc = "Users who are pointed to it." },
	{ "origin_ticket_id", T_ID, F_OUT|F_NULL, .example = "null", .doc = "The ticket it was written on, when a merge or split has moved it." },
	{ "edited_at",   T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was last edited." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource note = {
	"InternalNote", "A note on a ticket that only agents see.", "internal_note_v", "note_id", "ticket_id", note_fields
};
static const struct list notes = { NULL, sorts, NULL, true };
/* clang-format on */

static int
list_thread(struct req *r, const struct resource *shape, const struct list *list)
{
	if (db_row(r->db, SQL_TICKET_EXISTS, P(r->org, r->args[0])) == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	return reply_list(r, shape, list, "t.ticket_id = $2", P(r->args[0]));
}

static int
list_comments(struct req *r)
{
	return list_thread(
	    r, query_get(r, "include") == NULL ? &comment : &comment_history, &comments);
}

static int
redact_comment(struct req *r)
{
	const char *files = query_get(r, "attachments");

	r->exec_slot = db_queue(r->db, SQL_COMMENT_REDACT,
	    P(r->org, r->args[0], r->args[1], files == NULL ? "false" : files));
	return reply_empty(r);
}

static int
list_notes(struct req *r)
{
	return list_thread(r, &note, &notes);
}

/* clang-format off */
const struct route comment_routes[] = {
	{ POST, "/api/tickets/:id/comments", "comments.create", api_exec, S_TICKETS_WRITE, .flags = R_CREATE,
	    .body = comment_fields, .reply = &comment, .exec = SQL_COMMENT_CREATE, .summary = "Add a comment",
	    .doc = "An agent's first comment opens a new ticket; a customer's opens a pending or resolved one again.",
	    .example = "{\"body\":\"We are looking into it.\"}" },
	{ GET, "/api/tickets/:id/comments", "comments.list", list_comments, S_TICKETS_READ,
	    .reply = &comment, .list = &comments, .summary = "List comments", .doc = "Oldest first." },
	{ PATCH, "/api/tickets/:id/comments/:comment_id", "comments.update", api_exec, S_TICKETS_WRITE,
	    .body = comment_fields, .use = F_PATCH, .reply = &comment, .exec = SQL_COMMENT_PATCH,
	    .summary = "Edit a comment", .doc = "The earlier text is kept; see `include=history`." },
	{ DELETE, "/api/tickets/:id/comments/:comment_id", "comments.redact", redact_comment, S_TICKETS_WRITE,
	    .on = &comment, .query = redact_query, .status = 204, .summary = "Redact a comment",
	    .doc = "The text and its history are gone for good; the place in the thread stays, and so do its files, unless attachments=true takes them as well." },
	{ .path = NULL }
};

const struct route note_routes[] = {
	{ POST, "/api/tickets/:id/internal-notes", "notes.create", api_exec, S_NOTES_WRITE, .flags = R_CREATE,
	    .body = note_fields, .reply = &note, .exec = SQL_NOTE_CREATE, .summary = "Add an internal note" },
	{ GET, "/api/tickets/:id/internal-notes", "notes.list", list_notes, S_NOTES_READ,
	    .reply = &note, .list = &notes, .summary = "List internal notes", .doc = "Oldest first." },
	{ PATCH, "/api/tickets/:id/internal-notes/:note_id", "notes.update", api_exec, S_NOTES_WRITE,
	    .body = note_fields, .use = F_PATCH, .reply = &note, .exec = SQL_NOTE_PATCH, .summary = "Edit an internal note" },
	{ DELETE, "/api/tickets/:id/internal-notes/:note_id", "notes.delete", api_exec, S_NOTES_WRITE,
	    .on = &note, .exec = SQL_NOTE_DELETE, .status = 204, .summary = "Delete an internal note", .doc = "Its files go with it." },
	{ .path = NULL }
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Macros: prepared replies and changes. Templates and actions: sql/functions/64_macros.sql. */
#include "http/req.h"
#include "resources/actions.h"

/* clang-format off */
static const char *const kinds[] = { "macro", "canned_response", NULL };
static const struct field macro_fields[] = {
	{ "macro_id",    T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "name",        T_STR,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 120, .example = "\"Ask for the invoice\"", .doc = "Name; unique whatever its case." },
	{ "description", T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 2000, .example = "\"When the number is missing\"", .doc = "When to use it." },
	{ "kind",        T_ENUM, F_OUT, .words = kinds, .example = "\"macro\"", .doc = "canned_response: a reply without actions." },
	{ "team_id",     T_ID,   F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "The team it is for; null for everybody." },
	{ "reply",       T_TEXT, F_CREATE|F_PATCH|F_OUT|F_NULL, 1, 65536, .example = "\"Hello {{customer.first_name|there}}, which invoice is it?\"", .doc = "Template of a reply. {{name}} is replaced, {{name|otherwise}} has a text for when there is no value, \\\\{{ stands for itself. Names: ticket.number, .title, .status, .priority, .ticket_id, .custom_fields.<key>; customer.name, .first_name, .email; company.name; agent.name, .first_name, .email; organization.name. Several options are written a, b. What comes to nothing, or to more than 65,536 characters, is refused when it is applied." },
	{ "internal",    T_BOOL, F_CREATE|F_PATCH|F_OUT, .example = "false", .doc = "Whether the reply is an internal note." },
	{ "actions",     T_OBJECT, F_CREATE|F_PATCH|F_OUT|F_LIST, .sub = macro_action_fields, .max_items = 20, .example = "[{\"action\":\"update\",\"changes\":{\"status\":\"pending\"}}]", .doc = "What is done after the reply, in this order. What they refer to must be there when they are written." },
	{ "active",      T_BOOL, F_CREATE|F_PATCH|F_OUT, .example = "true", .doc = "Whether it can be applied." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource macro = { "Macro", "A prepared reply with changes.", "macro_v", "macro_id", NULL, macro_fields };
static const struct filter by[] = {
	{ "team_id", T_ID,   "(t.team_id = $? OR t.team_id IS NULL)", NULL, "Those for this team, and those for everybody.", true },
	{ "kind",    T_ENUM, "t.kind = $?", kinds, "Kind; repeatable." },
	{ "active",  T_BOOL, "t.active = $?", NULL, "Whether it can be applied.", true },
	{ "q",       T_STR,  "position(lower($?) IN lower(t.name)) > 0", NULL, "Part of the name.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "name", "t.name", "text" }, { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list macros = { by, sorts, NULL, true };

static const struct field apply_fields[] = {
	{ "dry_run", T_BOOL, F_BODY, .example = "true", .doc = "Show what it would say and change." },
	{ "reply",   T_TEXT, F_BODY, 1, 65536, .example = "\"Hello Ada, which invoice is it?\"", .doc = "Send this instead of the template, such as the text of a dry run that somebody has edited; needs write:notes when it becomes an internal note." },
	{ .name = NULL }
};
static const struct field said_fields[] = {
	{ "comment_id", T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The comment or note; null in a dry run." },
	{ "internal",   T_BOOL, F_OUT, .example = "false", .doc = "Whether it is an internal note." },
	{ "body",       T_TEXT, F_OUT, .example = "\"Hello Ada, which invoice is it?\"", .doc = "The text as it was filled in." },
	{ .name = NULL }
};
static const struct field applied_fields[] = {
	{ "dry_run",    T_BOOL, F_OUT, .example = "true", .doc = "Whether nothing was done in earnest." },
	{ "reply",      T_TEXT, F_OUT|F_NULL, .example = "\"Hello Ada, which invoice is it?\"", .doc = "The reply as it was filled in." },
	{ "internal",   T_BOOL, F_OUT, .example = "false", .doc = "Whether the reply is an internal note." },
	{ "comment_id", T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The reply, once it is written." },
	{ "comments",   T_OBJECT, F_OUT|F_LIST, .sub = said_fields, .example = "[]", .doc = "All that is said: the reply, then what the actions comment and note say." },
	{ "changes",    T_OBJECT, F_OUT, .example = "{\"status\":{\"from\":\"open\",\"to\":\"pending\"}}", .doc = "Fields of the ticket with their values before and after." },
	{ .name = NULL }
};
static const struct resource applied = { "MacroResult", "What a macro did.", NULL, NULL, NULL, applied_fields };
/* clang-format on */

static int
check_macro(struct req *r)
{
	check_actions(r);
	return r->failed ? -1 : api_exec(r);
}

/* A note in the caller's own words is a note of the caller's. */
static int
apply_macro(struct req *r)
{
	if (body_str(r, "reply") != NULL && !principal_may(&r->who, S_NOTES_WRITE) &&
	    db_row(r->db, SQL_MACRO_INTERNAL, P(r->org, r->args[1])) != NULL)
		return need_scope(r, S_NOTES_WRITE);
	r->exec_slot =
	    db_queue(r->db, SQL_MACRO_APPLY, P(r->org, r->args[0], r->args[1], r->body_text));
	return reply_slot(r, 200, &applied, r->exec_slot);
}

/* clang-format off */
#define PATH "/api/organizations/:org_id/macros"
const struct route macro_routes[] = {
	{ POST, PATH, "macros.create", check_macro, S_SETTINGS_WRITE, .flags = R_CREATE, .body = macro_fields, .reply = &macro,
	    .exec = SQL_MACRO_CREATE, .summary = "Create a macro" },
	{ GET, PATH, "macros.list", api_list, S_SETTINGS_READ, .reply = &macro, .list = &macros, .summary = "List macros" },
	{ GET, PATH "/:id", "macros.get", api_get, S_SETTINGS_READ, .reply = &macro, .summary = "Get a macro" },
	{ PATCH, PATH "/:id", "macros.update", check_macro, S_SETTINGS_WRITE, .body = macro_fields, .use = F_PATCH, .reply = &macro,
	    .exec = SQL_MACRO_PATCH, .summary = "Update a macro", .example = "{\"description\":\"When the number is missing\"}" },
	{ DELETE, PATH "/:id", "macros.delete", api_exec, S_SETTINGS_WRITE, .on = &macro, .status = 204, .exec = SQL_MACRO_DELETE,
	    .summary = "Delete a macro", .doc = "Refused (409, in_use) while an enabled workflow applies it." },
	{ POST, "/api/tickets/:id/macros/:macro_id/apply", "macros.apply", apply_macro, S_TICKETS_WRITE, .body = apply_fields, .reply = &applied,
	    .summary = "Apply a macro to a ticket", .doc = "The reply and all changes, or nothing. A dry run answers the same without doing it.", .example = "{\"dry_run\":true}" },
	{ .path = NULL }
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Exports: the desk's data as files. The work is done by jobs/export.c. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/link.h"
#include "store/files.h"

/* clang-format off */
static const char *const kinds[] = { "tickets", "customers", "events", NULL };
static const char *const formats[] = { "ndjson", "csv", NULL };
static const char *const states[] = { "queued", "running", "completed", "failed", "cancelled", NULL };
static const struct field export_fields[] = {
	{ "export_id",   T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "kind",        T_ENUM, F_BODY|F_REQ|F_OUT, .words = kinds, .example = "\"tickets\"", .doc = "What is exported." },
	{ "format",      T_ENUM, F_BODY|F_OUT|F_NULL, .words = formats, .example = "\"ndjson\"", .doc = "ndjson (default): a JSON object a line, with its type; csv: a table of one kind." },
	{ "conditions",  T_CONDITION, F_BODY|F_OUT|F_NULL, .example = "{\"field\":\"status\",\"op\":\"eq\",\"value\":\"closed\"}", .doc = "With tickets: only those that match, as in a view." },
	{ "customer_id", T_ID,   F_BODY|F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Everything of one customer in one file: the profile, tickets, public comments of these and those that the person wrote elsewhere, what is known of their files (those of notes left out) and of the mail that came from the person, surveys. For data protection requests; only as ndjson." },
	{ "include_comments", T_BOOL, F_BODY, .example = "true", .doc = "With tickets: comments too, and internal notes with the scope read:notes, with what they said before; only as ndjson." },
	{ "state",       T_ENUM, F_OUT, .words = states, .example = "\"completed\"", .doc = "Where it stands." },
	{ "rows",        T_INT,  F_OUT, .max = 9007199254740991, .example = "1200", .doc = "Rows written so far." },
	{ "bytes",       T_INT,  F_OUT|F_NULL, .max = 9007199254740991, .example = "482130", .doc = "Size of the file." },
	{ "sha256",      T_STR,  F_OUT|F_NULL, .example = "null", .doc = "SHA-256 of the file in hex." },
	{ "error",       T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Why it failed." },
	{ "created_by",  T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "In whose name it works." },
	{ "expires_at",  T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Until when the file is kept; or when it was deleted." },
	{ "started_at",  T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it began." },
	{ "finished_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it ended." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "download_url", T_STR, F_OUT|F_NULL|F_OPT, .example = "null", .doc = "A link to the file that needs no credential, for an hour; null until it is complete, and for a credential without the scopes of its content." },
	{ .name = NULL }
};
static const struct resource export = { "Export", "Data of the desk as a file.", "export_v", "export_id", NULL, export_fields };
static const struct filter by[] = {
	{ "state", T_ENUM, "t.state = $?", states, "Where it stands; repeatable.", false },
	{ "kind",  T_ENUM, "t.kind = $?", kinds, "What is exported; repeatable.", false },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list exports = { by, sorts, NULL, false };
static const struct filter link_query[] = { LINK_FILTERS, { .name = NULL } };
/* clang-format on */

static const char *
path_of(struct req *r, const char *id)
{
	return arena_printf(r->arena, "/api/exports/%s/download", id);
}

/* An export shows no more than a credential can read otherwise. NULL, or the scope that it lacks.
 */
static const char *
lacking(struct req *r, const char *kind, bool of_customer, bool notes)
{
	bool customers = strcmp(kind, "customers") == 0;
	const struct {
		enum scope scope;
		bool needed;
	} all[] = { { S_TICKETS_READ, !customers || of_customer },
		{ S_CUSTOMERS_READ, customers || of_customer }, { S_NOTES_READ, notes } };
	unsigned i;

	for (i = 0; i < LENGTH(all); i++)
		if (all[i].needed && !principal_may(&r->who, all[i].scope))
			return scope_word(all[i].scope);
	return NULL;
}

static bool
is(const PGresult *row, const char *column, const char *word)
{
	const char *value = db_get(row, 0, column);

	return value != NULL && strcmp(value, word) == 0;
}

static int
fail_scope(struct req *r, const char *scope)
{
	return fail_detail(r, E_FORBIDDEN, "What is exported needs the scope %s.", scope);
}

static const char *
lacking_for(struct req *r, const PGresult *row)
{
	return lacking(r, db_get(row, 0, "kind"), db_get(row, 0, "customer_id") != NULL,
	    is(row, "__notes", "t"));
}

static int
create_export(struct req *r)
{
	const char *format = body_str(r, "format"), *customer = body_str(r, "customer_id");
	bool tickets = strcmp(body_str(r, "kind"), "tickets") == 0;
	bool comments = body_bool(r, "include_comments", false);
	struct condition c;
	const char *spec, *lacks;

	lacks = lacking(r, body_str(r, "kind"), customer != NULL, false);
	if (lacks != NULL)
		return fail_scope(r, lacks);
	if (format != NULL && strcmp(format, "csv") == 0 && (customer != NULL || comments))
		return fail_field(
		    r, "format", "not_allowed", "Several kinds do not fit into one table.");
	if (!tickets && (body_has(r, "conditions") || comments))
		return fail_field(r, body_has(r, "conditions") ? "conditions" : "include_comments",
		    "not_allowed", "Only tickets take it.");
	if (req_conditions(r, 1, CONDITION_STORED, &c) == -1)
		return -1;
	if (customer != NULL && db_row(r->db, SQL_CUSTOMER_EXISTS, P(r->org, customer)) == NULL)
		return db_failed(r->db) ? fail_db(r)
		                        : fail_field(r, "customer_id", "unknown_reference",
					      "There is no such customer.");
	json_object_object_add(
	    r->body, "notes", json_object_new_boolean(principal_may(&r->who, S_NOTES_READ)));
	spec = json_object_to_json_string_ext(r->body, JSON_C_TO_STRING_PLAIN);
	r->exec_slot = db_queue(r->db, SQL_JOB_CREATE, P(r->org, r->new_id, "export", spec));
	db_do(r->db, SQL_EXPORT_EVENT, P(r->org, r->new_id, "export.created", r->body_text));
	return reply_resource(r, 202, &export, NULL, r->new_id);
}

static int
get_export(struct req *r)
{
	const PGresult *row = db_row(r->db, SQL_EXPORT_GET, P(r->org, r->args[0]));
	bool ready;

	if (row == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	ready =
	    is(row, "state", "completed") && is(row, "__kept", "t") && lacking_for(r, row) == NULL;
	link_put_row(r, row, ready ? link_make(r, path_of(r, r->args[0])) : NULL);
	return reply_json(r, 200);
}

/* Of one that is complete; gone whatever becomes of the transaction, which can be asked for again.
 */
static int
delete_file(struct req *r)
{
	const PGresult *row = db_row(r->db, SQL_EXPORT_DELETE, P(r->org, r->args[0]));
	char path[FILE_PATH];

	if (row == NULL && !db_failed(r->db) &&
	    db_row(r->db, SQL_EXPORT_GET, P(r->org, r->args[0])) != NULL)
		return fail_detail(r, E_CONFLICT, "The export is over and has no file.");
	if (row == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	file_path(path, "exports", r->org, r->args[0]);
	unlink(path);
	db_do(r->db, SQL_EXPORT_EVENT, P(r->org, r->args[0], "export.deleted", "{}"));
	return reply_resource(r, 202, &export, NULL, r->args[0]);
}

static int
cancel_export(struct req *r)
{
	const PGresult *row = db_row(r->db, SQL_JOB_CANCEL, P(r->org, r->args[0], "export"));

	if (db_failed(r->db))
		return fail_db(r);
	if (row == NULL)
		return delete_file(r);
	return reply_resource(r, 202, &export, NULL, r->args[0]);
}

static int
download_export(struct req *r)
{
	struct db_context context = { .actor_type = "system" };
	const PGresult *row;
	const char *lacks = NULL;
	bool csv, kept;

	if (link_check(r, path_of(r, r->args[0]), S_IMPORT) == -1)
		return -1;
	context.org = r->org;
	if (r->who.kind != WHO_NOBODY) { /* else a signed link: the address has to do */
		context.actor_type = principal_actor_type(&r->who);
		context.actor_id = r->who.actor;
	}
	context.address = r->in->address;
	context.request_id = r->request_id;
	db_begin(r->db, r->arena, DB_WRITE, &context);
	row = db_row(r->db, SQL_EXPORT_GET, P(r->org, r->args[0]));
	kept = row != NULL && is(row, "state", "completed") && is(row, "__kept", "t");
	if (kept && r->who.kind != WHO_NOBODY)
		lacks = lacking_for(r, row);
	if (kept && lacks == NULL)
		db_do(r->db, SQL_EXPORT_EVENT,
		    P(r->org, r->args[0], "export.downloaded",
			arena_printf(r->arena, "{\"link\":%s}",
			    r->who.kind == WHO_NOBODY ? "true" : "false")));
	if (!db_commit(r->db))
		return fail_db(r);
	if (lacks != NULL)
		return fail_scope(r, lacks);
	if (row != NULL && (is(row, "state", "queued") || is(row, "state", "running")))
		return fail_detail(r, E_CONFLICT, "The export is not complete yet.");
	if (!kept)
		return fail(r, E_NOT_FOUND);
	csv = db_get(row, 0, "format") != NULL && strcmp(db_get(row, 0, "format"), "csv") == 0;
	return link_send_file(r, arena_printf(r->arena, "exports/%s/%s", r->org, r->args[0]),
	    db_get(row, 0, "bytes") == NULL ? 0 : strtoull(db_get(row, 0, "bytes"), NULL, 10),
	    csv ? "text/csv; charset=utf-8" : "application/x-ndjson",
	    arena_printf(r->arena, "%s.%s", db_get(row, 0, "kind"), csv ? "csv" : "ndjson"), false);
}

/* clang-format off */
const struct route export_routes[] = {
	{ POST, "/api/exports", "exports.create", create_export, S_IMPORT, .flags = R_CREATE, .status = 202, .body = export_fields, .reply = &export,
	    .summary = "Start an export", .doc = "Returns at once; GET tells when the file is complete. It is kept for seven days. Besides `import` it needs the scopes of what it contains: read:tickets for tickets and events, read:customers for customers, both for everything of one customer; without read:notes internal notes are left out.",
	    .example = "{\"kind\":\"tickets\",\"include_comments\":true}" },
	{ GET, "/api/exports", "exports.list", api_list, S_IMPORT, .reply = &export, .list = &exports, .summary = "List exports", .doc = "Newest first." },
	{ DELETE, "/api/exports/:id", "exports.cancel", cancel_export, S_IMPORT, .status = 202, .reply = &export, .summary = "Cancel or delete an export",
	    .doc = "One at work stops after its batch; there is no file. Of one that is complete the file is deleted, before its time." },
	{ GET, "/api/exports/:id", "exports.get", get_export, S_IMPORT, .reply = &export, .summary = "Get an export" },
	{ GET, "/api/exports/:id/download", "exports.download", download_export, S_IMPORT, .flags = R_PUBLIC|R_RAW|R_FILE, .query = link_query,
	    .media = "application/x-ndjson,text/csv",
	    .summary = "Download an export", .doc = "With a credential that has the scopes of its content, or by the signed link (download_url). 409 until it is complete." },
	{ .path = NULL }
};

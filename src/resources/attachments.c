/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attachments: files of a ticket. An upload goes from the web server to the
 * disk in pieces; a download is the web server's work (X-Accel-Redirect), so no
 * worker holds a file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "http/idempotency.h"
#include "http/link.h"
#include "http/multipart.h"
#include "store/files.h"

#define PIECE 65536

/* clang-format off */
static const struct field attachment_fields[] = {
	{ "attachment_id", T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",        T_STR, F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "ticket_id",     T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Its ticket." },
	{ "comment_id",    T_ID,  F_OUT|F_NULL, .example = "null", .doc = "The comment or internal note that it came with." },
	{ "internal",      T_BOOL, F_OUT, .example = "false", .doc = "Whether it belongs to an internal note: then it is there for credentials with read:notes, and changes need write:notes." },
	{ "origin_ticket_id", T_ID, F_OUT|F_NULL, .example = "null", .doc = "The ticket to which it was uploaded, when a merge or split has moved it." },
	{ "filename",      T_STR, F_OUT, .example = "\"screenshot.png\"", .doc = "Its name." },
	{ "content_type",  T_STR, F_OUT, .example = "\"image/png\"", .doc = "Media type, told from the content; what the sender says does not count." },
	{ "size",          T_INT, F_OUT, .max = 9007199254740991, .example = "48213", .doc = "Bytes." },
	{ "sha256",        T_STR, F_OUT, .example = "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"", .doc = "SHA-256 of the content in hex." },
	{ "created_by",    T_STR, F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who uploaded it." },
	{ "created_at",    T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "download_url",  T_STR, F_OUT|F_NULL|F_OPT, .example = "\"https://helpdesk.example/api/attachments/…\"", .doc = "A link that needs no credential, for an hour; null while secret_key is not configured." },
	{ .name = NULL }
};
static const struct resource attachment = { "Attachment", "A file of a ticket.", "attachment_v", "attachment_id", NULL, attachment_fields };
static const struct filter upload_query[] = {
	{ "filename", T_STR, "", NULL, "Name of the file, 1 to 255 characters, not only blanks and dots, without slashes, backslashes, quotes and characters that control lines or the direction of writing; required, except in a form that gives it with the file.", true },
	{ "comment_id", T_ID, "", NULL, "A comment or internal note of the ticket, to which the file belongs. A note takes files with write:notes.", true },
	{ .name = NULL }
};
static const struct filter download_query[] = {
	{ "link", T_BOOL, "", NULL, "true: instead of the file, what is known of it as JSON, with a fresh download_url. Not with a signed link.", true },
	LINK_FILTERS,
	{ .name = NULL }
};
/* clang-format on */

static const char *
path_of(struct req *r, const char *id)
{
	return arena_printf(r->arena, "/api/attachments/%s", id);
}

static int
fail_disk(struct req *r, int error)
{
	log_error("attachment: %s", strerror(error));
	return fail(r, error == ENOSPC || error == EDQUOT ? E_DISK_FULL : E_UNAVAILABLE);
}

/* A file on its way; once it is in its place, what another attempt needs to know of it. */
struct upload {
	struct req *r;
	struct file_writer w;
	const char *name, *type;
	char sha256[65];
	uint64_t size;
	bool begun; /* the part of a form that is the file */
};

static int
check_name(struct req *r, const char *name)
{
	if (name == NULL || *name == '\0')
		return fail_field(r, "filename", "required",
		    "Give the file's name, 1 to 255 characters: as ?filename=, or in a form with the file.");
	if (utf8_length(name, strlen(name)) > 255)
		return fail_field(r, "filename", "too_long", "At most 255 characters.");
	if (name[strspn(name, " .")] == '\0')
		return fail_field(
		    r, "filename", "format", "A name that is more than blanks and dots.");
	for (; *name != '\0'; name++)
		if (strchr("/\\\"\177", *name) != NULL || (unsigned char)*name < 0x20 ||
		    utf8_bidi(name) > 0)
			return fail_field(r, "filename", "format",
			    "A name without slashes, quotes and characters that control lines or "
			    "the direction of writing.");
	return 0;
}

static int
take(struct upload *u, const char *piece, size_t n)
{
	int error = file_write(&u->w, piece, n);

	if (error != 0)
		return fail_disk(u->r, error);
	FAULT(upload_begun);
	if (u->w.size > (uint64_t)conf.attachment_max)
		return fail_detail(u->r, E_TOO_LARGE, "At most %ld bytes.", conf.attachment_max);
	return 0;
}

static int
part_begins(void *to, const struct multipart_part *part)
{
	struct upload *u = to;
	struct req *r = u->r;

	if (strcmp(part->name, "file") != 0)
		return fail_field(r, utf8_cut(r->arena, part->name, 80), "unknown_field",
		    "There is no such field; the form has one part, file.");
	if (u->begun)
		return fail_field(r, "file", "too_many", "Exactly one file.");
	u->begun = true;
	if (u->name == NULL)
		u->name = part->filename;
	return check_name(r, u->name);
}

static int
part_goes_on(void *to, const char *piece, size_t n)
{
	return take(to, piece, n);
}

static int
part_ends(void *to)
{
	(void)to;
	return 0;
}

/* A form, of which the file is a part. */
static int
read_form(struct upload *u, const char *type, char *piece)
{
	static const struct multipart_sink sink = { part_begins, part_goes_on, part_ends };
	struct req *r = u->r;
	struct multipart form;
	size_t at = 0, n, total = 0;
	int result = multipart_begin(&form, r->arena, type, &sink, u);

	while (result == 0 && (n = http_body_read(r->in, &at, piece, PIECE)) > 0) {
		total += n;
		result = multipart_feed(&form, piece, n);
	}
	if (result == 0 && r->in->body_len > 0 && total != r->in->body_len)
		return fail_detail(
		    r, E_BAD_REQUEST, "The body is not as long as Content-Length says.");
	if (result == 0)
		result = multipart_end(&form);
	if (result == -1)
		return r->failed ? -1 : fail_detail(r, E_BAD_REQUEST, "%s", form.error);
	if (!u->begun)
		return fail_field(r, "file", "required", "The form has no part of this name.");
	return u->w.size > 0 ? 0 : fail_field(r, "file", "required", "The file has no bytes.");
}

/* A body that is the file. */
static int
read_raw(struct upload *u, char *piece)
{
	struct req *r = u->r;
	size_t at = 0, n;

	while ((n = http_body_read(r->in, &at, piece, PIECE)) > 0)
		if (take(u, piece, n) == -1)
			return -1;
	if (u->w.size == 0)
		return fail_field(r, "body", "required", "The body is the file; it has no bytes.");
	if (r->in->body_len > 0 && u->w.size != r->in->body_len)
		return fail_detail(
		    r, E_BAD_REQUEST, "The body is not as long as Content-Length says.");
	return 0;
}

/* From the web server to its place on the disk; on failure nothing of it is left. */
static int
store(struct req *r, struct upload *u)
{
	const char *type = http_header(r->in, "content-type");
	char *piece = arena_room(r->arena, PIECE);
	int error;

	*u = (struct upload){ .r = r, .name = query_get(r, "filename") };
	if ((u->name != NULL || !multipart_is(type)) && check_name(r, u->name) == -1)
		return -1;
	error = file_begin(&u->w, r->org);
	if (error != 0)
		return fail_disk(r, error);
	if ((multipart_is(type) ? read_form(u, type, piece) : read_raw(u, piece)) == -1) {
		file_abort(&u->w);
		return -1;
	}
	u->type = file_type(&u->w, r->arena);
	u->size = u->w.size;
	error = file_finish(&u->w, u->sha256);
	if (error == 0)
		return 0;
	file_abort(&u->w);
	return fail_disk(r, error);
}

/* Whether files of internal notes are there for the caller, be it to read or to change them. */
static bool
sees_notes(struct req *r, bool to_change)
{
	return principal_may(&r->who, S_NOTES_READ) ||
	       (to_change && principal_may(&r->who, S_NOTES_WRITE));
}

/* The file's row, or NULL. */
static const PGresult *
find(struct req *r, bool notes)
{
	return db_row(r->db, SQL_ATTACHMENT_GET, P(r->org, r->args[0], notes ? "true" : "false"));
}

static bool
of_note(const PGresult *row)
{
	return *db_get(row, 0, "internal") == 't';
}

/* The ticket is there and takes files, and so does its comment or note when one is named. */
static int
check_place(struct req *r)
{
	const char *comment = query_get(r, "comment_id");
	const PGresult *row = db_row(r->db, SQL_ATTACHMENT_PLACE, P(r->org, r->args[0], comment));

	if (row == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	if (comment == NULL)
		return 0;
	if (db_get(row, 0, "comment_id") == NULL || (of_note(row) && !sees_notes(r, true)))
		return fail_field(r, "comment_id", "unknown_reference",
		    "The ticket has no such comment or note.");
	return of_note(row) ? need_scope(r, S_NOTES_WRITE) : 0;
}

/* The file can be read from the web server once only: another attempt finds it stored. */
static int
upload(struct req *r)
{
	struct upload *u = r->kept;
	const PGresult *row;
	int stored;

	if (check_place(r) == -1)
		return -1;
	if (u == NULL) {
		u = arena_alloc(r->arena, sizeof(*u));
		if (store(r, u) == -1)
			return -1;
		r->kept = u;
		FAULT(upload_written);
	}
	stored = idempotency_content(r, arena_printf(r->arena, "%s\n%s", u->name, u->sha256));
	if (stored != 0)
		return stored == 1 ? 0 : -1;
	row = db_row(r->db, SQL_ATTACHMENT_CREATE,
	    P(r->org, r->args[0], r->new_id, u->name, u->type,
		arena_printf(r->arena, "%llu", (unsigned long long)u->size), u->sha256,
		query_get(r, "comment_id")));
	if (row == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	link_put_row(r, row, link_make(r, path_of(r, r->new_id)));
	return reply_json(r, 201);
}

static void
begin(struct req *r, enum db_mode mode)
{
	const struct db_context context = { .org = r->org,
		.actor_type = principal_actor_type(&r->who),
		.actor_id = r->who.actor,
		.address = r->in->address,
		.request_id = r->request_id };

	db_begin(r->db, r->arena, mode, &context);
}

/* What a browser may show by itself; everything else is saved. */
static bool
harmless(const char *type)
{
	static const char *const types[] = { "image/png", "image/jpeg", "image/gif", "image/webp",
		"application/pdf", "text/plain" };
	unsigned i;

	for (i = 0; i < LENGTH(types); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

static int
send_file(struct req *r, const PGresult *row)
{
	const char *type = db_get(row, 0, "content_type");
	const char *name = file_name(r->arena, r->org, db_get(row, 0, "sha256"));

	return link_send_file(r, arena_printf(r->arena, "files/%s", name),
	    strtoull(db_get(row, 0, "size"), NULL, 10),
	    harmless(type) ? type : "application/octet-stream", db_get(row, 0, "filename"),
	    harmless(type));
}

/* A signed link was made for somebody who could see the file; it does not make another. */
static int
download(struct req *r)
{
	const char *link = query_get(r, "link"), *path = path_of(r, r->args[0]);
	bool fresh = link != NULL && strcmp(link, "true") == 0;
	bool by_link = query_get(r, "signature") != NULL;
	const PGresult *row;

	if (fresh && by_link)
		return fail_field(
		    r, "link", "not_allowed", "A signed link gives the file, and no other link.");
	if (link_check(r, path, S_TICKETS_READ) == -1)
		return -1;
	begin(r, DB_READ);
	row = find(r, by_link || sees_notes(r, false));
	if (!db_commit(r->db))
		return fail_db(r);
	if (row == NULL)
		return fail(r, E_NOT_FOUND);
	if (!fresh)
		return send_file(r, row);
	link_put_row(r, row, link_make(r, path));
	reply_header(r, "Content-Type", "application/json");
	return reply_json(r, 200);
}

static int
delete_file(struct req *r)
{
	const PGresult *row = find(r, sees_notes(r, true));

	if (row == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	if (of_note(row) && need_scope(r, S_NOTES_WRITE) == -1)
		return -1;
	r->exec_slot = db_queue(r->db, SQL_ATTACHMENT_DELETE, P(r->org, r->args[0]));
	return reply_empty(r);
}

/* clang-format off */
const struct route attachment_routes[] = {
	{ POST, "/api/tickets/:id/attachments", "attachments.upload", upload, S_TICKETS_WRITE, .flags = R_CREATE|R_FORM, .stream = &conf.attachment_max,
	    .query = upload_query, .reply = &attachment, .summary = "Upload a file",
	    .doc = "The body is the file itself, up to 25 MiB, and the query names it: ?filename=screenshot.png. Or it is a form (multipart/form-data) "
	        "with the file as its one part, file, which has its name. A merged ticket takes none (409 ticket_merged)." },
	{ GET, "/api/attachments/:id", "attachments.download", download, S_TICKETS_READ, .flags = R_PUBLIC|R_RAW|R_FILE, .query = download_query,
	    .reply = &attachment, .media = "application/octet-stream,image/png,image/jpeg,image/gif,image/webp,application/pdf,text/plain",
	    .summary = "Download a file", .doc = "With a credential that may read tickets (and notes, when it is a note's), or by a signed link (download_url), "
	        "of which link=true makes a fresh one. Ranges are served. Only harmless types are shown in a browser; others are saved." },
	{ DELETE, "/api/attachments/:id", "attachments.delete", delete_file, S_TICKETS_WRITE, .status = 204,
	    .summary = "Delete a file", .doc = "A file of an internal note needs write:notes as well." },
	{ .path = NULL }
};

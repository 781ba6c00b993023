/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attachments: files of a ticket. An upload goes from the web server to the
 * disk in pieces; a download is the web server's work (X-Accel-Redirect), so no
 * worker holds a file.
 */
#include <errno.h>
#include <string.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "http/link.h"
#include "store/files.h"

#define PIECE 65536

/* clang-format off */
static const struct field attachment_fields[] = {
	{ "attachment_id", T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",        T_STR, F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "ticket_id",     T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Its ticket." },
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
	{ "filename", T_STR, "", NULL, "Name of the file; at most 255 characters, required.", true },
	{ .name = NULL }
};
static const struct filter signature_query[] = { LINK_FILTERS, { .name = NULL } };
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

/* From the web server to the disk; on failure nothing of it is left. */
static int
store(struct req *r, struct file_writer *w)
{
	char *piece = arena_room(r->arena, PIECE);
	size_t at = 0, n;
	int error = file_begin(w, r->org);

	while (error == 0 && (n = http_body_read(r->in, &at, piece, PIECE)) > 0) {
		error = file_write(w, piece, n);
		if (w->size > (uint64_t)conf.attachment_max) {
			file_abort(w);
			return fail_detail(
			    r, E_TOO_LARGE, "At most %ld bytes.", conf.attachment_max);
		}
	}
	if (error == 0 && w->size == 0)
		fail_field(r, "body", "required", "The body is the file; it has no bytes.");
	else if (error == 0 && r->in->body_len > 0 && w->size != r->in->body_len)
		fail_detail(r, E_BAD_REQUEST, "The body is not as long as Content-Length says.");
	if (error == 0 && !r->failed)
		return 0;
	file_abort(w);
	return error == 0 ? -1 : fail_disk(r, error);
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

/* In transactions of its own: the file can be read from the web server once only. */
static int
upload(struct req *r)
{
	const char *name = query_get(r, "filename"), *type;
	struct file_writer w;
	const PGresult *row;
	char sha256[65];
	uint64_t size;
	int error;

	if (name == NULL || *name == '\0' || utf8_length(name, strlen(name)) > 255)
		return fail_field(r, "filename", name == NULL ? "required" : "too_long",
		    "Give the file's name as ?filename=, 1 to 255 characters.");
	if (strpbrk(name, "/\\\r\n\t\"") != NULL)
		return fail_field(r, "filename", "format",
		    "A name without slashes, quotes and control characters.");
	begin(r, DB_READ);
	row = db_row(r->db, SQL_TICKET_EXISTS, P(r->org, r->args[0]));
	if (!db_commit(r->db))
		return fail_db(r);
	if (row == NULL)
		return fail(r, E_NOT_FOUND);
	if (store(r, &w) == -1)
		return -1;
	type = file_type(&w, r->arena);
	size = w.size;
	error = file_finish(&w, sha256);
	if (error != 0) {
		file_abort(&w);
		return fail_disk(r, error);
	}
	begin(r, DB_WRITE);
	row = db_row(r->db, SQL_ATTACHMENT_CREATE,
	    P(r->org, r->args[0], r->new_id, name, type,
		arena_printf(r->arena, "%llu", (unsigned long long)size), sha256));
	if (!db_commit(r->db))
		return fail_db(r);
	if (row == NULL)
		return fail(r, E_NOT_FOUND);
	link_put_row(r, row, link_make(r, path_of(r, r->new_id)));
	worker_ping(r->worker, r->org);
	return reply_json(r, 201);
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
download(struct req *r)
{
	const PGresult *row;
	const char *type;

	if (link_check(r, path_of(r, r->args[0]), S_TICKETS_READ) == -1)
		return -1;
	begin(r, DB_READ);
	row = db_row(r->db, SQL_ATTACHMENT_GET, P(r->org, r->args[0]));
	if (!db_commit(r->db))
		return fail_db(r);
	if (row == NULL)
		return fail(r, E_NOT_FOUND);
	type = db_get(row, 0, "content_type");
	return link_send_file(r,
	    arena_printf(
		r->arena, "files/%s", file_name(r->arena, r->org, db_get(row, 0, "sha256"))),
	    harmless(type) ? type : "application/octet-stream", db_get(row, 0, "filename"),
	    harmless(type));
}

/* clang-format off */
const struct route attachment_routes[] = {
	{ POST, "/api/tickets/:id/attachments", "attachments.upload", upload, S_TICKETS_WRITE, .flags = R_CREATE|R_OUTSIDE, .stream = &conf.attachment_max,
	    .query = upload_query, .reply = &attachment, .summary = "Upload a file",
	    .doc = "The body is the file itself, up to 25 MiB; the query names it: ?filename=screenshot.png." },
	{ GET, "/api/attachments/:id", "attachments.download", download, S_TICKETS_READ, .flags = R_PUBLIC|R_RAW,
	    .query = signature_query, .summary = "Download a file", .doc = "With a credential that may read tickets, or by a signed link (download_url). Ranges are served. Only harmless types are shown in a browser; others are saved." },
	{ DELETE, "/api/attachments/:id", "attachments.delete", api_exec, S_TICKETS_WRITE, .status = 204,
	    .exec = SQL_ATTACHMENT_DELETE, .summary = "Delete a file" },
	{ .path = NULL }
};

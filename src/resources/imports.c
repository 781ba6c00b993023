/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports: data of another desk. The file is the request's body; it is kept
 * under state_dir until src/jobs/import.c has read it.
 */
#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "http/idempotency.h"
#include "http/import_target.h"
#include "http/req.h"
#include "store/files.h"

#define PIECE 65536

/* clang-format off */
static const char *const kinds[] = { "tickets", "customers", NULL };
static const char *const formats[] = { "ndjson", "csv", "zendesk", "freshdesk", NULL };
static const char *const conflicts[] = { "skip", "update", NULL };
static const char *const states[] = { "queued", "running", "completed", "failed", "cancelled", NULL };
static const char *const outcomes[] = { "skipped", "failed", "done", NULL };
static const struct field row_fields[] = {
	{ "line",    T_INT,  F_OUT|F_NULL, .max = 9007199254740991, .example = "17", .doc = "Line of the file on which the row begins." },
	{ "item",    T_STR,  F_OUT|F_NULL, .example = "\"4711\"", .doc = "The row's own id." },
	{ "outcome", T_ENUM, F_OUT, .words = outcomes, .example = "\"failed\"", .doc = "skipped: it was there already; failed: it was refused; done: it was taken, but not in full." },
	{ "code",    T_STR,  F_OUT|F_NULL, .example = "\"too_long\"", .doc = "Why, as a stable word." },
	{ "message", T_STR,  F_OUT|F_NULL, .example = "\"title: At most 500 characters; this has 612.\"", .doc = "Why." },
	{ .name = NULL }
};
#define COUNT(name, text) { name, T_INT, F_OUT, .max = 9007199254740991, .example = "100", .doc = text }
static const struct field import_fields[] = {
	{ "import_id",   T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "kind",        T_ENUM, F_OUT, .words = kinds, .example = "\"tickets\"", .doc = "What the rows are." },
	{ "format",      T_ENUM, F_OUT, .words = formats, .example = "\"csv\"", .doc = "How they are written." },
	{ "dry_run",     T_BOOL, F_OUT, .example = "false", .doc = "Whether everything is done and taken back." },
	{ "on_conflict", T_ENUM, F_OUT, .words = conflicts, .example = "\"skip\"", .doc = "What becomes of a row that is there already." },
	{ "mapping",     T_OBJECT, F_OUT|F_NULL, .example = "null", .doc = "Where fields of the file go, as given." },
	{ "state",       T_ENUM, F_OUT, .words = states, .example = "\"running\"", .doc = "Where the import stands." },
	{ "percent",     T_INT,  F_OUT, .max = 100, .example = "42", .doc = "How much of the file is read." },
	COUNT("bytes_total", "Size of the file."),
	COUNT("bytes_read", "How far it is read."),
	{ "total",       T_INT,  F_OUT|F_NULL, .max = 9007199254740991, .example = "250", .doc = "Rows of the file; null until it is read." },
	COUNT("done", "Rows that were looked at."),
	COUNT("created", "Rows that became a ticket or customer, or in a dry run would."),
	COUNT("updated", "Rows that changed one."),
	COUNT("skipped", "Rows that were there already."),
	COUNT("failed", "Rows that were refused."),
	{ "ignored_fields", T_STR, F_OUT|F_LIST, .example = "[]", .doc = "Columns and custom fields of the file that have no place here, or one that another column has: give a mapping for them. And fields of the mapping that the file does not have." },
	{ "error",       T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Why the whole import failed." },
	{ "created_by",  T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "In whose name it works." },
	{ "started_at",  T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it began." },
	{ "finished_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it ended." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "rows",        T_OBJECT, F_OUT|F_OPT|F_LIST, .sub = row_fields, .example = "[]", .doc = "Up to 100 rows that were not taken, or not in full, in the order of the file. At most 10,000 are kept; all are counted." },
	{ "rows_after",  T_INT,  F_OUT|F_OPT|F_NULL, .max = 9007199254740991, .example = "null", .doc = "Value of `after` for the next ones; null when there are no more." },
	{ .name = NULL }
};
static const struct resource import = { "Import", "Data of another desk on their way in.", "import_v", "import_id", NULL, import_fields };
static const struct filter by[] = {
	{ "state", T_ENUM, "t.state = $?", states, "Where it stands; repeatable.", false },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list imports = { by, sorts, NULL, false };
static const struct filter options[] = {
	{ "kind",        T_ENUM, "", kinds, "What the rows are; tickets unless given.", true },
	{ "format",      T_ENUM, "", formats, "How they are written: csv, ndjson (objects one after the other, lists of them, or {\"tickets\":[…]}), or a JSON export of zendesk or freshdesk in any of these forms. By the Content-Type unless given.", true },
	{ "on_conflict", T_ENUM, "", conflicts, "What becomes of a row whose external_id is there already: skip (unless given) or update.", true },
	{ "dry_run",     T_BOOL, "", NULL, "true: do everything and take it back, a batch of 500 rows at a time.", true },
	{ "mapping",     T_STR,  "", NULL, "Where their fields go, as a JSON object: {\"Betreff\":\"title\",\"360001\":\"custom_fields.plan\"}. Left the header of a column, the name of a member of the row's object, or the id of a custom field; right a field of the row as CSV has it: of a ticket also custom_fields.<key>, of a customer attributes.<name>. At most 500.", true },
	{ .name = NULL }
};
static const struct filter after[] = {
	{ "after", T_INT, "", NULL, "Show the rows after this one: `rows_after` of the reply before.", true },
	{ .name = NULL }
};
/* clang-format on */

static const char *
given(const struct req *r, const char *name, const char *otherwise)
{
	const char *value = query_get(r, name);

	return value == NULL ? otherwise : value;
}

/* NULL after a refusal. */
static const char *
format_of(struct req *r)
{
	const char *format = query_get(r, "format"), *type = http_header(r->in, "content-type");

	if (type != NULL && strncasecmp(type, "multipart/", 10) == 0) {
		fail_detail(r, E_MEDIA_TYPE,
		    "The body is the file itself, not a form (curl --data-binary @FILE).");
		return NULL;
	}
	if (format != NULL)
		return format;
	if (type != NULL && strncasecmp(type, "text/csv", 8) == 0)
		return "csv";
	if (type != NULL && (strncasecmp(type, "application/x-ndjson", 20) == 0 ||
				strncasecmp(type, "application/json", 16) == 0))
		return "ndjson";
	fail_field(r, "format", "required",
	    "Say it, or send text/csv, application/x-ndjson or application/json.");
	return NULL;
}

/* The mapping as JSON, "null" for none; NULL after a refusal. */
static const char *
mapping_of(struct req *r)
{
	const char *text = query_get(r, "mapping");
	struct import_mapping_error e;

	if (text == NULL)
		return "null";
	if (import_mapping_check(r->arena, strcmp(given(r, "kind", "tickets"), "customers") == 0,
		import_custom_types(r->db, r->arena, r->org), text, &e))
		return text;
	if (db_failed(r->db))
		fail_db(r);
	else
		fail_field(r, e.key, e.code, "%s", e.message);
	return NULL;
}

static void
digest_free(void *digest)
{
	EVP_MD_CTX_free(digest);
}

static EVP_MD_CTX *
digest_begin(struct req *r)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	assert(digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1);
	arena_defer(r->arena, digest_free, digest);
	return digest;
}

static char *
digest_end(struct req *r, EVP_MD_CTX *digest)
{
	char *hex = arena_alloc(r->arena, 65);
	unsigned char raw[EVP_MAX_MD_SIZE];

	EVP_DigestFinal_ex(digest, raw, NULL);
	hex_encode(hex, raw, 32);
	return hex;
}

/*
 * From the web server to the disk, and its SHA-256 into r->kept. It can be read once only: when the
 * transaction is tried again, the file is there. 0, or an errno; EFBIG when it
 * is too large.
 */
static int
copy_body(struct req *r, int fd, int64_t *size)
{
	char *piece = arena_room(r->arena, PIECE), *sha256 = r->kept;
	EVP_MD_CTX *digest = digest_begin(r);
	size_t at = 0, n;
	struct stat st;
	int error;

	while ((n = http_body_read(r->in, &at, piece, PIECE)) > 0) {
		if (*size == 0 && ftruncate(fd, 0) == -1)
			return errno;
		*size += (int64_t)n;
		if (*size > conf.import_max)
			return EFBIG;
		EVP_DigestUpdate(digest, piece, n);
		error = file_put(fd, piece, n);
		if (error != 0)
			return error;
	}
	if (fsync(fd) == -1 || fstat(fd, &st) == -1)
		return errno;
	*size = st.st_size;
	if (sha256 == NULL)
		r->kept = digest_end(r, digest);
	return 0;
}

/* The job's file, whole and on disk before the job is. */
static int
store_body(struct req *r, const char *path, int64_t *size)
{
	int fd = file_open(path), error;

	error = fd == -1 ? errno : copy_body(r, fd, size);
	if (fd != -1)
		close(fd);
	if (error == EFBIG)
		return fail_detail(r, E_TOO_LARGE, "At most %ld bytes.", conf.import_max);
	if (error != 0) {
		log_error("%s: %s", path, strerror(error));
		return fail(r, error == ENOSPC || error == EDQUOT ? E_DISK_FULL : E_UNAVAILABLE);
	}
	if (*size == 0)
		return fail_field(r, "body", "required", "The body is the file; it has no bytes.");
	if (r->in->body_len > 0 && *size != (int64_t)r->in->body_len)
		return fail_detail(
		    r, E_BAD_REQUEST, "The body is not as long as Content-Length says.");
	return 0;
}

static int
create_import(struct req *r)
{
	const char *format = format_of(r), *mapping = format == NULL ? NULL : mapping_of(r);
	char path[FILE_PATH];
	int64_t size = 0;
	struct buf spec;
	int stored;

	if (mapping == NULL)
		return -1;
	file_path(path, "imports", r->org, r->new_id);
	if (store_body(r, path, &size) == -1) {
		unlink(path);
		return -1;
	}
	stored =
	    idempotency_content(r, arena_printf(r->arena, "%s\n%s", format, (const char *)r->kept));
	if (stored != 0) {
		unlink(path);
		return stored == 1 ? 0 : -1;
	}
	buf_init(&spec, r->arena, 512);
	buf_printf(&spec,
	    "{\"kind\":\"%s\",\"format\":\"%s\",\"on_conflict\":\"%s\",\"dry_run\":%s,\"mapping\":%s}",
	    given(r, "kind", "tickets"), format, given(r, "on_conflict", "skip"),
	    given(r, "dry_run", "false"), mapping);
	db_do(r->db, SQL_IMPORT_CREATE,
	    P(r->org, r->new_id, spec.data, arena_printf(r->arena, "%lld", (long long)size)));
	return reply_resource(r, 202, &import, NULL, r->new_id);
}

static int
show_import(struct req *r)
{
	return reply_slot(r, 200, &import,
	    db_queue(r->db, SQL_IMPORT_GET, P(r->org, r->args[0], given(r, "after", "0"))));
}

static int
cancel_import(struct req *r)
{
	const PGresult *row = db_row(r->db, SQL_JOB_CANCEL, P(r->org, r->args[0], "import"));

	if (db_failed(r->db))
		return fail_db(r);
	if (row == NULL && db_row(r->db, SQL_IMPORT_GET, P(r->org, r->args[0], "0")) == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	if (row == NULL)
		return fail_detail(r, E_CONFLICT, "The import is over.");
	return reply_resource(r, 202, &import, NULL, r->args[0]);
}

/* clang-format off */
#define A_TICKET "{\"external_id\":\"4711\",\"number\":4711,\"title\":\"Cannot log in\",\"status\":\"open\",\"requester\":{\"email\":\"ada@example.com\",\"name\":\"Ada\"}," \
	"\"created_at\":\"2024-01-31T10:00:00Z\",\"comments\":[{\"external_id\":\"1\",\"body\":\"It says: no.\",\"author_type\":\"customer\",\"created_at\":\"2024-01-31T10:05:00Z\"}]}"
static const struct sample files[] = {
	{ "application/x-ndjson", A_TEXT, "\"{\\\"external_id\\\":\\\"4711\\\",\\\"title\\\":\\\"Cannot log in\\\"}\\n{\\\"external_id\\\":\\\"4712\\\",\\\"title\\\":\\\"Printer on fire\\\"}\\n\"" },
	{ "text/csv", A_TEXT, "\"external_id,title,requester.email,created_at\\r\\n4711,Cannot log in,ada@example.com,2024-01-31T10:00:00Z\\r\\n\"" },
	{ "application/json", "{\"type\":[\"array\",\"object\"],\"items\":{\"type\":\"object\"}}", "[" A_TICKET "]" },
	{ .media = NULL }
};
const struct route import_routes[] = {
	{ POST, "/api/imports", "imports.create", create_import, S_IMPORT, TIER_BULK, .flags = R_CREATE, .stream = &conf.import_max, .takes = files, .status = 202,
	    .query = options, .reply = &import, .summary = "Start an import",
	    .doc = "The body is the file itself, in UTF-8 and no form; its Content-Type or the query says what it is. A row is known again by its external_id (or by ticket_id, in an export of ours), "
	        "keeps its number where that is free and has at most eleven digits (else `rows` names the new one), its times, status, tags, custom fields, and comments with their authors; its requester becomes a customer where there is none; one with nothing but a name is the only customer of that name, or a new one. "
	        "Imports are silent: they start no webhook, mail, workflow, SLA or survey. A row that cannot be taken is told of, and the others go on; what of a row that was taken could not be, is a row `done`. "
	        "A ticket that was deleted is skipped (ticket_deleted), or with on_conflict=update restored and updated. "
	        "Rows without any id are taken as new each time. A ticket of ndjson has external_id, number, title, description, status, priority, tags, channel, "
	        "requester {email, name, phone, external_id}, assignee_email, team, queue, custom_fields, created_at, updated_at, resolved_at, closed_at and "
	        "comments [{external_id, body, internal, author_type, author_email, author_name, created_at}]; columns of CSV have the same names, requester.email and custom_fields.<key>. "
	        "An export of tickets with include_comments comes back whole, also snooze, classification, mentions and earlier texts of comments; users are known by their addresses. "
	        "Links, merges, attachments, surveys, reviews, SLA clocks and the audit log do not travel; a snooze that is over and redacted comments are left out." },
	{ GET, "/api/imports", "imports.list", api_list, S_IMPORT, .reply = &import, .list = &imports, .summary = "List imports", .doc = "Newest first." },
	{ GET, "/api/imports/:id", "imports.get", show_import, S_IMPORT, .query = after, .reply = &import, .summary = "Get an import",
	    .doc = "Its progress, and the rows that were not taken with their reasons." },
	{ DELETE, "/api/imports/:id", "imports.cancel", cancel_import, S_IMPORT, .status = 202, .reply = &import, .summary = "Cancel an import",
	    .doc = "It stops after its batch; what was imported stays." },
	{ .path = NULL }
};

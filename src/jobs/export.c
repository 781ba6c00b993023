/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exports: state_dir/exports/<org>/<job>, a thousand rows a step, by id, and
 * threads in the order of their times. The
 * cursor knows how long the file was after the last committed step; a step
 * begins by cutting the file to that length, so what a dead scheduler wrote and
 * did not commit is not there twice.
 */
#include "jobs/export.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/fault.h"
#include "base/util.h"
#include "http/csv.h"
#include "http/req.h"
#include "store/condition.h"
#include "store/files.h"

#define BATCH 1000
#define FIRST_ID "00000000-0000-0000-0000-000000000000"

/* What an export writes after another; where: further condition, "%s" is that of the tickets. */
struct section {
	const char *kind; /* of the export */
	const char *type; /* of the line */
	const char *view, *key, *where;
	bool extra;         /* only with include_comments */
	const char *more;   /* further columns of a line: what our ids mean, so that an import */
	const char *column; /* elsewhere can tell; the same for a table */
	bool thread; /* of comments: ticket by ticket, by time; an import may have brought them late
	              */
};
/* clang-format off */
#define NAME_OF(what, table, id, in_ticket) "(SELECT x." what " FROM " table " x WHERE x.org_id = t.org_id AND x." id " = t." in_ticket ")"
#define OF_TICKET ", " NAME_OF("email", "app_user", "user_id", "assignee_user_id") " AS assignee_email, " \
	NAME_OF("name", "team", "team_id", "team_id") " AS team, " NAME_OF("name", "queue", "queue_id", "queue_id") " AS queue"
#define REQUESTER ", (SELECT jsonb_build_object('customer_id', c.customer_id, 'external_id', c.external_id, 'name', c.name, 'email', c.email, " \
	"'phone', c.phone) FROM customer c WHERE c.org_id = t.org_id AND c.customer_id = t.customer_id) AS requester, " \
	"author_email(t.org_id, 'user', t.ai_classification ->> 'overridden_by') AS overridden_by_email" OF_TICKET
#define REQUESTER_COLUMNS ", " NAME_OF("email", "customer", "customer_id", "customer_id") " AS \"requester.email\", " \
	NAME_OF("name", "customer", "customer_id", "customer_id") " AS \"requester.name\"" OF_TICKET
#define AUTHOR ", author_email(t.org_id, t.author_type, t.author_id) AS author_email"
#define HISTORY(id) AUTHOR ", (SELECT jsonb_agg(jsonb_build_object('version', r.version, 'body', r.body, 'edited_by', r.edited_by, " \
	"'edited_by_email', author_email(r.org_id, 'user', r.edited_by), 'edited_at', iso(r.edited_at)) ORDER BY r.version) " \
	"FROM comment_revision r WHERE r.org_id = t.org_id AND r.comment_id = t." id ") AS history"
#define MENTIONS ", ARRAY(SELECT u.email FROM app_user u WHERE u.org_id = t.org_id AND u.user_id = ANY (t.mentions) ORDER BY u.email) AS mention_emails"
#define COMPANY ", " NAME_OF("name", "company", "company_id", "company_id") " AS company"
/* clang-format on */
#define OF_TICKETS "t.ticket_id IN (SELECT t.ticket_id FROM ticket_v t WHERE t.org_id = $1 AND %s)"
/* One person: with those who were merged into the customer, and tickets that were deleted but are
 * still kept. */
#define OF_CUSTOMER "t.customer_id = ANY (customer_family($1, $3::uuid))"
#define OF_CUSTOMERS_TICKETS \
	"t.ticket_id IN (SELECT x.ticket_id FROM ticket x WHERE x.org_id = $1 AND x.customer_id = ANY (customer_family($1, $3::uuid)))"
#define WRITTEN_BY_CUSTOMER \
	"t.author_type = 'customer' AND t.author_id = ANY (customer_family($1, $3::uuid)::text[])"
/* What the person wrote on others' tickets is theirs as well, and the files that came with it. */
#define OF_CUSTOMERS_THREADS "(" OF_CUSTOMERS_TICKETS " OR (" WRITTEN_BY_CUSTOMER "))"
/* What the person's tickets had, wherever a merge has put it; notes are not for the person. */
#define OF_CUSTOMERS_FILES \
	"NOT t.internal AND (COALESCE(t.origin_ticket_id, t.ticket_id) IN (SELECT x.ticket_id FROM ticket x WHERE x.org_id = $1 AND x.customer_id = ANY (customer_family($1, $3::uuid)))" \
	" OR t.comment_id IN (SELECT t.comment_id FROM comment t WHERE t.org_id = $1 AND " WRITTEN_BY_CUSTOMER \
	"))"
#define FROM_CUSTOMER \
	"t.sender IN (SELECT lower(x.email) FROM customer x WHERE x.org_id = $1 AND x.customer_id = ANY (customer_family($1, $3::uuid)))"

/* clang-format off */
static const struct section sections[] = {
	{ "tickets",   "ticket",   "ticket_v",        "ticket_id",   "%s", false, REQUESTER, REQUESTER_COLUMNS },
	{ "tickets",   "comment",  "comment_v",       "comment_id",  OF_TICKETS, true, HISTORY("comment_id"), "", true },
	{ "tickets",   "note",     "internal_note_v", "note_id",     OF_TICKETS, true, HISTORY("note_id") MENTIONS, "", true },
	{ "customers", "customer", "customer_v",      "customer_id", NULL, false, COMPANY, COMPANY },
	{ "events",    "event",    "event_v",         "event_id",    NULL, false, "", "" },
	{ "customer",  "customer", "customer_v",      "customer_id", OF_CUSTOMER, false, COMPANY, "" },
	{ "customer",  "ticket",   "ticket",          "ticket_id",   OF_CUSTOMER, false, REQUESTER, "" },
	{ "customer",  "comment",  "comment_v",       "comment_id",  OF_CUSTOMERS_THREADS, false, AUTHOR, "", true },
	{ "customer",  "file",     "attachment_v",    "attachment_id", OF_CUSTOMERS_FILES, false, "", "" },
	{ "customer",  "mail",     "inbound_mail_v",  "mail_id",     FROM_CUSTOMER, false, "", "" },
	{ "customer",  "survey",   "csat_survey_v",   "survey_id",   OF_CUSTOMER, false, "", "" },
};
/* clang-format on */

struct export
{
	struct job *job;
	const struct section *section;
	struct condition condition;
	const char *customer; /* or NULL */
	bool csv;
	int fd;
	struct buf out;
};

static const char *
text_of(struct json_object *object, const char *name, const char *otherwise)
{
	struct json_object *v;

	return json_object_object_get_ex(object, name, &v) && v != NULL ? json_object_get_string(v)
	                                                                : otherwise;
}

static int64_t
integer_of(struct json_object *object, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(object, name, &v) ? json_object_get_int64(v) : 0;
}

static void
set_integer(struct json_object *object, const char *name, int64_t n)
{
	json_object_object_add(object, name, json_object_new_int64(n));
}

/* The file as the last committed step left it; NULL, or why it cannot be had. */
static const char *
open_file(struct export *e, const char *path)
{
	struct stat st;

	e->fd = file_open(path);
	if (e->fd != -1 && fstat(e->fd, &st) == 0 &&
	    st.st_size < integer_of(e->job->cursor, "bytes"))
		return "A part of the file was lost; start another export.";
	if (e->fd == -1 || ftruncate(e->fd, integer_of(e->job->cursor, "bytes")) == -1 ||
	    lseek(e->fd, 0, SEEK_END) == -1)
		return arena_printf(
		    e->job->arena, "The file cannot be written: %s.", strerror(errno));
	return NULL;
}

static const char *
append(struct export *e)
{
	size_t at = 0;
	ssize_t n;

	while (at < e->out.len) {
		n = write(e->fd, e->out.data + at, e->out.len - at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return arena_printf(
			    e->job->arena, "The file cannot be written: %s.", strerror(errno));
		at += (size_t)n;
	}
	set_integer(
	    e->job->cursor, "bytes", integer_of(e->job->cursor, "bytes") + (int64_t)e->out.len);
	return NULL;
}

/* The section that the cursor names or the first one after it that is wanted; NULL at the end. */
static const struct section *
find_section(struct job *job)
{
	const char *kind = text_of(job->spec, "customer_id", NULL) != NULL
	                       ? "customer"
	                       : text_of(job->spec, "kind", "");
	bool extra = strcmp(text_of(job->spec, "include_comments", "false"), "true") == 0;
	bool notes = strcmp(text_of(job->spec, "notes", "true"), "true") == 0;
	int64_t i;

	for (i = integer_of(job->cursor, "section"); i < (int64_t)LENGTH(sections); i++)
		if (strcmp(sections[i].kind, kind) == 0 && (extra || !sections[i].extra) &&
		    (notes || strcmp(sections[i].type, "note") != 0)) {
			set_integer(job->cursor, "section", i);
			return &sections[i];
		}
	return NULL;
}

/* Which rows come behind $2, the "__id" of the last one, and the order. */
static void
set_order(struct arena *arena, const struct section *s, const char **id, const char **behind,
    const char **order)
{
	if (!s->thread) {
		*id = *order = arena_printf(arena, "t.%s", s->key);
		*behind = arena_printf(arena, "t.%s > $2", s->key);
		return;
	}
	*order = arena_printf(arena, "t.ticket_id, t.created_at, t.%s", s->key);
	*id = arena_printf(arena, "concat_ws('|', %s)", *order);
	*behind = arena_printf(arena,
	    "(%s) > (split_part($2, '|', 1)::uuid, split_part($2, '|', 2)::timestamptz, "
	    "split_part($2, '|', 3)::uuid)",
	    *order);
}

/* $1 org, $2 the last id, $3 the customer or the condition's first value. */
static const PGresult *
select_rows(struct export *e)
{
	const struct section *s = e->section;
	struct arena *arena = e->job->arena;
	const char **values =
	    arena_alloc(arena, ((size_t)e->condition.nvalues + 3) * sizeof(*values));
	const char *where = s->where == NULL ? "true" : s->where;
	bool of_customer = strstr(where, "$3") != NULL;
	const char *mark = strstr(where, "%s"), *id, *behind, *order;
	int n = 2;

	values[0] = e->job->org;
	values[1] = text_of(
	    e->job->cursor, "after", s->thread ? FIRST_ID "|-infinity|" FIRST_ID : FIRST_ID);
	set_order(arena, s, &id, &behind, &order);
	if (of_customer)
		values[n++] = e->customer;
	if (mark != NULL) {
		where = arena_printf(
		    arena, "%.*s%s%s", (int)(mark - where), where, e->condition.sql, mark + 2);
		if (e->condition.nvalues > 0)
			memcpy(values + n, e->condition.values,
			    (size_t)e->condition.nvalues * sizeof(*values));
		n += e->condition.nvalues;
	}
	return db_result(e->job->db,
	    db_queue_text(e->job->db,
		arena_printf(arena,
		    "SELECT t.*%s, %s AS __id FROM %s t WHERE t.org_id = $1 AND %s AND %s "
		    "ORDER BY %s LIMIT %d",
		    e->csv ? s->column : s->more, id, s->view, behind, where, order, BATCH),
		n, values));
}

static void
put_rows(struct export *e, const PGresult *rows)
{
	int i, n = PQntuples(rows);
	const char *line; /* the first one behind the names */

	if (e->csv) {
		csv_rows(&e->out, rows, n);
		if (integer_of(e->job->cursor, "bytes") > 0) { /* the names stand there already */
			line = strstr(e->out.data, "\r\n") + 2;
			e->out.len -= (size_t)(line - e->out.data);
			memmove(e->out.data, line, e->out.len + 1);
		}
		return;
	}
	for (i = 0; i < n; i++) {
		size_t start;

		buf_printf(&e->out, "{\"type\":\"%s\"", e->section->type);
		start = e->out.len;
		json_row(&e->out, rows, i, NULL);
		e->out.data[start] = ','; /* the row's own brace */
		buf_char(&e->out, '\n');
	}
}

/* SHA-256 of the whole file, read in pieces. */
static void
digest(struct export *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char *piece = arena_room(e->job->arena, 65536), hex[65];
	unsigned char raw[32];
	ssize_t n;

	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	lseek(e->fd, 0, SEEK_SET);
	while ((n = read(e->fd, piece, 65536)) > 0)
		EVP_DigestUpdate(ctx, piece, (size_t)n);
	EVP_DigestFinal_ex(ctx, raw, NULL);
	EVP_MD_CTX_free(ctx);
	hex_encode(hex, raw, sizeof(raw));
	json_object_object_add(e->job->result, "sha256", json_object_new_string(hex));
}

/* One batch into the buffer and the cursor; NULL, or why not ("" for the database). */
static const char *
write_batch(struct export *e)
{
	struct job *job = e->job;
	const PGresult *rows = select_rows(e);
	int n;

	if (rows == NULL)
		return "";
	n = PQntuples(rows);
	buf_init(&e->out, job->arena, PQresultMemorySize(rows) + 4096);
	if (n > 0 || e->csv)
		put_rows(e, rows);
	if (n > 0)
		json_object_object_add(
		    job->cursor, "after", json_object_new_string(db_get(rows, n - 1, "__id")));
	job->done += n;
	if (n < BATCH) { /* the next step begins the next section */
		set_integer(job->cursor, "section", integer_of(job->cursor, "section") + 1);
		json_object_object_del(job->cursor, "after");
	}
	return append(e);
}

static enum job_outcome
finish(struct export *e)
{
	if (fsync(e->fd) == -1) {
		e->job->error = "The file cannot be written.";
		return JOB_FAILED;
	}
	digest(e);
	set_integer(e->job->result, "bytes", integer_of(e->job->cursor, "bytes"));
	e->job->total = e->job->done;
	return JOB_DONE;
}

enum job_outcome
export_step(struct job *job)
{
	struct export e = { .job = job, .fd = -1 };
	char path[FILE_PATH];
	struct json_object *conditions = NULL;
	enum job_outcome outcome = JOB_MORE;
	const char *why;

	e.customer = text_of(job->spec, "customer_id", NULL);
	e.csv = strcmp(text_of(job->spec, "format", "ndjson"), "csv") == 0;
	json_object_object_get_ex(job->spec, "conditions", &conditions);
	if (conditions == NULL)
		condition_all(&e.condition);
	else if (!condition_compile(job->db, job->arena, job->org, conditions, 3, CONDITION_STORED,
		     &e.condition)) {
		job->error = e.condition.message;
		return JOB_FAILED;
	}
	file_path(path, "exports", job->org, job->id);
	why = open_file(&e, path);
	e.section = find_section(job);
	if (why == NULL && (e.section == NULL || job->cancelled))
		outcome = finish(&e);
	else if (why == NULL)
		why = write_batch(&e);
	if (e.fd != -1)
		close(e.fd);
	FAULT(export_written);
	if (why == NULL)
		return outcome;
	if (*why != '\0')
		job->error = why;
	return JOB_FAILED;
}

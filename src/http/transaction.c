/* SPDX-License-Identifier: Apache-2.0 */
#include "http/transaction.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/metrics.h"
#include "http/idempotency.h"
#include "store/numbers.h"

#define ATTEMPTS 3

static int
success_status(const struct req *r)
{
	if (r->route->status != 0)
		return r->route->status;
	if ((r->route->flags & R_CREATE) != 0)
		return 201;
	return r->reply_status;
}

/* "v3" of a row that has a version; NULL otherwise. */
static const char *
etag_of(struct req *r, const PGresult *row)
{
	const char *version = db_get(row, 0, "version");

	return version == NULL ? NULL : arena_printf(r->arena, "\"v%s\"", version);
}

/* Strong comparison with a list of entity tags, or "*". */
static bool
etag_in(const char *list, const char *etag)
{
	size_t len = strlen(etag);
	const char *p = list;

	if (strcmp(list, "*") == 0)
		return true;
	while ((p = strstr(p, etag)) != NULL) {
		bool weak = p - list >= 2 && p[-1] == '/' && p[-2] == 'W';

		if (!weak)
			return true;
		p += len;
	}
	return false;
}

/* If-Match: lock the row that the path names and compare its version. */
static int
check_if_match(struct req *r)
{
	const char *wanted = http_header(r->in, "if-match");
	const struct resource *on = r->route->on != NULL ? r->route->on : r->route->reply;
	unsigned n = r->match.nargs;
	const char *id = n == 0 ? r->org : r->args[n - 1];
	const PGresult *row;
	bool org_only;

	if (wanted == NULL || r->route->method == GET)
		return 0;
	if (on == NULL || !resource_versioned(on) || (r->route->flags & R_CREATE) != 0)
		return fail_detail(r, E_BAD_REQUEST, "If-Match has no meaning for this operation.");
	org_only = strcmp(on->key, "org_id") == 0;
	row = db_result(
	    r->db, db_queue_text(r->db,
		       arena_printf(r->arena,
			   "SELECT t.version FROM %s t WHERE t.org_id = $1%s%s%s FOR UPDATE OF t",
			   on->view, org_only ? "" : " AND t.", org_only ? "" : on->key,
			   org_only ? "" : " = $2"),
		       org_only ? 1 : 2, (const char *const[]){ r->org, id }));
	if (row == NULL)
		return fail_db(r);
	if (PQntuples(row) == 0)
		return fail(r, E_NOT_FOUND);
	return etag_in(wanted, etag_of(r, row)) ? 0 : fail(r, E_PRECONDITION);
}

struct included {
	const struct include *include;
	int slot;
};

/* Queue the statements of `include=`; their results are written after the row. */
static struct included *
queue_includes(struct req *r)
{
	const char *names = r->route->includes == NULL ? NULL : query_get(r, "include");
	struct included *list = arena_alloc(r->arena, 17 * sizeof(*list));
	const char *values[3] = { r->org, names == NULL ? NULL : r->args[r->match.nargs - 1] };
	unsigned n = 0;

	while (names != NULL && *names != '\0' && n < 16) {
		size_t len = strcspn(names, ",");
		const struct include *i = r->route->includes;

		while (strncmp(i->name, names, len) != 0 || i->name[len] != '\0')
			i++;
		values[2] = principal_may(&r->who, i->more) ? "true" : "false";
		list[n].include = i;
		list[n++].slot = db_queue(r->db, i->sql, i->more == 0 ? 2 : 3, values);
		names += len + (names[len] == ',');
	}
	return list;
}

static void
put_includes(struct req *r, const struct included *list)
{
	struct buf *out = &r->out->body;

	for (; list->include != NULL; list++) {
		const PGresult *res = db_result(r->db, list->slot);

		if (res == NULL) {
			fail_db(r);
			return;
		}
		out->len--; /* reopen the object */
		buf_printf(out, ",\"%s\":", list->include->name);
		if (list->include->many)
			json_rows(out, res, PQntuples(res));
		else if (PQntuples(res) == 0)
			buf_str(out, "null");
		else
			json_row(out, res, 0, NULL);
		buf_char(out, '}');
	}
}

/* Only the members that `fields=` names; without it, all that the resource declares. */
static const struct field *
wanted_fields(struct req *r, const struct resource *shape)
{
	const char *names = query_get(r, "fields");
	const struct field *f;
	struct field *some;
	unsigned n = 0, count = 0;

	if (names == NULL)
		return shape->fields;
	for (f = shape->fields; f->name != NULL; f++)
		count++;
	some = arena_alloc(r->arena, (count + 1) * sizeof(*some));
	for (f = shape->fields; f->name != NULL; f++) {
		const char *p = strstr(names, f->name);
		size_t len = strlen(f->name);

		for (; p != NULL; p = strstr(p + 1, f->name))
			if ((p == names || p[-1] == ',') && (p[len] == '\0' || p[len] == ','))
				break;
		if (p != NULL)
			some[n++] = *f;
	}
	return some;
}

static int
put_row(struct req *r, const struct included *includes)
{
	const PGresult *row = db_result(r->db, r->reply_slot);
	const char *etag, *known = http_header(r->in, "if-none-match");

	if (row == NULL)
		return fail_db(r);
	if (PQntuples(row) == 0)
		return fail(r, E_NOT_FOUND);
	etag = includes->include == NULL && resource_versioned(r->reply_shape) ? etag_of(r, row)
	                                                                       : NULL;
	if (etag != NULL)
		reply_header(r, "ETag", etag);
	if (etag != NULL && known != NULL && r->route->method == GET && etag_in(known, etag)) {
		r->out->status = 304;
		return 0;
	}
	json_row(&r->out->body, row, 0, wanted_fields(r, r->reply_shape));
	put_includes(r, includes);
	return r->failed ? -1 : 0;
}

/* Turn what the handler said into status, headers and body. */
static int
write_reply(struct req *r, const struct included *includes)
{
	const PGresult *res;

	if (r->exec_slot != -1) {
		res = db_result(r->db, r->exec_slot);
		if (res == NULL)
			return fail_db(r);
		if (PQntuples(res) == 0)
			return fail(r, E_NOT_FOUND);
	}
	r->out->status = success_status(r);
	if (!r->replied && put_row(r, includes) == -1)
		return -1;
	if (r->out->body.len > 0 && (r->route->flags & R_RAW) == 0)
		reply_header(r, "Content-Type", r->media != NULL ? r->media : "application/json");
	if (r->new_id != NULL && (r->route->flags & R_CREATE) != 0 && r->route->method == POST)
		reply_header(
		    r, "Location", arena_printf(r->arena, "%s/%s", r->in->path, r->new_id));
	return 0;
}

static void
begin(struct req *r)
{
	struct db_context context = { .org = r->org,
		.actor_type = principal_actor_type(&r->who),
		.actor_id = r->who.actor,
		.address = r->in->address,
		.request_id = r->request_id,
		.suppress = http_header(r->in, "x-serviceos-suppress") };

	db_begin(r->db, r->arena,
	    route_writes(r->route) || (r->route->flags & R_TRIES) != 0 ? DB_WRITE : DB_READ,
	    &context);
}

/* A write with an Idempotency-Key: the reply is complete before the commit. */
static int
run_stored(struct req *r, const char *key)
{
	int stored = idempotency_begin(r, key);
	const struct included *none;

	if (stored != 0)
		return stored == 1 ? 0 : -1;
	if (check_if_match(r) == -1 || r->route->handler(r) == -1)
		return -1;
	if (idempotency_replayed(r))
		return 0;
	FAULT(request_handled);
	none = arena_alloc(r->arena, sizeof(*none));
	if (write_reply(r, none) == -1)
		return -1;
	FAULT(reply_composed);
	idempotency_end(r);
	if (!db_commit(r->db))
		return fail_db(r);
	FAULT(committed);
	return 0;
}

/* Everything that can be is queued, so that one flight carries it all and the COMMIT. */
static int
run_plain(struct req *r)
{
	struct included *includes;

	if (check_if_match(r) == -1 || r->route->handler(r) == -1)
		return -1;
	FAULT(request_handled);
	includes = queue_includes(r);
	if (db_failed(r->db))
		return fail_db(r);
	if ((r->route->flags & R_TRIES) != 0)
		db_rollback(r->db); /* the reply is composed by now */
	else if (!db_commit(r->db))
		return fail_db(r);
	FAULT(committed);
	return write_reply(r, includes);
}

static void
forget_attempt(struct req *r)
{
	r->failed = false;
	r->detail = NULL;
	r->fields = NULL;
	r->media = NULL;
	r->replied = false;
	r->reply_slot = r->exec_slot = -1;
	buf_init(&r->out->head, r->arena, 512);
	buf_init(&r->out->body, r->arena, 4096);
}

static void
make_new_id(struct req *r)
{
	char *id;

	if ((r->route->flags & R_CREATE) == 0)
		return;
	id = arena_alloc(r->arena, 37);
	uuid7(id);
	r->new_id = id;
}

/* As an array's text, one for each of the body's tickets. */
static int
take_numbers(struct req *r)
{
	size_t i, n = json_object_array_length(body_get(r, "tickets"));
	struct buf list;
	int64_t number;

	buf_init(&list, r->arena, 256);
	for (i = 0; i < n; i++) {
		if (!numbers_take(r->db, r->arena, r->org, &number))
			return fail_db(r);
		buf_printf(&list, "%s%lld", i == 0 ? "{" : ",", (long long)number);
	}
	buf_char(&list, '}');
	r->number = list.data;
	return 0;
}

/* In a transaction of its own, so that no row lock of the counter outlives it. */
static int
take_number(struct req *r)
{
	int64_t number;

	if ((r->route->flags & R_NUMBERS) != 0)
		return take_numbers(r);
	if ((r->route->flags & R_NUMBER) == 0)
		return 0;
	if (!numbers_take(r->db, r->arena, r->org, &number))
		return fail_db(r);
	r->number = arena_printf(r->arena, "%lld", (long long)number);
	return 0;
}

/*
 * A number that is taken: PostgreSQL crashed and forgot a lease that was not on
 * disk yet. The rest of the block is as doubtful, so a new one is leased.
 */
static bool
number_taken(struct req *r)
{
	const char *constraint = db_error(r->db)->constraint;

	if (r->number == NULL || constraint == NULL || strcmp(constraint, "ticket__number") != 0)
		return false;
	numbers_forget(r->org);
	r->number = NULL;
	return true;
}

static bool
worth_another_try(struct req *r, int attempt)
{
	if (r->failed && attempt < ATTEMPTS && number_taken(r))
		return true;
	if (!r->failed || db_error(r->db)->kind != DB_RETRY || attempt == ATTEMPTS)
		return false;
	metric_add(M_db_retries_total, 1);
	return true;
}

void
transaction_run(struct req *r)
{
	const char *key = route_writes(r->route) ? http_header(r->in, "idempotency-key") : NULL;
	int attempt;

	make_new_id(r);
	r->attempt = 1;
	if ((r->route->flags & (R_OUTSIDE | R_PUBLIC)) != 0) {
		if (r->route->handler(r) == 0)
			write_reply(r, arena_alloc(r->arena, sizeof(struct included)));
		return;
	}
	for (attempt = 1;; attempt++) {
		forget_attempt(r);
		r->attempt = attempt;
		if (r->number == NULL && take_number(r) == -1) {
			if (!worth_another_try(r, attempt))
				return;
			continue;
		}
		begin(r);
		if (key != NULL && r->org != NULL)
			run_stored(r, key);
		else
			run_plain(r);
		db_rollback(r->db);
		if (!worth_another_try(r, attempt))
			break;
	}
	if (!r->failed && route_writes(r->route))
		worker_ping(r->worker, r->org);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler does to its request: read input, fail, say the reply. */
#include "http/req.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

const struct error_row error_table[] = {
#define ERR(name, status, code, title) { status, code, title },
#include "http/errors.def"
#undef ERR
};

const char *
http_header(const struct http_request *in, const char *name)
{
	unsigned i;

	for (i = 0; i < in->nheaders; i++)
		if (strcmp(in->headers[i].name, name) == 0)
			return in->headers[i].value;
	return NULL;
}

size_t
http_body_read(const struct http_request *in, size_t *at, void *into, size_t max)
{
	size_t left;

	if (in->read != NULL)
		return in->read(in->from, into, max);
	left = in->body_len - *at;
	if (left > max)
		left = max;
	memcpy(into, in->body + *at, left);
	*at += left;
	return left;
}

const char *
query_get(const struct req *r, const char *name)
{
	const struct query_value *q;

	for (q = r->query; q != NULL; q = q->next)
		if (strcmp(q->name, name) == 0)
			return q->value;
	return NULL;
}

struct json_object *
body_get(const struct req *r, const char *name)
{
	struct json_object *value = NULL;

	if (r->body != NULL)
		json_object_object_get_ex(r->body, name, &value);
	return value;
}

bool
body_has(const struct req *r, const char *name)
{
	return r->body != NULL && json_object_object_get_ex(r->body, name, NULL);
}

const char *
body_str(const struct req *r, const char *name)
{
	struct json_object *value = body_get(r, name);

	return value == NULL ? NULL : json_object_get_string(value);
}

int64_t
body_int(const struct req *r, const char *name, int64_t otherwise)
{
	struct json_object *value = body_get(r, name);

	return value == NULL ? otherwise : json_object_get_int64(value);
}

bool
body_bool(const struct req *r, const char *name, bool otherwise)
{
	struct json_object *value = body_get(r, name);

	return value == NULL ? otherwise : json_object_get_boolean(value);
}

int
fail(struct req *r, enum error error)
{
	if (r->failed)
		return -1;
	r->failed = true;
	r->error = error;
	r->status = error_table[error].status;
	r->code = error_table[error].code;
	return -1;
}

int
fail_detail(struct req *r, enum error error, const char *format, ...)
{
	va_list args;
	char text[512];

	if (r->failed)
		return -1;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fail(r, error);
	r->detail = arena_strdup(r->arena, text);
	return -1;
}

int
need_scope(struct req *r, enum scope scope)
{
	if (principal_may(&r->who, scope))
		return 0;
	return fail_detail(r, E_FORBIDDEN, "The scope %s is needed.", scope_word(scope));
}

int
fail_field(struct req *r, const char *name, const char *code, const char *format, ...)
{
	struct field_error *e, **end = &r->fields;
	unsigned n = 0;
	va_list args;
	char text[512];

	if (r->failed && r->error != E_VALIDATION)
		return -1;
	fail(r, E_VALIDATION);
	for (; *end != NULL; end = &(*end)->next)
		n++;
	if (n == 50) /* enough to act on; a hostile body may have thousands */
		return -1;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	e = arena_alloc(r->arena, sizeof(*e));
	e->field = arena_strdup(r->arena, name);
	e->code = arena_strdup(r->arena, code);
	e->message = arena_strdup(r->arena, text);
	*end = e;
	return -1;
}

/* The API field of a constraint: what follows the double underscore of its name. */
static const char *
constraint_field(const char *constraint)
{
	const char *mark = constraint == NULL ? NULL : strstr(constraint, "__");

	return mark == NULL ? NULL : mark + 2;
}

static int
add_field(struct req *r, const char *name, const char *code, const char *message)
{
	struct field_error *e;

	if (name == NULL || *name == '\0')
		return -1;
	e = arena_alloc(r->arena, sizeof(*e));
	e->field = arena_strdup(r->arena, name);
	e->code = code;
	e->message = message;
	e->next = NULL;
	r->fields = e;
	return -1;
}

/* The error of that status and code; for a code that only SQL has, the general one of the status.
 */
static enum error
rule_error(int status, const char *code)
{
	unsigned i;

	for (i = 0; i < E__MAX; i++)
		if (error_table[i].status == status && strcmp(error_table[i].code, code) == 0)
			return (enum error)i;
	return status == 403   ? E_REFUSED
	       : status == 404 ? E_NOT_FOUND
	       : status == 409 ? E_CONFLICT
	                       : E_VALIDATION;
}

/* A rule raised by fail() in SQL: SVnnn, the code as message, a sentence as detail. */
static int
fail_rule(struct req *r, const struct db_error *e)
{
	int status =
	    (e->sqlstate[2] - '0') * 100 + (e->sqlstate[3] - '0') * 10 + (e->sqlstate[4] - '0');

	fail(r, rule_error(status, e->message));
	r->status = status;
	r->code = e->message;
	r->detail = e->detail;
	return add_field(r, e->column, e->message, e->detail == NULL ? e->message : e->detail);
}

static int
fail_constraint(struct req *r, const struct db_error *e)
{
	const char *name = constraint_field(e->constraint);
	bool deleting = r->route != NULL && r->route->method == DELETE;

	if (strcmp(e->sqlstate, "23505") == 0) {
		fail_detail(r, E_DUPLICATE, "Another resource has this %s already.",
		    name == NULL ? "value" : name);
		return add_field(r, name, "already_exists", "The value is taken.");
	}
	if (strcmp(e->sqlstate, "23503") == 0 && deleting)
		return fail(r, E_IN_USE);
	if (strcmp(e->sqlstate, "23503") == 0) {
		fail_detail(r, E_UNKNOWN_REFERENCE, "%s refers to something that does not exist.",
		    name == NULL ? "A field" : name);
		return add_field(r, name, "unknown_reference", "There is no such resource.");
	}
	if (name != NULL)
		return fail_field(r, name, "invalid", "The value is outside of what is allowed.");
	if (strcmp(e->sqlstate, "23502") == 0 && e->column != NULL)
		return fail_field(r, e->column, "required", "The value must not be null.");
	return fail_detail(r, E_VALIDATION, "A value is not valid for its field.");
}

int
fail_db(struct req *r)
{
	const struct db_error *e = db_error(r->db);

	switch (e->kind) {
	case DB_OK:
		return -1;
	case DB_RULE:
		if (strncmp(e->sqlstate, "SV", 2) == 0)
			return fail_rule(r, e);
		if (strncmp(e->sqlstate, "23", 2) == 0)
			return fail_constraint(r, e);
		if (query_get(r, "cursor") != NULL)
			return fail(r, E_INVALID_CURSOR);
		return fail_detail(r, E_VALIDATION, "A value is not valid for its field.");
	case DB_BUG:
		return fail(r, E_INTERNAL);
	case DB_UNKNOWN:
		return fail_detail(r, E_UNAVAILABLE,
		    "The connection to the database was lost while committing; the change may or "
		    "may not have been made. Repeat the request with the same Idempotency-Key.");
	case DB_RETRY:
	case DB_TIMEOUT:
	case DB_DOWN:
		break;
	}
	return fail(r, E_UNAVAILABLE);
}

void
reply_header(struct req *r, const char *name, const char *value)
{
	if (strpbrk(value, "\r\n") != NULL) {
		log_error("header %s has a line break and is left out", name);
		return;
	}
	buf_printf(&r->out->head, "%s: %s\r\n", name, value);
}

int
reply_slot(struct req *r, int status, const struct resource *shape, int slot)
{
	r->reply_status = status;
	r->reply_shape = shape;
	r->reply_slot = slot;
	return 0;
}

/* Read by one composed statement per resource: the view's columns, by org, parent and id. */
int
reply_resource(
    struct req *r, int status, const struct resource *shape, const char *parent, const char *id)
{
	const char *values[] = { r->org, id, parent };
	char *sql;
	bool org_only = strcmp(shape->key, "org_id") == 0;
	bool with_parent = parent != NULL && shape->parent != NULL;

	sql = arena_printf(r->arena, "SELECT t.* FROM %s t WHERE t.org_id = $1", shape->view);
	if (!org_only)
		sql = arena_printf(r->arena, "%s AND t.%s = $2", sql, shape->key);
	if (with_parent)
		sql = arena_printf(r->arena, "%s AND t.%s = $3", sql, shape->parent);
	return reply_slot(r, status, shape,
	    db_queue_text(r->db, sql,
		org_only      ? 1
		: with_parent ? 3
			      : 2,
		values));
}

int
reply_json(struct req *r, int status)
{
	r->reply_status = status;
	r->replied = true;
	return 0;
}

int
reply_empty(struct req *r)
{
	return reply_json(r, 204);
}

int
req_conditions(struct req *r, int first, enum condition_on on, struct condition *out)
{
	struct json_object *given = body_get(r, "conditions");

	if (given == NULL) {
		condition_all(out);
		return 0;
	}
	if (condition_compile(r->db, r->arena, r->org, given, first, on, out))
		return 0;
	if (out->code == NULL)
		return fail_db(r);
	return fail_field(r,
	    *out->path == '\0' ? "conditions" : arena_printf(r->arena, "conditions.%s", out->path),
	    out->code, "%s", out->message);
}

int
req_stored_condition(struct req *r, const char *what, const char *text, int first,
    enum condition_on on, struct condition *out)
{
	if (condition_load(r->db, r->arena, r->org, text, first, on, out))
		return 0;
	if (out->code == NULL)
		return fail_db(r);
	return fail_detail(r, E_CONFLICT,
	    "The conditions of the %s do not hold any more: conditions%s%s: %s", what,
	    *out->path == '\0' ? "" : ".", out->path, out->message);
}

/* The resource's row with a member that is seen this once. */
int
reply_with(struct req *r, int status, const struct resource *shape, const char *id,
    const char *name, const char *secret)
{
	struct buf *out = &r->out->body;
	const PGresult *row;

	reply_resource(r, status, shape, NULL, id);
	row = db_result(r->db, r->reply_slot);
	if (row == NULL)
		return fail_db(r);
	if (PQntuples(row) == 0)
		return fail(r, E_NOT_FOUND);
	json_row(out, row, 0, shape->fields);
	out->len--;
	buf_printf(out, ",\"%s\":", name);
	buf_json_str(out, secret);
	buf_char(out, '}');
	return reply_json(r, status);
}

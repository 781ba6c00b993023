/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists: one SELECT composed from the route's filter and sort rows. Only text
 * of our own tables reaches the SQL; every value of the caller is a parameter.
 * Pages follow the sort key (keyset), never OFFSET.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "http/csv.h"
#include "http/cursor.h"
#include "http/list_internal.h"

#define DEFAULT_LIMIT 50

int
list_value(struct page *p, const char *value)
{
	if (p->nvalues == VALUES_MAX)
		return fail_detail(p->r, E_BAD_REQUEST, "Too many filter values.");
	p->values[p->nvalues++] = value;
	return p->nvalues;
}

/* Append sql with each "$?" replaced by the number of a parameter. */
static void
add_condition(struct page *p, const char *sql, int number, bool many)
{
	const char *mark = strstr(sql, "$?");

	buf_str(&p->sql, " AND ");
	while (mark != NULL) {
		buf_add(&p->sql, sql, (size_t)(mark - sql));
		buf_printf(&p->sql, many ? "ANY ($%d)" : "$%d", number);
		sql = mark + 2;
		mark = strstr(sql, "$?");
	}
	buf_str(&p->sql, sql);
}

const char *
list_array(struct arena *arena, const struct query_value *q, const char *name)
{
	struct buf out;

	buf_init(&out, arena, 128);
	for (; q != NULL; q = q->next)
		if (strcmp(q->name, name) == 0)
			buf_array_item(&out, q->value);
	return arena_printf(arena, "{%s}", out.data);
}

static void
add_filters(struct page *p)
{
	const struct filter *f;
	const struct query_value *q;

	for (f = p->list->filters; f != NULL && f->name != NULL; f++) {
		unsigned n = 0;

		for (q = p->r->query; q != NULL; q = q->next)
			n += strcmp(q->name, f->name) == 0;
		if (n == 1)
			add_condition(p, f->sql, list_value(p, query_get(p->r, f->name)), false);
		else if (n > 1)
			add_condition(p, f->sql,
			    list_value(p, list_array(p->r->arena, p->r->query, f->name)), true);
	}
}

static void
choose_order(struct page *p)
{
	const char *name = query_get(p->r, "sort");
	const char *limit = query_get(p->r, "limit");
	const struct sort *s = p->list->sorts;

	if (name == NULL)
		name = p->list->order;
	p->descending = !p->list->ascending;
	if (name != NULL) {
		p->descending = *name == '-';
		name += p->descending;
		if (p->list->custom && strncmp(name, "cf.", 3) == 0)
			s = NULL;
		while (s != NULL && strcmp(s->name, name) != 0)
			s++;
	}
	p->sort = s;
	if (s == NULL)
		list_custom_order(p, name);
	p->limit = limit == NULL ? DEFAULT_LIMIT : strtol(limit, NULL, 10);
}

/* What a cursor is of. Behind the tickets that have a value there is an order of its own. */
static const char *
order_of(const struct page *p, enum part part)
{
	return arena_printf(p->r->arena, "%s%s%s", p->descending ? "-" : "", p->sort->name,
	    part == WITHOUT_VALUE ? "/none" : "");
}

static void
after_key(struct page *p, int number)
{
	p->after = arena_printf(
	    p->r->arena, " AND t.%s %c $%d", p->shape->key, p->descending ? '<' : '>', number);
}

static int
add_cursor(struct page *p)
{
	const char *cursor = query_get(p->r, "cursor"), *value, *id;
	int n;

	if (cursor == NULL)
		return 0;
	if (p->join != NULL &&
	    cursor_read(p->r->arena, cursor, order_of(p, WITHOUT_VALUE), &value, &id)) {
		p->part = WITHOUT_VALUE;
		after_key(p, list_value(p, id));
		return 0;
	}
	if (!cursor_read(p->r->arena, cursor, order_of(p, WITH_VALUE), &value, &id))
		return fail(p->r, E_INVALID_CURSOR);
	n = list_value(p, value);
	list_value(p, id);
	if (strcmp(p->sort->column + 2, p->shape->key) == 0) /* the key alone orders */
		after_key(p, n + 1);
	else
		p->after =
		    arena_printf(p->r->arena, " AND (%s, t.%s) %c ($%d::%s, $%d)", p->sort->column,
			p->shape->key, p->descending ? '<' : '>', n, p->sort->type, n + 1);
	return 0;
}

static bool
wanted(const struct req *r, const char *name)
{
	const char *fields = query_get(r, "fields");
	size_t len = strlen(name);

	while (fields != NULL && *fields != '\0') {
		size_t word = strcspn(fields, ",");

		if (word == len && strncmp(fields, name, len) == 0)
			return true;
		fields += word + (fields[word] == ',');
	}
	return query_get(r, "fields") == NULL;
}

/* Columns that the caller wants, then the two that the cursor is made of. */
static const char *
select_list(const struct page *p)
{
	const struct field *f;
	struct buf out;

	buf_init(&out, p->r->arena, 512);
	for (f = p->shape->fields; f->name != NULL; f++)
		if ((f->flags & F_OUT) != 0 && ((f->flags & F_OPT) == 0 || p->with_optional) &&
		    wanted(p->r, f->name))
			buf_printf(&out, "t.%s, ", f->name);
	buf_printf(&out, "%s::text AS __sort, t.%s::text AS __id", p->sort->column, p->shape->key);
	return out.data;
}

static const char *
from_where(const struct page *p, enum part part, const char *after)
{
	const char *join = p->join == NULL ? "" : p->join;

	return arena_printf(p->r->arena, "FROM %s t %s%s WHERE t.org_id = $1%s%s%s%s%s",
	    p->shape->view, *join == '\0' || part == WITH_VALUE ? "" : "LEFT ", join,
	    p->list->where == NULL ? "" : " AND ", p->list->where == NULL ? "" : p->list->where,
	    *join != '\0' && part == WITHOUT_VALUE ? " AND s.ticket_id IS NULL" : "", p->sql.data,
	    after);
}

static const PGresult *
ask_page(struct page *p, long limit)
{
	const char *way = p->descending ? "DESC" : "ASC";
	const char *sql, *by = "";

	if (p->part == WITH_VALUE)
		by = arena_printf(p->r->arena, "%s %s, ", p->sort->column, way);
	sql = arena_printf(p->r->arena, "SELECT %s %s ORDER BY %st.%s %s LIMIT %ld", select_list(p),
	    from_where(p, p->part, p->after), by, p->shape->key, way, limit);
	return db_result(p->r->db, db_queue_text(p->r->db, sql, p->nvalues, p->values));
}

static const char *
cursor_at(const struct page *p, const PGresult *rows, int i, enum part part)
{
	const char *value = db_get(rows, i, "__sort");

	return cursor_make(
	    p->r->arena, order_of(p, part), value == NULL ? "" : value, db_get(rows, i, "__id"));
}

static void
write_csv(struct page *p, const PGresult *rows, int n, bool more)
{
	csv_rows(&p->r->out->body, rows, n);
	p->r->media = "text/csv; charset=utf-8";
	if (more)
		reply_header(p->r, "X-Next-Cursor", cursor_at(p, rows, n - 1, WITH_VALUE));
}

/* rest: the tickets without a value that fill the page, or NULL. */
static void
write_page(struct page *p, const PGresult *rows, const PGresult *rest, const PGresult *total)
{
	const char *format = query_get(p->r, "format");
	struct buf *out = &p->r->out->body;
	int n = PQntuples(rows), others = rest == NULL ? 0 : PQntuples(rest);
	bool more = n + others > p->limit;

	if (more && others > 0)
		others--;
	else if (more)
		n--;
	if (p->list->csv && format != NULL && strcmp(format, "csv") == 0) {
		write_csv(p, rows, n, more);
		return;
	}
	buf_str(out, "{\"data\":[");
	json_items(out, rows, n);
	if (n > 0 && others > 0)
		buf_char(out, ',');
	if (others > 0)
		json_items(out, rest, others);
	buf_printf(out, "],\"has_more\":%s,\"next_cursor\":", more ? "true" : "false");
	if (!more)
		buf_str(out, "null");
	else if (others > 0)
		buf_json_str(out, cursor_at(p, rest, others - 1, WITHOUT_VALUE));
	else
		buf_json_str(out, cursor_at(p, rows, n - 1, rest == NULL ? p->part : WITH_VALUE));
	if (total != NULL)
		buf_printf(out, ",\"total\":%s", PQgetvalue(total, 0, 0));
	buf_char(out, '}');
}

/* The tickets without a value that a page has room for, and one; NULL when it has none. */
static const PGresult *
fill_page(struct page *p, const PGresult *rows, int nvalues)
{
	if (rows == NULL || p->join == NULL || p->part != WITH_VALUE || PQntuples(rows) > p->limit)
		return NULL;
	p->part = WITHOUT_VALUE;
	p->after = "";
	p->nvalues = nvalues; /* without the cursor's */
	return ask_page(p, p->limit + 1 - PQntuples(rows));
}

int
reply_list(struct req *r, const struct resource *shape, const struct list *list, const char *where,
    int nvalues, const char *const *values)
{
	struct page *p = arena_alloc(r->arena, sizeof(*p));
	const char *with_total = query_get(r, "include_total");
	const PGresult *rows, *rest, *total = NULL;
	int total_slot = -1, before, i;

	*p = (struct page){ .r = r,
		.shape = shape,
		.list = list,
		.after = "",
		.with_optional = shape != r->route->reply };
	buf_init(&p->sql, r->arena, 256);
	list_value(p, r->org);
	for (i = 0; i < nvalues; i++)
		list_value(p, values[i]);
	if (where != NULL)
		buf_printf(&p->sql, " AND %s", where);
	choose_order(p);
	add_filters(p);
	list_custom_filters(p);
	if (r->failed)
		return -1;
	if (with_total != NULL && strcmp(with_total, "true") == 0)
		total_slot = db_queue_text(r->db,
		    arena_printf(
			r->arena, "SELECT count(*) %s", from_where(p, WITH_OR_WITHOUT, "")),
		    p->nvalues, p->values);
	before = p->nvalues;
	if (add_cursor(p) == -1 || r->failed)
		return -1;
	rows = ask_page(p, p->limit + 1);
	rest = fill_page(p, rows, before);
	if (total_slot != -1)
		total = db_result(r->db, total_slot);
	if (rows == NULL || db_failed(r->db))
		return fail_db(r);
	write_page(p, rows, rest, total);
	return reply_json(r, 200);
}

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
#include "http/schema.h"

#define DEFAULT_LIMIT 50
#define VALUES_MAX 320 /* more than a condition has, store/condition.c */

struct page {
	struct req *r;
	const struct resource *shape;
	const struct list *list;
	const struct sort *sort;
	bool descending;
	bool with_optional; /* the resource is not the declared one but its fuller twin */
	long limit;
	const char *join; /* what the order needs besides the view, or "" */
	struct buf sql;   /* the WHERE clause */
	const char *values[VALUES_MAX];
	int nvalues;
};

static int
add_value(struct page *p, const char *value)
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

static const char *
array_literal(struct arena *arena, const struct query_value *q, const char *name)
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
			add_condition(p, f->sql, add_value(p, query_get(p->r, f->name)), false);
		else if (n > 1)
			add_condition(p, f->sql,
			    add_value(p, array_literal(p->r->arena, p->r->query, f->name)), true);
	}
}

const char *
custom_field_type(struct req *r, const char *key)
{
	int i;

	if (r->custom == NULL)
		r->custom = db_rows(r->db, SQL_CUSTOM_FIELD_TYPES, P(r->org));
	for (i = 0; r->custom != NULL && i < PQntuples(r->custom); i++)
		if (strcmp(PQgetvalue(r->custom, i, 0), key) == 0)
			return PQgetvalue(r->custom, i, 1);
	return NULL;
}

bool
custom_field_orders(struct req *r, const char *key)
{
	const char *type = custom_field_type(r, key);

	return type != NULL && strcmp(type, "multiselect") != 0;
}

/* NULL and a refusal of the parameter when there is no such field. */
static const char *
custom_type(struct page *p, const char *parameter, const char *key)
{
	const char *type = custom_field_type(p->r, key);

	if (db_failed(p->r->db))
		fail_db(p->r);
	else if (type == NULL)
		fail_field(p->r, parameter, "unknown_parameter",
		    "The organization has no custom field \"%s\".", utf8_cut(p->r->arena, key, 64));
	return type;
}

/* Whether a parameter of this name came before it. */
static bool
seen_before(const struct query_value *first, const struct query_value *q)
{
	for (; first != q; first = first->next)
		if (strcmp(first->name, q->name) == 0)
			return true;
	return false;
}

/* What a filter by a custom field takes. An option that was taken away is still looked for. */
static enum field_type
filter_type(const char *type)
{
	if (strcmp(type, "number") == 0)
		return T_NUM;
	if (strcmp(type, "boolean") == 0)
		return T_BOOL;
	return strcmp(type, "date") == 0 ? T_DATE : T_STR;
}

/* cf.<key>=value: through ticket_field, which has an index under row-level security. */
static void
add_custom_filter(struct page *p, const struct query_value *q)
{
	const char *name = utf8_cut(p->r->arena, q->name, 80);
	const char *word = custom_type(p, name, q->name + 3);
	const struct query_value *other;
	enum field_type type;
	int key, values;

	if (word == NULL)
		return;
	type = filter_type(word);
	for (other = q; other != NULL; other = other->next)
		if (strcmp(other->name, q->name) == 0)
			schema_text(p->r, name, type, NULL, other->value);
	key = add_value(p, q->name + 3);
	values = add_value(p, array_literal(p->r->arena, q, q->name));
	buf_printf(&p->sql,
	    " AND EXISTS (SELECT 1 FROM ticket_field g WHERE g.org_id = t.org_id AND "
	    "g.ticket_id = t.ticket_id AND g.key = $%d AND ",
	    key);
	if (type == T_NUM) /* roughly by the index, then exactly */
		buf_printf(&p->sql,
		    "g.rough = ANY (ARRAY(SELECT rough(v) FROM unnest($%d::numeric[]) v)) AND "
		    "g.number = ANY ($%d::numeric[]))",
		    values, values);
	else
		buf_printf(&p->sql, "g.word = ANY ($%d::text[]))", values);
}

static void
add_custom_filters(struct page *p)
{
	const struct query_value *q;

	for (q = p->r->query; p->list->custom && q != NULL; q = q->next)
		if (strncmp(q->name, "cf.", 3) == 0 && !seen_before(p->r->query, q))
			add_custom_filter(p, q);
}

/* Only tickets that have the value: the index of the values gives the order. */
static void
order_by_custom(struct page *p, const char *name)
{
	const char *type = custom_type(p, "sort", name + 3);
	struct sort *sort = arena_alloc(p->r->arena, sizeof(*sort));
	bool number;

	*sort = (struct sort){ name, "s.word", "text" };
	p->sort = sort;
	if (type == NULL)
		return;
	if (!custom_field_orders(p->r, name + 3))
		fail_field(
		    p->r, "sort", "not_allowed", "A field of several values gives no order.");
	number = strcmp(type, "number") == 0;
	if (number)
		*sort = (struct sort){ name, "s.number", "numeric" };
	p->join = arena_printf(p->r->arena,
	    " JOIN ticket_field s ON s.org_id = t.org_id AND s.ticket_id = t.ticket_id "
	    "AND s.key = $%d%s",
	    add_value(p, name + 3), number ? " AND s.number IS NOT NULL" : "");
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
		order_by_custom(p, name);
	p->limit = limit == NULL ? DEFAULT_LIMIT : strtol(limit, NULL, 10);
}

static const char *
order_of(const struct page *p)
{
	return arena_printf(p->r->arena, "%s%s", p->descending ? "-" : "", p->sort->name);
}

static const char *
make_cursor(const struct page *p, const char *value, const char *id)
{
	return cursor_make(p->r->arena, order_of(p), value, id);
}

static int
add_cursor(struct page *p)
{
	const char *cursor = query_get(p->r, "cursor"), *value, *id;
	int n;

	if (cursor == NULL)
		return 0;
	if (!cursor_read(p->r->arena, cursor, order_of(p), &value, &id))
		return fail(p->r, E_INVALID_CURSOR);
	n = add_value(p, value);
	add_value(p, id);
	if (strcmp(p->sort->column + 2, p->shape->key) == 0) /* the key alone orders */
		buf_printf(
		    &p->sql, " AND t.%s %c $%d", p->shape->key, p->descending ? '<' : '>', n + 1);
	else
		buf_printf(&p->sql, " AND (%s, t.%s) %c ($%d::%s, $%d)", p->sort->column,
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
from_where(const struct page *p)
{
	return arena_printf(p->r->arena, "FROM %s t%s WHERE t.org_id = $1%s%s%s", p->shape->view,
	    p->join, p->list->where == NULL ? "" : " AND ",
	    p->list->where == NULL ? "" : p->list->where, p->sql.data);
}

static int
queue_page(struct page *p)
{
	const char *order = p->descending ? "DESC" : "ASC";
	const char *sql;

	sql = arena_printf(p->r->arena, "SELECT %s %s ORDER BY %s %s, t.%s %s LIMIT %ld",
	    select_list(p), from_where(p), p->sort->column, order, p->shape->key, order,
	    p->limit + 1);
	return db_queue_text(p->r->db, sql, p->nvalues, p->values);
}

static void
write_csv(struct page *p, const PGresult *rows, int n, bool more)
{
	csv_rows(&p->r->out->body, rows, n);
	p->r->media = "text/csv; charset=utf-8";
	if (more)
		reply_header(p->r, "X-Next-Cursor",
		    make_cursor(p, db_get(rows, n - 1, "__sort"), db_get(rows, n - 1, "__id")));
}

static void
write_page(struct page *p, const PGresult *rows, const PGresult *total)
{
	const char *format = query_get(p->r, "format");
	struct buf *out = &p->r->out->body;
	int i, n = PQntuples(rows);
	bool more = n > p->limit;

	if (more)
		n = (int)p->limit;
	if (p->list->csv && format != NULL && strcmp(format, "csv") == 0) {
		write_csv(p, rows, n, more);
		return;
	}
	buf_str(out, "{\"data\":");
	json_rows(out, rows, n);
	buf_printf(out, ",\"has_more\":%s,\"next_cursor\":", more ? "true" : "false");
	i = n - 1;
	if (more)
		buf_json_str(
		    out, make_cursor(p, db_get(rows, i, "__sort"), db_get(rows, i, "__id")));
	else
		buf_str(out, "null");
	if (total != NULL)
		buf_printf(out, ",\"total\":%s", PQgetvalue(total, 0, 0));
	buf_char(out, '}');
}

int
reply_list(struct req *r, const struct resource *shape, const struct list *list, const char *where,
    int nvalues, const char *const *values)
{
	struct page *p = arena_alloc(r->arena, sizeof(*p));
	const char *with_total = query_get(r, "include_total");
	const PGresult *rows, *total = NULL;
	int slot, total_slot = -1, i;

	*p = (struct page){ .r = r,
		.shape = shape,
		.list = list,
		.join = "",
		.with_optional = shape != r->route->reply };
	buf_init(&p->sql, r->arena, 256);
	add_value(p, r->org);
	for (i = 0; i < nvalues; i++)
		add_value(p, values[i]);
	if (where != NULL)
		buf_printf(&p->sql, " AND %s", where);
	choose_order(p);
	add_filters(p);
	add_custom_filters(p);
	if (r->failed)
		return -1;
	if (with_total != NULL && strcmp(with_total, "true") == 0)
		total_slot = db_queue_text(r->db,
		    arena_printf(r->arena, "SELECT count(*) %s", from_where(p)), p->nvalues,
		    p->values);
	if (add_cursor(p) == -1 || r->failed)
		return -1;
	slot = queue_page(p);
	rows = db_result(r->db, slot);
	if (total_slot != -1)
		total = db_result(r->db, total_slot);
	if (rows == NULL || (total_slot != -1 && total == NULL))
		return fail_db(r);
	write_page(p, rows, total);
	return reply_json(r, 200);
}

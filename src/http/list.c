/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists: one SELECT composed from the route's filter and sort rows. Only text
 * of our own tables reaches the SQL; every value of the caller is a parameter.
 * Pages follow the sort key (keyset), never OFFSET.
 */
#include <stdlib.h>
#include <string.h>

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
	struct buf sql; /* the WHERE clause */
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
		while (strcmp(s->name, name + p->descending) != 0)
			s++;
	}
	p->sort = s;
	p->limit = limit == NULL ? DEFAULT_LIMIT : strtol(limit, NULL, 10);
}

/*
 * A cursor is base64url of "<sort>\n<value>\n<id>": where the last page ended.
 * It says nothing that the list itself does not, so it needs no signature.
 */
static const char *
make_cursor(const struct page *p, const char *value, const char *id)
{
	const char *text = arena_printf(
	    p->r->arena, "%s%s\n%s\n%s", p->descending ? "-" : "", p->sort->name, value, id);

	return base64url_encode(p->r->arena, text, strlen(text));
}

static int
add_cursor(struct page *p)
{
	const char *cursor = query_get(p->r, "cursor");
	unsigned char *raw;
	char *text, *value, *id;
	long len;
	int n;

	if (cursor == NULL)
		return 0;
	len = base64url_decode(p->r->arena, cursor, strlen(cursor), &raw);
	if (len <= 0 || memchr(raw, '\0', (size_t)len) != NULL)
		return fail(p->r, E_INVALID_CURSOR);
	text = arena_strndup(p->r->arena, (const char *)raw, (size_t)len);
	value = strchr(text, '\n');
	id = value == NULL ? NULL : strchr(value + 1, '\n');
	if (id == NULL)
		return fail(p->r, E_INVALID_CURSOR);
	*value++ = '\0';
	*id++ = '\0';
	if ((*text == '-') != p->descending || strcmp(text + (*text == '-'), p->sort->name) != 0)
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
	return arena_printf(p->r->arena, "FROM %s t WHERE t.org_id = $1%s%s%s", p->shape->view,
	    p->list->where == NULL ? "" : " AND ", p->list->where == NULL ? "" : p->list->where,
	    p->sql.data);
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
write_page(struct page *p, const PGresult *rows, const PGresult *total)
{
	struct buf *out = &p->r->out->body;
	int i, n = PQntuples(rows);
	bool more = n > p->limit;

	if (more)
		n = (int)p->limit;
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

	*p = (struct page){
		.r = r, .shape = shape, .list = list, .with_optional = shape != r->route->reply
	};
	buf_init(&p->sql, r->arena, 256);
	add_value(p, r->org);
	for (i = 0; i < nvalues; i++)
		add_value(p, values[i]);
	if (where != NULL)
		buf_printf(&p->sql, " AND %s", where);
	choose_order(p);
	add_filters(p);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* Lists by what an organization added to its tickets: filters and orders by custom fields. */
#include <string.h>

#include "base/json.h"
#include "http/list_internal.h"

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
	key = list_value(p, q->name + 3);
	values = list_value(p, list_array(p->r->arena, q, q->name));
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

void
list_custom_filters(struct page *p)
{
	const struct query_value *q;

	for (q = p->r->query; p->list->custom && q != NULL; q = q->next)
		if (strncmp(q->name, "cf.", 3) == 0 && !seen_before(p->r->query, q))
			add_custom_filter(p, q);
}

/* The index of the values gives the order. */
void
list_custom_order(struct page *p, const char *name)
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
	    "JOIN ticket_field s ON s.org_id = t.org_id AND s.ticket_id = t.ticket_id "
	    "AND s.key = $%d%s",
	    list_value(p, name + 3), number ? " AND s.number IS NOT NULL" : "");
}

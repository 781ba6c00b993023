/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of PostgreSQL as JSON, from the columns' names and types alone. It is
 * cheaper than row_to_json() for lists (tests/bench) and lets `fields=` pick.
 */
#include "http/req.h"

#include <string.h>

enum column_kind { COLUMN_TEXT, COLUMN_RAW, COLUMN_BOOL, COLUMN_TIME, COLUMN_ARRAY, COLUMN_HIDDEN };

struct column {
	const char *name; /* as it is written between members: ,"name": */
	size_t len;
	enum column_kind kind;
};

/* Type numbers of pg_type.dat; fixed in all versions of PostgreSQL. */
static enum column_kind
column_kind(Oid type)
{
	switch (type) {
	case 16: /* bool */
		return COLUMN_BOOL;
	case 20:   /* int8 */
	case 21:   /* int2 */
	case 23:   /* int4 */
	case 114:  /* json */
	case 700:  /* float4 */
	case 701:  /* float8 */
	case 1700: /* numeric */
	case 3802: /* jsonb */
		return COLUMN_RAW;
	case 1184: /* timestamptz */
		return COLUMN_TIME;
	case 1009: /* text[] */
	case 2951: /* uuid[] */
		return COLUMN_ARRAY;
	default:
		return COLUMN_TEXT;
	}
}

/* Whether a row of the table shows the column. Views and tables share their order, so the
 * search begins behind the last one that was found. */
static bool
shown(const struct field *fields, const struct field **next, const char *name)
{
	const struct field *f;

	for (f = *next; f->name != NULL; f++)
		if ((f->flags & F_OUT) != 0 && strcmp(f->name, name) == 0)
			break;
	if (f->name == NULL)
		for (f = fields; f->name != NULL; f++)
			if ((f->flags & F_OUT) != 0 && strcmp(f->name, name) == 0)
				break;
	if (f->name != NULL)
		*next = f + 1;
	return f->name != NULL;
}

static void
name_column(struct arena *arena, struct column *c, const char *name)
{
	size_t len = strlen(name);
	char *text = arena_alloc(arena, len + 5);

	memcpy(text, ",\"", 2);
	memcpy(text + 2, name, len);
	memcpy(text + 2 + len, "\":", 2);
	c->name = text;
	c->len = len + 4;
}

static struct column *
columns(struct arena *arena, const PGresult *res, int n, const struct field *fields)
{
	struct column *c = arena_alloc(arena, (size_t)n * sizeof(*c));
	const struct field *next = fields;
	int i;

	for (i = 0; i < n; i++) {
		const char *name = PQfname(res, i);

		c[i].kind = column_kind(PQftype(res, i));
		if (strncmp(name, "__", 2) == 0 || (fields != NULL && !shown(fields, &next, name)))
			c[i].kind = COLUMN_HIDDEN;
		else
			name_column(arena, &c[i], name);
	}
	return c;
}

bool
row_time(char iso[25], const char *text, size_t len)
{
	size_t i;

	if (len < 19 || text[10] != ' ') /* "infinity", or beyond year 9999 */
		return false;
	memcpy(iso, "0000-00-00T00:00:00.000Z", 25);
	memcpy(iso, text, 10);
	memcpy(iso + 11, text + 11, 8);
	if (text[19] == '.')
		for (i = 0; i < 3 && text[20 + i] >= '0' && text[20 + i] <= '9'; i++)
			iso[20 + i] = text[20 + i];
	return true;
}

static void
put_time(struct buf *out, const char *text, size_t len)
{
	char quoted[27] = "\"";

	if (row_time(quoted + 1, text, len)) {
		quoted[25] = '"';
		buf_add(out, quoted, 26);
	} else {
		buf_json(out, text, len);
	}
}

/* An array literal of PostgreSQL, one dimension: {a,"b,\"c",NULL}. */
static void
put_array(struct buf *out, const char *text)
{
	struct buf item;
	const char *p = text + 1;
	bool first = true;

	buf_char(out, '[');
	while (*p != '}' && *p != '\0') {
		bool quoted = *p == '"';

		buf_init(&item, out->arena, 64);
		for (p += quoted; quoted ? *p != '"' : *p != ',' && *p != '}'; p++) {
			if (*p == '\\')
				p++;
			buf_char(&item, *p);
		}
		p += quoted;
		p += *p == ',';
		if (!first)
			buf_char(out, ',');
		first = false;
		if (!quoted && strcmp(item.data, "NULL") == 0)
			buf_str(out, "null");
		else
			buf_json(out, item.data, item.len);
	}
	buf_char(out, ']');
}

static void
put_value(struct buf *out, const PGresult *res, int row, int i, enum column_kind kind)
{
	const char *text;
	size_t len;

	if (PQgetisnull(res, row, i)) {
		buf_add(out, "null", 4);
		return;
	}
	text = PQgetvalue(res, row, i);
	len = (size_t)PQgetlength(res, row, i);
	if (kind == COLUMN_RAW)
		buf_add(out, text, len);
	else if (kind == COLUMN_BOOL)
		buf_str(out, *text == 't' ? "true" : "false");
	else if (kind == COLUMN_TIME)
		put_time(out, text, len);
	else if (kind == COLUMN_ARRAY)
		put_array(out, text);
	else
		buf_json(out, text, len);
}

static void
put_row(struct buf *out, const PGresult *res, int row, const struct column *c, int n)
{
	bool first = true;
	int i;

	buf_char(out, '{');
	for (i = 0; i < n; i++) {
		if (c[i].kind == COLUMN_HIDDEN)
			continue;
		buf_add(out, c[i].name + first, c[i].len - first);
		first = false;
		put_value(out, res, row, i, c[i].kind);
	}
	buf_char(out, '}');
}

void
json_row(struct buf *out, const PGresult *res, int row, const struct field *fields)
{
	int n = PQnfields(res);

	put_row(out, res, row, columns(out->arena, res, n, fields), n);
}

void
json_items(struct buf *out, const PGresult *res, int rows)
{
	int row, n = PQnfields(res);
	struct column *c = columns(out->arena, res, n, NULL);

	buf_reserve(out, PQresultMemorySize(res)); /* about what they become */
	for (row = 0; row < rows; row++) {
		if (row > 0)
			buf_char(out, ',');
		put_row(out, res, row, c, n);
	}
}

void
json_rows(struct buf *out, const PGresult *res, int rows)
{
	buf_char(out, '[');
	json_items(out, res, rows);
	buf_char(out, ']');
}

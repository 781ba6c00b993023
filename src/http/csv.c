/* SPDX-License-Identifier: Apache-2.0 */
#include "http/csv.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/req.h"

static void
put_cell(struct buf *out, const char *text, bool number)
{
	const char *p;

	if (!number && *text != '\0' && strchr("=+-@\t\r", *text) != NULL) {
		buf_str(out, "\"'");
	} else if (strpbrk(text, ",\"\r\n") == NULL) {
		buf_str(out, text);
		return;
	} else {
		buf_char(out, '"');
	}
	for (p = text; *p != '\0'; p++) {
		if (*p == '"')
			buf_char(out, '"');
		buf_char(out, *p);
	}
	buf_char(out, '"');
}

/* int8, int2, int4, float4, float8, numeric: as in json_row.c. */
static bool
is_number(Oid type)
{
	return type == 20 || type == 21 || type == 23 || type == 700 || type == 701 || type == 1700;
}

/* {a,"b c"} of an array is written without its braces, quotes and escapes. */
static const char *
words_of(struct buf *out, const char *text)
{
	const char *p;
	struct buf words;

	buf_init(&words, out->arena, strlen(text) + 1);
	for (p = text + 1; *p != '\0' && (*p != '}' || p[1] != '\0'); p++) {
		if (*p == '"')
			continue;
		if (*p == '\\' && p[1] != '\0')
			p++;
		buf_char(&words, *p);
	}
	return words.data;
}

/* What JSON would show, as text; the types are those of json_row.c. */
static const char *
cell(struct buf *out, const PGresult *res, int row, int i)
{
	const char *text = PQgetvalue(res, row, i);
	char iso[25];

	switch (PQftype(res, i)) {
	case 16: /* bool */
		return *text == 't' ? "true" : "false";
	case 1184: /* timestamptz */
		return row_time(iso, text, (size_t)PQgetlength(res, row, i))
		           ? arena_strdup(out->arena, iso)
		           : text;
	case 1009: /* text[] */
	case 2951: /* uuid[] */
		return words_of(out, text);
	default:
		return text;
	}
}

void
csv_rows(struct buf *out, const PGresult *res, int rows)
{
	int row, i, n = PQnfields(res);
	bool first;

	for (row = -1; row < rows; row++) {
		first = true;
		for (i = 0; i < n; i++) {
			if (strncmp(PQfname(res, i), "__", 2) == 0)
				continue;
			if (!first)
				buf_char(out, ',');
			first = false;
			if (row == -1)
				buf_str(out, PQfname(res, i));
			else if (!PQgetisnull(res, row, i))
				put_cell(out, cell(out, res, row, i), is_number(PQftype(res, i)));
		}
		buf_str(out, "\r\n");
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of JSON. Nothing is parsed here: quotes and brackets say where a value
 * ends. A line that is broken must not swallow those behind it, so an object goes
 * on over a line's end only where JSON can.
 */
#include <string.h>

#include "base/util.h"
#include "jobs/import_read.h"

/* A value on its way to its closing bracket. */
struct value {
	int depth, outer; /* the opening bracket */
	bool text, escaped;
	int last;      /* what is not blank and not within a text */
	char name[32]; /* of a member of the outermost object, or the last text there */
	size_t name_len;
};

enum how { ENDED, LIST, BROKEN, CUT_OFF };

static int
skip(struct import_reader *in, const char *blanks)
{
	int c;

	do
		c = reader_next(in);
	while (c != EOF && c != '\0' && strchr(blanks, c) != NULL);
	return c;
}

static bool
expected(const struct import_reader *in, const struct value *v)
{
	const char *const *name = in->lists;

	for (; name != NULL && *name != NULL; name++)
		if (strlen(*name) == v->name_len && memcmp(*name, v->name, v->name_len) == 0)
			return true;
	return false;
}

static void
in_text(struct value *v, int c)
{
	if (!v->escaped && c == '"')
		v->text = false;
	else if (v->depth == 1 && v->name_len < sizeof(v->name))
		v->name[v->name_len++] = (char)c;
	v->escaped = !v->escaped && c == '\\';
	v->last = '"';
}

/* Whether a list of records opens at c. */
static bool
step(struct import_reader *in, struct value *v, int c)
{
	if (v->text) {
		in_text(v, c);
		return false;
	}
	if (c == '"') {
		v->text = true;
		v->name_len = v->depth == 1 ? 0 : v->name_len;
	} else if (c == '{' || c == '[') {
		if (c == '[' && v->depth == 1 && v->last == ':' && !in->array && expected(in, v))
			return true;
		v->depth++;
	} else if (c == '}' || c == ']') {
		v->depth--;
	}
	if (strchr(" \t\r\n", c) == NULL)
		v->last = c;
	return false;
}

/* At a line's end within an object: whether what follows can belong to it. */
static bool
goes_on(struct import_reader *in, const struct value *v)
{
	int c;

	if (v->text)
		return in->array || in->wrapped;
	c = skip(in, " \t\r\n");
	reader_back(in, c);
	if (c == EOF || v->depth > 1 || v->outer == '[' || v->last == ':')
		return true;
	if (v->last == ',' || v->last == '{')
		return c == '"' || c == '}';
	return c == ',' || c == '}' || c == ':' || c == ']';
}

/* c is the first character that was not looked at; keep: as the record's text. */
static enum how
scan(struct import_reader *in, struct value *v, int c, bool keep)
{
	for (; c != EOF; c = reader_next(in)) {
		if (keep)
			reader_put(in, c);
		if (c != '\0' && step(in, v, c))
			return LIST;
		if (v->depth == 0)
			return ENDED;
		if (c == '\n' && !goes_on(in, v))
			return BROKEN;
	}
	return CUT_OFF;
}

/* What began is not there to its end. */
static bool
cut_off(struct import_reader *in)
{
	in->array = in->wrapped = false;
	if (in->problem == NULL)
		in->problem = "cut_off";
	return true;
}

/* An object or a list in a list. False when it is no record but has a list of them. */
static bool
read_brackets(struct import_reader *in, int c)
{
	struct value v = { .outer = c };

	switch (scan(in, &v, c, true)) {
	case LIST:
		in->array = in->wrapped = true;
		return false;
	case BROKEN:
		if (in->problem == NULL)
			in->problem = "syntax";
		return true;
	case CUT_OFF:
		return cut_off(in);
	default:
		return true;
	}
}

/* The rest of the object around a list, which may have another one. */
static bool
leave_wrapper(struct import_reader *in)
{
	struct value v = { .depth = 1, .outer = '{' };
	enum how how = scan(in, &v, reader_next(in), false);

	in->array = how == LIST;
	in->wrapped = how == LIST;
	return how == ENDED || how == LIST;
}

/* Anything else: to the line's end, or that of the list's element. */
static void
read_word(struct import_reader *in, int c)
{
	bool text = false;
	int before = '\0';

	for (; c != EOF && c != '\n'; before = c, c = reader_next(in)) {
		if (c == '"' && before != '\\')
			text = !text;
		if (in->array && !text && (c == ',' || c == ']'))
			break;
		reader_put(in, c);
	}
	reader_back(in, c);
}

bool
reader_json(struct import_reader *in, struct arena *arena)
{
	int c;

	for (;;) {
		in->problem = NULL;
		if (in->wrapped && !in->array && !leave_wrapper(in))
			return cut_off(in);
		buf_init(&in->text, arena, 1024);
		c = skip(in, ", \t\r\n");
		in->at = in->line;
		if (c == EOF)
			return in->array ? cut_off(in) : false;
		if (in->array && c == ']') {
			in->array = false;
		} else if (!in->array && c == '[') {
			in->array = true;
		} else if (c == '{' || c == '[') {
			if (read_brackets(in, c))
				return true;
		} else {
			read_word(in, c);
			return true;
		}
	}
}

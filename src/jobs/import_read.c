/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/import_read.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/util.h"

static int
next(struct import_reader *in)
{
	int c = getc_unlocked(in->file);

	if (c == EOF)
		return EOF;
	in->offset++;
	in->line += c == '\n';
	return c;
}

static void
back(struct import_reader *in, int c)
{
	if (c == EOF)
		return;
	ungetc(c, in->file);
	in->offset--;
	in->line -= c == '\n';
}

int
reader_seek(struct import_reader *in)
{
	return fseeko(in->file, (off_t)in->offset, SEEK_SET);
}

static int
skip_blanks(struct import_reader *in)
{
	int c;

	do
		c = next(in);
	while (c == ' ' || c == '\t' || c == '\r' || c == '\n');
	return c;
}

/* After the first brace: whether a list of this name opens, as in {"tickets": [. */
static bool
opens_list(struct import_reader *in)
{
	static const char *const names[] = { "tickets", "users", "contacts", "customers", "results",
		"helpdesk_tickets", "data" };
	char name[32];
	unsigned n = 0, i;
	int c;

	if (skip_blanks(in) != '"')
		return false;
	while ((c = next(in)) != EOF && c != '"' && n < sizeof(name) - 1)
		name[n++] = (char)c;
	name[n] = '\0';
	if (c != '"' || skip_blanks(in) != ':' || skip_blanks(in) != '[')
		return false;
	for (i = 0; i < LENGTH(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

void
reader_start(struct import_reader *in, bool json)
{
	int64_t offset, line;
	int c;

	in->offset = 0;
	in->line = 1;
	if (next(in) != 0xef || next(in) != 0xbb || next(in) != 0xbf) {
		in->offset = 0;
		in->line = 1;
		reader_seek(in);
	}
	if (!json)
		return;
	offset = in->offset;
	line = in->line;
	c = skip_blanks(in);
	in->array = c == '[' || (c == '{' && opens_list(in));
	if (in->array)
		return;
	in->offset = offset;
	in->line = line;
	reader_seek(in);
}

void
reader_find_delimiter(struct import_reader *in)
{
	int64_t offset = in->offset, line = in->line;
	unsigned commas = 0, semicolons = 0, tabs = 0;
	int c;

	while ((c = next(in)) != EOF && c != '\n') {
		commas += c == ',';
		semicolons += c == ';';
		tabs += c == '\t';
	}
	in->delimiter = tabs > commas && tabs > semicolons ? '\t' : semicolons > commas ? ';' : ',';
	in->offset = offset;
	in->line = line;
	reader_seek(in);
}

static void
put(struct import_reader *in, int c)
{
	if (c == '\0')
		in->problem = "nul_character";
	else if (in->text.len < RECORD_MAX)
		buf_char(&in->text, (char)c);
	else
		in->problem = "too_long";
}

static bool
read_line(struct import_reader *in)
{
	int c = skip_blanks(in);

	if (c == EOF)
		return false;
	in->at = in->line;
	for (; c != EOF && c != '\n'; c = next(in))
		put(in, c);
	return true;
}

/* From its opening brace to the one that closes it. */
static void
read_balanced(struct import_reader *in, int c)
{
	bool text = false, escaped = false;
	int depth = 0;

	do {
		put(in, c);
		if (text) {
			if (!escaped && c == '"')
				text = false;
			escaped = !escaped && c == '\\';
		} else if (c == '"') {
			text = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	} while (depth > 0 && (c = next(in)) != EOF);
	if (depth > 0)
		in->problem = "syntax";
}

/* What stands between the objects is commas; anything else ends what can be understood. */
static bool
read_object(struct import_reader *in)
{
	int c = skip_blanks(in);

	while (c == ',')
		c = skip_blanks(in);
	in->at = in->line;
	if (c == '{') {
		read_balanced(in, c);
		return true;
	}
	fseeko(in->file, 0, SEEK_END);
	in->offset = ftello(in->file);
	in->problem = "syntax";
	return c != ']' && c != EOF;
}

bool
reader_json(struct import_reader *in, struct arena *arena)
{
	in->problem = NULL;
	buf_init(&in->text, arena, 1024);
	return in->array ? read_object(in) : read_line(in);
}

/* Inside quotes: to the closing one; a doubled one stands for itself. */
static int
read_quoted(struct import_reader *in)
{
	int c;

	for (;;) {
		c = next(in);
		if (c == '"' && (c = next(in)) != '"')
			return c;
		if (c == EOF || in->problem != NULL) {
			in->problem = "unterminated_quote";
			return EOF;
		}
		put(in, c);
	}
}

/* One field of a row; gives what ended it: the delimiter, a line's end or EOF. */
static int
read_field(struct import_reader *in)
{
	int c = next(in), after;
	bool quoted = c == '"';

	if (quoted)
		c = read_quoted(in);
	for (; c != EOF && c != in->delimiter && c != '\n'; c = next(in)) {
		if (c == '\r') {
			after = next(in);
			if (after == '\n' || after == EOF)
				return after;
			back(in, after);
		}
		if (quoted && in->problem == NULL)
			in->problem = "text_after_quote";
		put(in, c);
	}
	return c;
}

/* A quote that never closes would swallow the file: go on with the line after the record's first.
 */
static void
resume_after_first_line(struct import_reader *in, int64_t offset)
{
	int c;

	in->offset = offset;
	in->line = in->at;
	reader_seek(in);
	do
		c = next(in);
	while (c != EOF && c != '\n');
}

static void
point_at_fields(struct import_reader *in, const size_t *starts)
{
	unsigned i;

	for (i = 0; i < in->nfields; i++)
		in->fields[i] = in->text.data + starts[i];
}

bool
reader_csv(struct import_reader *in, struct arena *arena)
{
	size_t starts[COLUMNS_MAX], begin;
	int64_t offset;
	int c;

	do { /* empty lines are no rows */
		in->problem = NULL;
		in->nfields = 0;
		in->at = in->line;
		offset = in->offset;
		buf_init(&in->text, arena, 1024);
		do {
			begin = in->text.len;
			c = read_field(in);
			buf_char(&in->text, '\0');
			if (in->nfields < COLUMNS_MAX)
				starts[in->nfields++] = begin;
			else
				in->problem = "too_many_columns";
		} while (c == in->delimiter);
		if (c == EOF && in->offset == offset)
			return false;
	} while (in->nfields == 1 && in->text.len == 1 && in->problem == NULL);
	if (in->problem != NULL && strcmp(in->problem, "unterminated_quote") == 0)
		resume_after_first_line(in, offset);
	if (in->problem == NULL && !utf8_valid(in->text.data, in->text.len))
		in->problem = "utf8";
	point_at_fields(in, starts);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/import_read.h"

#include <string.h>

#include "base/json.h"
#include "base/util.h"

int
reader_next(struct import_reader *in)
{
	int c = getc_unlocked(in->file);

	if (c == EOF)
		return EOF;
	in->offset++;
	in->line += c == '\n';
	return c;
}

void
reader_back(struct import_reader *in, int c)
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

void
reader_start(struct import_reader *in)
{
	in->offset = 0;
	in->line = 1;
	if (reader_next(in) != 0xef || reader_next(in) != 0xbb || reader_next(in) != 0xbf) {
		in->offset = 0;
		in->line = 1;
		reader_seek(in);
	}
}

void
reader_find_delimiter(struct import_reader *in)
{
	int64_t offset = in->offset, line = in->line;
	unsigned commas = 0, semicolons = 0, tabs = 0;
	int c;

	while ((c = reader_next(in)) != EOF && c != '\n') {
		commas += c == ',';
		semicolons += c == ';';
		tabs += c == '\t';
	}
	in->delimiter = tabs > commas && tabs > semicolons ? '\t' : semicolons > commas ? ';' : ',';
	in->offset = offset;
	in->line = line;
	reader_seek(in);
}

void
reader_put(struct import_reader *in, int c)
{
	if (c == '\0')
		in->problem = "nul_character";
	else if (in->text.len < RECORD_MAX)
		buf_char(&in->text, (char)c);
	else
		in->problem = "too_long";
}

/* Inside quotes: to the closing one; a doubled one stands for itself. */
static int
read_quoted(struct import_reader *in)
{
	int c;

	for (;;) {
		c = reader_next(in);
		if (c == '"' && (c = reader_next(in)) != '"')
			return c;
		if (c == EOF || in->problem != NULL) {
			in->problem = "unterminated_quote";
			return EOF;
		}
		reader_put(in, c);
	}
}

/* One field of a row; gives what ended it: the delimiter, a line's end or EOF. */
static int
read_field(struct import_reader *in)
{
	int c = reader_next(in), after;
	bool quoted = c == '"';

	if (quoted)
		c = read_quoted(in);
	for (; c != EOF && c != in->delimiter && c != '\n'; c = reader_next(in)) {
		if (c == '\r') {
			after = reader_next(in);
			if (after == '\n' || after == EOF)
				return after;
			reader_back(in, after);
		}
		if (quoted && in->problem == NULL)
			in->problem = "text_after_quote";
		reader_put(in, c);
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
		c = reader_next(in);
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

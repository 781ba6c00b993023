/* SPDX-License-Identifier: Apache-2.0 */
#include "http/multipart.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/json.h"

static int
refuse(struct multipart *m, const char *sentence)
{
	m->error = sentence;
	return -1;
}

static bool
is_token(char c)
{
	return c > 0x20 && c < 0x7f && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

static const char *
skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* ---- parameters: "; name=value" or "; name=\"a \\\"quoted\\\" value\"" */

struct parameter {
	const char *name, *value;
};

/* The value at p, without quotes and escapes; NULL when it is none. */
static const char *
read_value(struct arena *arena, const char **p)
{
	char *out = arena_alloc(arena, strlen(*p) + 1);
	size_t n = 0;
	const char *c = *p;

	if (*c != '"') {
		while (is_token(*c))
			out[n++] = *c++;
		*p = c;
		return n == 0 ? NULL : out;
	}
	for (c++; *c != '"'; c++) {
		if (*c == '\\' && c[1] != '\0')
			c++;
		if (*c == '\0')
			return NULL;
		out[n++] = *c;
	}
	*p = c + 1;
	return out;
}

/* 1: there is one; 0: there is none left; -1: it is malformed. */
static int
next_parameter(struct arena *arena, const char **p, struct parameter *out)
{
	const char *start;

	*p = skip_blanks(*p);
	if (**p == '\0')
		return 0;
	if (**p != ';')
		return -1;
	start = *p = skip_blanks(*p + 1);
	if (*start == '\0')
		return 0;
	while (is_token(**p))
		(*p)++;
	out->name = arena_strndup(arena, start, (size_t)(*p - start));
	if (*out->name == '\0' || **p != '=')
		return -1;
	(*p)++;
	out->value = read_value(arena, p);
	return out->value == NULL ? -1 : 1;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 5987: UTF-8'language'percent-encoded; NULL when it is none. */
static const char *
extended_value(struct arena *arena, const char *value)
{
	const char *p = strncasecmp(value, "UTF-8'", 6) == 0 ? strchr(value + 6, '\'') : NULL;
	char *out;
	size_t n = 0;

	if (p == NULL)
		return NULL;
	out = arena_alloc(arena, strlen(p));
	for (p++; *p != '\0'; p++) {
		if (*p != '%') {
			out[n++] = *p;
			continue;
		}
		if (digit(p[1]) == -1 || digit(p[2]) == -1)
			return NULL;
		out[n] = (char)(digit(p[1]) << 4 | digit(p[2]));
		if (out[n++] == '\0')
			return NULL;
		p += 2;
	}
	return out;
}

/* ---- headers of a part */

struct disposition {
	const char *name, *filename, *extended;
};

static int
take_parameter(struct multipart *m, struct disposition *d, const struct parameter *p)
{
	const char **into = strcasecmp(p->name, "name") == 0        ? &d->name
	                    : strcasecmp(p->name, "filename") == 0  ? &d->filename
	                    : strcasecmp(p->name, "filename*") == 0 ? &d->extended
	                                                            : NULL;

	if (into == NULL)
		return 0;
	if (*into != NULL)
		return refuse(m, "A part's Content-Disposition says the same thing twice.");
	*into = into == &d->extended ? extended_value(m->arena, p->value) : p->value;
	if (*into == NULL)
		return refuse(m, "A part's filename* must be UTF-8''…, percent-encoded.");
	if (!utf8_valid(*into, strlen(*into)))
		return refuse(m, "The names of a part must be UTF-8.");
	return 0;
}

static int
read_disposition(struct multipart *m, struct disposition *d, const char *value)
{
	struct parameter p;
	int more;

	if (d->name != NULL)
		return refuse(m, "A part has more than one Content-Disposition.");
	if (strncasecmp(value, "form-data", 9) != 0 || is_token(value[9]))
		return refuse(m, "A part's Content-Disposition must be form-data.");
	value += 9;
	while ((more = next_parameter(m->arena, &value, &p)) == 1)
		if (take_parameter(m, d, &p) == -1)
			return -1;
	if (more == -1)
		return refuse(m, "A part's Content-Disposition is malformed.");
	if (d->name == NULL || *d->name == '\0')
		return refuse(m, "A part's Content-Disposition has no name.");
	return 0;
}

static int
read_header(struct multipart *m, struct disposition *d, char *line)
{
	char *value = line;

	while (is_token(*value))
		value++;
	if (value == line || *value != ':')
		return refuse(m, "A part has a malformed header line.");
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(line, "content-disposition") == 0)
		return read_disposition(m, d, value);
	if (strcasecmp(line, "content-transfer-encoding") == 0 &&
	    strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 &&
	    strcasecmp(value, "7bit") != 0)
		return refuse(m, "A part's Content-Transfer-Encoding must be binary.");
	return 0;
}

/* m->head holds the lines of a part's head with the empty one at its end. */
static int
open_part(struct multipart *m)
{
	struct disposition d = { NULL, NULL, NULL };
	struct multipart_part part;
	char *line = m->head, *end;

	m->head[m->head_len] = '\0';
	if (strlen(m->head) != m->head_len)
		return refuse(m, "A part's headers have a NUL character.");
	while ((end = strstr(line, "\r\n")) != line) {
		*end = '\0';
		if (strpbrk(line, "\r\n") != NULL || read_header(m, &d, line) == -1)
			return m->error != NULL
			           ? -1
			           : refuse(m, "Lines of a part's headers end in CR LF.");
		line = end + 2;
	}
	if (d.name == NULL)
		return refuse(m, "A part has no Content-Disposition.");
	part.name = d.name;
	part.filename = d.extended != NULL ? d.extended : d.filename;
	m->inside = true;
	m->state = MP_BODY;
	m->matched = m->borrowed = 2; /* an empty part: its CR LF is the head's */
	return m->sink->begin(m->to, &part);
}

/* ---- the bytes */

bool
multipart_is(const char *type)
{
	static const char form[] = "multipart/form-data";

	return type != NULL && strncasecmp(type, form, sizeof(form) - 1) == 0 &&
	       !is_token(type[sizeof(form) - 1]);
}

static bool
boundary_valid(const char *b)
{
	size_t len = strlen(b);

	return len >= 1 && len <= 70 && b[len - 1] != ' ' &&
	       b[strspn(b, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			   "'()+_,-./:=? ")] == '\0';
}

int
multipart_begin(struct multipart *m, struct arena *arena, const char *type,
    const struct multipart_sink *sink, void *to)
{
	const char *p = strchr(type, ';'), *boundary = NULL;
	struct parameter q;
	int more = 0;

	*m = (struct multipart){
		.arena = arena, .sink = sink, .to = to, .matched = 2, .borrowed = 2
	};
	while (p != NULL && (more = next_parameter(arena, &p, &q)) == 1)
		if (strcasecmp(q.name, "boundary") == 0)
			boundary = boundary == NULL ? q.value : "";
	if (more == -1 || boundary == NULL || !boundary_valid(boundary))
		return refuse(m, "Content-Type must give one boundary of 1 to 70 characters.");
	m->delimiter_len = strlen(boundary) + 4;
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary, m->delimiter_len - 4);
	m->head = arena_alloc(arena, MULTIPART_HEAD + 1);
	return 0;
}

/*
 * What was taken for a delimiter and is none belongs to the part. The first two
 * characters of one that follows the head at once were the head's.
 */
static int
give_back(struct multipart *m)
{
	size_t n = m->matched, skip = m->borrowed;

	m->matched = m->borrowed = 0;
	return m->inside && n > skip ? m->sink->data(m->to, m->delimiter + skip, n - skip) : 0;
}

static int
close_part(struct multipart *m)
{
	m->matched = m->borrowed = 0;
	m->state = MP_DELIMITER;
	if (!m->inside)
		return 0;
	m->inside = false;
	return m->sink->end(m->to);
}

/* Up to the next delimiter. CR stands at its beginning only, so a search never goes back. */
static int
feed_body(struct multipart *m, const char **p, const char *end)
{
	const char *cr;

	if (m->matched == 0) {
		cr = memchr(*p, '\r', (size_t)(end - *p));
		if (cr == NULL)
			cr = end;
		if (m->inside && cr > *p && m->sink->data(m->to, *p, (size_t)(cr - *p)) == -1)
			return -1;
		*p = cr;
	}
	while (*p < end && **p == m->delimiter[m->matched]) {
		(*p)++;
		if (++m->matched == m->delimiter_len)
			return close_part(m);
	}
	return *p < end && m->matched > 0 ? give_back(m) : 0;
}

/* Behind a delimiter: "--" ends the form, blanks and CR LF begin a part. */
static int
feed_line(struct multipart *m, char c)
{
	if (m->state == MP_DASH && c == '-') {
		m->state = MP_OVER;
	} else if (m->state == MP_DELIMITER && c == '-') {
		m->state = MP_DASH;
	} else if (m->state == MP_LINE_END && c == '\n') {
		if (++m->parts > MULTIPART_PARTS)
			return refuse(m, "The form has more than 8 parts.");
		m->head_len = 0;
		m->state = MP_HEAD;
	} else if (m->state <= MP_PADDING && m->state != MP_DASH && (c == ' ' || c == '\t')) {
		m->state = MP_PADDING;
	} else if (m->state <= MP_PADDING && m->state != MP_DASH && c == '\r') {
		m->state = MP_LINE_END;
	} else {
		return refuse(
		    m, "A boundary is followed by something else than the end of its line.");
	}
	return 0;
}

static int
feed_head(struct multipart *m, char c)
{
	if (m->head_len == MULTIPART_HEAD)
		return refuse(m, "The headers of a part have more than 8192 bytes.");
	m->head[m->head_len++] = c;
	if (m->head_len == 2 && memcmp(m->head, "\r\n", 2) == 0)
		return refuse(m, "A part has no Content-Disposition.");
	if (m->head_len >= 4 && memcmp(m->head + m->head_len - 4, "\r\n\r\n", 4) == 0)
		return open_part(m);
	return 0;
}

int
multipart_feed(struct multipart *m, const char *p, size_t len)
{
	const char *end = p + len;
	int result = 0;

	while (result == 0 && p < end && m->state != MP_OVER) {
		if (m->state == MP_BODY)
			result = feed_body(m, &p, end);
		else if (m->state == MP_HEAD)
			result = feed_head(m, *p++);
		else
			result = feed_line(m, *p++);
	}
	return result;
}

int
multipart_end(struct multipart *m)
{
	if (m->state == MP_OVER)
		return 0;
	if (m->parts == 0)
		return refuse(m, "The form has no part: its boundary is not that of Content-Type.");
	return refuse(m, "The form breaks off: its last boundary is missing.");
}

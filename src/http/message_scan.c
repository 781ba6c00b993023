/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a raw message before GMime reads it. GMime compares each line that
 * may be a boundary with all boundaries that are open, keeps an object for each
 * part and for each header, and reads nested address groups by recursion: a
 * message made for it takes minutes, gigabytes, or the whole stack. What is
 * counted here is an upper bound of what GMime will find.
 */
#include <string.h>
#include <strings.h>

#include "http/message.h"

#define BOUNDARIES 500
#define BOUNDARY_MAX 70
#define COMPARISONS 4000000
#define WORDS 10000 /* "boundary", wherever it stands */
#define HEADER_BYTES 524288
#define COLONS 1000 /* of one header: each may open an address group within another */

struct boundary {
	const char *at; /* its beginning, as far as it is certain; every line begins with "" */
	size_t len;
};

struct scan {
	const char *p, *end;
	struct boundary boundaries[BOUNDARIES];
	unsigned nboundaries;
	size_t dashes, parts, header_bytes, colons;
	bool digest;
};

static bool
contains(const char *p, const char *end, const char *word)
{
	size_t len = strlen(word);

	for (; (size_t)(end - p) >= len; p++)
		if ((*p | 0x20) == word[0] && strncasecmp(p, word, len) == 0)
			return true;
	return false;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* p stands behind the word "boundary". */
static struct boundary
value_at(const char *p, const char *end)
{
	struct boundary b = { p, 0 };
	bool quoted;

	while (p < end && blank(*p))
		p++;
	if (p == end || *p++ != '=')
		return b;
	while (p < end && blank(*p))
		p++;
	quoted = p < end && *p == '"';
	p += quoted;
	b.at = p;
	for (; p < end && b.len < BOUNDARY_MAX && *p != '"' && *p != '\n'; p++) {
		if (!quoted && (*p == ';' || blank(*p)))
			break;
		b.len++;
	}
	while (b.len > 0 && blank(b.at[b.len - 1]))
		b.len--;
	if (memchr(b.at, '\\', b.len) != NULL || memchr(b.at, '(', b.len) != NULL ||
	    (b.len >= 2 && memcmp(b.at, "=?", 2) == 0))
		b.len = 0; /* escapes, comments, encoded words */
	return b;
}

static bool
add_boundary(struct scan *s, struct boundary value)
{
	unsigned i;

	for (i = 0; i < s->nboundaries; i++)
		if (s->boundaries[i].len == value.len &&
		    memcmp(s->boundaries[i].at, value.at, value.len) == 0)
			return true;
	if (s->nboundaries == BOUNDARIES)
		return false;
	s->boundaries[s->nboundaries++] = value;
	return true;
}

/* False when there are more than a message may have. */
static bool
collect(struct scan *s)
{
	static const char word[] = "boundary";
	const size_t len = sizeof(word) - 1;
	const char *p;
	unsigned n = 0;

	for (p = s->p; (size_t)(s->end - p) > len; p++)
		if ((*p | 0x20) == 'b' && strncasecmp(p, word, len) == 0 &&
		    (++n > WORDS || !add_boundary(s, value_at(p + len, s->end))))
			return false;
	return true;
}

static const char *
next_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl == NULL ? end : nl + 1;
}

static bool
is_boundary(const struct scan *s, const char *line, const char *end)
{
	unsigned i;

	line += 2;
	for (i = 0; i < s->nboundaries; i++)
		if (s->boundaries[i].len <= (size_t)(end - line) &&
		    memcmp(s->boundaries[i].at, line, s->boundaries[i].len) == 0)
			return true;
	return false;
}

static size_t
count_colons(const char *p, const char *end)
{
	size_t n = 0;

	while ((p = memchr(p, ':', (size_t)(end - p))) != NULL) {
		p++;
		n++;
	}
	return n;
}

/*
 * From here on there are headers, up to an empty line; of a message in a message
 * there are more behind it. Lines that cannot be headers do not count: the text
 * of such a message may be encoded.
 */
static void
headers(struct scan *s, const char *p)
{
	int blocks = 1 + s->digest;
	size_t colons = 0, here;
	const char *end;

	for (; p < s->end && blocks > 0; p = end) {
		end = next_line(p, s->end);
		if (*p == '\n' || (*p == '\r' && end - p == 2)) {
			blocks--;
			continue;
		}
		here = count_colons(p, end);
		if (here == 0 && !blank(*p))
			continue;
		colons = blank(*p) ? colons + here : here;
		if (colons > s->colons)
			s->colons = colons;
		s->header_bytes += (size_t)(end - p);
		if (s->header_bytes > HEADER_BYTES)
			return;
		if (contains(p, end, "message/"))
			blocks++;
	}
}

const char *
message_scan(const char *data, size_t len)
{
	struct scan s = { .p = data, .end = data + len };
	const char *line, *end;

	s.digest = contains(data, s.end, "/digest");
	if (!collect(&s))
		return "It has more than 500 boundaries of parts, or speaks of more than 10,000.";
	headers(&s, data);
	for (line = data; line < s.end; line = end) {
		end = next_line(line, s.end);
		if (end - line < 2 || line[0] != '-' || line[1] != '-')
			continue;
		if (++s.dashes * s.nboundaries > COMPARISONS)
			return "It has too many parts within parts, and lines that may be their ends.";
		if (!is_boundary(&s, line, end))
			continue;
		if (++s.parts > 2 * MESSAGE_PARTS)
			return "It has more than 1,000 parts.";
		headers(&s, end);
	}
	if (s.header_bytes > HEADER_BYTES)
		return "Its headers have more than 512 KiB.";
	if (s.colons > COLONS)
		return "One of its headers has more than 1,000 colons.";
	return NULL;
}

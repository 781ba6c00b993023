/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTML of a mail as text: paragraphs, lists, quotations ("> ") and the addresses
 * of links; no scripts, styles and pictures. Nothing is believed of the input:
 * whatever is not understood is left out or taken as text.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/util.h"
#include "http/message.h"

#define QUOTES 10
#define LINK_MAX 500
#define NAME_MAX_BYTES 16
#define BREAKS 20 /* in a row */
#define ENTITY_MAX 12
#define UTF8_NBSP "\xc2\xa0"

struct html {
	struct buf out;
	struct arena *arena;
	int breaks; /* lines to end before the next text */
	bool space; /* a blank before the next text */
	int pre, quotes;
	const char *link; /* where the link leads that is open, or NULL */
	size_t link_text; /* where its text begins */
};

struct tag {
	char name[NAME_MAX_BYTES];
	bool end;
	const char *rest, *close; /* attributes, up to '>' */
};

static void
begin_line(struct html *h)
{
	int i;

	for (i = 0; i < h->quotes && i < QUOTES; i++)
		buf_str(&h->out, "> ");
}

/* What must stand before the next text. */
static void
settle(struct html *h)
{
	if (h->out.len == 0)
		begin_line(h);
	else if (h->breaks == 0 && h->space)
		buf_char(&h->out, ' ');
	else
		for (; h->breaks > 0; h->breaks--) {
			buf_char(&h->out, '\n');
			begin_line(h);
		}
	h->breaks = 0;
	h->space = false;
}

static void
put(struct html *h, const char *text, size_t len)
{
	settle(h);
	buf_add(&h->out, text, len);
}

/* n line ends at least, whatever was asked for before. */
static void
want_breaks(struct html *h, int n)
{
	if (h->breaks < n)
		h->breaks = n;
}

static void
put_code_point(struct html *h, unsigned long c)
{
	char utf8[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	if (c == 0xa0 || c == ' ') {
		h->space = true;
		return;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd, n = 3;
	for (i = n; i-- > 1; c >>= 6)
		utf8[i] = (char)(0x80 | (c & 0x3f));
	utf8[0] = (char)(n == 1 ? c : (0xf00UL >> n & 0xff) | c);
	put(h, utf8, n);
}

/* &name; or &#number; at p. Its length, or 0 when it is a plain '&'. */
static size_t
put_entity(struct html *h, const char *p)
{
	static const struct {
		const char *name;
		unsigned short c;
	} table[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' },
		{ "apos", '\'' }, { "nbsp", 0xa0 }, { "copy", 0xa9 }, { "reg", 0xae },
		{ "deg", 0xb0 }, { "middot", 0xb7 }, { "laquo", 0xab }, { "raquo", 0xbb },
		{ "sect", 0xa7 }, { "pound", 0xa3 }, { "Auml", 0xc4 }, { "Ouml", 0xd6 },
		{ "Uuml", 0xdc }, { "szlig", 0xdf }, { "auml", 0xe4 }, { "ouml", 0xf6 },
		{ "uuml", 0xfc }, { "agrave", 0xe0 }, { "aacute", 0xe1 }, { "acirc", 0xe2 },
		{ "ccedil", 0xe7 }, { "egrave", 0xe8 }, { "eacute", 0xe9 }, { "ecirc", 0xea },
		{ "euml", 0xeb }, { "iacute", 0xed }, { "ntilde", 0xf1 }, { "oacute", 0xf3 },
		{ "ocirc", 0xf4 }, { "oslash", 0xf8 }, { "aring", 0xe5 }, { "ugrave", 0xf9 },
		{ "uacute", 0xfa }, { "ndash", 0x2013 }, { "mdash", 0x2014 }, { "lsquo", 0x2018 },
		{ "rsquo", 0x2019 }, { "sbquo", 0x201a }, { "ldquo", 0x201c }, { "rdquo", 0x201d },
		{ "bdquo", 0x201e }, { "bull", 0x2022 }, { "hellip", 0x2026 }, { "euro", 0x20ac },
		{ "trade", 0x2122 }, { "rarr", 0x2192 } };
	size_t len, i;
	unsigned long c;
	char *end;

	for (len = 1; len < ENTITY_MAX && p[len] != '\0' && p[len] != ';'; len++)
		;
	if (p[1] == '#') {
		bool hex = (p[2] | 0x20) == 'x';

		c = strtoul(p + 2 + hex, &end, hex ? 16 : 10);
		if (end == p + 2 + hex || p[2 + hex] == '+' || p[2 + hex] == '-')
			return 0;
		put_code_point(h, c);
		return (size_t)(end - p) + (*end == ';');
	}
	for (i = 0; i < LENGTH(table); i++)
		if (strlen(table[i].name) == len - 1 &&
		    strncmp(table[i].name, p + 1, len - 1) == 0) {
			put_code_point(h, table[i].c);
			return len + (p[len] == ';');
		}
	return 0;
}

/* The tag at p, "<name …>"; false when it is none. */
static bool
read_tag(const char *p, struct tag *t)
{
	size_t n;
	char quote = '\0';

	t->end = p[1] == '/';
	p += 1 + t->end;
	n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:");
	if (n == 0 || *p <= ':')
		return false;
	memset(t->name, 0, sizeof(t->name));
	memcpy(t->name, p, n < sizeof(t->name) ? n : sizeof(t->name) - 1);
	t->rest = p + n;
	for (p = t->rest; *p != '\0' && (quote != '\0' || *p != '>'); p++)
		if (quote != '\0')
			quote = *p == quote ? '\0' : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
	if (*p == '\0') /* a quote that does not end: the next '>' is as good as any */
		p = t->rest + strcspn(t->rest, ">");
	t->close = p;
	return true;
}

/* The attribute's value, or NULL. */
static const char *
attribute(struct html *h, const struct tag *t, const char *name)
{
	const char *p = t->rest;
	size_t len = strlen(name), n;

	while (p < t->close) {
		p += strspn(p, " \t\r\n/");
		n = strcspn(p, " \t\r\n=/>");
		if (n == len && strncasecmp(p, name, len) == 0 && p[n] == '=') {
			const char *value = p + n + 1, *ends = " \t\r\n>";

			if (*value == '"' || *value == '\'')
				ends = *value++ == '"' ? "\"" : "'";
			n = strcspn(value, ends);
			return value + n > t->close ? NULL : arena_strndup(h->arena, value, n);
		}
		p += n;
		if (p < t->close && *p == '=') {
			p++;
			if (*p == '"' || *p == '\'') {
				char quote[2] = { *p, '\0' };

				p++;
				p += strcspn(p, quote);
				p += *p != '\0';
			} else {
				p += strcspn(p, " \t\r\n>");
			}
		} else if (n == 0 && p < t->close) {
			p++;
		}
	}
	return NULL;
}

static void
open_link(struct html *h, const struct tag *t)
{
	const char *where = attribute(h, t, "href");

	h->link = NULL;
	if (where == NULL || strlen(where) > LINK_MAX ||
	    (strncasecmp(where, "http://", 7) != 0 && strncasecmp(where, "https://", 8) != 0 &&
		strncasecmp(where, "mailto:", 7) != 0))
		return;
	h->link = where;
	h->link_text = h->out.len;
}

/* "text <where>", unless the text says it. */
static void
close_link(struct html *h)
{
	const char *shown = h->link, *colon;

	if (shown == NULL)
		return;
	h->link = NULL;
	colon = strchr(shown, ':') + 1;
	colon += strspn(colon, "/");
	if (h->out.len > h->link_text && strstr(h->out.data + h->link_text, colon) == NULL) {
		buf_str(&h->out, " <");
		for (; *shown != '\0'; shown++)
			if ((unsigned char)*shown > ' ')
				buf_char(&h->out, *shown);
		buf_char(&h->out, '>');
	}
}

static bool
is(const struct tag *t, const char *names)
{
	size_t len = strlen(t->name), n;

	for (; *names != '\0'; names += n + (names[n] == ' ')) {
		n = strcspn(names, " ");
		if (n == len && strncasecmp(names, t->name, n) == 0)
			return true;
	}
	return false;
}

/* Where the element ends whose content is no text: behind "</name", or at the end of all. */
static const char *
behind(const char *p, const char *name)
{
	size_t len = strlen(name);

	for (; (p = strchr(p, '<')) != NULL; p++)
		if (p[1] == '/' && strncasecmp(p + 2, name, len) == 0)
			return p + strcspn(p, ">") + (p[strcspn(p, ">")] == '>');
	return NULL;
}

static void
do_tag(struct html *h, const struct tag *t)
{
	if (is(t, "br"))
		h->breaks += h->breaks < BREAKS;
	else if (is(t, "p h1 h2 h3 h4 h5 h6 ul ol dl table pre blockquote hr"))
		want_breaks(h, 2);
	else if (is(t, "div tr li section article header footer dt dd address center form"))
		want_breaks(h, 1);
	else if (is(t, "td th"))
		h->space = true;
	if (is(t, "li") && !t->end)
		put(h, "- ", 2);
	else if (is(t, "pre"))
		h->pre = t->end ? 0 : 1;
	else if (is(t, "blockquote"))
		h->quotes += t->end ? -(h->quotes > 0) : 1;
	else if (is(t, "a") && !t->end)
		open_link(h, t);
	else if (is(t, "a"))
		close_link(h);
}

/* Markup at p; where it ends, or NULL when it is none. */
static const char *
markup(struct html *h, const char *p)
{
	const char *end;
	struct tag t;

	if (strncmp(p, "<!--", 4) == 0) {
		end = strstr(p + 4, "-->");
		return end == NULL ? p + strlen(p) : end + 3;
	}
	if (p[1] == '!' || p[1] == '?') {
		end = strchr(p, '>');
		return end == NULL ? p + strlen(p) : end + 1;
	}
	if (!read_tag(p, &t))
		return NULL;
	end = *t.close == '\0' ? t.close : t.close + 1;
	if (!t.end && is(&t, "script style title template")) {
		end = behind(end, t.name);
		return end == NULL ? p + strlen(p) : end;
	}
	do_tag(h, &t);
	return end;
}

static void
put_blank(struct html *h, char c)
{
	if (h->pre == 0)
		h->space = true;
	else if (c == '\n')
		h->breaks += h->breaks < BREAKS;
	else if (c != '\r')
		put(h, " ", 1);
}

const char *
message_html(struct arena *arena, const char *utf8)
{
	struct html h = { .arena = arena };
	const char *p = utf8, *next;
	size_t n;

	buf_init(&h.out, arena, strlen(utf8) / 2 + 64);
	while (*p != '\0') {
		next = *p == '<' ? markup(&h, p) : NULL;
		n = *p == '&' ? put_entity(&h, p) : 0;
		if (next != NULL) {
			p = next;
		} else if (n > 0) {
			p += n;
		} else if (strchr(" \t\r\n", *p) != NULL) {
			put_blank(&h, *p++);
		} else if (strncmp(p, UTF8_NBSP, 2) == 0) {
			h.space = true;
			p += 2;
		} else {
			n = strcspn(p + 1, "<& \t\r\n\xc2") + 1;
			put(&h, p, n);
			p += n;
		}
	}
	return h.out.data;
}

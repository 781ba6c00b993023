/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a message: from any charset to clean UTF-8, and flowed paragraphs. */
#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/util.h"
#include "http/message.h"

/* What iconv is asked for: the charsets that mail is written in, and none that only an attacker
 * would think of. */
static bool
known_charset(const char *name)
{
	static const char *const families[] = { "iso-8859-", "iso-2022-jp", "iso-2022-kr",
		"windows-", "cp125", "koi8-", "gb2312", "gbk", "gb18030", "big5", "shift_jis",
		"euc-jp", "euc-kr", "euc-tw", "ks_c_5601", "utf-16", "utf-32", "utf-7", "tis-620",
		"macintosh", "ibm850", "ibm437" };
	unsigned i;

	if (strlen(name) > 32)
		return false;
	for (i = 0; i < LENGTH(families); i++)
		if (strncasecmp(name, families[i], strlen(families[i])) == 0)
			return true;
	return false;
}

/* Latin 1 is what people say when they mean Windows 1252. */
static const char *
real_charset(const char *name)
{
	if (strcasecmp(name, "iso-8859-1") == 0 || strcasecmp(name, "latin1") == 0)
		return "windows-1252";
	if (strncasecmp(name, "ks_c_5601", 9) == 0)
		return "cp949";
	return known_charset(name) ? name : "windows-1252";
}

static const char *
convert(struct arena *arena, const char *data, size_t len, const char *charset)
{
	iconv_t cd = iconv_open("UTF-8", charset);
	char *in = (char *)(uintptr_t)data, piece[4096], *at;
	size_t left = len, room, n;
	struct buf out;

	if (cd == (iconv_t)-1)
		return utf8_repair(arena, data, len);
	buf_init(&out, arena, len + 64);
	do {
		at = piece;
		room = sizeof(piece);
		n = iconv(cd, left > 0 ? &in : NULL, &left, &at, &room);
		buf_add(&out, piece, (size_t)(at - piece));
		if (n == (size_t)-1 && errno != E2BIG) {
			buf_str(&out, "\xef\xbf\xbd");
			in++;
			left--;
		}
	} while (left > 0);
	iconv_close(cd);
	return out.data;
}

const char *
message_utf8(struct arena *arena, const char *data, size_t len, const char *charset)
{
	bool utf8 = charset != NULL && strncasecmp(charset, "utf-8", 5) == 0,
	     none = charset == NULL || *charset == '\0' || strcasecmp(charset, "us-ascii") == 0;

	if (utf8)
		return utf8_repair(arena, data, len);
	if ((none || !known_charset(charset)) && utf8_valid(data, len))
		return utf8_repair(arena, data, len);
	return convert(arena, data, len, none ? "windows-1252" : real_charset(charset));
}

/* Bytes of the control character that begins here (C0, DEL, C1, byte order mark), or 0. */
static size_t
control(const unsigned char *p)
{
	if (*p < 0x20 || *p == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2;
	return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf ? 3 : 0;
}

static void
trim(struct buf *out, const char *of)
{
	while (out->len > 0 && strchr(of, out->data[out->len - 1]) != NULL)
		out->len--;
	out->data[out->len] = '\0';
}

const char *
message_clean(struct arena *arena, const char *utf8)
{
	const unsigned char *p = (const unsigned char *)utf8;
	struct buf out;
	size_t n;

	buf_init(&out, arena, strlen(utf8) + 1);
	while (*p != '\0') {
		n = control(p);
		if (*p == '\n' || *p == '\r') {
			n = *p == '\r' && p[1] == '\n' ? 2 : 1;
			trim(&out, " \t");
			if (out.len > 0)
				buf_char(&out, '\n');
		} else if (n == 0 || *p == '\t') {
			buf_char(&out, (char)*p);
			n = 1;
		}
		p += n;
	}
	trim(&out, " \t\n");
	return out.data;
}

/* Depth of quoting of a line, and what is behind it and its stuffing. */
static int
depth_of(const char **line, const char *end)
{
	int depth = 0;

	for (; *line < end && **line == '>'; ++*line)
		depth++;
	if (*line < end && **line == ' ')
		++*line;
	return depth;
}

const char *
message_flowed(struct arena *arena, const char *text, bool delsp)
{
	const char *p = text, *end, *next;
	int depth, before = -1, i; /* before: of a line that flows into this one, or -1 */
	struct buf out;

	buf_init(&out, arena, strlen(text) + 64);
	for (; *p != '\0'; p = next) {
		size_t n = strcspn(p, "\n");

		next = p + n + (p[n] == '\n');
		end = p + n - (n > 0 && p[n - 1] == '\r');
		depth = depth_of(&p, end);
		if (before != depth) {
			if (out.len > 0)
				buf_char(&out, '\n');
			for (i = 0; i < depth && i < 20; i++)
				buf_char(&out, '>');
			if (depth > 0)
				buf_char(&out, ' ');
		}
		before = -1;
		if (end > p && end[-1] == ' ' && !(end - p == 3 && memcmp(p, "-- ", 3) == 0)) {
			before = depth;
			end -= delsp;
		}
		buf_add(&out, p, (size_t)(end - p));
	}
	return out.data;
}

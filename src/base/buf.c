/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

void
buf_init(struct buf *b, struct arena *arena, size_t hint)
{
	b->arena = arena;
	b->cap = hint < 32 ? 32 : hint;
	b->len = 0;
	b->data = arena_room(arena, b->cap);
	*b->data = '\0';
}

static void
grow(struct buf *b, size_t more)
{
	size_t cap = b->cap;
	char *data;

	while (cap < b->len + more + 1)
		cap *= 2;
	data = arena_room(b->arena, cap);
	memcpy(data, b->data, b->len + 1);
	b->data = data;
	b->cap = cap;
}

/* Room for more bytes and the NUL. */
static inline void
reserve(struct buf *b, size_t more)
{
	if (b->len + more + 1 > b->cap)
		grow(b, more);
}

void
buf_reserve(struct buf *b, size_t more)
{
	reserve(b, more);
}

void
buf_add(struct buf *b, const void *p, size_t len)
{
	if (len == 0)
		return;
	reserve(b, len);
	memcpy(b->data + b->len, p, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_char(struct buf *b, char c)
{
	reserve(b, 1);
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(b->data + b->len, b->cap - b->len, format, args);
	va_end(args);
	if (len > 0 && (size_t)len >= b->cap - b->len) {
		reserve(b, (size_t)len);
		vsnprintf(b->data + b->len, (size_t)len + 1, format, again);
	}
	va_end(again);
	if (len > 0)
		b->len += (size_t)len;
}

static void
escape(struct buf *b, unsigned char c)
{
	static const char *const names[] = { ['\b'] = "\\b",
		['\t'] = "\\t",
		['\n'] = "\\n",
		['\f'] = "\\f",
		['\r'] = "\\r",
		['"'] = "\\\"",
		['\\'] = "\\\\" };

	if (c < sizeof(names) / sizeof(names[0]) && names[c] != NULL)
		buf_add(b, names[c], 2);
	else
		buf_printf(b, "\\u%04x", c);
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (unsigned char)(c))

/*
 * Whether eight bytes are plain: no control character, quote, backslash or DEL.
 * Texts are most of what a list writes, so they are not looked at byte by byte.
 */
static bool
plain(const char *s)
{
	uint64_t x, quote, backslash, del;

	memcpy(&x, s, sizeof(x));
	quote = (x ^ EACH_BYTE('"')) - EACH_BYTE(1);
	backslash = (x ^ EACH_BYTE('\\')) - EACH_BYTE(1);
	del = (x ^ EACH_BYTE(0x7f)) - EACH_BYTE(1);
	return (((x - EACH_BYTE(0x20)) | quote | backslash | del) & ~x & EACH_BYTE(0x80)) == 0;
}

void
buf_json(struct buf *b, const char *s, size_t len)
{
	size_t i = 0, start = 0;

	buf_char(b, '"');
	while (i < len) {
		unsigned char c;

		if (len - i >= 8 && plain(s + i)) {
			i += 8;
			continue;
		}
		c = (unsigned char)s[i++];
		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_add(b, s + start, i - 1 - start);
		escape(b, c);
		start = i;
	}
	buf_add(b, s + start, len - start);
	buf_char(b, '"');
}

void
buf_json_str(struct buf *b, const char *s)
{
	buf_json(b, s, strlen(s));
}

void
buf_array_item(struct buf *b, const char *s)
{
	buf_str(b, b->len == 0 ? "\"" : ",\"");
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_char(b, '\\');
		buf_char(b, *s);
	}
	buf_char(b, '"');
}

/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it; json-c and many others let overlongs and surrogates through. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

/* Length of the sequence that starts here, or 0 when it is not well-formed. */
static size_t
sequence(const unsigned char *p, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n, i;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0; /* overlong */
	else if (p[0] == 0xed)
		high = 0x9f; /* surrogate */
	else if (p[0] == 0xf0)
		low = 0x90; /* overlong */
	else if (p[0] == 0xf4)
		high = 0x8f; /* above U+10FFFF */
	if (p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

bool
utf8_valid(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i = 0, n;

	while (i < len) {
		n = sequence(p + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t
utf8_length(const char *s, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

const char *
utf8_cut(struct arena *arena, const char *s, size_t max)
{
	size_t len = strnlen(s, max + 1);

	if (len <= max)
		return arena_strdup(arena, s);
	for (len = max; len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80; len--)
		;
	return arena_strndup(arena, s, len);
}

const char *
utf8_repair(struct arena *arena, const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	struct buf out;
	size_t i, n;

	buf_init(&out, arena, len + 1);
	for (i = 0; i < len; i += n == 0 ? 1 : n) {
		n = sequence(p + i, len - i);
		if (n == 0)
			buf_str(&out, "\xef\xbf\xbd");
		else if (p[i] != '\0')
			buf_add(&out, s + i, n);
	}
	return out.data;
}

/* U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069. */
size_t
utf8_bidi(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	if (p[0] == 0xd8 && p[1] == 0x9c)
		return 2;
	if (p[0] != 0xe2)
		return 0;
	if (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae)))
		return 3;
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9 ? 3 : 0;
}

const char *
utf8_without_bidi(struct arena *arena, const char *s)
{
	struct buf out;
	size_t n;

	buf_init(&out, arena, strlen(s) + 1);
	while (*s != '\0') {
		n = utf8_bidi(s);
		if (n == 0)
			buf_char(&out, *s);
		s += n == 0 ? 1 : n;
	}
	return out.data;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict scanner of RFC 8259. It keeps nothing but a stack of depths and,
 * for the duplicate check, the hashes of the keys of the open objects.
 */
#include "base/json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct key {
	uint64_t hash;
	size_t start, end; /* between the quotes, in the text */
};

struct scan {
	const char *text;
	size_t len, at;
	unsigned depth;
	size_t nkeys;     /* keys of all open objects, innermost last */
	size_t total;     /* keys seen in all */
	struct key *keys; /* JSON_MAX_KEYS */
	struct json_error *error;
};

static int value(struct scan *);

static int
refuse(struct scan *s, const char *code)
{
	if (s->error->code == NULL) {
		s->error->code = code;
		s->error->offset = s->at;
	}
	return -1;
}

static int
peek(const struct scan *s)
{
	return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static void
blanks(struct scan *s)
{
	while (s->at < s->len && memchr(" \t\r\n", s->text[s->at], 4) != NULL)
		s->at++;
}

static int
hex4(struct scan *s, unsigned *out)
{
	unsigned i, c;

	*out = 0;
	for (i = 0; i < 4; i++, s->at++) {
		c = (unsigned)peek(s);
		if (c >= '0' && c <= '9')
			*out = *out * 16 + c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*out = *out * 16 + (c | 0x20) - 'a' + 10;
		else
			return refuse(s, "syntax");
	}
	return 0;
}

/* After "\u": a code point, which may take a second escape. */
static int
unicode(struct scan *s, unsigned *out)
{
	unsigned low;

	if (hex4(s, out) == -1)
		return -1;
	if (*out == 0)
		return refuse(s, "nul_character");
	if (*out >= 0xdc00 && *out <= 0xdfff)
		return refuse(s, "lone_surrogate");
	if (*out < 0xd800 || *out > 0xdbff)
		return 0;
	if (peek(s) != '\\' || s->at + 1 >= s->len || s->text[s->at + 1] != 'u')
		return refuse(s, "lone_surrogate");
	s->at += 2;
	if (hex4(s, &low) == -1)
		return -1;
	if (low < 0xdc00 || low > 0xdfff)
		return refuse(s, "lone_surrogate");
	*out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
	return 0;
}

static uint64_t
mix(uint64_t hash, unsigned c)
{
	return (hash ^ c) * UINT64_C(1099511628211);
}

/* Fold a code point into the hash byte by byte, as its raw UTF-8 would be. */
static uint64_t
mix_code(uint64_t hash, unsigned c)
{
	if (c < 0x80)
		return mix(hash, c);
	if (c < 0x800)
		return mix(mix(hash, 0xc0 | c >> 6), 0x80 | (c & 0x3f));
	if (c < 0x10000)
		return mix(
		    mix(mix(hash, 0xe0 | c >> 12), 0x80 | (c >> 6 & 0x3f)), 0x80 | (c & 0x3f));
	return mix(
	    mix(mix(mix(hash, 0xf0 | c >> 18), 0x80 | (c >> 12 & 0x3f)), 0x80 | (c >> 6 & 0x3f)),
	    0x80 | (c & 0x3f));
}

static int
escape(struct scan *s, uint64_t *hash)
{
	static const char names[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";
	int c = peek(s);
	const char *at;
	unsigned code;

	if (c == 'u') {
		s->at++;
		if (unicode(s, &code) == -1)
			return -1;
		*hash = mix_code(*hash, code);
		return 0;
	}
	at = c <= 0 ? NULL : strchr(names, c);
	if (at == NULL)
		return refuse(s, "syntax");
	*hash = mix(*hash, (unsigned char)codes[at - names]);
	s->at++;
	return 0;
}

/* A string; its hash is that of the unescaped bytes. */
static int
string(struct scan *s, struct key *key)
{
	size_t start = ++s->at;
	int c;

	key->hash = UINT64_C(14695981039346656037);
	key->start = start;
	while ((c = peek(s)) != '"') {
		if (c == -1)
			return refuse(s, "syntax");
		if (c < 0x20)
			return refuse(s, "control_character");
		s->at++;
		if (c != '\\')
			key->hash = mix(key->hash, (unsigned)c);
		else if (escape(s, &key->hash) == -1)
			return -1;
		if (s->at - start > JSON_MAX_STRING)
			return refuse(s, "string_too_long");
	}
	key->end = s->at++;
	return 0;
}

static void
digits(struct scan *s)
{
	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
}

/* Integers must fit int64, others a finite double; json-c would clamp them in silence. */
static int
check_range(struct scan *s, size_t start, bool integer)
{
	char copy[JSON_MAX_NUMBER + 1];
	size_t n = s->at - start;
	double d;

	if (n >= sizeof(copy))
		return refuse(s, "number_range");
	memcpy(copy, s->text + start, n);
	copy[n] = '\0';
	errno = 0;
	if (integer) {
		(void)strtoll(copy, NULL, 10);
		return errno == ERANGE ? refuse(s, "number_range") : 0;
	}
	d = strtod(copy, NULL);
	return d > 1.7976931348623157e308 || d < -1.7976931348623157e308 ? refuse(s, "number_range")
	                                                                 : 0;
}

static int
number(struct scan *s)
{
	size_t start = s->at, mark;
	bool integer = true;

	s->at += peek(s) == '-';
	mark = s->at;
	if (peek(s) == '0')
		s->at++;
	else
		digits(s);
	if (s->at == mark)
		return refuse(s, "syntax");
	if (peek(s) == '.') {
		integer = false;
		mark = ++s->at;
		digits(s);
		if (s->at == mark)
			return refuse(s, "syntax");
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		integer = false;
		s->at++;
		s->at += peek(s) == '+' || peek(s) == '-';
		mark = s->at;
		digits(s);
		if (s->at == mark)
			return refuse(s, "syntax");
	}
	return check_range(s, start, integer);
}

static int
literal(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
		return refuse(s, "syntax");
	s->at += n;
	return 0;
}

static int
by_hash(const void *a, const void *b)
{
	uint64_t x = ((const struct key *)a)->hash, y = ((const struct key *)b)->hash;

	return x < y ? -1 : x > y;
}

/* The keys of the innermost object, sorted: equal neighbours are duplicates. */
static int
check_duplicates(struct scan *s, size_t base)
{
	struct key *k = s->keys + base;
	size_t i, n = s->nkeys - base, len;

	qsort(k, n, sizeof(*k), by_hash);
	for (i = 1; i < n; i++) {
		if (k[i].hash != k[i - 1].hash)
			continue;
		len = k[i].end - k[i].start;
		if (len >= sizeof(s->error->key))
			len = sizeof(s->error->key) - 1;
		memcpy(s->error->key, s->text + k[i].start, len);
		s->error->key[len] = '\0';
		return refuse(s, "duplicate_key");
	}
	return 0;
}

static int
member(struct scan *s)
{
	struct key key;

	blanks(s);
	if (peek(s) != '"')
		return refuse(s, "syntax");
	if (s->total == JSON_MAX_KEYS)
		return refuse(s, "too_many_keys");
	if (string(s, &key) == -1)
		return -1;
	s->total++;
	s->keys[s->nkeys++] = key;
	blanks(s);
	if (peek(s) != ':')
		return refuse(s, "syntax");
	s->at++;
	return value(s);
}

static int
array_item(struct scan *s)
{
	return value(s);
}

/* What objects and arrays share: items between commas up to the closing bracket. */
static int
items(struct scan *s, int close, int (*item)(struct scan *))
{
	size_t n = 0;

	if (++s->depth > JSON_MAX_DEPTH)
		return refuse(s, "depth");
	s->at++;
	blanks(s);
	if (peek(s) == close) {
		s->at++;
		s->depth--;
		return 0;
	}
	for (;;) {
		if (n++ == JSON_MAX_ARRAY)
			return refuse(s, "too_many_items");
		if (item(s) == -1)
			return -1;
		blanks(s);
		if (peek(s) == close)
			break;
		if (peek(s) != ',')
			return refuse(s, "syntax");
		s->at++;
	}
	s->at++;
	s->depth--;
	return 0;
}

static int
object(struct scan *s)
{
	size_t base = s->nkeys;

	if (items(s, '}', member) == -1 || check_duplicates(s, base) == -1)
		return -1;
	s->nkeys = base;
	return 0;
}

static int
value(struct scan *s)
{
	struct key unused;
	int c;

	blanks(s);
	c = peek(s);
	if (c == '{')
		return object(s);
	if (c == '[')
		return items(s, ']', array_item);
	if (c == '"')
		return string(s, &unused);
	if (c == 't')
		return literal(s, "true");
	if (c == 'f')
		return literal(s, "false");
	if (c == 'n')
		return literal(s, "null");
	return number(s);
}

int
json_scan(const char *text, size_t len, struct json_error *error)
{
	static struct key keys[JSON_MAX_KEYS]; /* one scan at a time in a process */
	struct scan s = { .text = text, .len = len, .keys = keys, .error = error };

	memset(error, 0, sizeof(*error));
	if (!utf8_valid(text, len))
		return refuse(&s, "utf8");
	if (value(&s) == -1)
		return -1;
	blanks(&s);
	return s.at == len ? 0 : refuse(&s, "syntax");
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_JSON_H
#define SERVICEOS_JSON_H

/*
 * Strict JSON input. json-c alone accepts much that RFC 8259 forbids
 * (duplicate keys, \u0000, NaN, overlong UTF-8, clamped integers), so every
 * text is first scanned here and only then given to json-c.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

/* Limits of json_scan(): nesting, keys in all, elements per array, bytes per string. */
#define JSON_MAX_DEPTH 32
#define JSON_MAX_KEYS 10000
#define JSON_MAX_ARRAY 10000
#define JSON_MAX_STRING 262144
#define JSON_MAX_NUMBER 399 /* characters of a number */

struct json_error {
	const char *code; /* stable word: "syntax", "utf8", "duplicate_key", "depth", ... */
	size_t offset;    /* byte where it was noticed */
	char key[64];     /* the key concerned, or "" */
};

/*
 * Check that text is exactly one RFC 8259 value within the limits: valid
 * UTF-8 (RFC 3629), no raw control characters, no \u0000, no lone surrogates,
 * no duplicate keys (compared after unescaping), integers within int64, other
 * numbers finite. Returns 0, or -1 with *error filled. Pure; allocates
 * nothing that outlives the call.
 */
int json_scan(const char *text, size_t len, struct json_error *error);

/* json_scan(), then json-c; text[len] is NUL. The object dies with the arena. NULL on error. */
struct json_object *json_parse(
    struct arena *, const char *text, size_t len, struct json_error *error);

/*
 * Whether a number that json_scan() takes is one that it takes again after
 * jsonb had it, which writes all its digits out and no exponent: 1e19 becomes
 * an integer beyond int64, 1e-400 has more than 399 characters.
 */
bool json_number_returns(const char *literal);

/* RFC 3629: no overlongs, surrogates or values above U+10FFFF. NUL is valid here. */
bool utf8_valid(const char *, size_t);
/* Characters (code points) in a valid UTF-8 text. */
size_t utf8_length(const char *, size_t);
/* A copy of at most max bytes that ends between characters. */
const char *utf8_cut(struct arena *, const char *, size_t max);
/* Bytes of the character here if it turns the direction of writing (Bidi_Control), else 0. */
size_t utf8_bidi(const char *);
/* A copy without such characters. */
const char *utf8_without_bidi(struct arena *, const char *);
/* A copy with U+FFFD in the place of bytes that are not well-formed, and without NUL. */
const char *utf8_repair(struct arena *, const char *, size_t len);

#endif

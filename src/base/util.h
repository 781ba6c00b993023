/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_UTIL_H
#define SERVICEOS_UTIL_H

/* Small things everybody needs: time, identifiers, encodings, comparisons. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Wall clock in milliseconds since 1970; monotonic clock in micro- and milliseconds. */
int64_t wall_ms(void);
int64_t mono_us(void);
int64_t mono_ms(void);
/* Whether mono_us() has come to *next, which is then an interval from now. */
bool time_due(int64_t *next, int64_t interval_us);
/* "2026-06-13T22:26:14.052Z", 24 characters and NUL. */
void time_iso(char out[25], int64_t ms);
/* RFC 3339 date-time with a zone, year 0001-9999, real calendar day. */
bool time_valid(const char *);
/* Milliseconds since 1970 of a valid one. */
int64_t time_ms(const char *);

/* UUID version 7 (RFC 9562 section 5.7), lower case, 36 characters and NUL. */
void uuid7(char out[37]);
/* Exactly 8-4-4-4-12 hex digits, any case. */
bool uuid_valid(const char *);

/* Cryptographically strong bytes; dies when the kernel refuses. */
void random_bytes(void *, size_t);
/* Lower-case hex; out holds 2 * len + 1. */
void hex_encode(char *out, const void *, size_t len);
/* Strict base64url without padding (RFC 4648 section 5). Decode returns the
 * length, or -1 for any character, length or trailing bit that is not canonical. */
char *base64url_encode(struct arena *, const void *, size_t len);
long base64url_decode(struct arena *, const char *, size_t len, unsigned char **out);
/* SHA-256 as 64 hex digits and NUL. */
void sha256_hex(char out[65], const void *, size_t len);

#endif

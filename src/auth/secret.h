/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_SECRET_H
#define SERVICEOS_SECRET_H

/* Generated secrets, password hashes, and encryption of what must be read back. */

#include <stdbool.h>
#include <stddef.h>

struct arena;

#define API_KEY_LENGTH 52 /* "sk_" + 43 base62 digits (256 bits) + 6 base62 digits of CRC-32 */

/* A new key with its checksum: greppable by scanners, typos refused without a query. */
void api_key_new(char out[API_KEY_LENGTH + 1]);
bool api_key_valid(const char *);
/* The part that may be shown: "sk_" and 8 digits. */
#define API_KEY_PREFIX_LENGTH 11

/* An opaque token "<prefix>_" + 43 base64url characters (refresh tokens and the like). */
char *opaque_token(struct arena *, const char *prefix);

/* yescrypt, cost 6 (about 35 ms). Password at most 1024 bytes. */
char *password_hash(struct arena *, const char *password);
/* hash NULL compares against a dummy, so that unknown users take as long. */
bool password_check(const char *password, const char *hash);

/*
 * AES-256-GCM with conf.secret_key: "v1." + base64url(nonce, text, tag).
 * context is authenticated too (say, org and row id). NULL without a key.
 */
char *seal(struct arena *, const char *text, size_t len, const char *context);
/* NULL when it was altered, or sealed with another key or context. */
char *unseal(struct arena *, const char *sealed, const char *context, size_t *len);

#endif

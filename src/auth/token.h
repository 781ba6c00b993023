/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TOKEN_H
#define SERVICEOS_TOKEN_H

/*
 * JSON Web Tokens (RFC 7519, RFC 8725). The algorithm is fixed by the key,
 * never by the token: HS256 with conf.jwt_secret for our own tokens, RS256
 * and ES256 with keys of a JWKS (conf.jwks_file, and state_dir/jwks.json,
 * which the scheduler fetches). Verification makes no network call.
 */

#include <stdbool.h>
#include <stdint.h>

struct arena;

struct token_claims {
	const char *subject; /* user id */
	const char *org;
	const char *session; /* "sid" of our own tokens, or NULL */
	const char *role;    /* "role", or NULL */
	const char *scope;   /* blank-separated "scope", or NULL */
	int64_t expires;     /* seconds since 1970 */
	bool own;            /* signed by us */
};

/* A signed token of ours for ttl seconds from now. NULL when jwt_secret is empty. */
char *token_issue(struct arena *, const char *user_id, const char *org, const char *session,
    const char *role, long ttl);
/*
 * Check form, key, signature, exp, nbf, iss and aud (leeway 60 s for nbf
 * only). 0 and the claims in the arena, or -1 with a reason for the log in *why.
 */
int token_verify(
    struct arena *, const char *jwt, int64_t now, struct token_claims *, const char **why);
/* Re-read the key sets when their files have changed; at most once a second. */
void token_reload(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_JWKS_H
#define SERVICEOS_JWKS_H

/* The keys that may sign tokens: our own secret, and the key sets' public keys. */

#include <cjose/cjose.h>
#include <stdbool.h>

struct jwks_key {
	char kid[128];
	const char *alg; /* the only one accepted with it: "HS256", "RS256" or "ES256" */
	bool own;
	cjose_jwk_t *jwk;
};

/* Our HS256 key, made of conf.jwt_secret; NULL when that is empty. */
cjose_jwk_t *jwks_own_key(void);
/* By key id; a set with a single key also serves tokens without one. NULL for none. */
const struct jwks_key *jwks_find(const char *kid);

#endif

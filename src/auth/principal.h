/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_PRINCIPAL_H
#define SERVICEOS_PRINCIPAL_H

/* Who calls: the outcome of authentication. */

#include <stdbool.h>
#include <stdint.h>

enum role { ROLE_VIEWER, ROLE_AGENT, ROLE_ADMIN };

enum scope {
#define SCOPE(name, word, role, text) S_##name,
#include "auth/scopes.def"
#undef SCOPE
	S__MAX
};
#define SCOPE_BIT(scope) (UINT64_C(1) << (scope))

enum principal_kind { WHO_NOBODY, WHO_USER, WHO_API_KEY, WHO_LEGACY, WHO_PLATFORM };

struct principal {
	enum principal_kind kind;
	char org[64];        /* "" for nobody and platform */
	char actor[128];     /* user id, key id, or the legacy header's actor */
	char user_id[37];    /* the user behind it, or "" */
	char session_id[37]; /* of our own tokens, or "" */
	enum role role;
	uint64_t scopes;    /* SCOPE_BIT()s; S_ADMIN includes all others */
	long rate_general;  /* requests per hour; the effective limit */
	long rate_bulk;     /* requests per minute */
	int64_t expires_ms; /* of the credential; 0 for never */
};

/* "none", "jwt", "api_key", "legacy", "platform". */
const char *principal_method(const struct principal *);
/* The actor_type of the change log. */
const char *principal_actor_type(const struct principal *);
bool principal_may(const struct principal *, enum scope);

const char *scope_word(enum scope);
/* S__MAX for an unknown word. */
enum scope scope_parse(const char *);
/* All scopes of a role. */
uint64_t role_scopes(enum role);
const char *role_word(enum role);
/* -1 for an unknown word. */
int role_parse(const char *);

#endif

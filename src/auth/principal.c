/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/principal.h"

#include <string.h>

static const struct {
	const char *word;
	enum role role; /* the least one that has it */
} scopes[] = {
#define SCOPE(name, word, role, text) { word, role },
#include "auth/scopes.def"
#undef SCOPE
};

static const char *const roles[] = { "viewer", "agent", "admin" };

const char *
principal_method(const struct principal *who)
{
	static const char *const words[] = { "none", "jwt", "api_key", "legacy", "platform" };

	return words[who->kind];
}

const char *
principal_actor_type(const struct principal *who)
{
	static const char *const words[] = { "system", "user", "api_key", "legacy", "platform" };

	return words[who->kind];
}

bool
principal_may(const struct principal *who, enum scope scope)
{
	return (who->scopes & (SCOPE_BIT(scope) | SCOPE_BIT(S_ADMIN))) != 0;
}

const char *
scope_word(enum scope scope)
{
	return scopes[scope].word;
}

enum scope
scope_parse(const char *word)
{
	unsigned i;

	for (i = 0; i < S__MAX; i++)
		if (strcmp(scopes[i].word, word) == 0)
			return (enum scope)i;
	return S__MAX;
}

uint64_t
role_scopes(enum role role)
{
	uint64_t bits = 0;
	unsigned i;

	for (i = 0; i < S__MAX; i++)
		if (scopes[i].role <= role)
			bits |= SCOPE_BIT(i);
	return bits;
}

const char *
role_word(enum role role)
{
	return roles[role];
}

int
role_parse(const char *word)
{
	int i;

	for (i = ROLE_VIEWER; i <= ROLE_ADMIN; i++)
		if (strcmp(roles[i], word) == 0)
			return i;
	return -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/rule.h"

#include <string.h>

void
rule_set_init(struct rule_set *set, struct arena *arena, size_t nbefore, const char *const *before)
{
	*set = (struct rule_set){ .arena = arena, .nvalues = (int)nbefore };
	set->values = arena_alloc(arena, RULE_VALUES_MAX * sizeof(*set->values));
	memcpy(set->values, before, nbefore * sizeof(*before));
}

const char *
rule_add(
    struct rule_set *set, struct db *db, const char *org, const char *json, enum condition_on on)
{
	struct condition *c = &set->last;

	if (!condition_load(db, set->arena, org, json, set->nvalues + 1, on, c) ||
	    set->nvalues + c->nvalues > RULE_VALUES_MAX)
		return NULL;
	if (c->nvalues > 0)
		memcpy(
		    set->values + set->nvalues, c->values, (size_t)c->nvalues * sizeof(*c->values));
	set->nvalues += c->nvalues;
	return c->sql;
}

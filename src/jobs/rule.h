/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_RULE_H
#define SERVICEOS_RULE_H

/* Several stored conditions in one statement: each is compiled after the values of those before. */

#include "base/arena.h"
#include "base/util.h"
#include "store/condition.h"

struct db;

#define RULE_VALUES_MAX 20000

struct rule_set {
	struct arena *arena;
	int nvalues;
	const char **values;
	struct condition last; /* the one that was added last */
};

/* before: the statement's own values. */
void rule_set_init(struct rule_set *, struct arena *, size_t nbefore, const char *const *before);
/*
 * The condition's SQL; NULL when it cannot be read or compiled, because a custom
 * field it names is gone.
 */
const char *rule_add(
    struct rule_set *, struct db *, const char *org, const char *json, enum condition_on);

#endif

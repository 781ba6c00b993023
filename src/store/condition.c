/* SPDX-License-Identifier: Apache-2.0 */
#include "store/condition.h"

#include "store/db.h"

bool
condition_compile(struct db *db, struct arena *arena, const char *org, struct json_object *c,
    int first, enum condition_on on, struct condition *out)
{
	(void)db, (void)arena, (void)org, (void)c, (void)first, (void)on;
	*out = (struct condition){ .sql = "(true)" };
	return true;
}

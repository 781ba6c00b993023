/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that were stored: text from the database, which may be what this version cannot read.
 */
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "store/condition.h"

void
condition_all(struct condition *out)
{
	*out = (struct condition){ .sql = "(true)" };
}

bool
condition_load(struct db *db, struct arena *arena, const char *org, const char *text, int first,
    enum condition_on on, struct condition *out)
{
	struct json_error error = { .code = "missing" };
	struct json_object *object =
	    text == NULL ? NULL : json_parse(arena, text, strlen(text), &error);

	if (object != NULL)
		return condition_compile(db, arena, org, object, first, on, out);
	log_error("conditions of %s that are stored cannot be read (%s at byte %zu): %.200s", org,
	    error.code == NULL ? "type" : error.code, error.offset, text == NULL ? "" : text);
	*out = (struct condition){ .sql = "(false)",
		.path = "",
		.code = "unreadable",
		.message = "What is stored cannot be read." };
	return false;
}

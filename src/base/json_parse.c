/* SPDX-License-Identifier: Apache-2.0 */
/* From a text that the scanner has passed to json-c's objects. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"

static void
put(void *object_)
{
	json_object_put(object_);
}

struct json_object *
json_parse(struct arena *arena, const char *text, size_t len, struct json_error *error)
{
	struct json_tokener *tokener;
	struct json_object *object_;

	if (json_scan(text, len, error) == -1)
		return NULL;
	tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
	if (tokener == NULL)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With its NUL, or a bare number is taken for the start of a longer one. */
	object_ = json_tokener_parse_ex(tokener, text, (int)len + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		error->code = "syntax";
	json_tokener_free(tokener);
	if (object_ != NULL)
		arena_defer(arena, put, object_);
	return object_;
}

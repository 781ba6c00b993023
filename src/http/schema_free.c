/* SPDX-License-Identifier: Apache-2.0 */
/* JSON without a table of fields: free, but what is stored of it can be read back. */
#include "base/json.h"
#include "http/schema.h"

static void
check_items(struct req *r, const char *name, struct json_object *v)
{
	size_t i, n = json_object_array_length(v);

	for (i = 0; i < n && !r->failed; i++)
		schema_free(
		    r, arena_printf(r->arena, "%s[%zu]", name, i), json_object_array_get_idx(v, i));
}

void
schema_free(struct req *r, const char *name, struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_array:
		check_items(r, name, v);
		break;
	case json_type_object: {
		json_object_object_foreach(v, key, member)
		{
			if (r->failed)
				break;
			schema_free(r,
			    arena_printf(r->arena, "%s.%s", name, utf8_cut(r->arena, key, 80)),
			    member);
		}
		break;
	}
	case json_type_double:
		if (!json_number_returns(json_object_get_string(v)))
			fail_field(r, name, "number_range",
			    "Without a fraction a number has 64 bits, with one at most %d digits.",
			    JSON_MAX_NUMBER);
		break;
	default:
		break;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A reply beside the schema that its route declares: members, types, nothing else. */
#include "harness_internal.h"

#include <string.h>

static bool
type_of_field(const struct field *f, struct json_object *v)
{
	switch (f->type) {
	case T_INT:
		return json_object_is_type(v, json_type_int);
	case T_NUM:
		return json_object_is_type(v, json_type_int) ||
		       json_object_is_type(v, json_type_double);
	case T_BOOL:
		return json_object_is_type(v, json_type_boolean);
	case T_OBJECT:
	case T_CONDITION:
		return json_object_is_type(v, json_type_object);
	case T_ANY:
		return true;
	case T_ID:
		return json_object_is_type(v, json_type_string) &&
		       uuid_valid(json_object_get_string(v));
	case T_TIME:
		return json_object_is_type(v, json_type_string) &&
		       time_valid(json_object_get_string(v));
	default:
		return json_object_is_type(v, json_type_string);
	}
}

static void
check_member(const struct field *f, struct json_object *v)
{
	size_t i;

	if (v == NULL && f->type != T_ANY) {
		ck_assert_msg((f->flags & F_NULL) != 0, "%s is null: %s", f->name, reply_body);
		return;
	}
	if ((f->flags & F_LIST) == 0) {
		ck_assert_msg(type_of_field(f, v), "%s has another type: %s", f->name, reply_body);
		return;
	}
	ck_assert_msg(json_object_is_type(v, json_type_array), "%s is no array", f->name);
	for (i = 0; i < json_object_array_length(v); i++)
		ck_assert_msg(type_of_field(f, json_object_array_get_idx(v, i)),
		    "an item of %s has another type: %s", f->name, reply_body);
}

static bool
is_include(const struct route *route, const char *name)
{
	const struct include *i;

	for (i = route->includes; i != NULL && i->name != NULL; i++)
		if (strcmp(i->name, name) == 0)
			return true;
	return false;
}

static void
check_object_schema(const struct route *route, struct json_object *o, bool all)
{
	const struct field *f;
	struct json_object *v;

	ck_assert_msg(json_object_is_type(o, json_type_object), "no object: %s", reply_body);
	for (f = route->reply->fields; f->name != NULL; f++) {
		if ((f->flags & F_OUT) == 0)
			continue;
		if (json_object_object_get_ex(o, f->name, &v))
			check_member(f, v);
		else
			ck_assert_msg(!all || (f->flags & F_OPT) != 0, "%s: %s is missing: %s",
			    route->id, f->name, reply_body);
	}
	json_object_object_foreach(o, key, member)
	{
		(void)member;
		for (f = route->reply->fields; f->name != NULL; f++)
			if ((f->flags & F_OUT) != 0 && strcmp(f->name, key) == 0)
				break;
		ck_assert_msg(f->name != NULL || is_include(route, key), "%s: %s is not declared",
		    route->id, key);
	}
}

/* "2026-06-13T10:00:00.123456+00:00", as PostgreSQL writes a time in JSON by itself. */
static bool
foreign_time(const char *s)
{
	return strlen(s) > 19 && s[10] == 'T' && strcmp(s + strlen(s) - 6, "+00:00") == 0 &&
	       time_valid(s);
}

/* Times look alike wherever they stand, in events and differences too. */
static void
check_times(struct json_object *v)
{
	size_t i;

	if (json_object_is_type(v, json_type_string))
		ck_assert_msg(!foreign_time(json_object_get_string(v)), "%s in %s",
		    json_object_get_string(v), reply_body);
	if (json_object_is_type(v, json_type_array))
		for (i = 0; i < json_object_array_length(v); i++)
			check_times(json_object_array_get_idx(v, i));
	if (!json_object_is_type(v, json_type_object))
		return;
	json_object_object_foreach(v, key, member)
	{
		(void)key;
		check_times(member);
	}
}

/* Every 2xx reply of every test must be what the route declares. */
void
check_reply_schema(const char *method, const char *path)
{
	struct route_match match;
	struct json_object *data;
	size_t i;
	bool all = caller.partial == false;

	if (status < 200 || status > 299 || status == 204 ||
	    !route_match(keep, method, path, &match) || match.route->reply == NULL)
		return;
	if (header("Content-Type") != NULL && strncmp(header("Content-Type"), "text/csv", 8) == 0)
		return;
	if (header("X-Accel-Redirect") != NULL)
		return;
	ck_assert_msg(reply != NULL, "%s: no JSON: %s", match.route->id, reply_body);
	check_times(reply);
	if (match.route->list == NULL) {
		check_object_schema(match.route, reply, all);
		return;
	}
	ck_assert(json_object_object_get_ex(reply, "data", &data));
	ck_assert(json_object_object_get_ex(reply, "has_more", NULL));
	ck_assert(json_object_object_get_ex(reply, "next_cursor", NULL));
	for (i = 0; i < json_object_array_length(data); i++)
		check_object_schema(match.route, json_object_array_get_idx(data, i), all);
}

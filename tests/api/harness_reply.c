/* SPDX-License-Identifier: Apache-2.0 */
/* The last reply: its headers, its members by path, and the errors that it names. */
#include "harness_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
header(const char *name)
{
	const char *p = out.head.data;
	size_t len = strlen(name);
	char *value;

	for (; *p != '\0'; p += strcspn(p, "\n") + 1) {
		if (strncmp(p, name, len) != 0 || p[len] != ':')
			continue;
		value = turn();
		snprintf(value, 8192, "%.*s", (int)strcspn(p + len + 2, "\r"), p + len + 2);
		return value;
	}
	return NULL;
}

static bool
walk(const char *path, struct json_object **found)
{
	struct json_object *o = reply;
	char word[128];

	while (*path != '\0') {
		size_t len = strcspn(path, ".");

		snprintf(word, sizeof(word), "%.*s", (int)len, path);
		if (json_object_is_type(o, json_type_array)) {
			if (strtoul(word, NULL, 10) >= json_object_array_length(o))
				return false;
			o = json_object_array_get_idx(o, strtoul(word, NULL, 10));
		} else if (!json_object_object_get_ex(o, word, &o)) {
			return false;
		}
		path += len + (path[len] == '.');
	}
	*found = o;
	return true;
}

struct json_object *
at(const char *path)
{
	struct json_object *o = NULL;

	ck_assert_msg(reply != NULL, "no JSON in the reply: %d %s", status, reply_body);
	ck_assert_msg(walk(path, &o), "no member %s in %s", path, reply_body);
	return o;
}

const char *
text(const char *path)
{
	struct json_object *o = at(path);
	char *value = turn();

	snprintf(value, 8192, "%s", o == NULL ? "null" : json_object_get_string(o));
	return value;
}

long
number(const char *path)
{
	return (long)json_object_get_int64(at(path));
}

bool
has(const char *path)
{
	struct json_object *o;

	return reply != NULL && walk(path, &o);
}

size_t
count(const char *path)
{
	return json_object_array_length(at(path));
}

void
expect_field(const char *field, const char *code)
{
	size_t i;

	ck_assert_msg(status == 422 || status == 409, "status %d: %s", status, reply_body);
	for (i = 0; has("errors") && i < count("errors"); i++)
		if (strcmp(text(fmt("errors.%zu.field", i)), field) == 0 &&
		    strcmp(text(fmt("errors.%zu.code", i)), code) == 0)
			return;
	ck_abort_msg("no error %s on field %s: %s", code, field, reply_body);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Query strings: every value that is taken is UTF-8 of a parameter that the route has. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "http/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* clang-format off */
static const char *const colours[] = { "red", "blue", NULL };
static const struct field fields[] = {
	{ "thing_id", T_ID, F_OUT }, { "at", T_TIME, F_OUT }, { .name = NULL }
};
static const struct resource thing = { "Thing", "A thing.", "thing_v", "thing_id", NULL, fields };
static const struct filter by[] = {
	{ "colour", T_ENUM, "t.colour = $?", colours },
	{ "id",     T_ID,   "t.id = $?" },
	{ "tag",    T_TAG,  "t.tag = $?" },
	{ "name",   T_STR,  "t.name = $?" },
	{ "number", T_INT,  "t.number = $?" },
	{ "flag",   T_BOOL, "t.flag = $?" },
	{ "email",  T_EMAIL, "t.email = $?" },
	{ "after",  T_TIME, "t.at > $?", .single = true },
	{ "day",    T_DATE, "t.day > $?", .single = true },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "at", "t.at", "timestamptz" }, { .name = NULL } };
static const struct list list = { by, sorts, .custom = true };
static const struct include includes[] = { { .name = "parts" }, { .name = NULL } };
static const struct route route = { GET, "/things", "things.list", .reply = &thing, .list = &list, .includes = includes };
/* clang-format on */

static bool
known(const char *name)
{
	static const char *const words[] = { "sort", "limit", "cursor", "include_total", "include",
		"fields" };
	const struct filter *f;
	unsigned i;

	for (f = by; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return true;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return strncmp(name, "cf.", 3) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *arena;
	static struct http_reply out;
	struct http_request in = { .method = "GET", .path = "/things" };
	struct req r = { .in = &in, .out = &out, .route = &route };
	const struct query_value *q;
	int result;

	if (arena == NULL)
		arena = arena_new();
	r.arena = arena;
	in.query = arena_strndup(arena, (const char *)data, size);
	result = schema_query(&r);
	assert((result == -1) == r.failed);
	for (q = r.query; result == 0 && q != NULL; q = q->next) {
		assert(known(q->name));
		assert(utf8_valid(q->value, strlen(q->value)));
	}
	arena_reset(arena);
	return 0;
}

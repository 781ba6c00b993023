/* SPDX-License-Identifier: Apache-2.0 */
/* What the strict scanner accepts, json-c accepts; and what json-c writes of it is accepted again.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *arena;
	const char *again;
	char *text;
	struct json_error error;
	struct json_object *object;

	if (arena == NULL)
		arena = arena_new();
	text = arena_alloc(arena, size + 1);
	memcpy(text, data, size);
	if (json_scan(text, size, &error) == -1) {
		assert(error.code != NULL && error.offset <= size);
		assert(json_parse(arena, text, size, &error) == NULL);
	} else {
		assert(utf8_valid(text, size));
		object = json_parse(arena, text, size, &error);
		/* The literal null is a NULL object. */
		assert(object != NULL || memmem(text, size, "null", 4) != NULL);
		again = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
		assert(json_scan(again, strlen(again), &error) == 0);
	}
	arena_reset(arena);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "http/cursor.h"

#include <string.h>

#include "base/arena.h"
#include "base/util.h"

const char *
cursor_make(struct arena *arena, const char *order, const char *value, const char *id)
{
	const char *text = arena_printf(arena, "%s\n%s\n%s", order, value, id);

	return base64url_encode(arena, text, strlen(text));
}

bool
cursor_read(
    struct arena *arena, const char *cursor, const char *order, const char **value, const char **id)
{
	unsigned char *raw;
	char *text, *first, *last;
	long len = base64url_decode(arena, cursor, strlen(cursor), &raw);

	if (len <= 0 || memchr(raw, '\0', (size_t)len) != NULL)
		return false;
	text = arena_strndup(arena, (const char *)raw, (size_t)len);
	first = strchr(text, '\n');
	last = strrchr(text, '\n'); /* a value may have lines, an id has none */
	if (first == NULL || first == last)
		return false;
	*first = *last = '\0';
	*value = first + 1;
	*id = last + 1;
	return strcmp(text, order) == 0;
}

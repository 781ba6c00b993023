/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms: a form that is read at once and one that is cut at every byte give the
 * same; each part is ended or the form is refused. The first line is the
 * Content-Type, without it the boundary is "x".
 */
#include "http/multipart.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct seen {
	struct buf text;
	int open, parts;
};

static int
on_begin(void *to, const struct multipart_part *part)
{
	struct seen *s = to;

	assert(s->open++ == 0 && ++s->parts <= MULTIPART_PARTS);
	assert(*part->name != '\0' && utf8_valid(part->name, strlen(part->name)));
	assert(part->filename == NULL || utf8_valid(part->filename, strlen(part->filename)));
	buf_printf(&s->text, "[%s|%s:", part->name, part->filename == NULL ? "" : part->filename);
	return 0;
}

static int
on_data(void *to, const char *data, size_t len)
{
	struct seen *s = to;

	assert(s->open == 1 && len > 0);
	buf_add(&s->text, data, len);
	return 0;
}

static int
on_end(void *to)
{
	struct seen *s = to;

	assert(--s->open == 0);
	buf_char(&s->text, ']');
	return 0;
}

static const struct multipart_sink sink = { on_begin, on_data, on_end };

/* The refusal, or NULL. */
static const char *
parse(struct arena *arena, struct seen *s, const char *type, const char *p, size_t len, size_t step)
{
	struct multipart m;
	size_t at;

	*s = (struct seen){ .open = 0 };
	buf_init(&s->text, arena, 256);
	if (multipart_begin(&m, arena, type, &sink, s) == -1)
		return m.error;
	for (at = 0; at < len; at += step)
		if (multipart_feed(&m, p + at, len - at < step ? len - at : step) == -1)
			return m.error;
	assert(multipart_end(&m) == -1 || s->open == 0);
	return m.error;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *arena;
	const char *p = (const char *)data, *nl = memchr(p, '\n', size), *type, *whole, *pieces;
	struct seen a, b;

	if (arena == NULL)
		arena = arena_new();
	type = nl == NULL ? "" : arena_strndup(arena, p, (size_t)(nl - p));
	if (multipart_is(type)) {
		size -= (size_t)(nl + 1 - p);
		p = nl + 1;
	} else {
		type = "multipart/form-data; boundary=x";
	}
	whole = parse(arena, &a, type, p, size, size + 1);
	pieces = parse(arena, &b, type, p, size, 1);
	assert(
	    (whole == NULL) == (pieces == NULL) && (whole == NULL || strcmp(whole, pieces) == 0));
	assert(a.text.len == b.text.len && memcmp(a.text.data, b.text.data, a.text.len) == 0);
	arena_reset(arena);
	return 0;
}

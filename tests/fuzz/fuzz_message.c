/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: whatever comes in, all texts are clean UTF-8, names can be stored, a
 * refusal says its rule, files can be read, and none of it is left behind. The
 * texts' functions get the input as it is, too.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "http/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect_clean(const char *text, const char *but)
{
	const unsigned char *p;

	assert(utf8_valid(text, strlen(text)));
	for (p = (const unsigned char *)text; *p != '\0'; p++)
		assert((*p >= 0x20 && *p != 0x7f) || strchr(but, *p) != NULL);
}

static int
count(void *to, const char *data, size_t len)
{
	size_t *sum = to, i;

	for (i = 0; i < len; i++)
		*sum += (unsigned char)data[i];
	return 0;
}

static void
expect_message(const struct message *m)
{
	const struct message_file *f;
	const char *const *p;
	size_t sum = 0;
	unsigned n = 0;

	assert(strchr(m->from, '@') != NULL && *m->message_id != '\0');
	expect_clean(m->from, "");
	expect_clean(m->message_id, "");
	expect_clean(m->name, "");
	expect_clean(m->subject, "");
	expect_clean(m->text, "\n\t");
	for (p = m->ids; *p != NULL; p++)
		expect_clean(*p, "");
	for (p = m->people; *p != NULL; p++)
		expect_clean(*p, "");
	for (f = m->files; f != NULL; f = f->next, n++) {
		expect_clean(f->filename, "");
		assert(*f->filename != '\0' && strpbrk(f->filename, "/\\\"") == NULL);
		assert(utf8_length(f->filename, strlen(f->filename)) <= 255);
		assert(message_file_read(f, count, &sum) == 0);
	}
	assert(n == m->nfiles && n <= MESSAGE_FILES);
}

static void
expect_texts(struct arena *arena, const char *data, size_t len)
{
	const char *text = message_utf8(arena, data, len, "utf-8"), *clean;

	expect_clean(message_clean(arena, message_html(arena, text)), "\n\t");
	expect_clean(message_clean(arena, message_flowed(arena, text, len % 2 == 0)), "\n\t");
	clean = message_clean(arena, text);
	text = message_unquoted(arena, clean);
	assert(strncmp(clean, text, strlen(text)) == 0 && (*clean == '\0') == (*text == '\0'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *arena;
	struct message m;

	if (arena == NULL)
		arena = arena_new();
	if (message_parse(&m, arena, (const char *)data, size) == 0)
		expect_message(&m);
	else
		assert(m.field != NULL && m.code != NULL && m.error != NULL);
	expect_texts(arena, (const char *)data, size);
	arena_reset(arena);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of imports: the first byte chooses CSV or JSON. The reading ends, goes
 * forward, and gives the same records when it is interrupted behind each of them.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "jobs/import_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct arena *arena;

static bool
read_one(struct import_reader *in, bool csv)
{
	return csv ? reader_csv(in, arena) : reader_json(in, arena);
}

/* Another reader at the same place, as a later step has it. */
static void
compare(const struct import_reader *in, const uint8_t *data, size_t size, bool csv)
{
	struct import_reader whole = *in, late = { .lists = in->lists,
		.offset = in->offset,
		.line = in->line,
		.array = in->array,
		.wrapped = in->wrapped,
		.delimiter = in->delimiter };
	bool more;

	whole.file = fmemopen((void *)(uintptr_t)data, size, "r");
	late.file = fmemopen((void *)(uintptr_t)data, size, "r");
	reader_seek(&whole);
	reader_seek(&late);
	more = read_one(&whole, csv);
	assert(more == read_one(&late, csv));
	assert(whole.offset == late.offset && whole.line == late.line);
	assert(!more || whole.offset > in->offset || whole.problem != NULL);
	fclose(whole.file);
	fclose(late.file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const lists[] = { "tickets", "results", NULL };
	struct import_reader in = { .lists = lists };
	bool csv;

	if (size < 2)
		return 0;
	csv = *data++ % 2 == 1;
	size--;
	if (arena == NULL)
		arena = arena_new();
	in.file = fmemopen((void *)(uintptr_t)data, size, "r");
	reader_start(&in);
	if (csv)
		reader_find_delimiter(&in);
	while (read_one(&in, csv)) {
		assert(in.offset <= (int64_t)size && in.at <= in.line);
		compare(&in, data, size, csv);
	}
	assert(in.offset == (int64_t)size);
	fclose(in.file);
	arena_reset(arena);
	return 0;
}

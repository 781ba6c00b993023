/* SPDX-License-Identifier: Apache-2.0 */
#include "http/period.h"

#define DAY_MS INT64_C(86400000)

int
period_of(struct req *r, struct period *out)
{
	const char *from = query_get(r, "from"), *to = query_get(r, "to");
	int64_t end = to == NULL ? (wall_ms() / 1000 + 1) * 1000 : time_ms(to);
	int64_t start = from == NULL ? end - 30 * DAY_MS : time_ms(from);
	char *text;

	if (start >= end)
		return fail_field(r, "from", "range", "The start must be before the end.");
	if (end - start > 366 * DAY_MS)
		return fail_field(r, "from", "range", "A period has at most 366 days.");
	text = arena_alloc(r->arena, 50);
	time_iso(text, start);
	time_iso(text + 25, end);
	out->from = text;
	out->to = text + 25;
	return 0;
}

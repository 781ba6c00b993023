/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors: what goes in comes out, and nothing else does. */
#include "unit.h"

#include <string.h>

#include "base/util.h"
#include "http/cursor.h"

static const char *value, *id;

START_TEST(a_cursor_gives_back_what_it_was_made_of)
{
	static const char *const values[] = { "2026-06-13 10:00:00.123456+00", "", "two\nlines",
		"\xc3\xa4\xf0\x9f\x98\x80", "a\n" };
	unsigned i;

	for (i = 0; i < LENGTH(values); i++) {
		const char *cursor = cursor_make(arena, "-created_at", values[i], "0190163d");

		ck_assert(
		    cursor[strspn(cursor,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] ==
		    '\0');
		ck_assert(cursor_read(arena, cursor, "-created_at", &value, &id));
		ck_assert_str_eq(value, values[i]);
		ck_assert_str_eq(id, "0190163d");
	}
}
END_TEST

START_TEST(a_cursor_of_another_order_is_none)
{
	const char *cursor = cursor_make(arena, "-created_at", "x", "y");

	ck_assert(!cursor_read(arena, cursor, "created_at", &value, &id));
	ck_assert(!cursor_read(arena, cursor, "-created_a", &value, &id));
	ck_assert(!cursor_read(arena, cursor, "-updated_at", &value, &id));
}
END_TEST

START_TEST(what_is_no_cursor_is_refused)
{
	static const char *const texts[] = { "", "=", "!!!!", "YQ", "YQo",
		"YQ==", "LWNyZWF0ZWRfYXQ" };
	static const char zero[] = "-created_at\nx\0y\nz";
	unsigned i;

	for (i = 0; i < LENGTH(texts); i++)
		ck_assert_msg(
		    !cursor_read(arena, texts[i], "-created_at", &value, &id), "%s", texts[i]);
	ck_assert(!cursor_read(
	    arena, base64url_encode(arena, zero, sizeof(zero) - 1), "-created_at", &value, &id));
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { a_cursor_gives_back_what_it_was_made_of,
		a_cursor_of_another_order_is_none, what_is_no_cursor_is_refused, NULL };

	return unit_main("cursor", all);
}

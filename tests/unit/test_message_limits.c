/* SPDX-License-Identifier: Apache-2.0 */
/* Messages made to cost much: refused at once, or read in time and with little memory. */
#include <malloc.h>
#include <time.h>

#include "base/util.h"
#include "unit_message.h"

/* Of the processor's time: the machine may be busy. */
static void
expect_quick(clock_t start, const char *what)
{
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;

	ck_assert_msg(seconds < 5, "%s takes %.1f s", what, seconds);
}

static void
expect_refused(const char *mail, const char *code)
{
	clock_t start = clock();

	ck_assert_int_eq(parse(mail), -1);
	ck_assert_str_eq(m.field, "body");
	ck_assert_str_eq(m.code, code);
	expect_quick(start, code);
}

START_TEST(what_would_take_forever_is_refused_at_once)
{
	struct buf deep;
	int i;

	expect_refused(repeated("From: ", "a:", 200000, "\r\n\r\n"), "too_complex");
	expect_refused(
	    repeated(HEAD "Content-Type: message/rfc822\r\n\r\nFrom:\r\n ", "a:\r\n ", 100000, ""),
	    "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary=x\r\n\r\n",
			   "--x\r\n\r\n", 100000, ""),
	    "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary=\"a\\x\"\r\n\r\n",
			   "--ax\r\n\r\n", 100000, ""),
	    "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary*=utf-8''%78\r\n\r\n",
			   "--x\r\n\r\n", 100000, ""),
	    "too_complex");
	expect_refused(
	    repeated("From: a@b.example\r\n", "X: y\r\n", 200000, "\r\n"), "too_complex");
	expect_refused(
	    repeated(HEAD "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n",
		"X: y\r\n", 200000, ""),
	    "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary=a\r\n\r\n",
			   "boundary=b\r\n", 1000000, ""),
	    "too_complex");
	buf_init(&deep, arena, 65536);
	buf_str(&deep, HEAD);
	for (i = 0; i < 20; i++)
		buf_printf(
		    &deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	expect_refused(repeated(deep.data, "--c\r\n", 300000, ""), "too_complex");
	buf_init(&deep, arena, 65536);
	buf_str(&deep, HEAD);
	for (i = 0; i < 100; i++)
		buf_printf(
		    &deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	expect_refused(deep.data, "too_deep");
	for (; i < 1000; i++)
		buf_printf(
		    &deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	expect_refused(deep.data, "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary=x\r\n\r\n",
			   "--x\r\nContent-Type: image/png\r\n\r\n.\r\n", 101, "--x--"),
	    "too_many_files");
}
END_TEST

START_TEST(texts_made_to_be_slow_are_read_in_time)
{
	static const char *const units[] = { "&", "&#", "<a \"", "<a '>", "<", "<!--", "<script>",
		"<a href=http://x.example/>", "</a>", "<blockquote>", "> \n", ">\nx\n", "\n",
		"From:\n", "-", "On 1 May wrote:\n", "> a \n", "\xff", "a" };
	clock_t start;
	unsigned i;

	for (i = 0; i < LENGTH(units); i++) {
		const char *text = repeated("", units[i], 1000000 / strlen(units[i]), "");

		start = clock();
		message_clean(arena, message_html(arena, text));
		message_unquoted(arena, message_clean(arena, text));
		message_unquoted(arena, text);
		message_flowed(arena, text, true);
		message_utf8(arena, text, strlen(text), NULL);
		expect_quick(start, units[i]);
	}
}
END_TEST

START_TEST(a_large_message_needs_little_memory)
{
	const char *mail =
	    repeated(HEAD "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n"
			  "--x\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: "
			  "base64\r\n\r\n",
		"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n",
		400000, "--x--\r\n");
	struct arena *mine = arena_new();
	struct mallinfo2 before = mallinfo2(), after;

	ck_assert_int_eq(message_parse(&m, mine, mail, strlen(mail)), 0);
	after = mallinfo2();
	ck_assert_uint_lt(arena_high_water(mine), 262144);
	ck_assert_uint_lt(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + 1048576);
	ck_assert_str_eq(m.text, "hi");
	arena_free(mine);
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { what_would_take_forever_is_refused_at_once,
		texts_made_to_be_slow_are_read_in_time, a_large_message_needs_little_memory, NULL };

	return unit_main("message_limits", all);
}

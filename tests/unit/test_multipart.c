/* SPDX-License-Identifier: Apache-2.0 */
/* Forms: what is in the parts comes out, wherever the pieces are cut. */
#include "http/multipart.h"

#include <string.h>

#include "base/buf.h"
#include "unit.h"

static struct buf seen;
static struct multipart form;

static int
on_begin(void *to, const struct multipart_part *part)
{
	(void)to;
	buf_printf(&seen, "[%s|%s:", part->name, part->filename == NULL ? "-" : part->filename);
	return 0;
}

static int
on_data(void *to, const char *data, size_t len)
{
	(void)to;
	buf_add(&seen, data, len);
	return 0;
}

static int
on_end(void *to)
{
	(void)to;
	buf_char(&seen, ']');
	return 0;
}

static const struct multipart_sink sink = { on_begin, on_data, on_end };

/* The parts as "[name|filename:content]…", or the refusal. */
static const char *
parse(const char *type, const char *text, size_t len, size_t first, size_t step)
{
	size_t at = first;

	buf_init(&seen, arena, 256);
	if (multipart_begin(&form, arena, type, &sink, NULL) == -1 ||
	    multipart_feed(&form, text, first) == -1)
		return form.error;
	for (; at < len; at += step)
		if (multipart_feed(&form, text + at, len - at < step ? len - at : step) == -1)
			return form.error;
	return multipart_end(&form) == -1 ? form.error : seen.data;
}

#define TYPE "multipart/form-data; boundary=xYz"
#define PARSE(text) parse(TYPE, text, sizeof(text) - 1, 0, sizeof(text))
#define NAMED(rest) PARSE("--xYz\r\nContent-Disposition: " rest "\r\n\r\nA\r\n--xYz--")

START_TEST(a_form_gives_its_parts)
{
	ck_assert_str_eq(
	    PARSE("before\r\n--xYz \t\r\nContent-Type: text/plain\r\n"
		  "content-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
		  "hello\r\n--xYz\r\nContent-Disposition: form-data; name=n\r\n\r\n"
		  "\r\n--xYz--\r\nbehind\r\n--xYz\r\n"),
	    "[file|a.txt:hello][n|-:]");
	ck_assert_str_eq(
	    PARSE("--xYz\r\nContent-Disposition:form-data;name=e\r\n\r\n--xYz--"), "[e|-:]");
	ck_assert_str_eq(PARSE("--xYz--"), "");
}
END_TEST

START_TEST(it_is_the_same_wherever_it_is_cut)
{
	static const char text[] =
	    "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
	    "\r\n--xY\r\n--xyz\r\r\n\r\n--\r\r\n-\n--xYz\r\r\n--xYz\r\n"
	    "Content-Disposition: form-data; name=b\r\n\r\n--xYZ\r\n--xYz\r\n"
	    "Content-Disposition: form-data; name=c\r\n\r\n\r\n\r\n--xYz--\r\nmore";
	static const char wanted[] =
	    "[file|a:\r\n--xY\r\n--xyz\r\r\n\r\n--\r\r\n-\n--xYz\r][b|-:--xYZ][c|-:\r\n]";
	size_t i, len = sizeof(text) - 1;

	for (i = 0; i <= len; i++) {
		ck_assert_str_eq(parse(TYPE, text, len, i, len), wanted);
		ck_assert_str_eq(parse(TYPE, text, len, 0, i + 1), wanted);
	}
}
END_TEST

START_TEST(every_beginning_of_a_form_is_refused)
{
	static const char text[] =
	    "--xYz\r\nContent-Disposition: form-data; name=a\r\n\r\nA\r\n--xYz--";
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i++) {
		parse(TYPE, text, i, 0, i + 1);
		ck_assert_ptr_nonnull(form.error);
	}
}
END_TEST

START_TEST(names_are_read_as_they_are_written)
{
	ck_assert_str_eq(
	    NAMED("form-data; name=\"a\\\"b\\\\c\"; filename=\"x;y=\\z\""), "[a\"b\\c|x;y=z:A]");
	ck_assert_str_eq(
	    NAMED("form-data; name=f; filename=\"a\"; filename*=UTF-8''%e2%82%AC%20r.txt"),
	    "[f|\xe2\x82\xac r.txt:A]");
	ck_assert_str_eq(NAMED("form-data; filename*=utf-8'en'x; name=f;"), "[f|x:A]");
	ck_assert_str_eq(NAMED("form-data; name=f; filename=\"\""), "[f|:A]");
	ck_assert_str_eq(
	    NAMED("form-data; name=f; filename=\"\xc3\xa4\"; size=3"), "[f|\xc3\xa4:A]");
	ck_assert_str_eq(
	    parse("multipart/form-data; charset=utf-8; boundary=\"a b\"",
		"--a b\r\nContent-Disposition: form-data; name=f\r\n\r\n\r\n--a b--", 61, 0, 61),
	    "[f|-:]");
}
END_TEST

START_TEST(what_is_no_form_is_refused)
{
	static const char *const heads[] = { "form-data", "form-data; name=\"\"",
		"form-data; name=\"a", "form-data; name=a; name=b", "form-data name=a",
		"form-data; name", "form-data; name=a b", "attachment; name=a",
		"form-data; name=a; filename*=UTF-8''%zz",
		"form-data; name=a; filename*=UTF-8''%00", "form-data; name=a; filename*=latin1''x",
		"form-data; name=a; filename=\"\xff\"",
		"form-data; name=a\r\nContent-Disposition: form-data; name=a",
		"form-data; name=a\r\n folded", "form-data; name=a\r\nx\n: y",
		"form-data; name=a\r\n: y",
		"form-data; name=a\r\nContent-Transfer-Encoding: base64" };
	static const char *const types[] = {
		"multipart/form-data",
		"multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
		"multipart/form-data; boundary=a; boundary=a", "multipart/form-data; boundary=\"a ",
		"multipart/form-data; boundary=\"a \"",
		"multipart/form-data; boundary=\"a\\\r\nb\"",
		"multipart/form-data; boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};
	unsigned i;
	struct buf text;

	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		buf_init(&text, arena, 256);
		buf_printf(&text, "--xYz\r\nContent-Disposition: %s\r\n\r\nA\r\n--xYz--", heads[i]);
		parse(TYPE, text.data, text.len, 0, text.len);
		ck_assert_msg(form.error != NULL, "%s", heads[i]);
	}
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		parse(types[i], "--a--", 5, 0, 5);
		ck_assert_msg(form.error != NULL, "%s", types[i]);
	}
	PARSE("--xYz\r\n\r\nA\r\n--xYz--");
	ck_assert_str_eq(form.error, "A part has no Content-Disposition.");
	PARSE("--xYz\r\nA: b\r\n\r\nA\r\n--xYz--");
	ck_assert_str_eq(form.error, "A part has no Content-Disposition.");
	PARSE("--xYz\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\nA\r\n--xYz--");
	ck_assert_ptr_nonnull(form.error);
	PARSE("--xYzA\r\n");
	ck_assert_ptr_nonnull(form.error);
	PARSE("--xYz-A");
	ck_assert_ptr_nonnull(form.error);
}
END_TEST

START_TEST(headers_and_parts_have_limits)
{
	struct buf text;
	int i, n;

	for (n = MULTIPART_PARTS; n <= MULTIPART_PARTS + 1; n++) {
		buf_init(&text, arena, 1024);
		for (i = 0; i < n; i++)
			buf_str(
			    &text, "--xYz\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n");
		buf_str(&text, "--xYz--");
		parse(TYPE, text.data, text.len, 0, text.len);
		ck_assert_int_eq(form.error == NULL, n == MULTIPART_PARTS);
	}
	for (n = MULTIPART_HEAD; n <= MULTIPART_HEAD + 1; n++) {
		buf_init(&text, arena, 16384);
		buf_str(&text, "--xYz\r\nContent-Disposition: form-data; name=a\r\nX: ");
		while (text.len < (size_t)n + 3)
			buf_char(&text, 'x');
		buf_str(&text, "\r\n\r\nA\r\n--xYz--");
		parse(TYPE, text.data, text.len, 0, text.len);
		ck_assert_int_eq(form.error == NULL, n == MULTIPART_HEAD);
	}
}
END_TEST

START_TEST(a_form_is_told_by_its_type)
{
	ck_assert(multipart_is("Multipart/Form-Data;boundary=x"));
	ck_assert(multipart_is("multipart/form-data"));
	ck_assert(!multipart_is("multipart/form-database"));
	ck_assert(!multipart_is("multipart/mixed; boundary=x"));
	ck_assert(!multipart_is(NULL));
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { a_form_gives_its_parts, it_is_the_same_wherever_it_is_cut,
		every_beginning_of_a_form_is_refused, names_are_read_as_they_are_written,
		what_is_no_form_is_refused, headers_and_parts_have_limits,
		a_form_is_told_by_its_type, NULL };

	return unit_main("multipart", all);
}

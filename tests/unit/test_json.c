/* SPDX-License-Identifier: Apache-2.0 */
/* The strict scanner: what RFC 8259 and RFC 3629 allow, and nothing else. */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static const char *
verdict(const char *text, size_t len)
{
	struct json_error error;

	return json_scan(text, len, &error) == 0 ? "ok" : error.code;
}

#define V(text) verdict(text, sizeof(text) - 1)

START_TEST(what_the_standard_allows_is_taken)
{
	static const char *const good[] = { "null", "true", "false", "0", "-0", "-1", "10", "1.5",
		"1e5", "1E+5", "1.25e-3", "\"\"", "\"a\"", "[]", "{}", " [ 1 , 2 ] ",
		"{\"a\":{\"a\":[]}}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", "\"\\ud83d\\ude00\"",
		"\"\xc3\xa9\xf0\x9f\x98\x80\"", "\"\xef\xbf\xbf\"", "\"\x7f\"",
		"9223372036854775807", "-9223372036854775808", "\t\r\n 1 \n", "{\"a\":1,\"A\":2}",
		"{\"\":1}", "1.7976931348623157e308", "0.1e-400" };
	unsigned i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(strcmp(verdict(good[i], strlen(good[i])), "ok") == 0, "%s: %s",
		    good[i], verdict(good[i], strlen(good[i])));
}
END_TEST

/* jsonb writes a number out in full. */
START_TEST(a_number_that_does_not_come_back_from_jsonb_is_known)
{
	static const char *const good[] = { "0", "-0.0", "0e20", "1.5", "9e18",
		"9223372036854775807", "0.9223372036854775807e19", "-9.223372036854775808e18",
		"1e-397", "12e-397", "10000000000000000000.5", "1.000e2", "0.0001e4" };
	static const char *const bad[] = { "1e19", "-1e19", "1E+300", "9.223372036854775808e18",
		"-9223372036854775.809e3", "1.5e300", "1e-400", "0e-400", "0e99999999999",
		"-1e-397" };
	unsigned i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(json_number_returns(good[i]), "%s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!json_number_returns(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(what_it_forbids_is_refused_with_the_reason)
{
	static const struct {
		const char *text, *code;
	} bad[] = { { "", "syntax" }, { " ", "syntax" }, { "{", "syntax" }, { "[1,]", "syntax" },
		{ "[1 2]", "syntax" }, { "{\"a\":1,}", "syntax" }, { "{a:1}", "syntax" },
		{ "{'a':1}", "syntax" }, { "[1]]", "syntax" }, { "1 2", "syntax" },
		{ "01", "syntax" }, { "+1", "syntax" }, { ".5", "syntax" }, { "1.", "syntax" },
		{ "1e", "syntax" }, { "-", "syntax" }, { "0x1", "syntax" }, { "NaN", "syntax" },
		{ "Infinity", "syntax" }, { "-Infinity", "syntax" }, { "True", "syntax" },
		{ "nul", "syntax" }, { "//1", "syntax" }, { "\"a", "syntax" },
		{ "\"\\x\"", "syntax" }, { "\"\\u12\"", "syntax" },
		{ "\"a\nb\"", "control_character" }, { "\"\x01\"", "control_character" },
		{ "\"\\u0000\"", "nul_character" }, { "{\"a\\u0000\":1}", "nul_character" },
		{ "\"\\ud800\"", "lone_surrogate" }, { "\"\\udc00\"", "lone_surrogate" },
		{ "\"\\ud800\\u0041\"", "lone_surrogate" }, { "\"\xff\"", "utf8" },
		{ "\"\xc0\x80\"", "utf8" }, { "\"\xc1\xbf\"", "utf8" },
		{ "\"\xe0\x80\xaf\"", "utf8" }, { "\"\xed\xa0\x80\"", "utf8" },
		{ "\"\xf4\x90\x80\x80\"", "utf8" }, { "\"\xf0\x80\x80\xaf\"", "utf8" },
		{ "\"\xe2\x82\"", "utf8" }, { "\"\x80\"", "utf8" }, { "\xef\xbb\xbf{}", "syntax" },
		{ "9223372036854775808", "number_range" },
		{ "-9223372036854775809", "number_range" }, { "1e999", "number_range" },
		{ "-1e309", "number_range" }, { "{\"a\":1,\"a\":2}", "duplicate_key" },
		{ "{\"a\":1,\"\\u0061\":2}", "duplicate_key" },
		{ "[{\"b\":{\"a\":1},\"a\":2,\"a\":3}]", "duplicate_key" },
		{ "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "duplicate_key" } };
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(strcmp(verdict(bad[i].text, strlen(bad[i].text)), bad[i].code) == 0,
		    "%s: %s, wanted %s", bad[i].text, verdict(bad[i].text, strlen(bad[i].text)),
		    bad[i].code);
	ck_assert_str_eq(V("\"a\0b\""), "control_character");
	ck_assert_str_eq(V("{}\0"), "syntax");
}
END_TEST

START_TEST(the_same_key_in_two_objects_is_no_duplicate)
{
	ck_assert_str_eq(V("[{\"a\":1},{\"a\":2}]"), "ok");
	ck_assert_str_eq(V("{\"a\":{\"a\":{\"a\":1}}}"), "ok");
}
END_TEST

START_TEST(the_limits_hold_to_the_one)
{
	static char text[JSON_MAX_STRING + 200000];
	size_t n = 0;
	int i;

	memset(text, '[', 33);
	memset(text + 32, ']', 32);
	ck_assert_str_eq(verdict(text, 64), "ok");
	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	ck_assert_str_eq(verdict(text, 66), "depth");
	memset(text, 'x', sizeof(text));
	text[0] = text[JSON_MAX_STRING + 1] = '"';
	ck_assert_str_eq(verdict(text, JSON_MAX_STRING + 2), "ok");
	text[JSON_MAX_STRING + 1] = 'x';
	text[JSON_MAX_STRING + 2] = '"';
	ck_assert_str_eq(verdict(text, JSON_MAX_STRING + 3), "string_too_long");
	n = (size_t)sprintf(text, "[{\"x\":1");
	for (i = 0; i < JSON_MAX_KEYS; i++)
		n += (size_t)sprintf(text + n, "%s\"k%d\":1", i == 5000 ? "},{" : ",", i);
	n += (size_t)sprintf(text + n, "}]");
	ck_assert_str_eq(verdict(text, n), "too_many_keys");
}
END_TEST

START_TEST(the_error_tells_where_and_which_key)
{
	struct json_error error;

	ck_assert_int_eq(json_scan("{\"a\":tru}", 9, &error), -1);
	ck_assert_uint_eq(error.offset, 5);
	json_scan("{\"first\":1,\"first\":2}", 21, &error);
	ck_assert_str_eq(error.key, "first");
}
END_TEST

START_TEST(a_parsed_value_is_what_was_written)
{
	struct json_error error;
	struct json_object *o = json_parse(arena, "{\"n\":5,\"s\":\"\\u00e9\"}", 20, &error), *v;

	ck_assert_ptr_nonnull(o);
	ck_assert(json_object_object_get_ex(o, "n", &v));
	ck_assert_int_eq(json_object_get_int(v), 5);
	o = json_parse(arena, "5", 1, &error);
	ck_assert(json_object_is_type(o, json_type_int));
	ck_assert_ptr_null(json_parse(arena, "5x", 2, &error));
}
END_TEST

START_TEST(characters_are_counted_not_bytes)
{
	ck_assert_uint_eq(utf8_length("a\xc3\xa9\xf0\x9f\x98\x80", 7), 3);
	ck_assert(utf8_valid("a\0b", 3));
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { what_the_standard_allows_is_taken,
		what_it_forbids_is_refused_with_the_reason,
		a_number_that_does_not_come_back_from_jsonb_is_known,
		the_same_key_in_two_objects_is_no_duplicate, the_limits_hold_to_the_one,
		the_error_tells_where_and_which_key, a_parsed_value_is_what_was_written,
		characters_are_counted_not_bytes, NULL };

	return unit_main("json", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables against bodies, and query strings against routes. */
#include "http/schema.h" /* before check.h, which has a macro fail() */

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const char *const colours[] = { "red", "blue", NULL };
static const struct field inner[] = {
	{ "deep", T_INT, F_BODY|F_REQ, 1, 9 },
	{ .name = NULL }
};
static const struct field fields[] = {
	{ "name",   T_STR,    F_CREATE|F_REQ|F_PATCH, 2, 5 },
	{ "text",   T_TEXT,   F_CREATE|F_PATCH, 0, 20 },
	{ "count",  T_INT,    F_CREATE|F_PATCH|F_NULL, -3, 10 },
	{ "share",  T_NUM,    F_CREATE, 0, 1 },
	{ "colour", T_ENUM,   F_CREATE, .words = colours },
	{ "flag",   T_BOOL,   F_CREATE },
	{ "id",     T_ID,     F_CREATE },
	{ "at",     T_TIME,   F_CREATE },
	{ "day",    T_DATE,   F_CREATE },
	{ "email",  T_EMAIL,  F_CREATE },
	{ "url",    T_URL,    F_CREATE },
	{ "tags",   T_TAG,    F_CREATE|F_LIST, .max_items = 2 },
	{ "object", T_OBJECT, F_CREATE, 0, 20 },
	{ "inner",  T_OBJECT, F_CREATE, .sub = inner },
	{ "shown",  T_STR,    F_OUT },
	{ .name = NULL }
};
static const struct filter by[] = {
	{ "colour", T_ENUM, "t.colour = $?", colours },
	{ "after",  T_TIME, "t.at > $?", NULL, NULL, true },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "at", "t.at", "timestamptz" }, { .name = NULL } };
static const struct list list = { by, sorts, NULL, false };
/* clang-format on */

static struct arena *arena;
static struct http_request in;
static struct http_reply out;
static struct route route;
static struct req r;

static void
setup(void)
{
	arena = arena_new();
}

static void
teardown(void)
{
	arena_free(arena);
}

static void
fresh(void)
{
	arena_reset(arena);
	in = (struct http_request){ .method = "POST", .query = "", .body = "" };
	r = (struct req){ .arena = arena, .in = &in, .out = &out, .route = &route };
}

/* "field code" of the first error; "ok" without one. */
static const char *
first_error(int result)
{
	if (result == 0)
		return "ok";
	if (r.fields == NULL)
		return r.code;
	return arena_printf(arena, "%s %s", r.fields->field, r.fields->code);
}

static const char *
body_as(const char *text, unsigned use)
{
	fresh();
	route = (struct route){ .method = POST, .body = fields, .use = use };
	in.body = text;
	in.body_len = strlen(text);
	return first_error(schema_body(&r));
}

static const char *
query(const char *text)
{
	fresh();
	route = (struct route){ .method = GET, .list = &list };
	in.query = text;
	return first_error(schema_query(&r));
}

START_TEST(each_rule_names_its_field)
{
	static const struct {
		const char *body, *error;
	} table[] = {
		{ "{\"name\":\"abc\"}", "ok" },
		{ "{}", "name required" },
		{ "", "name required" },
		{ "{\"name\":\"a\"}", "name too_short" },
		{ "{\"name\":\"      \"}", "name too_long" },
		{ "{\"name\":\"   \"}", "name too_short" },
		{ "{\"name\":\"abcdef\"}", "name too_long" },
		{ "{\"name\":\"äöüßé\"}", "ok" },
		{ "{\"name\":\"a\\nb\"}", "name control_character" },
		{ "{\"name\":\"abc\",\"text\":\"a\\nb\\t\"}", "ok" },
		{ "{\"name\":\"abc\",\"text\":\"a\\u0001\"}", "text control_character" },
		{ "{\"name\":null}", "name null" },
		{ "{\"name\":1}", "name type" },
		{ "{\"name\":\"abc\",\"count\":null}", "ok" },
		{ "{\"name\":\"abc\",\"count\":11}", "count too_large" },
		{ "{\"name\":\"abc\",\"count\":-4}", "count too_small" },
		{ "{\"name\":\"abc\",\"count\":1.5}", "count type" },
		{ "{\"name\":\"abc\",\"count\":\"1\"}", "count type" },
		{ "{\"name\":\"abc\",\"share\":0.5}", "ok" },
		{ "{\"name\":\"abc\",\"share\":1.5}", "share too_large" },
		{ "{\"name\":\"abc\",\"colour\":\"green\"}", "colour not_allowed" },
		{ "{\"name\":\"abc\",\"flag\":\"true\"}", "flag type" },
		{ "{\"name\":\"abc\",\"id\":\"x\"}", "id format" },
		{ "{\"name\":\"abc\",\"at\":\"2026-02-29T00:00:00Z\"}", "at format" },
		{ "{\"name\":\"abc\",\"at\":\"2028-02-29T00:00:00+02:00\"}", "ok" },
		{ "{\"name\":\"abc\",\"day\":\"2026-13-01\"}", "day format" },
		{ "{\"name\":\"abc\",\"email\":\"a@b\"}", "email format" },
		{ "{\"name\":\"abc\",\"email\":\"a b@c.d\"}", "email format" },
		{ "{\"name\":\"abc\",\"email\":\"a@c.d\"}", "ok" },
		{ "{\"name\":\"abc\",\"url\":\"ftp://a\"}", "url format" },
		{ "{\"name\":\"abc\",\"url\":\"http:///a\"}", "url format" },
		{ "{\"name\":\"abc\",\"url\":\"https://a/b?c\"}", "ok" },
		{ "{\"name\":\"abc\",\"tags\":\"a\"}", "tags type" },
		{ "{\"name\":\"abc\",\"tags\":[\"a\",\"b\",\"c\"]}", "tags too_many" },
		{ "{\"name\":\"abc\",\"tags\":[\"a\",\"b,c\"]}", "tags[1] format" },
		{ "{\"name\":\"abc\",\"tags\":[\"a\",2]}", "tags[1] type" },
		{ "{\"name\":\"abc\",\"object\":{\"a\":\"0123456789012345\"}}", "object too_long" },
		{ "{\"name\":\"abc\",\"inner\":{}}", "inner.deep required" },
		{ "{\"name\":\"abc\",\"inner\":{\"deep\":10}}", "inner.deep too_large" },
		{ "{\"name\":\"abc\",\"inner\":{\"deep\":1,\"x\":1}}", "inner.x unknown_field" },
		{ "{\"name\":\"abc\",\"shown\":\"x\"}", "shown unknown_field" },
		{ "{\"name\":\"abc\",\"nonsense\":1}", "nonsense unknown_field" },
		{ "[]", "invalid_json" },
		{ "\"abc\"", "invalid_json" },
		{ "null", "invalid_json" },
		{ "{\"name\":\"abc\"", "invalid_json" },
		{ "{\"name\":\"abc\",\"name\":\"abd\"}", "invalid_json" },
	};
	unsigned i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ck_assert_msg(strcmp(body_as(table[i].body, F_CREATE), table[i].error) == 0,
		    "%s: %s, wanted %s", table[i].body, body_as(table[i].body, F_CREATE),
		    table[i].error);
}
END_TEST

START_TEST(a_change_requires_nothing_and_takes_only_its_fields)
{
	ck_assert_str_eq(body_as("{}", F_PATCH), "ok");
	ck_assert_str_eq(body_as("{\"flag\":true}", F_PATCH), "flag unknown_field");
}
END_TEST

START_TEST(all_errors_are_told_at_once_but_not_thousands)
{
	const struct field_error *e;
	unsigned n = 0;
	struct buf body;
	int i;

	body_as("{\"count\":99,\"flag\":1}", F_CREATE);
	for (e = r.fields; e != NULL; e = e->next)
		n++;
	ck_assert_uint_eq(n, 3);
	fresh();
	buf_init(&body, arena_new(), 1024);
	buf_char(&body, '{');
	for (i = 0; i < 500; i++)
		buf_printf(&body, "\"x%d\":1,", i);
	buf_str(&body, "\"name\":\"abc\"}");
	body_as(body.data, F_CREATE);
	for (n = 0, e = r.fields; e != NULL; e = e->next)
		n++;
	ck_assert_uint_eq(n, 50);
	arena_free(body.arena);
}
END_TEST

START_TEST(query_parameters_are_known_and_right)
{
	ck_assert_str_eq(query(""), "ok");
	ck_assert_str_eq(query("colour=red&colour=blue"), "ok");
	ck_assert_str_eq(query("colour=red,blue"), "ok");
	ck_assert_str_eq(query("colour=green"), "colour not_allowed");
	ck_assert_str_eq(query("colour=red,green"), "colour not_allowed");
	ck_assert_str_eq(query("after=2026-01-01T00:00:00%2B01:00"), "ok");
	ck_assert_str_eq(
	    query("after=2026-01-01T00:00:00Z&after=2026-01-01T00:00:00Z"), "after repeated");
	ck_assert_str_eq(query("color=red"), "color unknown_parameter");
	ck_assert_str_eq(query("limit=100"), "ok");
	ck_assert_str_eq(query("limit=101"), "limit range");
	ck_assert_str_eq(query("limit=-1"), "limit range");
	ck_assert_str_eq(query("limit=1e2"), "limit type");
	ck_assert_str_eq(query("limit=99999999999999999999"), "limit type");
	ck_assert_str_eq(query("sort=-at"), "ok");
	ck_assert_str_eq(query("sort=--at"), "sort not_allowed");
	ck_assert_str_eq(query("sort=at;drop"), "sort not_allowed");
	ck_assert_str_eq(query("include_total=yes"), "include_total type");
	ck_assert_str_eq(query("cursor=anything"), "ok");
	ck_assert_str_eq(query("%zz=1"), "bad_request");
	ck_assert_str_eq(query("colour=%00"), "bad_request");
	ck_assert_str_eq(query("colour=%ff"), "bad_request");
	ck_assert_str_eq(query("&&&"), "ok");
}
END_TEST

START_TEST(a_hundred_parameters_are_enough)
{
	char text[1024] = "";
	int i;

	for (i = 0; i < 101; i++)
		strcat(text, "a=1&");
	ck_assert_str_eq(query(text), "bad_request");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("schema");
	TCase *tc = tcase_create("schema");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_rule_names_its_field);
	tcase_add_test(tc, a_change_requires_nothing_and_takes_only_its_fields);
	tcase_add_test(tc, all_errors_are_told_at_once_but_not_thousands);
	tcase_add_test(tc, query_parameters_are_known_and_right);
	tcase_add_test(tc, a_hundred_parameters_are_enough);
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

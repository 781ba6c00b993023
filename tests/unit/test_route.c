/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the route of a method and a path. */
#include "http/route.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static struct arena *arena;
static struct route_match match;

static void
setup(void)
{
	route_init();
	arena = arena_new();
}

static void
teardown(void)
{
	arena_free(arena);
}

static const char *
found(const char *method, const char *path)
{
	return route_match(arena, method, path, &match) ? match.route->id : "none";
}

START_TEST(a_static_segment_beats_a_parameter)
{
	ck_assert_str_eq(found("PUT", "/api/customers/by-external-id/7"), "customers.upsert");
	ck_assert_str_eq(match.args[0], "7");
	ck_assert_str_eq(found("GET", "/api/customers/by-external-id"), "customers.get");
}
END_TEST

START_TEST(both_prefixes_and_a_trailing_slash_lead_to_the_same_route)
{
	ck_assert_str_eq(found("GET", "/api/tickets"), "tickets.list");
	ck_assert_str_eq(found("GET", "/api/v1/tickets"), "tickets.list");
	ck_assert_str_eq(found("GET", "/api/tickets/"), "tickets.list");
	ck_assert_str_eq(found("POST", "/v1/auth/login"), "auth.login");
	ck_assert_str_eq(found("GET", "/api/v1/events"), "events.list");
}
END_TEST

START_TEST(the_organization_of_the_path_is_told_apart_from_the_ids)
{
	ck_assert_str_eq(found("PATCH", "/api/organizations/org_1/users/u1"), "users.update");
	ck_assert_str_eq(match.org, "org_1");
	ck_assert_uint_eq(match.nargs, 1);
	ck_assert_str_eq(match.args[0], "u1");
}
END_TEST

START_TEST(parameters_are_decoded_once)
{
	ck_assert_str_eq(found("DELETE", "/api/tickets/t/tags/a%20b%252F"), "tickets.removeTag");
	ck_assert_str_eq(match.args[1], "a b%2F");
}
END_TEST

START_TEST(a_bad_escape_or_a_nul_or_bad_utf8_gives_an_empty_parameter)
{
	static const char *const bad[] = { "%", "%4", "%zz", "%00", "%ff", "%c0%af", "%ed%a0%80" };
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *path = arena_printf(arena, "/api/tags/%s", bad[i]);

		ck_assert_str_eq(found("PATCH", path), "tags.rename");
		ck_assert_str_eq(match.args[0], "");
	}
}
END_TEST

START_TEST(an_encoded_slash_does_not_make_another_segment)
{
	ck_assert_str_eq(found("GET", "/api/tickets/a%2Fclone"), "tickets.get");
	ck_assert_str_eq(match.args[0], "a/clone");
}
END_TEST

START_TEST(a_path_without_the_method_tells_which_it_has)
{
	ck_assert_str_eq(found("DELETE", "/api/tickets"), "none");
	ck_assert_uint_eq(match.allowed, (1u << GET) | (1u << POST));
	ck_assert_str_eq(found("GET", "/api/tickets/1/2/3/4/5/6/7/8/9"), "none");
	ck_assert_uint_eq(match.allowed, 0);
	ck_assert_str_eq(found("GET", ""), "none");
	ck_assert_str_eq(found("GET", "/"), "none");
	ck_assert_str_eq(found("GET", "//api//tickets"), "none");
	ck_assert_str_eq(found("BREW", "/api/tickets"), "none");
}
END_TEST

START_TEST(head_is_answered_as_get)
{
	ck_assert_str_eq(found("HEAD", "/health"), "ops.health");
}
END_TEST

START_TEST(no_two_operations_share_method_and_path_or_id)
{
	unsigned i, j;

	for (i = 0; i < route_count(); i++)
		for (j = 0; j < i; j++) {
			ck_assert_str_ne(route_at(i)->id, route_at(j)->id);
			ck_assert(route_at(i)->method != route_at(j)->method ||
				  strcmp(route_at(i)->path, route_at(j)->path) != 0);
		}
}
END_TEST

START_TEST(every_operation_has_a_summary_and_every_field_its_words)
{
	const struct field *f;
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);

		ck_assert_msg(route->summary != NULL, "%s", route->id);
		ck_assert_msg(route->handler != NULL, "%s", route->id);
		for (f = route->body; f != NULL && f->name != NULL; f++)
			ck_assert_msg(
			    f->doc != NULL && f->example != NULL, "%s.%s", route->id, f->name);
		for (f = route->reply == NULL ? NULL : route->reply->fields;
		     f != NULL && f->name != NULL; f++)
			ck_assert_msg(
			    f->doc != NULL && f->example != NULL, "%s.%s", route->id, f->name);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("route");
	TCase *tc = tcase_create("route");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_static_segment_beats_a_parameter);
	tcase_add_test(tc, both_prefixes_and_a_trailing_slash_lead_to_the_same_route);
	tcase_add_test(tc, the_organization_of_the_path_is_told_apart_from_the_ids);
	tcase_add_test(tc, parameters_are_decoded_once);
	tcase_add_test(tc, a_bad_escape_or_a_nul_or_bad_utf8_gives_an_empty_parameter);
	tcase_add_test(tc, an_encoded_slash_does_not_make_another_segment);
	tcase_add_test(tc, a_path_without_the_method_tells_which_it_has);
	tcase_add_test(tc, head_is_answered_as_get);
	tcase_add_test(tc, no_two_operations_share_method_and_path_or_id);
	tcase_add_test(tc, every_operation_has_a_summary_and_every_field_its_words);
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

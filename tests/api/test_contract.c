/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for every operation, walked from the route table: credentials,
 * scopes, each field's rules, ids that are unknown or another organisation's,
 * and a 2xx that fits its schema. An operation without a recipe fails.
 */
#include "fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/metrics.h"
#include "http/schema.h"

TEST(one_of_everything_can_be_made_in_two_organizations)
{
	make_all(&own, ORG);
	caller.key = other_key;
	make_all(&other, OTHER);
}
END

    /* Deletions come last, the parts before the whole, so that each finds what it works on. */
    static void
    drive(bool deletions)
{
	unsigned i, n = route_count();

	for (i = 0; i < n; i++) {
		const struct route *route = route_at(deletions ? n - 1 - i : i);
		const char *body;

		caller_reset();
		if ((route->method == DELETE) != deletions || strcmp(route->id, "auth.logout") == 0)
			continue;
		body = body_of(route);
		caller_reset();
		as_platform(route);
		if (strcmp(route->id, "tickets.removeTag") == 0) {
			call("POST", fmt("/api/tickets/%s/tags", own.ticket),
			    "{\"tags\":[\"blue\"]}");
			expect(200);
		}
		call(method_word(route->method), path_of(route, &own), body);
		ck_assert_msg(status >= 200 && status <= 299, "%s answers %d: %s", route->id,
		    status, reply_body);
	}
}

TEST(every_operation_answers_2xx_as_its_schema_says)
{
	unsigned i;

	drive(false);
	caller_reset();
	call("POST", "/api/v1/auth/login",
	    "{\"email\":\"" ORG "@example.com\",\"password\":\"correct horse\"}");
	caller.bearer = text("access_token");
	caller.key = NULL;
	call("POST", "/api/v1/auth/logout", "{}");
	expect(204);
	drive(true);
	for (i = 0; i < route_count(); i++)
		ck_assert_msg(
		    metric_route_ok(i) > 0, "%s was never answered with 2xx", route_name(i));
}
END

TEST(every_operation_refuses_a_caller_without_a_credential)
{
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);

		if ((route->flags & R_PUBLIC) != 0)
			continue;
		caller.key = NULL;
		call(method_word(route->method), path_of(route, &own), example_body(route));
		ck_assert_msg(status == 401, "%s answers %d", route->id, status);
	}
}
END

TEST(every_operation_refuses_a_key_without_its_scope)
{
	char key[64];
	unsigned i;

	snprintf(key, sizeof(key), "%s", make_key(ORG, ""));
	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);

		if ((route->flags & (R_PUBLIC | R_ANY_SCOPE)) != 0)
			continue;
		caller.key = key;
		call(method_word(route->method), path_of(route, &own), example_body(route));
		ck_assert_msg(status == 403, "%s answers %d", route->id, status);
	}
}
END

TEST(every_body_that_is_not_json_is_400)
{
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);

		if (route->body == NULL)
			continue;
		caller_reset();
		as_platform(route);
		call(method_word(route->method), path_of(route, &own), "{\"a\":");
		ck_assert_msg(status == 400, "%s answers %d", route->id, status);
		ck_assert_str_eq(text("code"), "invalid_json");
	}
}
END

TEST(every_unknown_field_is_refused_by_name)
{
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);

		if (route->body == NULL)
			continue;
		caller_reset();
		as_platform(route);
		call(method_word(route->method), path_of(route, &own), "{\"no_such_field\":1}");
		ck_assert_msg(status == 422, "%s answers %d", route->id, status);
		expect_field("no_such_field", "unknown_field");
	}
}
END

TEST(every_required_field_is_asked_for_by_name)
{
	const struct field *f;
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);

		if (route->body == NULL || route->use == F_PATCH)
			continue;
		for (f = route->body; f->name != NULL; f++) {
			if ((f->flags & (F_REQ | F_CREATE)) != (F_REQ | F_CREATE))
				continue;
			caller_reset();
			as_platform(route);
			call(method_word(route->method), path_of(route, &own), "{}");
			expect_field(f->name, "required");
		}
	}
}
END

    /* A value that no type but the field's own would take. */
    static const char *
    wrong_value(const struct field *f)
{
	if ((f->flags & F_LIST) != 0)
		return "7";
	return f->type == T_OBJECT || f->type == T_CONDITION || f->type == T_STR ||
	               f->type == T_TEXT
	           ? "7"
	       : f->type == T_INT || f->type == T_NUM || f->type == T_BOOL ? "\"x\""
	                                                                   : "[1]";
}

TEST(every_field_refuses_another_type_by_name)
{
	const struct field *f;
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);
		unsigned use = route->use == 0 ? F_CREATE : route->use;

		for (f = route->body; f != NULL && f->name != NULL; f++) {
			if (!field_used(f, use) || f->type == T_ANY)
				continue;
			caller_reset();
			as_platform(route);
			call(method_word(route->method), path_of(route, &own),
			    fmt("{\"%s\":%s}", f->name, wrong_value(f)));
			ck_assert_msg(
			    status == 422, "%s.%s answers %d", route->id, f->name, status);
			expect_field(f->name, "type");
			if ((f->flags & F_NULL) != 0)
				continue;
			call(method_word(route->method), path_of(route, &own),
			    fmt("{\"%s\":null}", f->name));
			expect_field(f->name, "null");
		}
	}
}
END

TEST(every_text_that_is_too_long_is_refused_by_name)
{
	static char body[300000];
	const struct field *f;
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);
		unsigned use = route->use == 0 ? F_CREATE : route->use;

		for (f = route->body; f != NULL && f->name != NULL; f++) {
			long max = field_max(f);
			int n;

			if (!field_used(f, use) || (f->flags & F_LIST) != 0 ||
			    (f->type != T_STR && f->type != T_TEXT))
				continue;
			n = snprintf(body, sizeof(body), "{\"%s\":\"", f->name);
			memset(body + n, 'x', (size_t)max + 1);
			snprintf(body + n + max + 1, 8, "\"}");
			caller_reset();
			as_platform(route);
			call(method_word(route->method), path_of(route, &own), body);
			expect_field(f->name, "too_long");
		}
	}
}
END

    /* The reply without what differs between any two requests. */
    static const char *
    anonymous_reply(void)
{
	json_object_object_del(reply, "request_id");
	return fmt("%d %s", status, json_object_to_json_string(reply));
}

TEST(another_organisations_id_answers_as_an_unknown_one)
{
	struct ids unknown;
	unsigned i;

	memset(&unknown, 0, sizeof(unknown));
	for (i = 0; i < sizeof(unknown) / 40; i++)
		snprintf((char *)&unknown + i * 40, 40, "01900000-0000-7000-8000-%012u", i);
	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);
		const char *mine, *theirs, *body;

		if (!has_id(route) || strstr(route->path, "external_id") != NULL ||
		    strcmp(route->path, "/api/tags/:tag") == 0)
			continue;
		caller_reset();
		body = route->body == NULL ? NULL : body_of(route);
		caller_reset();
		call(method_word(route->method), path_of(route, &unknown), body);
		ck_assert_msg(status == 404, "%s answers %d to an unknown id: %s", route->id,
		    status, reply_body);
		mine = anonymous_reply();
		call(method_word(route->method), path_of(route, &other), body);
		theirs = anonymous_reply();
		ck_assert_msg(strcmp(mine, theirs) == 0, "%s: %s / %s", route->id, mine, theirs);
	}
}
END

TEST(another_organisations_path_is_404)
{
	call("GET", "/api/organizations/" OTHER "/users", NULL);
	expect(404);
	call("GET", "/api/organizations/org_unknown/users", NULL);
	expect(404);
}
END

TEST(both_prefixes_name_the_same)
{
	call("GET", fmt("/api/v1/tickets/%s", own.ticket), NULL);
	expect(200);
	call("GET", "/api/events", NULL);
	expect(200);
	call("GET", "/api/tickets/", NULL);
	expect(200);
}
END

TEST(a_method_that_the_path_does_not_have_is_405_with_allow)
{
	call("PUT", "/api/tickets", "{}");
	expect_problem(405, "method_not_allowed");
	ck_assert_str_eq(header("Allow"), "GET, POST");
	call("GET", "/api/nothing", NULL);
	expect_problem(404, "not_found");
}
END

    static TCase *
    cases(void)
{
	TCase *tc = tcase_create("contract");

	sha256_hex((char *)(conf.platform_token_sha256 = xmalloc(65)), platform_token,
	    strlen(platform_token));
	tcase_add_test(tc, one_of_everything_can_be_made_in_two_organizations);
	tcase_add_test(tc, every_operation_refuses_a_caller_without_a_credential);
	tcase_add_test(tc, every_operation_refuses_a_key_without_its_scope);
	tcase_add_test(tc, every_body_that_is_not_json_is_400);
	tcase_add_test(tc, every_unknown_field_is_refused_by_name);
	tcase_add_test(tc, every_required_field_is_asked_for_by_name);
	tcase_add_test(tc, every_field_refuses_another_type_by_name);
	tcase_add_test(tc, every_text_that_is_too_long_is_refused_by_name);
	tcase_add_test(tc, another_organisations_id_answers_as_an_unknown_one);
	tcase_add_test(tc, another_organisations_path_is_404);
	tcase_add_test(tc, both_prefixes_name_the_same);
	tcase_add_test(tc, a_method_that_the_path_does_not_have_is_405_with_allow);
	tcase_add_test(tc, every_operation_answers_2xx_as_its_schema_says);
	return tc;
}

int
main(void)
{
	return harness_main("contract", (TCase * (*[])(void)){ cases, NULL });
}

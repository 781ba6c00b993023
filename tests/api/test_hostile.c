/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input that somebody made to break things. Every case is refused with a 4xx
 * problem document, never a 5xx, and nothing of it is stored.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define T(json) "{\"title\":" json "}"
static const char *const bodies[] = {
	/* not JSON, or not quite */
	"{", "}", "[", "]", "{]", "{\"title\"}", "{\"title\":}", "{\"title\":\"a\",}", "{,\"title\":\"a\"}",
	"{\"title\":\"a\"}}", "{\"title\":\"a\"} x", "{\"title\":\"a\"}{}", "{'title':'a'}", "{title:\"a\"}",
	"{\"title\":\"a\" \"status\":\"new\"}", "/* c */{\"title\":\"a\"}", "{\"title\":\"a\"}//c", "{\"title\":\"a\n\"}",
	"{\"title\":\"a\t\"}", "{\"title\":\"\\x41\"}", "{\"title\":\"\\u12\"}", "{\"title\":\"\\u12g4\"}", "{\"title\":\"\\",
	"{\"title\":\"abc", "\xef\xbb\xbf{\"title\":\"a\"}", "{\"title\":True}", "{\"title\":NULL}", "{\"title\":undefined}",
	"nul", "tru", "-", "--1", "+1", "01", ".5", "1.", "1e", "1e+", "0x10", "1_000",
	/* numbers beyond what is kept exactly */
	T("1e999"), T("-1e999"), T("NaN"), T("Infinity"), T("-Infinity"), T("99999999999999999999999"),
	T("-9223372036854775809"), T("9223372036854775808"),
	/* text that is not UTF-8, or hides something */
	T("\"\xff\""), T("\"\xc0\xaf\""), T("\"\xc0\x80\""), T("\"\xed\xa0\x80\""), T("\"\xf4\x90\x80\x80\""),
	T("\"\xe2\x82\""), T("\"\xf8\x88\x80\x80\x80\""), T("\"\\ud800\""), T("\"\\udc00\""), T("\"\\ud800\\ud800\""),
	T("\"\\ud800x\""), T("\"a\\u0000b\""), "{\"a\\u0000b\":1}", T("\"a\\u0001b\""), T("\"a\\u001bb\""), T("\"a\x7f\""),
	/* duplicate keys, however they are spelled */
	"{\"title\":\"a\",\"title\":\"b\"}", "{\"title\":\"a\",\"\\u0074itle\":\"b\"}", T("\"a\",\"custom_fields\":{\"x\":1,\"x\":2}"),
	/* another shape */
	"", "null", "true", "0", "\"title\"", "[]", "[{\"title\":\"a\"}]", "{}", T("null"), T("1"), T("true"), T("[]"), T("{}"),
	T("[\"a\"]"), T("\"\""), T("\" \""), T("\"\\t\""), T("\"\\n\""), T("\"a\\nb\""), T("\"a\\rb\""),
	/* fields that are not the caller's, or do not exist */
	T("\"a\",\"org_id\":\"org_other\""), T("\"a\",\"ticket_id\":\"01900000-0000-7000-8000-000000000000\""),
	T("\"a\",\"number\":1"), T("\"a\",\"version\":9"), T("\"a\",\"created_at\":\"2020-01-01T00:00:00Z\""),
	T("\"a\",\"deleted_at\":null"), T("\"a\",\"merged_into_id\":null"), T("\"a\",\"__proto__\":{}"), T("\"a\",\"constructor\":1"),
	T("\"a\",\"Title\":\"b\""), T("\"a\",\"\":1"), T("\"a\",\"title \":1"), T("\"a\",\"ai_classification\":{}"),
	/* known fields with values they do not take */
	T("\"a\",\"status\":\"merged\""), T("\"a\",\"status\":\"NEW\""), T("\"a\",\"status\":\"\""), T("\"a\",\"status\":null"),
	T("\"a\",\"status\":[\"new\"]"), T("\"a\",\"priority\":\"critical\""), T("\"a\",\"priority\":5"),
	T("\"a\",\"customer_id\":\"x\""), T("\"a\",\"customer_id\":1"), T("\"a\",\"customer_id\":null"),
	T("\"a\",\"customer_id\":\"01900000-0000-7000-8000-00000000000\""), T("\"a\",\"customer_id\":\"01900000-0000-7000-8000-0000000000000\""),
	T("\"a\",\"customer_id\":\"01900000-0000-7000-8000-000000000000\""), T("\"a\",\"customer_id\":\"' OR 1=1 --\""),
	T("\"a\",\"team_id\":\"01900000-0000-7000-8000-000000000000\""), T("\"a\",\"queue_id\":\"01900000-0000-7000-8000-000000000000\""),
	T("\"a\",\"assignee_user_id\":\"01900000-0000-7000-8000-000000000000\""), T("\"a\",\"company_id\":\"{}\""),
	T("\"a\",\"tags\":\"a\""), T("\"a\",\"tags\":[1]"), T("\"a\",\"tags\":[null]"), T("\"a\",\"tags\":[\"\"]"), T("\"a\",\"tags\":[\"a,b\"]"),
	T("\"a\",\"tags\":[\" a\"]"), T("\"a\",\"tags\":[[\"a\"]]"), T("\"a\",\"tags\":{\"0\":\"a\"}"), T("\"a\",\"tags\":[\"a\\n\"]"),
	T("\"a\",\"channel\":\"pigeon\""), T("\"a\",\"external_id\":\"\""), T("\"a\",\"external_id\":7"), T("\"a\",\"custom_fields\":[]"),
	T("\"a\",\"custom_fields\":\"{}\""), T("\"a\",\"custom_fields\":null"), T("\"a\",\"description\":null"), T("\"a\",\"description\":1"),
	T("\"a\",\"description\":\"\\u0008\""), T("\"a\",\"required_skills\":[\"\"]"), T("\"a\",\"required_skills\":7"),
	NULL
};

static const char *const queries[] = {
	"?limit=0", "?limit=-1", "?limit=101", "?limit=1.5", "?limit=1e1", "?limit=", "?limit=99999999999999999999", "?limit=0x10",
	"?limit=5&limit=6", "?cursor=", "?cursor=x", "?cursor=%00", "?cursor=AAAA", "?cursor=LWNyZWF0ZWRfYXQKeAp5", "?cursor=....",
	"?sort=title", "?sort=", "?sort=-", "?sort=created_at%20desc", "?sort=created_at;drop%20table%20ticket", "?sort=created_at&sort=number",
	"?status=nope", "?status=", "?status=open,nope", "?status=open&status=", "?priority=HIGH", "?assignee_user_id=me",
	"?customer_id=1", "?customer_id=%27%20OR%201%3D1", "?created_after=yesterday", "?created_after=2026-02-30T00:00:00Z",
	"?created_after=2026-01-01", "?created_after=2026-01-01T00:00:00", "?created_after=9999999-01-01T00:00:00Z", "?updated_since=0",
	"?number=x", "?number=99999999999999999999", "?tag=a,b%00", "?tag=%20", "?assigned=yes", "?assigned=1", "?snoozed=TRUE",
	"?unknown=1", "?STATUS=open", "?status%00=open", "?%ff=1", "?status=%ff", "?status=%c0%af", "?status=%", "?status=%4", "?status=%zz",
	"?fields=secret", "?fields=ticket_id,nope", "?include_total=maybe", "?include_total=1", "?include=nothing",
	"?org_id=org_other", "?status[]=open", "?status=open;priority=high", "?offset=10", "?page=2",
	NULL
};

static const char *const paths[] = {
	"/api/tickets/1", "/api/tickets/null", "/api/tickets/..%2f..%2fetc%2fpasswd", "/api/tickets/%00", "/api/tickets/%ff",
	"/api/tickets/01900000-0000-7000-8000-00000000000g", "/api/tickets/01900000-0000-7000-8000-0000000000001",
	"/api/tickets/{01900000-0000-7000-8000-000000000000}", "/api/tickets/%2501900000", "/api/tickets/' OR 1=1", "/api/tickets/%", "/api//tickets//",
	"/api/tickets/../tickets", "/api/v2/tickets", "/API/TICKETS", "/api/tickets.json", "/", "", "//", "/api", "/api/", "/%61pi/tickets",
	NULL
};
/* clang-format on */

static void
counts(char out[256])
{
	snprintf(out, 256, "%s",
	    sql_text(
		"SELECT concat_ws(' ', (SELECT count(*) FROM ticket), (SELECT count(*) FROM event), "
		"(SELECT count(*) FROM comment), (SELECT count(*) FROM customer), (SELECT count(*) "
		"FROM app_user), (SELECT count(*) FROM api_key), (SELECT count(*) FROM idempotency_key), "
		"(SELECT sum(version) FROM ticket))"));
}

static void
expect_refusal(const char *what)
{
	ck_assert_msg(status >= 400 && status <= 499, "%d for %s: %s", status, what, reply_body);
	ck_assert_msg(reply != NULL, "no JSON for %s: %s", what, reply_body);
	ck_assert_str_eq(header("Content-Type"), "application/problem+json");
	ck_assert_msg(has("code") && has("detail") && has("request_id"), "%s", reply_body);
}

TEST(every_hostile_body_is_refused_and_nothing_is_stored)
{
	const char *id = make_ticket("victim");
	char before[256], after[256], path[128];
	unsigned i;

	snprintf(path, sizeof(path), "/api/tickets/%s", id);
	counts(before);
	for (i = 0; bodies[i] != NULL; i++) {
		call("POST", "/api/tickets", bodies[i]);
		expect_refusal(bodies[i]);
		/* A change needs no field, so what is left is right for it. */
		if (strcmp(bodies[i], "") == 0 || strcmp(bodies[i], "{}") == 0)
			continue;
		if (strstr(bodies[i], "external_id\":null") == NULL) {
			call("PATCH", path, bodies[i]);
			expect_refusal(bodies[i]);
		}
	}
	counts(after);
	ck_assert_str_eq(before, after);
	ck_assert_uint_ge(i, 120);
}
END

TEST(every_hostile_query_is_refused)
{
	unsigned i;

	for (i = 0; queries[i] != NULL; i++) {
		call("GET", fmt("/api/tickets%s", queries[i]), NULL);
		expect_refusal(queries[i]);
	}
}
END

TEST(every_hostile_path_is_a_404)
{
	unsigned i;

	for (i = 0; paths[i] != NULL; i++) {
		call("GET", paths[i], NULL);
		/* Doubled slashes are as one, as in most servers. */
		if (strcmp(paths[i], "/api//tickets//") == 0)
			continue;
		ck_assert_msg(status == 404, "%d for %s", status, paths[i]);
		expect_refusal(paths[i]);
	}
}
END

TEST(a_nul_in_the_body_is_refused)
{
	static const char body[] = "{\"title\":\"a\0b\"}";

	call_raw("POST", "/api/tickets", body, sizeof(body) - 1, "application/json");
	expect_refusal("NUL");
}
END

    static void
    nested(const char *open, const char *close, int depth)
{
	static char body[4096];
	int i;

	snprintf(body, sizeof(body), "{\"name\":\"a\",\"attributes\":{\"x\":");
	for (i = 0; i < depth; i++)
		strcat(body, open);
	strcat(body, "1");
	for (i = 0; i < depth; i++)
		strcat(body, close);
	strcat(body, "}}");
	call("POST", "/api/customers", body);
}

TEST(nesting_has_an_end)
{
	nested("[", "]", 20);
	expect(201);
	nested("[", "]", 31);
	expect_refusal("31 deep");
	nested("{\"a\":", "}", 200);
	expect_refusal("200 deep");
}
END

TEST(ten_thousand_keys_are_too_many)
{
	static char body[400000];
	size_t n = (size_t)snprintf(body, sizeof(body), "{\"name\":\"a\",\"attributes\":{\"x\":1");
	int i;

	for (i = 0; i < 10001; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, ",\"k%d\":%d", i, i);
	snprintf(body + n, sizeof(body) - n, "}}");
	call("POST", "/api/customers", body);
	expect_refusal("10,000 keys");
}
END

TEST(a_body_beyond_the_limit_is_413_and_one_within_it_is_judged)
{
	static char body[1100000];

	memset(body, ' ', sizeof(body));
	memcpy(body, "{\"title\":\"a\"}", 13);
	call_raw("POST", "/api/tickets", body, 1048577, "application/json");
	expect_problem(413, "body_too_large");
	call_raw("POST", "/api/tickets", body, 1048576, "application/json");
	expect(201);
	memset(body, 'x', sizeof(body));
	memcpy(body, "{\"title\":\"", 10);
	memcpy(body + 600000, "\"}", 3);
	call("POST", "/api/tickets", body);
	expect_refusal("a title of 600,000 characters");
}
END

TEST(another_media_type_is_415)
{
	const char *body = "title=a";

	call_raw("POST", "/api/tickets", body, strlen(body), "application/x-www-form-urlencoded");
	expect_problem(415, "unsupported_media_type");
	call_raw("POST", "/api/tickets", "<a/>", 4, "text/xml");
	expect(415);
}
END

TEST(no_header_of_the_caller_can_make_another_one)
{
	static const char *const ids[] = { "a b", "a\rb", "<script>", "\xff", "x\x7f", "" };
	unsigned i;

	for (i = 0; i < LENGTH(ids); i++) {
		caller.headers = fmt("X-Request-Id: %s\n", ids[i]);
		call("GET", "/api/tickets", NULL);
		expect(200);
		ck_assert_uint_eq(strlen(header("X-Request-Id")), 36);
	}
	caller.headers = "X-Request-Id: my-id_1.2\n";
	call("GET", "/api/tickets", NULL);
	ck_assert_str_eq(header("X-Request-Id"), "my-id_1.2");
}
END

TEST(odd_credentials_and_conditions_are_refused)
{
	static const char *const lines[] = { "Authorization: Basic YTpi\n",
		"Authorization: Bearer\n", "Authorization: Bearer a.b.c\n",
		"Authorization: Bearer ..\n", "Authorization: x\n" };
	const char *id;
	unsigned i;

	for (i = 0; i < LENGTH(lines); i++) {
		caller_reset();
		caller.key = NULL;
		caller.headers = lines[i];
		call("GET", "/api/tickets", NULL);
		ck_assert_msg(status == 401, "%s: %d", lines[i], status);
	}
	caller_reset();
	id = make_ticket("x");
	caller.headers = "If-Match: nonsense\n";
	call("PATCH", fmt("/api/tickets/%s", id), "{\"priority\":\"low\"}");
	expect_problem(412, "precondition_failed");
	caller_reset();
	caller.headers = "Idempotency-Key: \x01\n";
	call("POST", "/api/tickets", "{\"title\":\"a\"}");
	expect_problem(400, "bad_request");
	caller.headers = "X-ServiceOS-Suppress: webhooks\n";
	caller.key = make_key(ORG, "write:tickets");
	call("POST", "/api/tickets", "{\"title\":\"a\"}");
	expect(403);
}
END

TEST(what_is_stored_is_what_was_sent)
{
	static const char odd[] =
	    "\\u00e9\\ud83d\\ude00 <b>&amp;</b> ' \\\" \\\\ %s %n ${x} {{y}} \\u2028 \\u202e";

	call("POST", "/api/tickets",
	    fmt("{\"title\":\"%s\",\"description\":\"%s\\n\\t\"}", odd, odd));
	expect(201);
	ck_assert_str_eq(text("title"),
	    "\xc3\xa9\xf0\x9f\x98\x80 <b>&amp;</b> ' \" \\ %s %n ${x} {{y}} \xe2\x80\xa8 \xe2\x80\xae");
	call("POST", "/api/customers",
	    "{\"name\":\"n\",\"attributes\":{\"a\":1.10,\"b\":9007199254740993,\"c\":[null,true],\"\":{}}}");
	expect(201);
	ck_assert_ptr_nonnull(strstr(reply_body, "9007199254740993"));
	ck_assert_ptr_nonnull(strstr(reply_body, "1.10"));
}
END

    static TCase *
    cases(void)
{
	TCase *tc = tcase_create("hostile");

	tcase_add_test(tc, every_hostile_body_is_refused_and_nothing_is_stored);
	tcase_add_test(tc, every_hostile_query_is_refused);
	tcase_add_test(tc, every_hostile_path_is_a_404);
	tcase_add_test(tc, a_nul_in_the_body_is_refused);
	tcase_add_test(tc, nesting_has_an_end);
	tcase_add_test(tc, ten_thousand_keys_are_too_many);
	tcase_add_test(tc, a_body_beyond_the_limit_is_413_and_one_within_it_is_judged);
	tcase_add_test(tc, another_media_type_is_415);
	tcase_add_test(tc, no_header_of_the_caller_can_make_another_one);
	tcase_add_test(tc, odd_credentials_and_conditions_are_refused);
	tcase_add_test(tc, what_is_stored_is_what_was_sent);
	return tc;
}

int
main(void)
{
	return harness_main("hostile", (TCase * (*[])(void)){ cases, NULL });
}

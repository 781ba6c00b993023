/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing of one organisation reaches another: not by an id in a path, a body
 * or a filter, not in a list, a count or an error. Three times over: as
 * shipped; with the statements' own org predicates cut out, so that row-level
 * security stands alone; and with row-level security bypassed.
 */
#include "fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct db *normal, *bypassing;

static bool
in_name(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_' || c == '.';
}

/* "t.org_id = $1" becomes a condition that is always true. */
static char *
without_org_predicates(const char *text_)
{
	static const char predicate[] = "org_id = $1", always[] = "$1::text IS NOT NULL";
	static char out[65536]; /* sent before the next one is edited */
	const char *p = text_, *found;
	size_t n;

	ck_assert_uint_lt(strlen(text_) * 3, sizeof(out));
	out[0] = '\0';
	while ((found = strstr(p, predicate)) != NULL) {
		n = (size_t)(found - p);
		while (n > 0 && in_name(p[n - 1]))
			n--;
		strncat(out, p, n);
		strcat(out, always);
		p = found + strlen(predicate);
	}
	return strcat(out, p);
}

static void
as_shipped(void)
{
	worker->db = normal;
	db_rewrite_hook = NULL;
	caller_reset();
}

static void
fresh_connection(void)
{
	/* Statements that are prepared already would keep their old text. */
	sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'serviceos_app' AND datname = current_database()");
}

static void
row_security_alone(void)
{
	as_shipped();
	fresh_connection();
	db_rewrite_hook = without_org_predicates;
}

static void
predicates_alone(void)
{
	as_shipped();
	worker->db = bypassing;
}

static void
back(void)
{
	fresh_connection();
	as_shipped();
}

/* Marks of the other organisation that must never be seen. */
static void
expect_no_trace(const char *what)
{
	ck_assert_msg(strstr(reply_body, OTHER) == NULL, "%s: %s", what, reply_body);
	ck_assert_msg(strstr(reply_body, other.ticket) == NULL, "%s: %s", what, reply_body);
}

TEST(one_of_everything_is_made_in_two_organizations)
{
	if (own.ticket[0] != '\0')
		return;
	make_all(&own, ORG);
	caller.key = other_key;
	make_all(&other, OTHER);
	relay();
}
END

TEST(no_path_reaches_another_organizations_things)
{
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);
		const char *body;

		if (!has_id(route) || strstr(route->path, "external_id") != NULL ||
		    strstr(route->path, "/api/tags/") != NULL)
			continue;
		body = route->body == NULL ? NULL : body_of(route);
		call(method_word(route->method), path_of(route, &other), body);
		ck_assert_msg(status == 404, "%s answers %d: %s", route->id, status, reply_body);
		expect_no_trace(route->id);
	}
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM event WHERE org_id = '" OTHER
		     "' AND actor_id <> (SELECT key_id::text FROM api_key WHERE org_id = '" OTHER
		     "' AND name = 'test' LIMIT 1) AND actor_type <> 'system'"),
	    "0");
}
END

TEST(no_list_shows_another_organizations_things)
{
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);

		if (route->list == NULL)
			continue;
		call("GET", fmt("%s?limit=100&include_total=true", path_of(route, &own)), NULL);
		expect(200);
		expect_no_trace(route->id);
	}
}
END

TEST(no_filter_finds_another_organizations_things)
{
	call("GET", fmt("/api/tickets?customer_id=%s&include_total=true", other.customer), NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 0);
	ck_assert_int_eq(number("total"), 0);
	call("GET", fmt("/api/v1/events?ticket_id=%s", other.ticket), NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", fmt("/api/organizations/" ORG "/audit-log?resource_id=%s", other.ticket), NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", fmt("/api/organizations/" ORG "/users?email=%s@example.com", OTHER), NULL);
	ck_assert_uint_eq(count("data"), 0);
}
END

    static void
    refuse_reference(const char *method, const char *path, const char *body)
{
	call(method, path, body);
	ck_assert_msg(status == 422 || status == 404, "%s %s %s answers %d: %s", method, path, body,
	    status, reply_body);
	expect_no_trace(body);
}

TEST(no_body_can_refer_to_another_organizations_things)
{
	const char *mine = fmt("/api/tickets/%s", own.ticket);

	refuse_reference("POST", "/api/tickets",
	    fmt("{\"title\":\"x\",\"customer_id\":\"%s\"}", other.customer));
	refuse_reference("PATCH", mine, fmt("{\"customer_id\":\"%s\"}", other.customer));
	refuse_reference("PATCH", mine, fmt("{\"assignee_user_id\":\"%s\"}", other.user));
	refuse_reference(
	    "POST", fmt("%s/assign", mine), fmt("{\"assignee_user_id\":\"%s\"}", other.user));
	refuse_reference(
	    "POST", fmt("%s/merge", mine), fmt("{\"ticket_ids\":[\"%s\"]}", other.ticket));
	refuse_reference(
	    "POST", fmt("%s/split", mine), fmt("{\"comment_ids\":[\"%s\"]}", other.comment));
	refuse_reference("POST", fmt("%s/links", mine),
	    fmt("{\"target_id\":\"%s\",\"kind\":\"related\"}", other.ticket));
	refuse_reference("POST", fmt("/api/customers/%s/merge", own.customer),
	    fmt("{\"customer_ids\":[\"%s\"]}", other.customer));
	refuse_reference("DELETE",
	    fmt("/api/organizations/" ORG "/users/%s?reassign_to=%s", own.user, other.user), NULL);
	refuse_reference(
	    "POST", fmt("%s/attachments?filename=x&comment_id=%s", mine, other.comment), "x");
}
END

TEST(a_comments_path_must_name_its_own_ticket)
{
	call("PATCH", fmt("/api/tickets/%s/comments/%s", own.second, own.comment),
	    "{\"body\":\"x\"}");
	expect(404);
	call("DELETE", fmt("/api/tickets/%s/internal-notes/%s", own.second, own.note), NULL);
	expect(404);
}
END

TEST(a_stored_reply_belongs_to_its_caller)
{
	caller.headers = "Idempotency-Key: shared\n";
	call("POST", "/api/tickets", "{\"title\":\"mine\"}");
	expect(201);
	caller.key = other_key;
	call("POST", "/api/tickets", "{\"title\":\"mine\"}");
	expect(201);
	ck_assert_ptr_null(header("Idempotency-Replayed"));
	ck_assert_str_eq(text("org_id"), OTHER);
}
END

/* The matrix would be worth nothing if it could not fail. */
TEST(without_both_walls_the_other_organization_is_seen)
{
	db_free(bypassing);
	bypassing = db_new(fmt("host=%s dbname=%s user=postgres", getenv("SERVICEOS_TEST_PG"),
			       sql_text("SELECT current_database()")),
	    "bypassing", 3000);
	worker->db = bypassing;
	db_rewrite_hook = without_org_predicates;
	call("GET", fmt("/api/tickets/%s", other.ticket), NULL);
	expect(200);
	ck_assert_str_eq(text("org_id"), OTHER);
	as_shipped();
}
END

    static TCase *
    matrix(const char *name, void (*before)(void), void (*after)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, before, after);
	tcase_add_test(tc, one_of_everything_is_made_in_two_organizations);
	tcase_add_test(tc, no_path_reaches_another_organizations_things);
	tcase_add_test(tc, no_list_shows_another_organizations_things);
	tcase_add_test(tc, no_filter_finds_another_organizations_things);
	tcase_add_test(tc, no_body_can_refer_to_another_organizations_things);
	tcase_add_test(tc, a_comments_path_must_name_its_own_ticket);
	return tc;
}

static TCase *
shipped(void)
{
	TCase *tc;

	normal = worker->db;
	bypassing = db_new(fmt("host=%s dbname=%s user=postgres", getenv("SERVICEOS_TEST_PG"),
			       sql_text("SELECT current_database()")),
	    "bypassing", 3000);
	tc = matrix("as_shipped", as_shipped, NULL);
	tcase_add_test(tc, a_stored_reply_belongs_to_its_caller);
	return tc;
}

static TCase *
rls_only(void)
{
	return matrix("row_security_alone", row_security_alone, back);
}

static TCase *
sql_only(void)
{
	TCase *tc = matrix("predicates_alone", predicates_alone, back);

	tcase_add_test(tc, without_both_walls_the_other_organization_is_seen);
	return tc;
}

int
main(void)
{
	return harness_main("tenant", (TCase * (*[])(void)){ shipped, rls_only, sql_only, NULL });
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Customers, users, organizations and their audit log, as the API shows them. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define USERS "/api/organizations/" ORG "/users"

static const char *
make_customer(const char *body)
{
	return make("/api/customers", body, "customer_id");
}

TEST(a_customer_is_found_by_what_one_knows)
{
	const char *id = make_customer(
	    "{\"name\":\"Ada\",\"email\":\"Ada@Example.com\",\"phone\":\"+44 1\",\"external_id\":\"crm-9\"}");

	call("GET", "/api/customers?email=ada@example.COM", NULL);
	ck_assert_str_eq(text("data.0.customer_id"), id);
	call("GET", "/api/customers?phone=%2B44%201", NULL);
	ck_assert_str_eq(text("data.0.customer_id"), id);
	call("GET", "/api/customers?external_id=crm-9&external_id=x", NULL);
	ck_assert_str_eq(text("data.0.customer_id"), id);
	call("POST", "/api/customers", "{\"email\":\"ADA@example.com\"}");
	expect_field("email", "already_exists");
}
END

TEST(an_upsert_creates_once_and_changes_only_what_it_names)
{
	const char *id;

	call("PUT", "/api/customers/by-external-id/a%2Fb", "{\"name\":\"First\",\"phone\":\"1\"}");
	expect(201);
	id = text("customer_id");
	ck_assert_str_eq(text("external_id"), "a/b");
	call("PUT", "/api/customers/by-external-id/a%2Fb", "{\"name\":\"Second\"}");
	expect(200);
	ck_assert_str_eq(text("customer_id"), id);
	ck_assert_str_eq(text("name"), "Second");
	ck_assert_str_eq(text("phone"), "1");
	call("PUT", "/api/customers/by-external-id/a%2Fb", "{\"name\":\"Second\"}");
	ck_assert_int_eq(number("version"), 2);
}
END

    static void
    expect_no_trace_of(const char *word)
{
	static const char *const tables[] = { "customer", "ticket", "comment", "comment_revision",
		"event", "ticket_merge" };
	unsigned i;

	for (i = 0; i < LENGTH(tables); i++)
		ck_assert_msg(
		    strcmp(sql_text("SELECT count(*) FROM %s x WHERE x::text ILIKE '%%%s%%'",
			       tables[i], word),
			"0") == 0,
		    "%s is still in %s", word, tables[i]);
}

static const char *
person_with_tickets(const char *word)
{
	const char *id = make_customer(
		       fmt("{\"name\":\"%s\",\"email\":\"%s@example.com\"}", word, word)),
		   *ticket;

	ticket = make_ticket_of(
	    fmt("{\"title\":\"%s is angry\",\"description\":\"I, %s\",\"customer_id\":\"%s\"}",
		word, word, id));
	call("PATCH", fmt("/api/tickets/%s", ticket), fmt("{\"title\":\"%s is calm\"}", word));
	call("POST", fmt("/api/tickets/%s/comments", ticket),
	    fmt("{\"body\":\"%s here\",\"author_type\":\"customer\"}", word));
	expect(201);
	return id;
}

TEST(an_anonymized_person_leaves_no_trace_but_the_tickets_stay)
{
	const char *id = person_with_tickets("Zanzibar");

	call("DELETE", fmt("/api/customers/%s", id), NULL);
	expect(204);
	expect_no_trace_of("zanzibar");
	call("GET", fmt("/api/tickets?customer_id=%s", id), NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("GET", fmt("/api/customers/%s", id), NULL);
	ck_assert_str_ne(text("erased_at"), "null");
}
END

TEST(a_deleted_person_takes_the_tickets_along)
{
	const char *id = person_with_tickets("Quixotic");

	call("DELETE", fmt("/api/customers/%s?mode=delete", id), NULL);
	expect(204);
	expect_no_trace_of("quixotic");
	call("GET", fmt("/api/customers/%s", id), NULL);
	expect(404);
	call("DELETE", "/api/customers/01900000-0000-7000-8000-000000000000?mode=vanish", NULL);
	expect_field("mode", "not_allowed");
}
END

TEST(merged_customers_bring_their_tickets_and_what_was_missing)
{
	const char *a = make_customer("{\"name\":\"A\"}");
	const char *b = make_customer(
	    "{\"name\":\"B\",\"email\":\"b@merge.example\",\"attributes\":{\"plan\":\"pro\"}}");

	call("POST", "/api/tickets", fmt("{\"title\":\"of b\",\"customer_id\":\"%s\"}", b));
	call("POST", fmt("/api/customers/%s/merge", a), fmt("{\"customer_ids\":[\"%s\"]}", b));
	expect(200);
	ck_assert_str_eq(text("name"), "A");
	ck_assert_str_eq(text("email"), "b@merge.example");
	ck_assert_str_eq(text("attributes.plan"), "pro");
	call("GET", fmt("/api/customers/%s?include=tickets,company", a), NULL);
	ck_assert_str_eq(text("tickets.0.title"), "of b");
	call("GET", fmt("/api/customers/%s", b), NULL);
	ck_assert_str_eq(text("merged_into_id"), a);
	call("GET", "/api/customers?email=b@merge.example", NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(users_are_unique_by_address_and_never_show_a_password)
{
	call("POST", USERS,
	    "{\"email\":\"u@example.com\",\"name\":\"U\",\"password\":\"correct horse\",\"skills\":[\"x\"]}");
	expect(201);
	ck_assert_str_eq(text("has_password"), "true");
	ck_assert_ptr_null(strstr(reply_body, "password_hash"));
	call("POST", USERS, "{\"email\":\"U@EXAMPLE.COM\",\"name\":\"U\"}");
	expect_field("email", "already_exists");
	call("GET", USERS "?skill=x&role=agent", NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("POST", USERS, "{\"email\":\"v@example.com\",\"name\":\"V\",\"password\":\"short\"}");
	expect_field("password", "too_short");
}
END

TEST(the_last_admin_stays_and_tickets_find_another_agent)
{
	const char *ticket = make_ticket("mine"), *boss = make_user("boss", ",\"role\":\"admin\""),
		   *one = make_user("one", ""), *two = make_user("two", "");

	call("DELETE", fmt(USERS "/%s", boss), NULL);
	expect_problem(409, "last_admin");
	call("PATCH", fmt("/api/tickets/%s", ticket), fmt("{\"assignee_user_id\":\"%s\"}", one));
	expect(200);
	call("GET", fmt(USERS "/%s", one), NULL);
	ck_assert_int_eq(number("open_tickets"), 1);
	call("DELETE", fmt(USERS "/%s?reassign_to=%s", one, two), NULL);
	expect(204);
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	ck_assert_str_eq(text("assignee_user_id"), two);
	call("GET", fmt(USERS "/%s", one), NULL);
	ck_assert_str_eq(text("active"), "false");
}
END

TEST(settings_are_checked_and_their_change_is_in_the_audit_log)
{
	call("PATCH", "/api/organizations/" ORG, "{\"timezone\":\"Mars/Olympus\"}");
	expect_field("timezone", "not_allowed");
	caller.address = "192.0.2.44";
	call("PATCH", "/api/organizations/" ORG,
	    "{\"timezone\":\"Europe/Berlin\",\"retention_days\":60}");
	expect(200);
	call("GET", "/api/organizations/" ORG "/audit-log?action=organization.updated", NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.changes.timezone.to"), "Europe/Berlin");
	ck_assert_str_eq(text("data.0.address"), "192.0.2.44");
	ck_assert_str_eq(text("data.0.actor_type"), "api_key");
}
END

TEST(secrets_are_redacted_in_the_audit_log)
{
	call("POST", "/api/organizations/" ORG "/api-keys",
	    "{\"name\":\"k\",\"scopes\":[\"read:tickets\"]}");
	call("GET", "/api/organizations/" ORG "/audit-log?resource=api_key&limit=1", NULL);
	ck_assert_str_eq(text("data.0.changes.secret_hash"), "[redacted]");
	call("POST", USERS,
	    "{\"email\":\"pw@example.com\",\"name\":\"P\",\"password\":\"correct horse\"}");
	call("GET", "/api/organizations/" ORG "/audit-log?resource=user&limit=1", NULL);
	ck_assert_str_eq(text("data.0.changes.password_hash"), "[redacted]");
}
END

TEST(usage_counts_what_is_there)
{
	make_ticket("counted");
	call("GET", "/api/organizations/" ORG "/usage", NULL);
	expect(200);
	ck_assert_int_ge(number("tickets"), 1);
	ck_assert_int_gt(number("rate_general"), 0);
}
END

    static TCase *
    cases(void)
{
	TCase *tc = tcase_create("people");

	tcase_add_test(tc, a_customer_is_found_by_what_one_knows);
	tcase_add_test(tc, an_upsert_creates_once_and_changes_only_what_it_names);
	tcase_add_test(tc, an_anonymized_person_leaves_no_trace_but_the_tickets_stay);
	tcase_add_test(tc, a_deleted_person_takes_the_tickets_along);
	tcase_add_test(tc, merged_customers_bring_their_tickets_and_what_was_missing);
	tcase_add_test(tc, users_are_unique_by_address_and_never_show_a_password);
	tcase_add_test(tc, the_last_admin_stays_and_tickets_find_another_agent);
	tcase_add_test(tc, settings_are_checked_and_their_change_is_in_the_audit_log);
	tcase_add_test(tc, secrets_are_redacted_in_the_audit_log);
	tcase_add_test(tc, usage_counts_what_is_there);
	return tc;
}

int
main(void)
{
	return harness_main("people", (TCase * (*[])(void)){ cases, NULL });
}

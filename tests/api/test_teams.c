/* SPDX-License-Identifier: Apache-2.0 */
/* Companies and teams: who belongs where, and what stays when one goes. */
#include "harness.h"

#define TEAMS "/api/organizations/" ORG "/teams"

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM team; DELETE FROM business_hours; "
	    "DELETE FROM customer c USING organization o WHERE c.customer_id <> o.default_customer_id "
	    "AND c.org_id = o.org_id; DELETE FROM company; DELETE FROM app_user");
}

TEST(a_customer_belongs_to_the_company_of_the_address)
{
	const char *id = make("/api/companies",
	    "{\"name\":\"Engines\",\"domains\":[\"Engines.example\",\"engines.example\"]}",
	    "company_id");
	const char *customer, *ticket;

	ck_assert_str_eq(text("domains.0"), "engines.example");
	ck_assert_uint_eq(count("domains"), 1);
	customer = make("/api/customers", "{\"email\":\"ada@ENGINES.example\"}", "customer_id");
	ck_assert_str_eq(text("company_id"), id);
	make("/api/customers", "{\"email\":\"ada@other.example\"}", "customer_id");
	ck_assert_str_eq(text("company_id"), "null");
	ticket = make_ticket_of(fmt("{\"title\":\"t\",\"customer_id\":\"%s\"}", customer));
	ck_assert_str_eq(text("company_id"), id);
	call("GET", fmt("/api/companies/%s?include=customers,tickets", id), NULL);
	ck_assert_str_eq(text("customers.0.customer_id"), customer);
	ck_assert_str_eq(text("tickets.0.ticket_id"), ticket);
	call("GET", "/api/companies?domain=ENGINES.example", NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(a_domain_belongs_to_one_company)
{
	make("/api/companies", "{\"name\":\"A\",\"domains\":[\"a.example\"]}", "company_id");
	call("POST", "/api/companies", "{\"name\":\"B\",\"domains\":[\"A.example\"]}");
	expect_problem(409, "already_exists");
	expect_field("domains", "already_exists");
	ck_assert_str_eq(text("title"), "A resource with this value exists already.");
}
END

TEST(a_company_names_no_archived_sla_policy_but_keeps_one)
{
	const char *policy = make("/api/sla/policies",
	    "{\"name\":\"Gone\",\"targets\":{\"low\":{\"resolution_minutes\":5}}}", "policy_id");
	const char *keeps = make("/api/companies",
	    fmt("{\"name\":\"A\",\"sla_policy_id\":\"%s\"}", policy), "company_id");
	const char *other = make("/api/companies", "{\"name\":\"B\"}", "company_id");

	call("DELETE", fmt("/api/sla/policies/%s", policy), NULL);
	expect(204);
	call("POST", "/api/companies", fmt("{\"name\":\"C\",\"sla_policy_id\":\"%s\"}", policy));
	expect_problem(422, "unknown_reference");
	expect_field("sla_policy_id", "unknown_reference");
	call("PATCH", fmt("/api/companies/%s", other), fmt("{\"sla_policy_id\":\"%s\"}", policy));
	expect_field("sla_policy_id", "unknown_reference");
	call("PATCH", fmt("/api/companies/%s", keeps), "{\"name\":\"AA\"}");
	expect(200);
}
END

TEST(a_domain_is_one_that_an_address_can_have)
{
	static const char *const bad[] = { "not a domain!", "@acme.example",
		"https://acme.example/", "acme", "acme..example", ".acme.example", "-acme.example",
		"b\xc3\xbc"
		"cher.example",
		"acme.example." };
	unsigned i;

	for (i = 0; i < LENGTH(bad); i++) {
		call("POST", "/api/companies",
		    fmt("{\"name\":\"x\",\"domains\":[\"a.example\",\"%s\"]}", bad[i]));
		expect_field("domains[1]", "format");
	}
	make("/api/companies",
	    "{\"name\":\"x\",\"domains\":[\"xn--bcher-kva.example\",\"mail-1.Co.UK\"]}",
	    "company_id");
	make("/api/customers", "{\"email\":\"ada@XN--bcher-kva.example\"}", "customer_id");
	ck_assert_str_ne(text("company_id"), "null");
}
END

TEST(a_deleted_company_leaves_its_customers_and_tickets)
{
	const char *id =
	    make("/api/companies", "{\"name\":\"A\",\"domains\":[\"a.example\"]}", "company_id");
	const char *customer = make("/api/customers", "{\"email\":\"x@a.example\"}", "customer_id");
	const char *ticket =
	    make_ticket_of(fmt("{\"title\":\"t\",\"customer_id\":\"%s\"}", customer));

	call("DELETE", fmt("/api/companies/%s", id), NULL);
	expect(204);
	call("GET", fmt("/api/customers/%s", customer), NULL);
	ck_assert_str_eq(text("company_id"), "null");
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	ck_assert_str_eq(text("company_id"), "null");
	call("GET", fmt("/api/companies/%s", id), NULL);
	expect(404);
}
END

TEST(a_team_shows_its_members_and_its_version_counts_them)
{
	const char *ada = make_user("ada", ""), *bob = make_user("bob", "");
	const char *id = make(
	    TEAMS, fmt("{\"name\":\"Blue\",\"member_ids\":[\"%s\",\"%s\"]}", ada, ada), "team_id");
	long version = number("version");

	ck_assert_uint_eq(count("members"), 1);
	ck_assert_str_eq(text("members.0.name"), "ada");
	call("POST", fmt(TEAMS "/%s/members", id),
	    fmt("{\"member_ids\":[\"%s\",\"%s\"]}", ada, bob));
	expect(200);
	ck_assert_uint_eq(count("members"), 2);
	ck_assert_int_gt(number("version"), version);
	call("DELETE", fmt(TEAMS "/%s/members/%s", id, ada), NULL);
	expect(204);
	call("DELETE", fmt(TEAMS "/%s/members/%s", id, ada), NULL);
	expect(404);
	call("PUT", fmt(TEAMS "/%s", id), fmt("{\"member_ids\":[\"%s\"]}", ada));
	expect(200);
	ck_assert_str_eq(text("members.0.user_id"), ada);
	ck_assert_str_eq(text("name"), "Blue");
	call("GET", fmt(TEAMS "?user_id=%s", ada), NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("GET", fmt(TEAMS "?user_id=%s", bob), NULL);
	ck_assert_uint_eq(count("data"), 0);
}
END

TEST(a_team_takes_active_users_of_its_organization_only)
{
	const char *ada = make_user("ada", "");

	call("POST", TEAMS,
	    "{\"name\":\"x\",\"member_ids\":[\"0190163d-8694-739b-aea5-966c26f8ad91\"]}");
	expect_field("member_ids[0]", "unknown_reference");
	call("DELETE", fmt("/api/organizations/" ORG "/users/%s", ada), NULL);
	call("POST", TEAMS, fmt("{\"name\":\"x\",\"member_ids\":[\"%s\"]}", ada));
	expect_field("member_ids[0]", "unknown_reference");
	make(TEAMS, "{\"name\":\"Blue\"}", "team_id");
	call("POST", TEAMS, "{\"name\":\"BLUE\"}");
	expect_field("name", "already_exists");
}
END

TEST(a_user_who_is_no_member_is_named_by_the_place)
{
	const char *ada = make_user("ada", ""), *gone = make_user("bob", "");
	const char *id =
	    make(TEAMS, fmt("{\"name\":\"x\",\"member_ids\":[\"%s\"]}", ada), "team_id");

	call("DELETE", fmt("/api/organizations/" ORG "/users/%s", gone), NULL);
	call("PUT", fmt(TEAMS "/%s", id), fmt("{\"member_ids\":[\"%s\",\"%s\"]}", ada, gone));
	expect_field("member_ids[1]", "unknown_reference");
	call("POST", fmt(TEAMS "/%s/members", id), fmt("{\"member_ids\":[\"%s\"]}", gone));
	expect_field("member_ids[0]", "unknown_reference");
}
END

TEST(who_is_deactivated_leaves_the_teams)
{
	const char *ada = make_user("ada", ""), *bob = make_user("bob", "");
	const char *id = make(
	    TEAMS, fmt("{\"name\":\"x\",\"member_ids\":[\"%s\",\"%s\"]}", ada, bob), "team_id");
	long version = number("version");

	call("DELETE", fmt("/api/organizations/" ORG "/users/%s", ada), NULL);
	expect(204);
	call("GET", fmt(TEAMS "/%s", id), NULL);
	ck_assert_uint_eq(count("members"), 1);
	ck_assert_str_eq(text("members.0.user_id"), bob);
	ck_assert_int_gt(number("version"), version);
	call("PATCH", fmt("/api/organizations/" ORG "/users/%s", bob), "{\"active\":false}");
	expect(200);
	ck_assert_uint_eq(count("team_ids"), 0);
	call("PATCH", fmt("/api/organizations/" ORG "/users/%s", bob), "{\"active\":true}");
	expect(200);
	ck_assert_uint_eq(count("team_ids"), 0);
	call("GET", fmt(TEAMS "/%s", id), NULL);
	ck_assert_uint_eq(count("members"), 0);
	call("PUT", fmt(TEAMS "/%s", id), fmt("{\"member_ids\":[\"%s\"]}", bob));
	expect(200);
}
END

TEST(a_deleted_team_hands_its_tickets_over)
{
	const char *blue = make(TEAMS, "{\"name\":\"Blue\"}", "team_id");
	const char *green = make(TEAMS, "{\"name\":\"Green\"}", "team_id");
	const char *ticket = make_ticket_of(fmt("{\"title\":\"t\",\"team_id\":\"%s\"}", blue));

	call("DELETE", fmt(TEAMS "/%s?move_to=%s", blue, blue), NULL);
	expect_field("move_to", "unknown_reference");
	call("DELETE", fmt(TEAMS "/%s?move_to=%s", blue, green), NULL);
	expect(204);
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	ck_assert_str_eq(text("team_id"), green);
	call("DELETE", fmt(TEAMS "/%s", green), NULL);
	expect(204);
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	ck_assert_str_eq(text("team_id"), "null");
}
END

TEST(a_deleted_team_leaves_its_macros)
{
	const char *macros = "/api/organizations/" ORG "/macros", *macro;
	const char *blue = make(TEAMS, "{\"name\":\"Blue\"}", "team_id");
	const char *green = make(TEAMS, "{\"name\":\"Green\"}", "team_id");

	macro = make(macros, fmt("{\"name\":\"Ours\",\"reply\":\"x\",\"team_id\":\"%s\"}", blue),
	    "macro_id");
	call("DELETE", fmt(TEAMS "/%s?move_to=%s", blue, green), NULL);
	expect(204);
	call("GET", fmt("%s/%s", macros, macro), NULL);
	expect(200);
	ck_assert_str_eq(text("team_id"), green);
	call("DELETE", fmt(TEAMS "/%s", green), NULL);
	expect(204);
	call("GET", fmt("%s/%s", macros, macro), NULL);
	ck_assert_str_eq(text("team_id"), "null");
	call("GET",
	    fmt("/api/organizations/" ORG "/audit-log?action=macro.updated&resource_id=%s", macro),
	    NULL);
	ck_assert_uint_eq(count("data"), 2);
	call("DELETE", fmt("%s/%s", macros, macro), NULL);
}
END

TEST(a_calendar_in_use_stays)
{
	const char *hours = "/api/organizations/" ORG "/business-hours", *id;

	id = make(hours,
	    "{\"name\":\"Office\",\"weekly\":{\"monday\":[{\"start\":\"13:00\",\"end\":\"17:00\"},"
	    "{\"start\":\"09:00\",\"end\":\"12:00\"}]},\"is_default\":true}",
	    "business_hours_id");
	ck_assert_str_eq(text("weekly.monday.0.start"), "09:00");
	ck_assert_str_eq(text("timezone"), "UTC");
	make(TEAMS, fmt("{\"name\":\"Blue\",\"business_hours_id\":\"%s\"}", id), "team_id");
	call("DELETE", fmt("%s/%s", hours, id), NULL);
	expect(409);
	make(hours, "{\"name\":\"Other\",\"is_default\":true}", "business_hours_id");
	call("GET", fmt("%s/%s", hours, id), NULL);
	ck_assert_str_eq(text("is_default"), "false");
	call("POST", hours, "{\"name\":\"x\",\"weekly\":{\"someday\":[]}}");
	expect_field("weekly.someday", "unknown_field");
	call("POST", hours,
	    "{\"name\":\"x\",\"weekly\":{\"monday\":[{\"start\":\"09:00\",\"end\":\"08:00\"}]}}");
	expect_field("weekly.monday[0].end", "range");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("teams");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_customer_belongs_to_the_company_of_the_address);
	tcase_add_test(c, a_domain_belongs_to_one_company);
	tcase_add_test(c, a_domain_is_one_that_an_address_can_have);
	tcase_add_test(c, a_company_names_no_archived_sla_policy_but_keeps_one);
	tcase_add_test(c, a_deleted_company_leaves_its_customers_and_tickets);
	tcase_add_test(c, a_team_shows_its_members_and_its_version_counts_them);
	tcase_add_test(c, a_team_takes_active_users_of_its_organization_only);
	tcase_add_test(c, a_user_who_is_no_member_is_named_by_the_place);
	tcase_add_test(c, who_is_deactivated_leaves_the_teams);
	tcase_add_test(c, a_deleted_team_hands_its_tickets_over);
	tcase_add_test(c, a_deleted_team_leaves_its_macros);
	tcase_add_test(c, a_calendar_in_use_stays);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("teams", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk changes: item by item, all or none, in earnest or not. Jobs: test_bulk_jobs.c. */
#include "fixtures_bulk.h"

#include <string.h>

#define BULK "/api/bulk/tickets"
#define NOBODY "0190163d-8694-739b-aea5-966c26f8ad91"

static const char *
priority_of(const char *id)
{
	call("GET", fmt("/api/tickets/%s", id), NULL);
	return text("priority");
}

TEST(each_ticket_succeeds_or_fails_on_its_own)
{
	const char *a = make_ticket("a"), *b = make_ticket("b");

	call("POST", fmt("/api/tickets/%s/merge", a), fmt("{\"ticket_ids\":[\"%s\"]}", b));
	expect(200);
	call("PATCH", BULK,
	    fmt("{\"ticket_ids\":[\"%s\",\"%s\",\"" NOBODY
		"\"],\"changes\":{\"priority\":\"low\"}}",
		b, a));
	expect(200);
	ck_assert_int_eq(number("succeeded"), 1);
	ck_assert_int_eq(number("failed"), 2);
	ck_assert_str_eq(text("results.0.code"), "ticket_merged");
	ck_assert_str_eq(text("results.1.status"), "ok");
	ck_assert_str_eq(text("results.1.before.priority"), "normal");
	ck_assert_str_eq(text("results.2.code"), "not_found");
	ck_assert_str_eq(priority_of(a), "low");
}
END

TEST(all_or_none_leaves_every_ticket_as_it_was)
{
	const char *a = make_ticket("a"), *b = make_ticket("b");

	call("PATCH", BULK,
	    fmt("{\"ticket_ids\":[\"%s\",\"" NOBODY
		"\",\"%s\"],\"changes\":{\"priority\":\"low\"},\"atomic\":true}",
		a, b));
	expect(200);
	ck_assert_int_eq(number("succeeded"), 0);
	ck_assert_str_eq(text("results.0.status"), "rolled_back");
	ck_assert_str_eq(text("results.1.status"), "failed");
	ck_assert_str_eq(priority_of(a), "normal");
}
END

TEST(a_dry_run_tells_what_would_happen_and_leaves_nothing)
{
	const char *a = make_ticket("a"), *events = sql_text("SELECT count(*) FROM event");

	call("PATCH", BULK,
	    fmt("{\"ticket_ids\":[\"%s\"],\"changes\":{\"status\":\"closed\"},\"dry_run\":true}",
		a));
	expect(200);
	ck_assert_int_eq(number("succeeded"), 1);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM event"), events);
	call("POST", BULK, "{\"tickets\":[{\"title\":\"x\"}],\"dry_run\":true}");
	expect(200);
	ck_assert_str_eq(text("results.0.status"), "ok");
	ck_assert_str_eq(text("results.0.ticket_id"), "null");
	call("GET", fmt("/api/tickets/%s", a), NULL);
	ck_assert_str_eq(text("status"), "new");
}
END

TEST(the_rules_of_one_ticket_hold_for_each)
{
	const char *a = make_ticket("a");

	call("PATCH", BULK,
	    fmt("{\"ticket_ids\":[\"%s\"],\"changes\":{\"team_id\":\"" NOBODY "\"}}", a));
	ck_assert_str_eq(text("results.0.code"), "unknown_reference");
	ck_assert_str_eq(text("results.0.field"), "team_id");
	call("PATCH", BULK,
	    fmt("{\"ticket_ids\":[\"%s\"],\"changes\":{\"custom_fields\":{\"x\":1}}}", a));
	ck_assert_str_eq(text("results.0.field"), "custom_fields.x");
	call(
	    "PATCH", BULK, fmt("{\"ticket_ids\":[\"%s\"],\"changes\":{\"status\":\"merged\"}}", a));
	expect_field("changes.status", "not_allowed");
	call("PATCH", BULK, fmt("{\"ticket_ids\":[\"%s\"],\"changes\":{}}", a));
	expect_field("changes", "required");
	call("PATCH", BULK,
	    fmt("{\"ticket_ids\":[\"%s\",\"%s\"],\"changes\":{\"title\":\"x\"}}", a, a));
	expect_field("ticket_ids[1]", "repeated");
}
END

TEST(closing_takes_ids_from_the_body_or_the_query)
{
	const char *a = make_ticket("a"), *b = make_ticket("b");

	call("DELETE", BULK, fmt("{\"ticket_ids\":[\"%s\"]}", a));
	expect(200);
	ck_assert_int_eq(number("succeeded"), 1);
	call("DELETE", fmt(BULK "?ids=%s,%s", a, b), NULL);
	expect(200);
	ck_assert_int_eq(number("succeeded"), 2);
	call("GET", fmt("/api/tickets/%s", b), NULL);
	ck_assert_str_eq(text("status"), "closed");
	call("DELETE", BULK, NULL);
	expect_field("ticket_ids", "required");
	call("DELETE", BULK "?ids=x", NULL);
	expect_field("ids", "format");
}
END

TEST(closing_by_the_query_takes_the_modes_there_too)
{
	const char *a = make_ticket("a");

	call("DELETE", fmt(BULK "?ids=%s&dry_run=true", a), NULL);
	expect(200);
	ck_assert_str_eq(text("dry_run"), "true");
	ck_assert_int_eq(number("succeeded"), 1);
	call("DELETE", fmt(BULK "?ids=%s," NOBODY "&atomic=true", a), NULL);
	expect(200);
	ck_assert_str_eq(text("results.0.status"), "rolled_back");
	call("DELETE", BULK "?dry_run=true",
	    fmt("{\"ticket_ids\":[\"%s\"],\"dry_run\":true,\"atomic\":true}", a));
	expect(200);
	ck_assert_str_eq(text("dry_run"), "true");
	ck_assert_str_eq(text("atomic"), "true");
	call("GET", fmt("/api/tickets/%s", a), NULL);
	ck_assert_str_eq(text("status"), "new");
	call("DELETE", fmt(BULK "?ids=%s&dry_run=true", a), "{\"dry_run\":false}");
	expect_field("dry_run", "conflict");
	call("DELETE", fmt(BULK "?ids=%s&atomic=false", a), "{\"atomic\":true}");
	expect_field("atomic", "conflict");
	call("DELETE", fmt(BULK "?ids=%s&dry_run=perhaps", a), NULL);
	expect_field("dry_run", "type");
}
END

TEST(a_refusal_of_ids_names_where_they_were_sent)
{
	const char *a = make_ticket("a");

	call("DELETE", fmt(BULK "?ids=%s,%s", a, a), NULL);
	expect_field("ids", "repeated");
	call("DELETE", BULK, fmt("{\"ticket_ids\":[\"%s\",\"%s\"]}", a, a));
	expect_field("ticket_ids[1]", "repeated");
	call("DELETE", BULK "?ids=", NULL);
	expect_field("ids", "required");
}
END

TEST(times_look_alike_in_what_tickets_were)
{
	const char *a = make_ticket("a"), *closed;

	call("PATCH", fmt("/api/tickets/%s", a), "{\"status\":\"closed\"}");
	closed = text("closed_at");
	call("PATCH", BULK, fmt("{\"ticket_ids\":[\"%s\"],\"changes\":{\"status\":\"open\"}}", a));
	expect(200);
	ck_assert_str_eq(text("results.0.before.closed_at"), closed);
	ck_assert_str_eq(text("results.0.before.status"), "closed");
}
END

TEST(a_text_that_looks_like_a_time_stays_as_it_is)
{
	static const char title[] = "2026-11-29T12:52:55.503984+00:00";
	const char *a = make_ticket("a");

	call("PATCH", BULK,
	    fmt("{\"ticket_ids\":[\"%s\"],\"changes\":{\"external_id\":\"%s\"}}", a, title));
	expect(200);
	ck_assert_str_eq(sql_text("SELECT changes -> 'external_id' ->> 'to' FROM event "
				  "WHERE topic = 'ticket.updated'"),
	    title);
}
END

TEST(tags_are_added_and_removed_together)
{
	const char *a = make_ticket("a");

	call("POST", BULK "/tag", fmt("{\"ticket_ids\":[\"%s\"],\"add\":[\"x\",\"y\"]}", a));
	call("POST", BULK "/tag",
	    fmt("{\"ticket_ids\":[\"%s\"],\"add\":[\"z\"],\"remove\":[\"x\"]}", a));
	expect(200);
	call("GET", fmt("/api/tickets/%s", a), NULL);
	ck_assert_uint_eq(count("tags"), 2);
	ck_assert_str_eq(text("tags.1"), "z");
	call("POST", BULK "/tag", fmt("{\"ticket_ids\":[\"%s\"]}", a));
	expect_field("add", "required");
	call("POST", BULK "/tag", fmt("{\"ticket_ids\":[\"%s\"],\"add\":[],\"remove\":[]}", a));
	expect_field("add", "required");
}
END

TEST(a_hundred_tickets_are_made_at_once_and_no_more)
{
	static char body[8192];
	int i;

	strcpy(body, "{\"tickets\":[");
	for (i = 0; i < 100; i++)
		snprintf(body + strlen(body), 64, "%s{\"title\":\"t%d\"}", i == 0 ? "" : ",", i);
	call("POST", BULK, fmt("%s,{\"title\":\"\"}]}", body));
	expect_field("tickets", "too_many");
	call("POST", BULK, fmt("%s]}", body));
	expect(200);
	ck_assert_int_eq(number("succeeded"), 100);
	ck_assert_str_eq(sql_text("SELECT count(DISTINCT number) FROM ticket"), "100");
}
END

TEST(each_new_ticket_is_made_or_refused_on_its_own)
{
	make_text_field("plan");
	call("POST", BULK,
	    "{\"tickets\":[{\"title\":\"x\"},{\"priority\":\"mega\",\"tags\":[\"a,b\"]},"
	    "{\"title\":\"y\",\"custom_fields\":{\"plan\":1}},{\"title\":\" \"},{\"title\":\"z\","
	    "\"custom_fields\":{\"plan\":\"pro\"}},{\"title\":\"z\",\"number\":7}]}");
	expect(200);
	ck_assert_int_eq(number("succeeded"), 2);
	ck_assert_int_eq(number("failed"), 4);
	ck_assert_str_eq(text("results.0.status"), "ok");
	ck_assert_str_eq(text("results.1.status"), "failed");
	ck_assert_str_eq(text("results.1.ticket_id"), "null");
	ck_assert_str_eq(text("results.1.field"), "title");
	ck_assert_str_eq(text("results.1.code"), "required");
	ck_assert_uint_eq(count("results.1.errors"), 3);
	ck_assert_str_eq(text("results.1.errors.1.field"), "priority");
	ck_assert_str_eq(text("results.1.errors.1.code"), "not_allowed");
	ck_assert_str_eq(text("results.1.errors.2.field"), "tags[0]");
	ck_assert_str_eq(text("results.2.field"), "custom_fields.plan");
	ck_assert_str_eq(text("results.2.ticket_id"), "null");
	ck_assert_str_eq(text("results.3.code"), "too_short");
	ck_assert_str_eq(text("results.5.code"), "unknown_field");
	ck_assert_str_eq(
	    sql_text("SELECT string_agg(title, ' ' ORDER BY number) FROM ticket"), "x z");
	call("GET", fmt("/api/tickets/%s", text("results.4.ticket_id")), NULL);
	ck_assert_str_eq(text("custom_fields.plan"), "pro");
}
END

TEST(new_tickets_that_must_all_be_made_are_refused_together)
{
	call("POST", BULK,
	    "{\"tickets\":[{\"title\":\"x\"},{\"priority\":\"low\"}],\"atomic\":true}");
	expect_field("tickets[1].title", "required");
	call("POST", BULK, "{\"tickets\":[{\"title\":\"x\"},7]}");
	expect_field("tickets[1]", "type");
	call("POST", BULK,
	    "{\"tickets\":[{\"title\":\"x\"},{\"title\":\"y\",\"custom_fields\":{\"plan\":1}}],"
	    "\"atomic\":true}");
	expect(200);
	ck_assert_str_eq(text("results.0.status"), "rolled_back");
	ck_assert_str_eq(text("results.0.ticket_id"), "null");
	ck_assert_str_eq(text("results.1.field"), "custom_fields.plan");
	ck_assert_str_eq(text("results.1.ticket_id"), "null");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket"), "0");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("bulk");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, bulk_fresh, NULL);
	tcase_add_test(c, each_ticket_succeeds_or_fails_on_its_own);
	tcase_add_test(c, all_or_none_leaves_every_ticket_as_it_was);
	tcase_add_test(c, a_dry_run_tells_what_would_happen_and_leaves_nothing);
	tcase_add_test(c, the_rules_of_one_ticket_hold_for_each);
	tcase_add_test(c, closing_takes_ids_from_the_body_or_the_query);
	tcase_add_test(c, closing_by_the_query_takes_the_modes_there_too);
	tcase_add_test(c, a_refusal_of_ids_names_where_they_were_sent);
	tcase_add_test(c, times_look_alike_in_what_tickets_were);
	tcase_add_test(c, a_text_that_looks_like_a_time_stays_as_it_is);
	tcase_add_test(c, tags_are_added_and_removed_together);
	tcase_add_test(c, a_hundred_tickets_are_made_at_once_and_no_more);
	tcase_add_test(c, each_new_ticket_is_made_or_refused_on_its_own);
	tcase_add_test(c, new_tickets_that_must_all_be_made_are_refused_together);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("bulk", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Imports: tickets and customers come in silently, once, and row by row. */
#include "fixtures_imports.h"

#include <string.h>

TEST(a_ticket_keeps_its_number_times_and_thread)
{
	sql("INSERT INTO app_user (org_id, user_id, email, name) VALUES ('" ORG
	    "', uuid7(), 'Agent@example.com', 'Agent'); "
	    "INSERT INTO team (org_id, team_id, name) VALUES ('" ORG "', uuid7(), 'Blue')");
	import("", NDJSON,
	    "{\"external_id\":\"a1\",\"number\":4711,\"title\":\"Printer\",\"description\":\"Smoke\","
	    "\"status\":\"closed\",\"priority\":\"high\",\"tags\":[\"b\",\"a\"],"
	    "\"requester\":{\"email\":\"ada@example.com\",\"name\":\"Ada\"},"
	    "\"assignee_email\":\"agent@example.com\",\"team\":\"blue\","
	    "\"created_at\":\"2020-01-02T03:04:05Z\",\"updated_at\":\"2020-02-02T00:00:00Z\","
	    "\"closed_at\":\"2020-02-01T00:00:00Z\",\"comments\":["
	    "{\"body\":\"It burns\",\"author_type\":\"customer\",\"created_at\":\"2020-01-02T04:00:00Z\"},"
	    "{\"body\":\"Water!\",\"author_email\":\"agent@example.com\",\"created_at\":\"2020-01-02T05:00:00Z\"},"
	    "{\"body\":\"He is new\",\"internal\":true,\"author_name\":\"Gone\",\"created_at\":\"2020-01-02T04:30:00Z\"}]}\n");
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_int_eq(number("percent"), 100);
	call("GET", "/api/tickets?external_id=a1", NULL);
	ck_assert_int_eq(number("data.0.number"), 4711);
	ck_assert_str_eq(text("data.0.status"), "closed");
	ck_assert_str_eq(text("data.0.created_at"), "2020-01-02T03:04:05.000Z");
	ck_assert_str_eq(text("data.0.updated_at"), "2020-02-02T00:00:00.000Z");
	ck_assert_str_eq(text("data.0.closed_at"), "2020-02-01T00:00:00.000Z");
	ck_assert_str_eq(text("data.0.first_response_at"), "2020-01-02T05:00:00.000Z");
	ck_assert_str_eq(text("data.0.channel"), "import");
	ck_assert_str_eq(text("data.0.tags.0"), "a");
	ck_assert_str_eq(
	    sql_text("SELECT string_agg(tag, ' ' ORDER BY tag) FROM ticket_tag"), "a b");
	ck_assert_str_ne(text("data.0.assignee_user_id"), "null");
	ck_assert_str_ne(text("data.0.team_id"), "null");
	call("GET", fmt("/api/tickets/%s/comments", text("data.0.ticket_id")), NULL);
	ck_assert_uint_eq(count("data"), 2);
	ck_assert_str_eq(text("data.0.author_type"), "customer");
	ck_assert_str_eq(text("data.1.author_type"), "user");
	ck_assert_str_eq(text("data.1.created_at"), "2020-01-02T05:00:00.000Z");
	ck_assert_str_eq(sql_text("SELECT author_id FROM comment WHERE internal"), "Gone");
	call("GET", "/api/customers?email=ADA@example.com", NULL);
	ck_assert_str_eq(text("data.0.name"), "Ada");
	make_ticket("next");
	ck_assert_str_eq(sql_text("SELECT number FROM ticket WHERE title = 'next'"), "4712");
}
END

TEST(of_imported_tickets_that_match_as_well_the_one_written_last_is_found_first)
{
	import("", NDJSON,
	    "{\"external_id\":\"middle\",\"title\":\"Scanner\",\"created_at\":\"2020-01-02T03:04:05Z\"}\n"
	    "{\"external_id\":\"late\",\"title\":\"Scanner\",\"created_at\":\"2021-01-02T03:04:05Z\"}\n"
	    "{\"external_id\":\"first\",\"title\":\"Scanner\",\"created_at\":\"1965-01-02T03:04:05Z\"}\n");
	find("\"query\":\"scanner\"");
	ck_assert_uint_eq(count("data"), 3);
	ck_assert_str_eq(
	    sql_text("SELECT external_id FROM ticket WHERE ticket_id = '%s'", text("data.0.id")),
	    "late");
	ck_assert_str_eq(
	    sql_text("SELECT external_id FROM ticket WHERE ticket_id = '%s'", text("data.1.id")),
	    "middle");
}
END

TEST(an_import_is_silent_but_for_two_entries_of_the_audit_log)
{
	import("", NDJSON,
	    "{\"title\":\"a\",\"requester\":{\"email\":\"new@example.com\"},\"comments\":[{\"body\":\"x\"}]}");
	ck_assert_str_eq(sql_text("SELECT string_agg(topic, ' ' ORDER BY occurred_at) FROM event"),
	    "import.created import.completed");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM event WHERE public"), "0");
	call("GET", "/api/organizations/" ORG "/audit-log?resource=import", NULL);
	ck_assert_uint_eq(count("data"), 2);
	make_ticket("loud again");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM event WHERE topic = 'ticket.created'"), "1");
}
END

TEST(what_is_there_already_is_skipped_or_updated)
{
	static const char file[] =
	    "{\"external_id\":\"a\",\"title\":\"one\",\"comments\":[{\"external_id\":\"c1\",\"body\":\"x\"}]}\n";

	import("", NDJSON, file);
	import("", NDJSON, file);
	ck_assert_int_eq(number("skipped"), 1);
	ck_assert_int_eq(number("created"), 0);
	ck_assert_str_eq(text("rows.0.outcome"), "skipped");
	ck_assert_str_eq(text("rows.0.code"), "already_exists");
	ck_assert_str_eq(text("rows.0.item"), "a");
	import("on_conflict=update", NDJSON,
	    "{\"external_id\":\"a\",\"title\":\"two\",\"status\":\"closed\",\"updated_at\":\"2021-01-01T00:00:00Z\","
	    "\"comments\":[{\"external_id\":\"c1\",\"body\":\"x\"},{\"external_id\":\"c2\",\"body\":\"y\"}]}\n");
	ck_assert_int_eq(number("updated"), 1);
	ck_assert_str_eq(
	    ticket_by("a", "title || ' ' || status || ' ' || updated_at::date || ' ' || version"),
	    "two closed 2021-01-01 2");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM comment"), "2");
	import("on_conflict=update", NDJSON,
	    "{\"external_id\":\"a\",\"title\":\"three\",\"status\":\"new\"}\n");
	ck_assert_str_eq(ticket_by("a", "title || ' ' || status"), "three new");
}
END

TEST(a_bad_row_is_told_of_and_the_others_go_on)
{
	import("", NDJSON,
	    "{\"title\":\"good\",\"external_id\":\"1\"}\n"
	    "{\"title\":\"bad\n"
	    "\n"
	    "{\"title\":\"\"}\n"
	    "{\"title\":\"x\",\"priority\":\"loud\"}\n"
	    "[1]\n"
	    "{\"title\":\"x\",\"surprise\":1}\n"
	    "{\"title\":\"x\xff\"}\n"
	    "{\"title\":\"x\",\"custom_fields\":{\"no_such\":1}}\n"
	    "{\"title\":\"again\",\"external_id\":\"1\"}\n"
	    "{\"title\":\"x\",\"comments\":[{\"body\":\"a\",\"created_at\":\"yesterday\"}]}\n"
	    "{\"title\":\"last\",\"external_id\":\"2\"}");
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("created"), 2);
	ck_assert_int_eq(number("failed"), 9);
	ck_assert_int_eq(number("total"), 11);
	ck_assert_int_eq(number("rows.0.line"), 2);
	ck_assert_str_eq(text("rows.0.code"), "syntax");
	ck_assert_int_eq(number("rows.1.line"), 4);
	ck_assert_str_eq(text("rows.1.code"), "too_short");
	ck_assert_str_eq(text("rows.2.code"), "not_allowed");
	ck_assert_str_eq(text("rows.3.code"), "type");
	ck_assert_str_eq(text("rows.4.message"), "surprise: There is no such field here.");
	ck_assert_str_eq(text("rows.5.code"), "utf8");
	ck_assert_str_eq(text("rows.6.code"), "custom_fields");
	ck_assert_str_eq(text("rows.7.code"), "repeated");
	ck_assert_str_eq(text("rows.8.message"),
	    "comments[0].created_at: Must be an RFC 3339 date and time with a zone, such as "
	    "2026-06-13T10:00:00Z.");
	ck_assert_str_eq(text("rows_after"), "null");
}
END

TEST(many_refused_rows_are_shown_in_pages)
{
	static char file[8192];
	int i;

	file[0] = '\0';
	for (i = 0; i < 230; i++)
		strcat(file, "{\"title\":\"\"}\n");
	import("", NDJSON, file);
	ck_assert_int_eq(number("failed"), 230);
	ck_assert_uint_eq(count("rows"), 100);
	call(
	    "GET", fmt("/api/imports/%s?after=%ld", text("import_id"), number("rows_after")), NULL);
	ck_assert_uint_eq(count("rows"), 100);
	ck_assert_int_eq(number("rows.0.line"), 101);
	call(
	    "GET", fmt("/api/imports/%s?after=%ld", text("import_id"), number("rows_after")), NULL);
	ck_assert_uint_eq(count("rows"), 30);
	ck_assert_str_eq(text("rows_after"), "null");
}
END

TEST(a_dry_run_tells_what_would_happen_and_leaves_nothing)
{
	import("dry_run=true", NDJSON,
	    "{\"title\":\"a\",\"requester\":{\"email\":\"dry@example.com\"}}\n{\"title\":\"\"}\n");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_str_eq(text("dry_run"), "true");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket"), "0");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM customer WHERE email = 'dry@example.com'"), "0");
	ck_assert_str_eq(
	    sql_text("SELECT next_number FROM ticket_counter WHERE org_id = '" ORG "'"), "1");
}
END

TEST(customers_come_in_too)
{
	import("kind=customers", "text/csv",
	    "external_id,name,email,company,attributes.plan\nc1,Ada,ada@example.com,Engines,pro\n,Nobody,,,\n");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_str_eq(text("rows.0.message"),
	    "email: A customer needs an e-mail address or an id, to be known again.");
	ck_assert_str_eq(
	    sql_text("SELECT c.name || p.name || (c.attributes ->> 'plan') FROM customer c "
		     "JOIN company p USING (org_id, company_id) WHERE c.external_id = 'c1'"),
	    "AdaEnginespro");
	import("kind=customers&on_conflict=update", NDJSON,
	    "{\"external_id\":\"c1\",\"phone\":\"123\",\"attributes\":{\"seats\":5}}");
	ck_assert_int_eq(number("updated"), 1);
	ck_assert_str_eq(
	    sql_text(
		"SELECT name || phone || attributes::text FROM customer WHERE external_id = 'c1'"),
	    "Ada123{\"plan\": \"pro\", \"seats\": 5}");
}
END

TEST(the_same_request_again_starts_no_second_import)
{
	static const char file[] = "{\"title\":\"a\"}";
	const char *id;

	caller.headers = "Idempotency-Key: once\n";
	call_raw("POST", "/api/imports", file, strlen(file), NDJSON);
	expect(202);
	id = text("import_id");
	call_raw("POST", "/api/imports", file, strlen(file), NDJSON);
	expect(202);
	ck_assert_str_eq(text("import_id"), id);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM job"), "1");
	call_raw("POST", "/api/imports?dry_run=true", file, strlen(file), NDJSON);
	expect_problem(422, "idempotency_key_reused");
	call_raw("POST", "/api/imports", "{\"title\":\"b\"}", strlen(file), NDJSON);
	expect_problem(422, "idempotency_key_reused");
}
END

TEST(what_is_asked_for_must_make_sense)
{
	call_raw("POST", "/api/imports", "x", 1, "text/plain");
	expect_field("format", "required");
	call_raw("POST", "/api/imports?format=xml", "x", 1, "text/plain");
	expect_field("format", "not_allowed");
	call_raw("POST", "/api/imports?format=csv&mapping=[]", "x", 1, "text/csv");
	expect_field("mapping", "type");
	call_raw("POST", "/api/imports?format=csv&mapping={\"a\":1}", "x", 1, "text/csv");
	expect_field("mapping.a", "type");
	call_raw("POST", "/api/imports?format=csv", "", 0, "text/csv");
	expect_field("body", "required");
	caller.key = make_key(ORG, "read:tickets,write:tickets");
	call_raw("POST", "/api/imports?format=csv", "x", 1, "text/csv");
	expect(403);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("imports");

	tcase_add_checked_fixture(c, imports_fresh, NULL);
	tcase_add_test(c, a_ticket_keeps_its_number_times_and_thread);
	tcase_add_test(
	    c, of_imported_tickets_that_match_as_well_the_one_written_last_is_found_first);
	tcase_add_test(c, an_import_is_silent_but_for_two_entries_of_the_audit_log);
	tcase_add_test(c, what_is_there_already_is_skipped_or_updated);
	tcase_add_test(c, a_bad_row_is_told_of_and_the_others_go_on);
	tcase_add_test(c, many_refused_rows_are_shown_in_pages);
	tcase_add_test(c, a_dry_run_tells_what_would_happen_and_leaves_nothing);
	tcase_add_test(c, customers_come_in_too);
	tcase_add_test(c, the_same_request_again_starts_no_second_import);
	tcase_add_test(c, what_is_asked_for_must_make_sense);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("imports", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Imports from other desks: their lists and wrappers, their words, their tables. */
#include "fixtures_imports.h"

#include <string.h>

TEST(the_list_is_found_wherever_it_stands)
{
	import("format=zendesk", "application/json",
	    "{\"count\":2,\"users\":[{\"id\":1,\"name\":\"side\"}],\"next_page\":null,\"tickets\":["
	    "{\"id\":1,\"subject\":\"one\"},{\"id\":2,\"subject\":\"two\"}],\"x\":{\"y\":[1]}}\n"
	    "{\"ticket\":{\"id\":3,\"subject\":\"three\"}}\n"
	    "{\"results\":[{\"id\":4,\"subject\":\"four\"}]}\n");
	ck_assert_int_eq(number("created"), 4);
	ck_assert_int_eq(number("failed"), 0);
	import("format=freshdesk&kind=customers", "application/json",
	    "{\"total\":1,\"contacts\":[{\"id\":1,\"name\":\"Ada\",\"email\":\"ada@example.com\"}]}");
	ck_assert_int_eq(number("created"), 1);
}
END

TEST(an_object_that_is_no_ticket_is_refused)
{
	import("format=zendesk", "application/json", "{\"foo\":1}");
	ck_assert_int_eq(number("created"), 0);
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_str_eq(text("rows.0.code"), "required");
	import("format=freshdesk", "application/json",
	    "[{\"foo\":1},{\"description_text\":\"Help me\"}]");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_int_eq(number("failed"), 1);
}
END

TEST(what_stands_behind_a_list_is_read_and_a_file_that_was_cut_off_says_so)
{
	import("", NDJSON, "[{\"title\":\"t1\"}]\n[{\"title\":\"t2\"}]\n{\"title\":\"t3\"}");
	ck_assert_int_eq(number("created"), 3);
	import("", NDJSON, "[{\"title\":\"t1\"},\n{\"title\":\"t2\"},\n");
	ck_assert_int_eq(number("created"), 2);
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_str_eq(text("rows.0.code"), "cut_off");
	ck_assert_int_eq(number("rows.0.line"), 3);
	import("", NDJSON, "[{\"title\":\"t1\"},null,7,{\"title\":\"t2\"}]");
	ck_assert_int_eq(number("created"), 2);
	ck_assert_int_eq(number("failed"), 2);
	ck_assert_str_eq(text("rows.0.message"), "A row must be an object.");
	import("", NDJSON, "{\n  \"title\": \"pretty\",\n  \"tags\": [\n    \"a\"\n  ]\n}\n");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_int_eq(number("failed"), 0);
}
END

TEST(a_ticket_of_freshdesks_api_keeps_its_number_times_and_conversations)
{
	import("format=freshdesk", "application/json",
	    "[{\"id\":20,\"subject\":\"s\",\"description\":\"<p>d</p>\",\"description_text\":\"d\",\"status\":5,\"priority\":2,"
	    "\"requester_id\":9,\"stats\":{\"resolved_at\":\"2020-01-02T00:00:00Z\",\"closed_at\":\"2020-01-03T00:00:00Z\"},"
	    "\"created_at\":\"2020-01-01T00:00:00Z\",\"conversations\":[{\"id\":1,\"body\":\"<b>hi</b>\",\"body_text\":\"hi\","
	    "\"incoming\":true,\"private\":false,\"user_id\":9,\"created_at\":\"2020-01-01T01:00:00Z\"}]},"
	    "{\"id\":21,\"subject\":\"s\",\"status\":6},{\"id\":22,\"subject\":\"s\",\"status\":7}]");
	ck_assert_int_eq(number("created"), 3);
	ck_assert_str_eq(
	    ticket_by("20",
		"concat_ws(' ', number, description, status, resolved_at::date, closed_at::date)"),
	    "20 d closed 2020-01-02 2020-01-03");
	ck_assert_str_eq(sql_text("SELECT body || author_type FROM comment"), "hicustomer");
	ck_assert_str_eq(ticket_by("21", "status"), "pending");
	ck_assert_str_eq(ticket_by("22", "status"), "on_hold");
}
END

TEST(tables_of_other_desks_say_nothing_with_a_dash_and_name_their_agents)
{
	sql("INSERT INTO app_user (org_id, user_id, email, name) VALUES ('" ORG
	    "', uuid7(), 'ann@example.com', 'Ann Agent')");
	import("", "text/csv",
	    "Id,Subject,Priority,Tags,Assignee,Group,Requester\n"
	    "31,one,-,foo bar-baz,Ann Agent,No Group,Ida\n"
	    "32,two,High,,No Agent,-,-\n"
	    "33,three,,,Nobody Else,,\n");
	ck_assert_int_eq(number("created"), 3);
	ck_assert_str_eq(
	    ticket_by("31", "concat_ws(' ', number, priority, tags)"), "31 normal {bar-baz,foo}");
	ck_assert_str_eq(
	    sql_text(
		"SELECT u.email FROM ticket t JOIN app_user u ON u.user_id = t.assignee_user_id"),
	    "ann@example.com");
	ck_assert_uint_eq(count("rows"), 1);
	ck_assert_str_eq(
	    text("rows.0.message"), "There is no user Nobody Else; the ticket has no agent.");
	import("", "text/csv",
	    "Ticket ID,Subject,Status,Tags\n40,four,Waiting on Customer,\"two words,b\"\n");
	ck_assert_str_eq(ticket_by("40", "concat_ws(' ', number, status, tags)"),
	    "40 pending {b,\"two words\"}");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("imports_foreign");

	tcase_add_checked_fixture(c, imports_fresh, NULL);
	tcase_add_test(c, the_list_is_found_wherever_it_stands);
	tcase_add_test(c, an_object_that_is_no_ticket_is_refused);
	tcase_add_test(c, what_stands_behind_a_list_is_read_and_a_file_that_was_cut_off_says_so);
	tcase_add_test(c, a_ticket_of_freshdesks_api_keeps_its_number_times_and_conversations);
	tcase_add_test(c, tables_of_other_desks_say_nothing_with_a_dash_and_name_their_agents);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("imports_foreign", all);
}

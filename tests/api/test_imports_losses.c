/* SPDX-License-Identifier: Apache-2.0 */
/* Imports: what of a file is not taken, or not as it stood, a row says. */
#include "fixtures_imports.h"

#include <string.h>

TEST(comments_of_two_tickets_may_have_the_same_id)
{
	static const char file[] =
	    "{\"external_id\":\"N1\",\"title\":\"first\",\"comments\":[{\"external_id\":\"1001\",\"body\":\"one\"}]}\n"
	    "{\"external_id\":\"N2\",\"title\":\"second\",\"comments\":[{\"external_id\":\"1001\",\"body\":\"two\"}]}\n";

	import("", NDJSON, file);
	ck_assert_int_eq(number("created"), 2);
	ck_assert_uint_eq(count("rows"), 0);
	ck_assert_str_eq(
	    sql_text("SELECT string_agg(body, ' ' ORDER BY body) FROM comment"), "one two");
	import("on_conflict=update", NDJSON, file);
	ck_assert_int_eq(number("updated"), 2);
	ck_assert_uint_eq(count("rows"), 0);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM comment"), "2");
}
END

TEST(a_comment_that_is_left_out_has_a_row)
{
	import("", NDJSON,
	    "{\"external_id\":\"a\",\"title\":\"t\",\"comments\":["
	    "{\"external_id\":\"c\",\"body\":\"x\",\"created_at\":\"2020-01-01T00:00:00Z\"},"
	    "{\"external_id\":\"c\",\"body\":\"y\",\"created_at\":\"2021-01-01T00:00:00Z\"}]}");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_str_eq(text("rows.0.outcome"), "done");
	ck_assert_str_eq(text("rows.0.code"), "comment_left_out");
	ck_assert_str_eq(
	    text("rows.0.message"), "comments[1]: The row has another comment with the id c.");
	ck_assert_str_eq(ticket_by("a", "last_agent_comment_at::date"), "2020-01-01");
	import("on_conflict=update", NDJSON,
	    "{\"external_id\":\"a\",\"title\":\"t\",\"comments\":[{\"external_id\":\"c\",\"body\":\"other\"},"
	    "{\"body\":\"x\"},{\"body\":\"no id\"}]}");
	ck_assert_int_eq(number("updated"), 1);
	ck_assert_uint_eq(count("rows"), 2);
	ck_assert_str_eq(text("rows.0.message"),
	    "The comment c is there already, with another text; it stays as it is.");
	ck_assert_str_eq(
	    text("rows.1.message"), "A comment without an id is taken with a new ticket only.");
	import("", NDJSON,
	    fmt("{\"external_id\":\"b\",\"title\":\"t\",\"comments\":[{\"comment_id\":\"%s\",\"body\":\"x\"}]}",
		sql_text("SELECT comment_id FROM comment")));
	ck_assert_ptr_nonnull(
	    strstr(text("rows.0.message"), "another ticket has one with this id"));
}
END

TEST(merged_and_split_threads_keep_the_ids_of_their_comments)
{
	const char *first, *second, *merge;

	import("", NDJSON,
	    "{\"external_id\":\"a\",\"title\":\"t\",\"comments\":[{\"external_id\":\"1\",\"body\":\"x\"}]}\n"
	    "{\"external_id\":\"b\",\"title\":\"t\",\"comments\":[{\"external_id\":\"1\",\"body\":\"y\"}]}\n");
	first = keep_id(ticket_by("a", "ticket_id"));
	second = keep_id(ticket_by("b", "ticket_id"));
	call("POST", fmt("/api/tickets/%s/merge", first), fmt("{\"ticket_ids\":[\"%s\"]}", second));
	expect(200);
	ck_assert_str_eq(
	    sql_text(
		"SELECT count(*) FROM comment WHERE ticket_id = '%s' AND external_id = '1'", first),
	    "2");
	merge = keep_id(sql_text("SELECT merge_id FROM ticket_merge"));
	call("POST", fmt("/api/tickets/%s/unmerge", first), fmt("{\"merge_id\":\"%s\"}", merge));
	expect(200);
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM comment WHERE ticket_id = '%s' AND external_id = '1'",
		second),
	    "1");
}
END

TEST(a_deleted_ticket_is_told_of_or_restored)
{
	static const char file[] =
	    "{\"external_id\":\"a\",\"title\":\"again\",\"comments\":[{\"external_id\":\"1\",\"body\":\"x\"}]}";

	import("", NDJSON, file);
	call("DELETE", fmt("/api/tickets/%s", ticket_by("a", "ticket_id")), NULL);
	expect(204);
	import("", NDJSON, file);
	ck_assert_int_eq(number("skipped"), 1);
	ck_assert_str_eq(text("rows.0.code"), "ticket_deleted");
	ck_assert_str_eq(text("rows.0.message"),
	    "The ticket was deleted; restore it or import with on_conflict=update.");
	import("on_conflict=update", NDJSON, file);
	ck_assert_int_eq(number("updated"), 1);
	call("GET", "/api/tickets?external_id=a", NULL);
	ck_assert_str_eq(text("data.0.title"), "again");
	find("\"query\":\"again\"");
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(a_requester_who_is_only_a_name_is_the_customer_of_that_name)
{
	sql("INSERT INTO customer (org_id, customer_id, name, email) VALUES ('" ORG
	    "', uuid7(), 'Ada', 'ada@example.com'), ('" ORG
	    "', uuid7(), 'Twin', 'one@example.com'), ('" ORG
	    "', uuid7(), 'Twin', 'two@example.com')");
	import("", NDJSON,
	    "{\"external_id\":\"1\",\"title\":\"t\",\"requester\":{\"name\":\"Only Name\"}}\n"
	    "{\"external_id\":\"2\",\"title\":\"t\",\"requester\":{\"name\":\"Only Name\"}}\n"
	    "{\"external_id\":\"3\",\"title\":\"t\",\"requester\":{\"name\":\"Ada\"}}\n"
	    "{\"external_id\":\"4\",\"title\":\"t\",\"requester\":{\"name\":\"Twin\"}}\n"
	    "{\"external_id\":\"5\",\"title\":\"t\",\"requester\":{\"phone\":\"123\"}}\n");
	ck_assert_int_eq(number("created"), 5);
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(concat_ws(' ', c.name, c.email), ', ' ORDER BY t.external_id) FROM ticket t "
		"JOIN customer c USING (org_id, customer_id)"),
	    "Only Name, Only Name, Ada ada@example.com, Twin, Unknown customer");
	ck_assert_uint_eq(count("rows"), 1);
	ck_assert_str_eq(text("rows.0.code"), "unknown_requester");
	ck_assert_str_eq(text("rows.0.item"), "5");
	import("", "text/csv", "Id,Subject,Requester\n6,x,Only Name\n7,y,New Name\n");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM customer WHERE name = 'Only Name'"), "1");
	ck_assert_str_eq(
	    sql_text("SELECT c.name FROM ticket t JOIN customer c USING (org_id, customer_id) "
		     "WHERE t.external_id = '7'"),
	    "New Name");
}
END

TEST(a_number_that_cannot_be_kept_is_told_of)
{
	make_ticket("has 1");
	import("", NDJSON,
	    "{\"external_id\":\"a\",\"title\":\"t\",\"number\":1}\n"
	    "{\"external_id\":\"b\",\"title\":\"t\",\"number\":999999999999}\n"
	    "{\"external_id\":\"c\",\"title\":\"t\",\"number\":7}\n"
	    "{\"external_id\":\"d\",\"title\":\"t\",\"number\":7}\n");
	ck_assert_int_eq(number("created"), 4);
	ck_assert_uint_eq(count("rows"), 3);
	ck_assert_str_eq(text("rows.0.outcome"), "done");
	ck_assert_str_eq(text("rows.0.code"), "number_changed");
	ck_assert_str_eq(text("rows.0.message"),
	    fmt("The number 1 is taken; the ticket has the number %s.", ticket_by("a", "number")));
	ck_assert_str_eq(text("rows.1.message"),
	    fmt("The number 999999999999 is too high; the ticket has the number %s.",
		ticket_by("b", "number")));
	ck_assert_str_eq(ticket_by("c", "number"), "7");
	ck_assert_str_eq(sql_text("SELECT max(number) FROM ticket"), "10");
}
END

TEST(two_rows_of_one_customer_are_not_both_updated)
{
	sql("INSERT INTO customer (org_id, customer_id, name, email, external_id) VALUES ('" ORG
	    "', uuid7(), 'Ada', 'ada@example.com', 'x')");
	import("kind=customers&on_conflict=update", NDJSON,
	    "[{\"email\":\"ada@example.com\",\"phone\":\"1\"},{\"external_id\":\"x\",\"phone\":\"2\"}]");
	ck_assert_int_eq(number("updated"), 1);
	ck_assert_int_eq(number("skipped"), 1);
	ck_assert_str_eq(text("rows.0.code"), "repeated");
	ck_assert_str_eq(sql_text("SELECT phone FROM customer WHERE external_id = 'x'"), "1");
}
END

TEST(times_that_cannot_be_are_refused)
{
	import("", NDJSON,
	    "{\"title\":\"a\",\"created_at\":\"2020-01-02T00:00:00Z\",\"resolved_at\":\"2020-01-01T00:00:00Z\"}\n"
	    "{\"title\":\"b\",\"created_at\":\"2999-01-01T00:00:00Z\"}\n"
	    "{\"title\":\"c\",\"comments\":[{\"body\":\"x\",\"created_at\":\"2999-01-01T00:00:00Z\"}]}\n"
	    "{\"title\":\"d\",\"created_at\":\"2020-01-02T01:00:00+02:00\",\"resolved_at\":\"2020-01-01T23:30:00Z\"}\n");
	ck_assert_int_eq(number("failed"), 3);
	ck_assert_int_eq(number("created"), 1);
	ck_assert_str_eq(text("rows.0.message"), "resolved_at: Not before created_at.");
	ck_assert_str_eq(text("rows.1.message"), "created_at: Not more than a day ahead.");
	ck_assert_str_eq(
	    text("rows.2.message"), "comments[0].created_at: Not more than a day ahead.");
}
END

TEST(a_failed_row_without_an_id_has_no_id_made_up)
{
	import("", NDJSON, "{\"title\":\"x\",\"custom_fields\":{\"no_such\":1}}");
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_str_eq(text("rows.0.item"), "null");
}
END

TEST(cells_without_a_column_and_columns_of_one_name_are_not_swallowed)
{
	import("", "text/csv", "external_id,title\n1,a,surplus\n2,b,,\n");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_str_eq(text("rows.0.code"), "too_many_cells");
	import("", "text/csv", "title,Status,status\na,open,closed\n");
	ck_assert_str_eq(text("state"), "failed");
	ck_assert_str_eq(text("error"), "Two columns have the name status.");
	import("", "text/csv", "Title,Subject\nthis,that\n");
	ck_assert_str_eq(text("ignored_fields.0"), "Subject");
	ck_assert_str_eq(
	    sql_text("SELECT string_agg(title, ' ' ORDER BY title) FROM ticket"), "b this");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("imports_losses");

	tcase_add_checked_fixture(c, imports_fresh, NULL);
	tcase_add_test(c, comments_of_two_tickets_may_have_the_same_id);
	tcase_add_test(c, a_comment_that_is_left_out_has_a_row);
	tcase_add_test(c, merged_and_split_threads_keep_the_ids_of_their_comments);
	tcase_add_test(c, a_deleted_ticket_is_told_of_or_restored);
	tcase_add_test(c, a_requester_who_is_only_a_name_is_the_customer_of_that_name);
	tcase_add_test(c, a_number_that_cannot_be_kept_is_told_of);
	tcase_add_test(c, two_rows_of_one_customer_are_not_both_updated);
	tcase_add_test(c, times_that_cannot_be_are_refused);
	tcase_add_test(c, a_failed_row_without_an_id_has_no_id_made_up);
	tcase_add_test(c, cells_without_a_column_and_columns_of_one_name_are_not_swallowed);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("imports_losses", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Exports: what is in the file, whole and once. */
#include "fixtures_exports.h"

#include <stdlib.h>
#include <string.h>

#include "base/conf.h"

TEST(tickets_come_with_their_threads_one_object_a_line)
{
	const char *id, *ticket = make_ticket("first \\\"quoted\\\"");

	make_comment(ticket, "hello");
	call("POST", fmt("/api/tickets/%s/internal-notes", ticket), "{\"body\":\"secret\"}");
	make_ticket("second");
	id = start_export("{\"kind\":\"tickets\",\"include_comments\":true}");
	ck_assert_str_eq(text("state"), "queued");
	call("GET", fmt("/api/exports/%s", id), NULL);
	ck_assert_str_eq(text("download_url"), "null");
	finish_export(id);
	ck_assert_int_eq(number("rows"), 4);
	ck_assert_int_eq(number("bytes"), (long)strlen(export_file));
	ck_assert_int_eq(exported("{\"type\":\"ticket\",\"ticket_id\":"), 2);
	ck_assert_int_eq(exported("{\"type\":\"comment\","), 1);
	ck_assert_int_eq(exported("{\"type\":\"note\","), 1);
	ck_assert_ptr_nonnull(strstr(export_file, "first \\\"quoted\\\""));
	ck_assert_int_eq(exported("\n"), 4);
}
END

TEST(exports_are_listed_and_one_that_waits_is_cancelled)
{
	const char *first = start_export("{\"kind\":\"customers\"}"), *second;

	finish_export(first);
	second = start_export("{\"kind\":\"tickets\"}");
	call("GET", "/api/exports", NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	ck_assert_str_eq(text("data.0.export_id"), second);
	ck_assert_str_eq(text("data.0.format"), "ndjson");
	call("GET", "/api/exports?state=completed&kind=customers", NULL);
	ck_assert_str_eq(text("data.0.export_id"), first);
	call("DELETE", fmt("/api/exports/%s", second), NULL);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/exports/%s", second), NULL);
	ck_assert_str_eq(text("state"), "cancelled");
	ck_assert_str_eq(text("download_url"), "null");
	call("DELETE", fmt("/api/exports/%s", second), NULL);
	expect_problem(409, "conflict");
	caller.key = other_key;
	call("GET", "/api/exports", NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("DELETE", fmt("/api/exports/%s", first), NULL);
	expect(404);
}
END

TEST(who_takes_data_out_is_written_down)
{
	const char *id = start_export("{\"kind\":\"customers\"}"), *url;

	finish_export(id);
	url = strstr(text("download_url"), "/api/");
	call("GET", fmt("/api/exports/%s/download", id), NULL);
	expect(200);
	caller.key = NULL;
	call("GET", url, NULL);
	expect(200);
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(concat_ws(' ', topic, actor_type, data ->> 'kind', data ->> 'link', "
		"address), ', ' ORDER BY occurred_at) FROM event WHERE resource = 'export' AND audit "
		"AND resource_id = '%s'",
		id),
	    "export.created api_key customers 127.0.0.1, export.downloaded api_key false 127.0.0.1, "
	    "export.downloaded system true 127.0.0.1");
}
END

TEST(a_thread_comes_in_the_order_of_its_times)
{
	const char *ticket = make_ticket("t"), *late = make_comment(ticket, "said late"), *id;

	make_comment(ticket, "said early");
	sql("UPDATE comment SET created_at = now() + interval '1 hour' WHERE comment_id = '%s'",
	    late);
	sql("INSERT INTO comment (org_id, comment_id, ticket_id, author_type, body, created_at) SELECT '" ORG
	    "', uuid7(), '%s', 'legacy', 'filler', now() - interval '1 day' + n * interval '1 second' FROM "
	    "generate_series(1, 2500) n",
	    ticket);
	id = start_export("{\"kind\":\"tickets\",\"include_comments\":true}");
	ck_assert_str_eq(text("format"), "ndjson");
	finish_export(id);
	ck_assert_int_eq(exported("{\"type\":\"comment\","), 2502);
	ck_assert_ptr_nonnull(strstr(strstr(export_file, "said early"), "said late"));
	ck_assert_ptr_null(strstr(strstr(export_file, "said early"), "filler"));
}
END

TEST(a_condition_chooses_and_a_table_has_one_head)
{
	int i;

	sql("INSERT INTO ticket (org_id, ticket_id, number, title, customer_id, priority) SELECT '" ORG
	    "', uuid7(), n, '=x', default_customer_id, CASE WHEN n > 2500 THEN 'low' ELSE 'high' END "
	    "FROM organization, generate_series(1, 2600) n WHERE org_id = '" ORG "'");
	finish_export(start_export(
	    "{\"kind\":\"tickets\",\"format\":\"csv\",\"conditions\":{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"low\"}}"));
	ck_assert_int_eq(number("rows"), 100);
	ck_assert_int_eq(exported("ticket_id,"), 1);
	ck_assert_int_eq(exported("\"'=x\""), 100);
	ck_assert_ptr_null(strstr(export_file, "+00,")); /* times and truth as in JSON */
	ck_assert_int_eq(exported(",false,"), 100);
	ck_assert_int_eq(
	    exported(
		sql_text("SELECT to_char(max(created_at), ',YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') "
			 "FROM ticket")),
	    200); /* made and changed at that time */
	finish_export(start_export("{\"kind\":\"tickets\"}"));
	ck_assert_int_eq(number("rows"), 2600);
	for (i = 1; i <= 2600; i += 700)
		ck_assert_int_eq(exported(fmt("\"number\":%d,", i)), 1);
}
END

TEST(a_step_that_was_not_committed_is_not_in_the_file_twice)
{
	const char *id;

	make_ticket("only");
	id = start_export("{\"kind\":\"tickets\"}");
	run_jobs();
	sql("UPDATE job SET state = 'running', run_after = now(), cursor = '{}', done = 0, attempts = 0");
	finish_export(id);
	ck_assert_int_eq(number("rows"), 1);
	ck_assert_int_eq(exported("\n"), 1);
}
END

TEST(everything_of_one_customer_is_in_one_file)
{
	const char *ada, *ticket;

	ada = make(
	    "/api/customers", "{\"name\":\"Ada\",\"email\":\"Ada@example.com\"}", "customer_id");
	ticket = make_ticket_of(fmt("{\"title\":\"hers\",\"customer_id\":\"%s\"}", ada));
	make_comment(ticket, "to her");
	call("POST", fmt("/api/tickets/%s/internal-notes", ticket), "{\"body\":\"not for her\"}");
	sql("INSERT INTO attachment (org_id, attachment_id, ticket_id, filename, content_type, size, sha256) "
	    "SELECT '" ORG
	    "', uuid7(), id::uuid, name, 'image/png', 1, '0' FROM (VALUES ('%s', 'hers.png'), ('%s', 'other.png')) v (id, name)",
	    ticket, make_ticket("of somebody else"));
	make(
	    fmt("/api/tickets/%s/attachments?filename=note.png&comment_id=%s", ticket,
		make(fmt("/api/tickets/%s/internal-notes", ticket), "{\"body\":\"n\"}", "note_id")),
	    "x", "attachment_id");
	sql("INSERT INTO inbound_mail (org_id, mail_id, message_id, action, sender) VALUES "
	    "('" ORG "', uuid7(), '1@x', 'ignored', 'ada@example.com'), ('" ORG
	    "', uuid7(), '2@x', 'ignored', 'bob@example.com')");
	finish_export(start_export(fmt("{\"kind\":\"customers\",\"customer_id\":\"%s\"}", ada)));
	ck_assert_int_eq(number("rows"), 5);
	ck_assert_int_eq(exported("hers.png"), 1);
	ck_assert_int_eq(exported("other.png"), 0);
	ck_assert_int_eq(exported("note.png"), 0);
	ck_assert_int_eq(exported("\"sender\":\"ada@example.com\""), 1);
	ck_assert_int_eq(exported("bob@example.com"), 0);
	ck_assert_int_eq(exported("\"name\":\"Ada\""), 1);
	ck_assert_int_eq(exported("to her"), 1);
	ck_assert_int_eq(exported("not for her"), 0);
	ck_assert_int_eq(exported("of somebody else"), 0);
}
END

TEST(one_customer_means_the_person_with_merged_duplicates_and_deleted_tickets)
{
	const char *ada = make("/api/customers", "{\"name\":\"Ada\"}", "customer_id"),
		   *twin = make("/api/customers", "{\"name\":\"Ada's twin\"}", "customer_id"),
		   *ticket;

	call("POST", fmt("/api/customers/%s/merge", ada), fmt("{\"customer_ids\":[\"%s\"]}", twin));
	expect(200);
	ticket = make_ticket_of(fmt("{\"title\":\"deleted\",\"customer_id\":\"%s\"}", ada));
	call("DELETE", fmt("/api/tickets/%s", ticket), NULL);
	expect(204);
	finish_export(start_export(fmt("{\"kind\":\"customers\",\"customer_id\":\"%s\"}", ada)));
	ck_assert_int_eq(exported("{\"type\":\"customer\""), 2);
	ck_assert_int_eq(exported("\"title\":\"deleted\""), 1);
}
END

TEST(a_file_that_lost_a_part_is_not_handed_over)
{
	const char *id;

	make_ticket("x");
	id = start_export("{\"kind\":\"tickets\"}");
	sql("UPDATE job SET cursor = '{\"bytes\": 1000}' WHERE job_id = '%s'", id);
	run_jobs();
	call("GET", fmt("/api/exports/%s", id), NULL);
	ck_assert_str_eq(text("state"), "failed");
	ck_assert_str_eq(text("error"), "A part of the file was lost; start another export.");
}
END

TEST(the_file_is_handed_over_by_link_or_credential_while_it_is_kept)
{
	const char *id, *path;

	make_ticket("t");
	id = start_export("{\"kind\":\"tickets\"}");
	finish_export(id);
	path = strstr(text("download_url"), "/api/");
	caller.key = NULL;
	call("GET", path, NULL);
	expect(200);
	ck_assert_ptr_nonnull(
	    strstr(header("X-Accel-Redirect"), fmt("/_state/exports/" ORG "/%s", id)));
	caller.key = make_key(ORG, "read:tickets");
	call("GET", fmt("/api/exports/%s/download", id), NULL);
	expect_problem(403, "insufficient_scope");
	caller.key = other_key;
	call("GET", fmt("/api/exports/%s/download", id), NULL);
	expect(404);
	caller_reset();
	sql("UPDATE job SET finished_at = now() - interval '8 days'");
	call("GET", fmt("/api/exports/%s/download", id), NULL);
	expect(404);
}
END

TEST(what_does_not_fit_together_is_refused)
{
	call("POST", "/api/exports",
	    "{\"kind\":\"tickets\",\"format\":\"csv\",\"include_comments\":true}");
	expect_field("format", "not_allowed");
	call("POST", "/api/exports", "{\"kind\":\"events\",\"conditions\":{}}");
	expect_field("conditions", "not_allowed");
	call("POST", "/api/exports",
	    "{\"kind\":\"customers\",\"customer_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\"}");
	expect_field("customer_id", "unknown_reference");
	call("POST", "/api/exports",
	    "{\"kind\":\"tickets\",\"conditions\":{\"field\":\"x\",\"op\":\"eq\"}}");
	expect_field("conditions.field", "unknown_field");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("exports");

	tcase_set_timeout(c, 30);
	tcase_add_checked_fixture(c, exports_fresh, NULL);
	tcase_add_test(c, tickets_come_with_their_threads_one_object_a_line);
	tcase_add_test(c, exports_are_listed_and_one_that_waits_is_cancelled);
	tcase_add_test(c, who_takes_data_out_is_written_down);
	tcase_add_test(c, a_thread_comes_in_the_order_of_its_times);
	tcase_add_test(c, a_condition_chooses_and_a_table_has_one_head);
	tcase_add_test(c, a_step_that_was_not_committed_is_not_in_the_file_twice);
	tcase_add_test(c, everything_of_one_customer_is_in_one_file);
	tcase_add_test(c, one_customer_means_the_person_with_merged_duplicates_and_deleted_tickets);
	tcase_add_test(c, a_file_that_lost_a_part_is_not_handed_over);
	tcase_add_test(c, the_file_is_handed_over_by_link_or_credential_while_it_is_kept);
	tcase_add_test(c, what_does_not_fit_together_is_refused);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("exports", all);
}

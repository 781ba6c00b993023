/* SPDX-License-Identifier: Apache-2.0 */
/* What a bulk job did is taken back: exactly, once, where nobody has changed it since. */
#include "fixtures_bulk.h"

TEST(a_job_changes_all_that_match_and_undo_puts_them_back)
{
	const char *id, *changed;
	int i;

	for (i = 0; i < 230; i++)
		make_ticket("t");
	changed = make_ticket("t");
	sql("UPDATE ticket SET priority = 'high' WHERE number %% 2 = 0");
	id = make_bulk_job(
	    "{\"action\":\"update\",\"conditions\":{\"field\":\"title\",\"op\":\"eq\",\"value\":\"t\"},"
	    "\"changes\":{\"priority\":\"low\"}}");
	ck_assert_str_eq(text("state"), "queued");
	make_ticket("t"); /* too late for the job */
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("total"), 231);
	ck_assert_int_eq(number("done"), 231);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket WHERE priority = 'low'"), "231");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM event WHERE topic = 'bulk.job.completed'"), "1");
	call("PATCH", fmt("/api/tickets/%s", changed), "{\"title\":\"worked on since\"}");
	undo_bulk_job(id);
	ck_assert_int_eq(number("undone"), 230);
	ck_assert_int_eq(number("skipped"), 1);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket WHERE priority = 'high'"),
	    sql_text(
		"SELECT count(*) FROM ticket WHERE number %% 2 = 0 AND ticket_id <> '%s' AND version > 1",
		changed));
}
END

TEST(undo_brings_back_every_status_with_its_times)
{
	static const char *const state =
	    "SELECT string_agg(concat_ws(' ', number, status, resolved_at, closed_at, reopened_count), ', ' "
	    "ORDER BY number) FROM ticket";
	static const char *const statuses[] = { "open", "pending", "on_hold", "resolved",
		"closed" };
	const char *before, *id;
	unsigned i;

	make_ticket("new");
	for (i = 0; i < LENGTH(statuses); i++) {
		call("PATCH", fmt("/api/tickets/%s", make_ticket("x")),
		    fmt("{\"status\":\"%s\"}", statuses[i]));
		expect(200);
	}
	before = sql_text("%s", state);
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	run_jobs();
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket WHERE status = 'closed'"), "6");
	sql("DELETE FROM event");
	undo_bulk_job(id);
	ck_assert_str_eq(sql_text("%s", state), before);
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM event WHERE topic = 'ticket.status.changed'"), "5");
	call("PATCH", fmt("/api/tickets/%s", make_ticket("y")), "{\"status\":\"open\"}");
	expect(200);
	call("PATCH", fmt("/api/tickets/%s", text("ticket_id")), "{\"status\":\"new\"}");
	expect_problem(409, "invalid_transition"); /* which only undo may do */
}
END

TEST(deleted_tickets_come_back_by_undo)
{
	const char *id;

	make_ticket("a");
	id = make_bulk_job("{\"action\":\"delete\",\"conditions\":{}}");
	run_jobs();
	call("GET", "/api/tickets", NULL);
	ck_assert_uint_eq(count("data"), 0);
	undo_bulk_job(id);
	call("GET", "/api/tickets", NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(undo_takes_away_what_the_job_added)
{
	static const char *const state =
	    "SELECT (SELECT jsonb_agg(custom_fields ORDER BY number) FROM ticket) || "
	    "(SELECT jsonb_agg(g.key || g.word ORDER BY g.key, g.word) FROM ticket_field g)";
	const char *before, *id;

	make_text_field("plan");
	make_text_field("region");
	make_ticket("without");
	make_ticket_of("{\"title\":\"with\",\"custom_fields\":{\"region\":\"north\"}}");
	make_ticket_of("{\"title\":\"other\",\"custom_fields\":{\"plan\":\"free\"}}");
	before = sql_text("%s", state);
	id = make_bulk_job("{\"action\":\"update\",\"conditions\":{},"
			   "\"changes\":{\"custom_fields\":{\"plan\":\"pro\",\"region\":null}}}");
	run_jobs();
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM ticket WHERE custom_fields = '{\"plan\": \"pro\"}'"),
	    "3");
	undo_bulk_job(id);
	ck_assert_int_eq(number("undone"), 3);
	ck_assert_str_eq(sql_text("%s", state), before);
}
END

TEST(a_job_is_undone_once)
{
	const char *id;

	make_ticket("a");
	make_ticket("b");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	run_jobs();
	undo_bulk_job(id);
	ck_assert_int_eq(number("undone"), 2);
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", id), NULL);
	expect_problem(409, "conflict");
	ck_assert_str_eq(text("detail"), "The job has been undone already.");
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("skipped"), 0);
}
END

TEST(a_dry_job_has_nothing_to_undo)
{
	const char *id;

	make_ticket("a");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{},\"dry_run\":true}");
	run_jobs();
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", id), NULL);
	expect_problem(409, "conflict");
	ck_assert_str_eq(text("detail"), "The job was a dry run: there is nothing to undo.");
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_str_eq(text("undo"), "false");
}
END

TEST(an_undo_that_was_cancelled_goes_on_where_it_stopped)
{
	const char *id;

	make_ticket("a");
	make_ticket("b");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	run_jobs();
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", id), NULL);
	call("DELETE", fmt("/api/bulk/jobs/%s", id), NULL);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_str_eq(text("state"), "cancelled");
	ck_assert_int_eq(number("undone"), 0);
	sql("UPDATE job SET cursor = cursor || '{\"n\": 1}', result = '{\"undone\": 1}'");
	undo_bulk_job(id);
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("undone"), 2);
	ck_assert_int_eq(number("skipped"), 0);
}
END

TEST(what_a_failed_job_did_is_undone)
{
	const char *id;

	make_ticket("a");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	run_jobs();
	sql("UPDATE job SET state = 'failed', attempts = 6, error = 'tried too often'");
	undo_bulk_job(id);
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("undone"), 1);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("bulk_undo");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, bulk_fresh, NULL);
	tcase_add_test(c, a_job_changes_all_that_match_and_undo_puts_them_back);
	tcase_add_test(c, undo_brings_back_every_status_with_its_times);
	tcase_add_test(c, deleted_tickets_come_back_by_undo);
	tcase_add_test(c, undo_takes_away_what_the_job_added);
	tcase_add_test(c, a_job_is_undone_once);
	tcase_add_test(c, a_dry_job_has_nothing_to_undo);
	tcase_add_test(c, an_undo_that_was_cancelled_goes_on_where_it_stopped);
	tcase_add_test(c, what_a_failed_job_did_is_undone);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("bulk_undo", all);
}

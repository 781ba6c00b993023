/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk jobs: their progress, their ends, and their undoing. */
#include "harness.h"

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM job; DELETE FROM event; DELETE FROM custom_field");
}

static const char *
make_bulk_job(const char *body)
{
	return make_job("/api/bulk/jobs", body, "job_id");
}

static void
make_field(const char *label)
{
	make("/api/organizations/" ORG "/custom-fields",
	    fmt("{\"label\":\"%s\",\"type\":\"text\"}", label), "field_id");
}

/* Ask for the undoing of a job, which is over, and do it. */
static void
undo(const char *id)
{
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", id), NULL);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	expect(200);
}

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
	undo(id);
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
	undo(id);
	ck_assert_str_eq(sql_text("%s", state), before);
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM event WHERE topic = 'ticket.status.changed'"), "5");
	call("PATCH", fmt("/api/tickets/%s", make_ticket("y")), "{\"status\":\"open\"}");
	expect(200);
	call("PATCH", fmt("/api/tickets/%s", text("ticket_id")), "{\"status\":\"new\"}");
	expect_problem(409, "invalid_transition"); /* which only undo may do */
}
END

TEST(a_job_says_which_tickets_failed_and_can_be_cancelled)
{
	const char *a = make_ticket("a"), *b = make_ticket("b"), *id;

	(void)b;
	call("POST", fmt("/api/tickets/%s/links", a),
	    fmt("{\"target_id\":\"%s\",\"kind\":\"related\"}", b));
	sql("UPDATE ticket SET status = 'closed'; ALTER TABLE ticket DISABLE TRIGGER USER; "
	    "UPDATE ticket SET closed_at = now() - interval '1 year' WHERE ticket_id = '%s'; "
	    "ALTER TABLE ticket ENABLE TRIGGER USER",
	    a);
	id = make_bulk_job(
	    "{\"action\":\"update\",\"conditions\":{},\"changes\":{\"status\":\"open\"}}");
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_int_eq(number("done"), 1);
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_str_eq(text("errors.0.ticket_id"), a);
	ck_assert_str_eq(text("errors.0.code"), "ticket_closed");
	call("DELETE", fmt("/api/bulk/jobs/%s", id), NULL);
	expect_problem(409, "conflict");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", id), NULL);
	expect_problem(409, "conflict");
	call("DELETE", fmt("/api/bulk/jobs/%s", id), NULL);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_str_eq(text("state"), "cancelled");
	ck_assert_int_eq(number("done"), 0);
}
END

TEST(a_dry_job_counts_and_changes_nothing)
{
	const char *id;

	make_ticket("a");
	id = make_bulk_job("{\"action\":\"delete\",\"conditions\":{},\"dry_run\":true}");
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_int_eq(number("done"), 1);
	call("GET", "/api/tickets", NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("POST", "/api/bulk/jobs", "{\"action\":\"update\",\"conditions\":{}}");
	expect_field("changes", "required");
	call("POST", "/api/bulk/jobs", "{\"action\":\"close\",\"conditions\":{\"field\":\"x\"}}");
	expect_field("conditions.op", "required");
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
	undo(id);
	call("GET", "/api/tickets", NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(a_job_takes_what_its_action_needs_and_nothing_else)
{
	static const struct {
		const char *body, *field, *code;
	} rows[] = {
		{ "\"close\",\"changes\":{\"priority\":\"low\"}", "changes", "not_allowed" },
		{ "\"delete\",\"add\":[\"x\"]", "add", "not_allowed" },
		{ "\"tag\",\"add\":[\"x\"],\"changes\":{\"priority\":\"low\"}", "changes",
		    "not_allowed" },
		{ "\"update\",\"changes\":{\"priority\":\"low\"},\"remove\":[]", "remove",
		    "not_allowed" },
		{ "\"update\"", "changes", "required" },
		{ "\"update\",\"changes\":{}", "changes", "required" },
		{ "\"tag\"", "add", "required" },
		{ "\"tag\",\"add\":[],\"remove\":[]", "add", "required" },
	};
	unsigned i;

	make_ticket("a");
	for (i = 0; i < LENGTH(rows); i++) {
		call("POST", "/api/bulk/jobs",
		    fmt("{\"conditions\":{},\"action\":%s}", rows[i].body));
		expect_field(rows[i].field, rows[i].code);
	}
	make_bulk_job("{\"action\":\"tag\",\"conditions\":{},\"add\":[],\"remove\":[\"x\"]}");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM job"), "1");
}
END

TEST(a_job_shows_what_it_was_asked_for)
{
	const char *id;

	id = make_bulk_job(
	    "{\"action\":\"update\",\"conditions\":{\"field\":\"status\",\"op\":"
	    "\"eq\",\"value\":\"new\"},\"changes\":{\"title\":\"x\",\"team_id\":null},"
	    "\"max_items\":7,\"dry_run\":true}");
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	expect(200);
	ck_assert_str_eq(text("action"), "update");
	ck_assert_str_eq(text("changes.title"), "x");
	ck_assert_str_eq(text("changes.team_id"), "null");
	ck_assert_str_eq(text("conditions.value"), "new");
	ck_assert_int_eq(number("max_items"), 7);
	ck_assert_str_eq(text("dry_run"), "true");
	ck_assert_str_eq(text("add"), "null");
	id = make_bulk_job("{\"action\":\"tag\",\"conditions\":{},\"add\":[\"y\",\"x\"]}");
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	expect(200);
	ck_assert_str_eq(text("add.0"), "y");
	ck_assert_str_eq(text("remove"), "null");
	ck_assert_str_eq(text("changes"), "null");
	ck_assert_str_eq(text("max_items"), "null");
}
END

TEST(undo_takes_away_what_the_job_added)
{
	static const char *const state =
	    "SELECT (SELECT jsonb_agg(custom_fields ORDER BY number) FROM ticket) || "
	    "(SELECT jsonb_agg(g.key || g.word ORDER BY g.key, g.word) FROM ticket_field g)";
	const char *before, *id;

	make_field("plan");
	make_field("region");
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
	undo(id);
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
	undo(id);
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
	undo(id);
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
	undo(id);
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("undone"), 1);
}
END

TEST(a_scheduler_that_died_in_a_batch_is_followed_by_another)
{
	const char *id;

	make_ticket("a");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	sql("UPDATE job SET state = 'running', token = 7, attempts = 1, run_after = now() + interval '1 hour'");
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_str_eq(text("state"), "running");
	sql("UPDATE job SET run_after = now() - interval '1 second'");
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_str_eq(text("state"), "completed");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	sql("UPDATE job SET state = 'running', attempts = 5 WHERE job_id = '%s'", id);
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	ck_assert_str_eq(text("state"), "failed");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("bulk_jobs");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_job_changes_all_that_match_and_undo_puts_them_back);
	tcase_add_test(c, undo_brings_back_every_status_with_its_times);
	tcase_add_test(c, a_job_says_which_tickets_failed_and_can_be_cancelled);
	tcase_add_test(c, a_dry_job_counts_and_changes_nothing);
	tcase_add_test(c, deleted_tickets_come_back_by_undo);
	tcase_add_test(c, a_job_takes_what_its_action_needs_and_nothing_else);
	tcase_add_test(c, a_job_shows_what_it_was_asked_for);
	tcase_add_test(c, undo_takes_away_what_the_job_added);
	tcase_add_test(c, a_job_is_undone_once);
	tcase_add_test(c, a_dry_job_has_nothing_to_undo);
	tcase_add_test(c, an_undo_that_was_cancelled_goes_on_where_it_stopped);
	tcase_add_test(c, what_a_failed_job_did_is_undone);
	tcase_add_test(c, a_scheduler_that_died_in_a_batch_is_followed_by_another);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("bulk_jobs", all);
}

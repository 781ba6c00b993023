/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk jobs: what they take, their progress, and how they end. Undo: test_bulk_undo.c. */
#include "fixtures_bulk.h"

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

    /* What the last event of a bulk job says of its end. */
    static const char *
    end_told(void)
{
	return sql_text(
	    "SELECT concat_ws(' ', data ->> 'state', left(data ->> 'dry_run', 1), left(data ->> 'undo', 1), "
	    "data ->> 'done') FROM event WHERE topic = 'bulk.job.completed' AND public "
	    "ORDER BY occurred_at DESC LIMIT 1");
}

TEST(every_end_of_a_job_is_told_with_its_state)
{
	const char *id;

	make_ticket("a");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	run_jobs();
	ck_assert_str_eq(end_told(), "completed f f 1");
	undo_bulk_job(id);
	ck_assert_str_eq(end_told(), "undone f t 1");
	make_bulk_job("{\"action\":\"close\",\"conditions\":{},\"dry_run\":true}");
	run_jobs();
	ck_assert_str_eq(end_told(), "completed t f 1");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	call("DELETE", fmt("/api/bulk/jobs/%s", id), NULL);
	run_jobs();
	ck_assert_str_eq(end_told(), "cancelled f f 0");
	make_text_field("plan");
	make_bulk_job("{\"action\":\"close\",\"conditions\":{\"field\":\"custom_fields.plan\","
		      "\"op\":\"eq\",\"value\":\"pro\"}}");
	sql("DELETE FROM event; UPDATE custom_field SET deleted_at = now()");
	run_jobs();
	ck_assert_str_eq(end_told(), "failed f f 0");
	id = make_bulk_job("{\"action\":\"close\",\"conditions\":{}}");
	sql("DELETE FROM event; UPDATE job SET attempts = 5 WHERE job_id = '%s'", id);
	run_jobs();
	ck_assert_str_eq(end_told(), "failed f f 0");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM event WHERE topic LIKE 'bulk.%%'"), "1");
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
	tcase_add_checked_fixture(c, bulk_fresh, NULL);
	tcase_add_test(c, a_job_says_which_tickets_failed_and_can_be_cancelled);
	tcase_add_test(c, a_dry_job_counts_and_changes_nothing);
	tcase_add_test(c, a_job_takes_what_its_action_needs_and_nothing_else);
	tcase_add_test(c, a_job_shows_what_it_was_asked_for);
	tcase_add_test(c, every_end_of_a_job_is_told_with_its_state);
	tcase_add_test(c, a_scheduler_that_died_in_a_batch_is_followed_by_another);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("bulk_jobs", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk changes: item by item, all or none, in earnest or not; and jobs with their undoing. */
#include "harness.h"

#include <string.h>

#define BULK "/api/bulk/tickets"
#define NOBODY "0190163d-8694-739b-aea5-966c26f8ad91"

static const char *
priority_of(const char *id)
{
	call("GET", fmt("/api/tickets/%s", id), NULL);
	return text("priority");
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM job; DELETE FROM event; DELETE FROM custom_field");
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
	call("GET", fmt("/api/tickets/%s", text("results.0.ticket_id")), NULL);
	expect(404);
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
	call("POST", BULK, "{\"tickets\":[{\"title\":\"x\"},{\"priority\":\"low\"}]}");
	expect_field("tickets[1].title", "required");
}
END

    static const char *
    make_bulk_job(const char *body)
{
	return make_job("/api/bulk/jobs", body, "job_id");
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
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", id), NULL);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
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
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", id), NULL);
	expect(202);
	run_jobs();
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
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", id), NULL);
	run_jobs();
	call("GET", "/api/tickets", NULL);
	ck_assert_uint_eq(count("data"), 1);
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
	TCase *c = tcase_create("bulk");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, each_ticket_succeeds_or_fails_on_its_own);
	tcase_add_test(c, all_or_none_leaves_every_ticket_as_it_was);
	tcase_add_test(c, a_dry_run_tells_what_would_happen_and_leaves_nothing);
	tcase_add_test(c, the_rules_of_one_ticket_hold_for_each);
	tcase_add_test(c, closing_takes_ids_from_the_body_or_the_query);
	tcase_add_test(c, tags_are_added_and_removed_together);
	tcase_add_test(c, a_hundred_tickets_are_made_at_once_and_no_more);
	tcase_add_test(c, a_job_changes_all_that_match_and_undo_puts_them_back);
	tcase_add_test(c, undo_brings_back_every_status_with_its_times);
	tcase_add_test(c, a_job_says_which_tickets_failed_and_can_be_cancelled);
	tcase_add_test(c, a_dry_job_counts_and_changes_nothing);
	tcase_add_test(c, deleted_tickets_come_back_by_undo);
	tcase_add_test(c, a_scheduler_that_died_in_a_batch_is_followed_by_another);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("bulk", all);
}

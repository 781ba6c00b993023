/* SPDX-License-Identifier: Apache-2.0 */
/* Samples: which tickets are drawn for review, and who gets them. */
#include "fixtures_qa.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_OF(n, more, one, two) \
	fmt("{\"scorecard_id\":\"%s\",\"count\":%d,\"reviewer_user_ids\":[\"%s\",\"%s\"]%s}", \
	    card, n, one, two, more)

static void
solve(const char *user, int n)
{
	while (n-- > 0) {
		const char *ticket =
		    make_ticket_of(fmt("{\"title\":\"t\",\"assignee_user_id\":\"%s\"}", user));

		call("PATCH", fmt("/api/tickets/%s", ticket), "{\"status\":\"resolved\"}");
		expect(200);
	}
}

TEST(a_sample_is_drawn_in_turn_and_the_same_seed_draws_the_same)
{
	const char *other = make_reviewer("bob");
	char first[512];

	solve(agent, 7);
	solve(other, 1);
#define SAMPLE SAMPLE_OF(4, ",\"stratify_by\":\"agent\",\"seed\":\"s\"", agent, other)
	call("POST", "/api/qa/sample", SAMPLE);
	expect(201);
	ck_assert_uint_eq(count("data"), 4);
	ck_assert_str_eq(sql_text("SELECT count(DISTINCT agent_user_id) FROM qa_review"), "2");
	ck_assert_str_eq(sql_text("SELECT count(DISTINCT reviewer_id) FROM qa_review"), "2");
	snprintf(first, sizeof(first), "%s",
	    sql_text("SELECT string_agg(ticket_id::text, ' ' ORDER BY ticket_id) FROM qa_review"));
	sql("DELETE FROM qa_review");
	call("POST", "/api/qa/sample", SAMPLE);
	ck_assert_str_eq(
	    sql_text("SELECT string_agg(ticket_id::text, ' ' ORDER BY ticket_id) FROM qa_review"),
	    first);
	call("POST", "/api/qa/sample", SAMPLE);
	call("POST", "/api/qa/sample", SAMPLE);
	expect(201);
	ck_assert_uint_eq(count("data"), 0);
}
END

TEST(nobody_gets_the_own_work_to_review)
{
	const char *bob = make_reviewer("bob"), *eve = make_reviewer("eve");

	solve(agent, 4);
	solve(bob, 4);
	call("POST", "/api/qa/sample", SAMPLE_OF(8, "", agent, bob));
	expect(201);
	ck_assert_uint_eq(count("data"), 8);
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM qa_review WHERE reviewer_id = agent_user_id::text"),
	    "0");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM qa_review WHERE reviewer_id = '%s'", bob), "4");
	sql("DELETE FROM qa_review");
	call("POST", "/api/qa/sample",
	    SAMPLE_OF(4, fmt(",\"agent_user_id\":\"%s\"", agent), agent, eve));
	expect(201);
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM qa_review WHERE reviewer_id = '%s'", eve), "4");
	sql("DELETE FROM qa_review");
	call("POST", "/api/qa/sample", SAMPLE_OF(8, "", agent, agent));
	expect_field("reviewer_user_ids", "no_reviewer");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM qa_review"), "0");
}
END

TEST(a_sample_of_what_is_not_there_is_refused)
{
#define NOBODY "\"0190163d-8694-739b-aea5-966c26f8ad91\""
	call("POST", "/api/qa/sample",
	    SAMPLE_OF(1, ",\"from\":\"2026-06-02T00:00:00Z\",\"to\":\"2026-06-01T00:00:00Z\"",
		agent, agent));
	expect_field("from", "range");
	call("POST", "/api/qa/sample", SAMPLE_OF(1, ",\"team_id\":" NOBODY, agent, agent));
	expect_field("team_id", "unknown_reference");
	call("POST", "/api/qa/sample", SAMPLE_OF(1, ",\"agent_user_id\":" NOBODY, agent, agent));
	expect_field("agent_user_id", "unknown_reference");
}
END

    static const char *
    upper(const char *id)
{
	return sql_text("SELECT upper('%s')", id);
}

TEST(ids_of_reviewers_are_the_same_in_whatever_case)
{
	const char *bob = make_reviewer("bob");

	solve(agent, 2);
	call("POST", "/api/qa/sample", SAMPLE_OF(2, "", upper(bob), bob));
	expect(201);
	ck_assert_str_eq(text("data.0.reviewer_id"), bob);
	call("GET", fmt("/api/qa/reviews?reviewer_id=%s", upper(bob)), NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	call("GET", fmt("/api/qa/reviews?reviewer_id=%s&reviewer_id=admin", upper(bob)), NULL);
	ck_assert_uint_eq(count("data"), 2);
}
END

TEST(two_samples_at_the_same_moment_draw_different_tickets)
{
	const char *bob = make_reviewer("bob");
	PGconn *conn = PQconnectdb(fmt("host=%s dbname=%s user=postgres",
	    getenv("SERVICEOS_TEST_PG"), sql_text("SELECT current_database()")));
	PGresult *res;

	solve(agent, 2);
	ck_assert_int_eq(
	    PQsendQuery(conn, fmt("BEGIN; SELECT set_config('app.org', '" ORG "', true); "
				  "SELECT qa_sample('" ORG "', '%s'); SELECT pg_sleep(0.5); COMMIT",
				  SAMPLE_OF(1, ",\"seed\":\"s\"", bob, bob))),
	    1);
	while (
	    strcmp(sql_text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"),
		"0") == 0)
		usleep(10000);
	call("POST", "/api/qa/sample", SAMPLE_OF(1, ",\"seed\":\"s\"", bob, bob));
	expect(201);
	while ((res = PQgetResult(conn)) != NULL)
		PQclear(res);
	PQfinish(conn);
	ck_assert_str_eq(
	    sql_text("SELECT count(DISTINCT ticket_id) || ' of ' || count(*) FROM qa_review"),
	    "2 of 2");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("qa_samples");

	tcase_add_checked_fixture(c, qa_fresh, NULL);
	tcase_add_test(c, a_sample_is_drawn_in_turn_and_the_same_seed_draws_the_same);
	tcase_add_test(c, nobody_gets_the_own_work_to_review);
	tcase_add_test(c, a_sample_of_what_is_not_there_is_refused);
	tcase_add_test(c, ids_of_reviewers_are_the_same_in_whatever_case);
	tcase_add_test(c, two_samples_at_the_same_moment_draw_different_tickets);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("qa_samples", all);
}

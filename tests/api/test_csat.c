/* SPDX-License-Identifier: Apache-2.0 */
/* CSAT: a survey is answered once, by whoever has its token; and the figures. */
#include "harness.h"

#include <string.h>

static const char *
ask(const char *ticket)
{
	make("/api/csat/request", fmt("{\"ticket_id\":\"%s\"}", ticket), "survey_id");
	return text("token");
}

static void
answer(const char *token, int score)
{
	const char *key = caller.key;

	caller.key = NULL;
	call("POST", "/api/csat/submit",
	    fmt("{\"token\":\"%s\",\"score\":%d,\"comment\":\"so\"}", token, score));
	caller.key = key;
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket");
}

TEST(a_survey_is_answered_once_without_a_credential)
{
	const char *ticket = make_ticket("t"), *token = ask(ticket), *survey = text("survey_id");

	ck_assert_ptr_nonnull(strstr(text("survey_url"), token));
	answer(token, 4);
	expect(200);
	answer(token, 1);
	expect_problem(409, "already_submitted");
	answer("cs_unknown", 5);
	expect(404);
	call("GET", fmt("/api/csat/surveys/%s", survey), NULL);
	ck_assert_int_eq(number("score"), 4);
	ck_assert_str_eq(text("status"), "responded");
	relay();
	call("GET", fmt("/api/v1/events?topic=csat.responded&ticket_id=%s", ticket), NULL);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.actor_type"), "customer");
}
END

TEST(a_ticket_has_one_open_survey)
{
	const char *ticket = make_ticket("t");

	answer(ask(ticket), 5);
	ask(ticket);
	call("POST", "/api/csat/request", fmt("{\"ticket_id\":\"%s\"}", ticket));
	expect_problem(409, "survey_open");
	call("POST", "/api/csat/request",
	    "{\"ticket_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\"}");
	expect_field("ticket_id", "unknown_reference");
}
END

TEST(an_expired_survey_is_refused)
{
	const char *token = ask(make_ticket("t"));

	sql("UPDATE csat_survey SET expires_at = now()");
	answer(token, 5);
	expect_problem(409, "survey_expired");
	call("GET", "/api/csat/surveys?status=expired", NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(the_token_is_not_stored)
{
	const char *token = ask(make_ticket("t"));

	ck_assert_str_eq(
	    sql_text(
		"SELECT count(*) FROM csat_survey s WHERE to_jsonb(s)::text LIKE '%%%s%%'", token),
	    "0");
	ck_assert_str_eq(
	    sql_text(
		"SELECT count(*) FROM directory d WHERE to_jsonb(d)::text LIKE '%%%s%%'", token),
	    "0");
}
END

TEST(the_figures_are_those_of_the_answers)
{
	static const int scores[] = { 5, 4, 4, 2 };
	unsigned i;

	for (i = 0; i < 4; i++)
		answer(ask(make_ticket_of("{\"title\":\"t\",\"tags\":[\"x\"]}")), scores[i]);
	ask(make_ticket("silent"));
	sql("UPDATE csat_survey SET created_at = now() - interval '40 days' WHERE score = 5");
	call("GET", "/api/csat/analytics?interval=week", NULL);
	expect(200);
	ck_assert_int_eq(number("requested"), 4);
	ck_assert_int_eq(number("responses"), 3);
	ck_assert_str_eq(text("csat_percent"), "66.7");
	ck_assert_str_eq(text("average_score"), "3.33");
	ck_assert_str_eq(text("response_rate"), "75.0");
	ck_assert_int_eq(number("distribution.4"), 2);
	ck_assert_int_eq(number("previous.responses"), 1);
	ck_assert_uint_eq(count("trend"), 1);
	call("GET", "/api/csat/by-dimension?dimension=tag", NULL);
	ck_assert_str_eq(text("data.0.key"), "x");
	ck_assert_int_eq(number("data.0.responses"), 3);
	call("GET", "/api/csat/by-dimension", NULL);
	ck_assert_str_eq(text("data.0.name"), "(none)");
	call("GET", "/api/csat/analytics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", NULL);
	expect_field("from", "range");
	call("GET", "/api/csat/analytics?from=2020-01-01T00:00:00Z", NULL);
	expect_field("from", "range");
}
END

TEST(a_deleted_tickets_survey_counts_no_longer_and_takes_no_answer)
{
	const char *gone = make_ticket("gone"), *token = ask(gone);

	answer(ask(make_ticket("t")), 5);
	call("DELETE", fmt("/api/tickets/%s", gone), NULL);
	expect(204);
	answer(token, 1);
	expect_problem(404, "not_found");
	call("GET", "/api/csat/analytics", NULL);
	expect(200);
	ck_assert_int_eq(number("requested"), 1);
	ck_assert_int_eq(number("trend.0.requested"), 1);
	call("GET", "/api/csat/by-dimension", NULL);
	ck_assert_int_eq(number("data.0.requested"), 1);
}
END

TEST(what_has_no_dimension_and_what_lost_it_are_two)
{
	const char *team =
	    make("/api/organizations/" ORG "/teams", "{\"name\":\"Blue\"}", "team_id");

	answer(ask(make_ticket_of(
		   fmt("{\"title\":\"t\",\"team_id\":\"%s\",\"tags\":[\"x\",\"y\"]}", team))),
	    5);
	ask(make_ticket("none"));
	sql("UPDATE ticket SET team_id = NULL; DELETE FROM team");
	call("GET", "/api/csat/by-dimension?dimension=team", NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	ck_assert_str_eq(text("data.0.key"), team);
	ck_assert_str_eq(text("data.0.name"), "(deleted)");
	ck_assert_str_eq(text("data.1.name"), "(none)");
	call("GET", "/api/csat/by-dimension?dimension=tag", NULL);
	ck_assert_uint_eq(count("data"), 3);
	ck_assert_str_eq(text("data.2.key"), "null");
	ck_assert_str_eq(text("data.2.name"), "(none)");
}
END

TEST(surveys_are_found_by_several_scores_a_queue_and_a_tag)
{
	const char *queue =
	    make("/api/organizations/" ORG "/queues", "{\"name\":\"Waiting\"}", "queue_id");
	static const int scores[] = { 5, 4, 1 };
	unsigned i;

	for (i = 0; i < 3; i++)
		answer(ask(make_ticket_of(fmt(
			   "{\"title\":\"t\",\"queue_id\":\"%s\",\"tags\":[\"n%u\"]}", queue, i))),
		    scores[i]);
	call("GET", "/api/csat/surveys?score=5,4", NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	call("GET", "/api/csat/surveys?score=5,x", NULL);
	expect_field("score", "type");
	call("GET", fmt("/api/csat/surveys?queue_id=%s&tag=n0,n2", queue), NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	call("GET", "/api/csat/surveys?queue_id=0190163d-8694-739b-aea5-966c26f8ad91", NULL);
	ck_assert_uint_eq(count("data"), 0);
	sql("UPDATE ticket SET queue_id = NULL; DELETE FROM queue");
}
END

TEST(a_customer_shows_the_own_surveys)
{
	const char *customer = make("/api/customers", "{\"name\":\"Ada\"}", "customer_id");

	answer(ask(make_ticket_of(fmt("{\"title\":\"t\",\"customer_id\":\"%s\"}", customer))), 4);
	ask(make_ticket("other"));
	call("GET", fmt("/api/customers/%s?include=csat,tickets", customer), NULL);
	expect(200);
	ck_assert_uint_eq(count("csat"), 1);
	ck_assert_int_eq(number("csat.0.score"), 4);
	ck_assert_str_eq(text("csat.0.status"), "responded");
}
END

TEST(the_figures_of_a_period_are_computed_once_and_not_for_each_column)
{
	sql("SET track_functions = 'all'; SET stats_fetch_consistency = none; DEALLOCATE ALL; "
	    "PREPARE a AS %s",
	    statements[SQL_CSAT_ANALYTICS].text);
	sql("EXECUTE a('" ORG "', '2026-06-01Z', '2026-07-01Z', 'day')");
	sql("RESET track_functions; SELECT pg_stat_force_next_flush()");
	ck_assert_str_eq(/* of this period and of the one before */
	    sql_text("SELECT calls FROM pg_stat_user_functions WHERE funcname = 'csat_between'"),
	    "2");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("csat");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_survey_is_answered_once_without_a_credential);
	tcase_add_test(c, a_ticket_has_one_open_survey);
	tcase_add_test(c, an_expired_survey_is_refused);
	tcase_add_test(c, the_token_is_not_stored);
	tcase_add_test(c, the_figures_are_those_of_the_answers);
	tcase_add_test(c, a_deleted_tickets_survey_counts_no_longer_and_takes_no_answer);
	tcase_add_test(c, what_has_no_dimension_and_what_lost_it_are_two);
	tcase_add_test(c, surveys_are_found_by_several_scores_a_queue_and_a_tag);
	tcase_add_test(c, a_customer_shows_the_own_surveys);
	tcase_add_test(c, the_figures_of_a_period_are_computed_once_and_not_for_each_column);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("csat", all);
}

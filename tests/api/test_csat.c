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
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("csat", all);
}

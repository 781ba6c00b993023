/* SPDX-License-Identifier: Apache-2.0 */
/* QA scoring: totals, editions, the way of a review, samples and figures. */
#include "harness.h"

#include <string.h>

#define CRITERIA \
	"[{\"key\":\"tone\",\"name\":\"Tone\",\"weight\":3},{\"key\":\"facts\",\"name\":\"Facts\",\"max_score\":10}," \
	"{\"key\":\"privacy\",\"name\":\"Privacy\",\"auto_fail\":true}]"
#define SCORES(tone, facts, privacy) \
	"[{\"criterion\":\"tone\",\"score\":" #tone "},{\"criterion\":\"facts\",\"score\":" #facts \
	"},{\"criterion\":\"privacy\",\"score\":" #privacy "}]"

#define PASSWORD ",\"password\":\"correct horse\""

static const char *agent, *ticket_id, *card;

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM qa_scorecard; DELETE FROM app_user");
	agent = make_user("ada", PASSWORD);
	ticket_id = make_ticket_of(fmt("{\"title\":\"t\",\"assignee_user_id\":\"%s\"}", agent));
	card = make(
	    "/api/qa/scorecards", "{\"name\":\"Card\",\"criteria\":" CRITERIA "}", "scorecard_id");
}

static const char *
make_review(const char *members)
{
	return make("/api/qa/reviews",
	    fmt("{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\"%s}", ticket_id, card, members),
	    "review_id");
}

static void
patch(const char *review, const char *body)
{
	call("PATCH", fmt("/api/qa/reviews/%s", review), body);
}

static void
as_user(const char *name)
{
	call("POST", "/api/v1/auth/login",
	    fmt("{\"email\":\"%s@example.com\",\"password\":\"correct horse\"}", name));
	expect(200);
	caller.bearer = text("access_token");
	caller.key = NULL;
}

TEST(the_total_is_the_weighted_share_of_the_best_scores)
{
	make_review(",\"status\":\"submitted\",\"scores\":" SCORES(4, 5, 5));
	/* (3 * 4/5 + 1 * 5/10 + 1 * 5/5) / 5 */
	ck_assert_str_eq(text("total"), "78.0");
	ck_assert_str_eq(text("passed"), "false");
	ck_assert_str_eq(text("agent_user_id"), agent);
	make_review(",\"scores\":" SCORES(5, 10, 0));
	ck_assert_str_eq(text("auto_failed"), "true");
	ck_assert_int_eq(number("total"), 0);
	make_review(",\"scores\":[{\"criterion\":\"tone\",\"score\":5}]");
	ck_assert_str_eq(text("total"), "null");
}
END

TEST(scores_that_do_not_fit_the_scorecard_are_refused)
{
#define SCORED(criterion, score, more) \
	fmt("{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\",\"scores\":[{\"criterion\":\"%s\",\"score\":%d}]%s}", \
	    ticket_id, card, criterion, score, more)

	call("POST", "/api/qa/reviews", SCORED("style", 1, ""));
	expect_field("scores[0].criterion", "unknown_reference");
	call("POST", "/api/qa/reviews", SCORED("tone", 6, ""));
	expect_field("scores[0].score", "too_large");
	call("POST", "/api/qa/reviews", SCORED("tone", 5, ",\"status\":\"submitted\""));
	expect_field("scores", "required");
	call("POST", "/api/qa/reviews",
	    fmt("{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\",\"auto\":true}", ticket_id, card));
	expect_problem(409, "model_unavailable");
	call("POST", "/api/qa/scorecards",
	    "{\"name\":\"x\",\"criteria\":[{\"key\":\"a\",\"name\":\"A\"},{\"key\":\"a\",\"name\":\"B\"}]}");
	expect_field("criteria", "repeated");
}
END

TEST(a_review_keeps_the_edition_of_its_scorecard)
{
	const char *review = make_review(",\"scores\":" SCORES(5, 10, 5));

	call("PATCH", fmt("/api/qa/scorecards/%s", card),
	    "{\"criteria\":[{\"key\":\"style\",\"name\":\"Style\"}]}");
	expect(200);
	ck_assert_int_eq(number("edition"), 2);
	patch(review, "{\"status\":\"submitted\"}");
	expect(200);
	ck_assert_int_eq(number("edition"), 1);
	ck_assert_str_eq(text("total"), "100.0");
	call("PATCH", fmt("/api/qa/scorecards/%s", card), "{\"archived\":true}");
	call("POST", "/api/qa/reviews",
	    fmt("{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\"}", ticket_id, card));
	expect_field("scorecard_id", "unknown_reference");
}
END

TEST(the_agent_disputes_and_somebody_else_resolves)
{
	const char *review = make_review(",\"status\":\"submitted\",\"scores\":" SCORES(1, 1, 1));

	patch(review, "{\"scores\":" SCORES(5, 10, 5) "}");
	expect_problem(409, "review_closed");
	as_user("ada");
	patch(review, "{\"status\":\"disputed\"}");
	expect_field("dispute_reason", "required");
	patch(review, "{\"status\":\"disputed\",\"dispute_reason\":\"The facts were right\"}");
	expect(200);
	patch(review, "{\"status\":\"submitted\",\"resolution\":\"changed\"}");
	expect_problem(403, "own_work");
	caller_reset();
	make_user("bob", PASSWORD);
	patch(review, "{\"status\":\"submitted\"}");
	expect_field("resolution", "required");
	patch(review, "{\"status\":\"submitted\",\"resolution\":\"changed\",\"scores\":" SCORES(
			  1, 10, 1) "}");
	expect(200);
	ck_assert_str_eq(text("total"), "36.0");
	as_user("bob");
	patch(review, "{\"status\":\"acknowledged\"}");
	expect_problem(403, "not_the_agent");
	caller.bearer = NULL;
	as_user("ada");
	patch(review, "{\"status\":\"acknowledged\"}");
	expect(200);
	patch(review, "{\"status\":\"draft\"}");
	expect_problem(409, "invalid_transition");
}
END

TEST(a_sample_is_drawn_in_turn_and_the_same_seed_draws_the_same)
{
	const char *other = make_user("bob", PASSWORD), *ticket;
	char first[512];
	int i;

	for (i = 0; i < 8; i++) {
		ticket = make_ticket_of(
		    fmt("{\"title\":\"t\",\"assignee_user_id\":\"%s\"}", i < 7 ? agent : other));
		call("PATCH", fmt("/api/tickets/%s", ticket), "{\"status\":\"resolved\"}");
		expect(200);
	}
#define SAMPLE \
	fmt("{\"scorecard_id\":\"%s\",\"count\":4,\"reviewer_user_ids\":[\"%s\",\"%s\"],\"stratify_by\":\"agent\",\"seed\":\"s\"}", \
	    card, agent, other)
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

TEST(the_figures_group_submitted_reviews)
{
	make_review(",\"status\":\"submitted\",\"scores\":" SCORES(5, 10, 5));
	make_review(",\"status\":\"submitted\",\"scores\":" SCORES(5, 10, 0));
	make_review(",\"scores\":" SCORES(5, 10, 5));
	call("GET", "/api/qa/analytics", NULL);
	expect(200);
	ck_assert_int_eq(number("data.0.reviews"), 2);
	ck_assert_str_eq(text("data.0.average_score"), "50.0");
	ck_assert_str_eq(text("data.0.pass_rate"), "50.0");
	ck_assert_str_eq(text("data.0.name"), "ada");
	call("GET", "/api/qa/analytics?group_by=criterion", NULL);
	ck_assert_uint_eq(count("data"), 3);
	ck_assert_str_eq(text("data.1.key"), "privacy");
	ck_assert_str_eq(text("data.1.average_score"), "50.0");
	call("GET", "/api/qa/reviews?min_total=90", NULL);
	ck_assert_uint_eq(count("data"), 2);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("qa");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, the_total_is_the_weighted_share_of_the_best_scores);
	tcase_add_test(c, scores_that_do_not_fit_the_scorecard_are_refused);
	tcase_add_test(c, a_review_keeps_the_edition_of_its_scorecard);
	tcase_add_test(c, the_agent_disputes_and_somebody_else_resolves);
	tcase_add_test(c, a_sample_is_drawn_in_turn_and_the_same_seed_draws_the_same);
	tcase_add_test(c, the_figures_group_submitted_reviews);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("qa", all);
}

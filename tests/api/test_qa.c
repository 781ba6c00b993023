/* SPDX-License-Identifier: Apache-2.0 */
/* QA scoring: totals, editions and figures. */
#include "fixtures_qa.h"

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
	patch_review(review, "{\"status\":\"submitted\"}");
	expect(200);
	ck_assert_int_eq(number("edition"), 1);
	ck_assert_str_eq(text("total"), "100.0");
	call("PATCH", fmt("/api/qa/scorecards/%s", card), "{\"archived\":true}");
	call("POST", "/api/qa/reviews",
	    fmt("{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\"}", ticket_id, card));
	expect_field("scorecard_id", "unknown_reference");
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

TEST(an_auto_fail_is_that_of_the_scores_there_are)
{
	const char *review = make_review(",\"scores\":" SCORES(5, 10, 0));

	patch_review(review, "{\"scores\":[{\"criterion\":\"tone\",\"score\":5}]}");
	expect(200);
	ck_assert_str_eq(text("auto_failed"), "false");
	patch_review(review, "{\"scores\":[{\"criterion\":\"privacy\",\"score\":0}]}");
	ck_assert_str_eq(text("auto_failed"), "true");
	call("PATCH", fmt("/api/qa/scorecards/%s", card), "{\"pass_mark\":0}");
	make_review(",\"scores\":" SCORES(5, 10, 0));
	ck_assert_int_eq(number("total"), 0);
	ck_assert_str_eq(text("passed"), "false");
	make_review(",\"scores\":" SCORES(0, 0, 1));
	ck_assert_str_eq(text("passed"), "true");
}
END

TEST(a_review_shows_the_criteria_it_was_made_with)
{
	const char *review = make_review(",\"scores\":" SCORES(5, 10, 5));

	call("PATCH", fmt("/api/qa/scorecards/%s", card),
	    "{\"criteria\":[{\"key\":\"style\",\"name\":\"Style\"}],\"pass_mark\":90}");
	call("GET", fmt("/api/qa/reviews/%s?include=scorecard", review), NULL);
	expect(200);
	ck_assert_int_eq(number("scorecard.edition"), 1);
	ck_assert_uint_eq(count("scorecard.criteria"), 3);
	ck_assert_str_eq(text("scorecard.criteria.1.name"), "Facts");
	ck_assert_int_eq(number("scorecard.pass_mark"), 80);
}
END

TEST(weeks_begin_in_the_time_zone_of_the_organization)
{
	make_review(GOOD);
	sql("UPDATE organization SET timezone = 'Pacific/Auckland' WHERE org_id = '" ORG "'; "
	    "UPDATE qa_review SET submitted_at = '2026-06-14T13:00:00Z'"); /* Monday there */
	call("GET",
	    "/api/qa/analytics?group_by=week&from=2026-06-01T00:00:00Z&to=2026-07-01T00:00:00Z",
	    NULL);
	sql("UPDATE organization SET timezone = 'UTC' WHERE org_id = '" ORG "'");
	expect(200);
	ck_assert_str_eq(text("data.0.key"), "2026-06-15");
}
END

TEST(a_team_has_the_reviews_of_its_tickets)
{
	const char *team =
	    make("/api/organizations/" ORG "/teams", "{\"name\":\"Blue\"}", "team_id");

	make_review(GOOD);
	sql("UPDATE ticket SET team_id = '%s'", team);
	ticket_id = make_ticket_of(fmt("{\"title\":\"t\",\"assignee_user_id\":\"%s\"}", agent));
	make_review(BAD);
	call("GET", "/api/qa/analytics?group_by=team", NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	ck_assert_str_eq(text("data.0.name"), "Blue");
	ck_assert_str_eq(text("data.0.average_score"), "100.0");
	ck_assert_str_eq(text("data.1.key"), "null");
	ck_assert_str_eq(text("data.1.name"), "(none)");
}
END

TEST(criteria_of_two_scorecards_are_not_one)
{
	const char *first = card;

	make_review(GOOD);
	card = make("/api/qa/scorecards",
	    "{\"name\":\"Other\",\"criteria\":[{\"key\":\"tone\",\"name\":\"Tone of voice\"}]}",
	    "scorecard_id");
	make_review(",\"status\":\"submitted\",\"scores\":[{\"criterion\":\"tone\",\"score\":0}]");
	call("GET", "/api/qa/analytics?group_by=criterion", NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 4);
	ck_assert_str_eq(text("data.2.name"), "Tone");
	ck_assert_str_eq(text("data.2.scorecard_id"), first);
	ck_assert_str_eq(text("data.3.name"), "Tone of voice");
	ck_assert_str_eq(text("data.3.average_score"), "0.0");
	call("GET", fmt("/api/qa/analytics?group_by=criterion&scorecard_id=%s", card), NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("GET", fmt("/api/qa/analytics?scorecard_id=%s", first), NULL);
	ck_assert_int_eq(number("data.0.reviews"), 1);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("qa");

	tcase_add_checked_fixture(c, qa_fresh, NULL);
	tcase_add_test(c, the_total_is_the_weighted_share_of_the_best_scores);
	tcase_add_test(c, scores_that_do_not_fit_the_scorecard_are_refused);
	tcase_add_test(c, a_review_keeps_the_edition_of_its_scorecard);
	tcase_add_test(c, the_figures_group_submitted_reviews);
	tcase_add_test(c, an_auto_fail_is_that_of_the_scores_there_are);
	tcase_add_test(c, a_review_shows_the_criteria_it_was_made_with);
	tcase_add_test(c, weeks_begin_in_the_time_zone_of_the_organization);
	tcase_add_test(c, a_team_has_the_reviews_of_its_tickets);
	tcase_add_test(c, criteria_of_two_scorecards_are_not_one);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("qa", all);
}

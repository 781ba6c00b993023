/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a review: who may do what to it, and disputes. */
#include "fixtures_qa.h"

TEST(the_agent_disputes_and_somebody_else_resolves)
{
	const char *review = make_review(BAD);

	patch_review(review, "{\"scores\":" SCORES(5, 10, 5) "}");
	expect_problem(409, "review_closed");
	as_user("ada");
	patch_review(review, "{\"status\":\"disputed\"}");
	expect_field("dispute_reason", "required");
	patch_review(
	    review, "{\"status\":\"disputed\",\"dispute_reason\":\"The facts were right\"}");
	expect(200);
	patch_review(review, "{\"status\":\"submitted\",\"resolution\":\"changed\"}");
	expect_problem(403, "own_work");
	as_admin();
	make_reviewer("bob");
	patch_review(review, "{\"status\":\"submitted\"}");
	expect_field("resolution", "required");
	patch_review(
	    review, "{\"status\":\"submitted\",\"resolution\":\"changed\",\"scores\":" SCORES(
			1, 10, 1) "}");
	expect(200);
	ck_assert_str_eq(text("total"), "36.0");
	as_user("bob");
	patch_review(review, "{\"status\":\"acknowledged\"}");
	expect_problem(403, "not_the_agent");
	as_user("ada");
	patch_review(review, "{\"status\":\"acknowledged\"}");
	expect(200);
	patch_review(review, "{\"status\":\"draft\"}");
	expect_problem(409, "invalid_transition");
}
END

TEST(nobody_scores_submits_or_voids_a_review_of_the_own_work)
{
	const char *bad = make_review(BAD), *draft = make_review(",\"scores\":" SCORES(1, 1, 1));

	as_user("ada");
	call("POST", "/api/qa/reviews",
	    fmt("{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\"" GOOD "}", ticket_id, card));
	expect_problem(403, "own_work");
	ck_assert_str_eq(text("title"), "This is not for the caller to do.");
	call("POST", "/api/qa/reviews",
	    fmt("{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\"}", ticket_id, card));
	expect_problem(403, "own_work");
	patch_review(bad, "{\"status\":\"void\"}");
	expect_problem(403, "own_work");
	patch_review(draft, "{\"status\":\"submitted\"}");
	expect_problem(403, "own_work");
	patch_review(draft, "{\"status\":\"void\"}");
	expect_problem(403, "own_work");
	patch_review(draft, "{\"comment\":\"Great\"}");
	expect_problem(403, "own_work");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM qa_review"), "2");
}
END

TEST(an_administrator_voids_and_a_reviewer_takes_back_the_own_draft)
{
	const char *review = make_review(BAD), *draft;

	make_reviewer("bob");
	as_user("bob");
	patch_review(review, "{\"status\":\"void\"}");
	expect_problem(403, "not_an_admin");
	draft = make_review("");
	patch_review(draft, "{\"status\":\"void\"}");
	expect(200);
	as_admin();
	patch_review(review, "{\"status\":\"void\"}");
	expect(200);
}
END

TEST(a_dispute_has_a_reason_and_its_end_a_resolution)
{
	const char *review = make_review(BAD);

	as_user("ada");
	patch_review(review, "{\"status\":\"disputed\",\"dispute_reason\":null}");
	expect_field("dispute_reason", "required");
	patch_review(review, "{\"status\":\"disputed\",\"dispute_reason\":\" \\n\"}");
	expect_field("dispute_reason", "too_short");
	patch_review(review, "{\"status\":\"disputed\",\"dispute_reason\":\"No\"}");
	expect(200);
	as_admin();
	patch_review(review, "{\"status\":\"submitted\",\"resolution\":null}");
	expect_field("resolution", "required");
	patch_review(review, "{\"status\":\"submitted\",\"resolution\":\"upheld\"}");
	expect(200);
	as_user("ada");
	patch_review(review, "{\"status\":\"disputed\",\"dispute_reason\":\"Still no\"}");
	expect(200);
	ck_assert_str_eq(text("resolution"), "null");
	as_admin();
	patch_review(review, "{\"status\":\"submitted\"}");
	expect_field("resolution", "required");
}
END

TEST(reason_and_resolution_come_at_no_other_time)
{
	const char *draft = make_review(""), *review = make_review(BAD);

	patch_review(draft, "{\"dispute_reason\":\"No\"}");
	expect_field("dispute_reason", "not_allowed");
	patch_review(draft, "{\"resolution\":\"upheld\"}");
	expect_field("resolution", "not_allowed");
	patch_review(review, "{\"status\":\"void\",\"resolution\":\"upheld\"}");
	expect_field("resolution", "not_allowed");
	as_user("ada");
	patch_review(review, "{\"dispute_reason\":\"No\"}");
	expect_field("dispute_reason", "not_allowed");
	patch_review(review, "{\"status\":\"disputed\",\"dispute_reason\":\"No\"}");
	expect(200);
	patch_review(review, "{\"dispute_reason\":\"Never said so\"}");
	expect_field("dispute_reason", "not_allowed");
	patch_review(review, "{\"resolution\":\"changed\"}");
	expect_field("resolution", "not_allowed");
	patch_review(review, "{\"status\":\"disputed\",\"dispute_reason\":\"No\"}");
	expect(200); /* what is there already may be said again */
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("qa_reviews");

	tcase_add_checked_fixture(c, qa_fresh, NULL);
	tcase_add_test(c, the_agent_disputes_and_somebody_else_resolves);
	tcase_add_test(c, nobody_scores_submits_or_voids_a_review_of_the_own_work);
	tcase_add_test(c, an_administrator_voids_and_a_reviewer_takes_back_the_own_draft);
	tcase_add_test(c, a_dispute_has_a_reason_and_its_end_a_resolution);
	tcase_add_test(c, reason_and_resolution_come_at_no_other_time);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("qa_reviews", all);
}

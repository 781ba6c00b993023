/* SPDX-License-Identifier: Apache-2.0 */
/* QA: what reviewers say of the work. Rules and arithmetic: sql/functions/52_qa.sql. */
#include "http/period.h"

/* clang-format off */
static const struct field criterion_fields[] = {
	{ "key",         T_STR,  F_BODY|F_OUT|F_REQ, 1, 40, .example = "\"empathy\"", .doc = "Names it in scores; unique in the scorecard." },
	{ "name",        T_STR,  F_BODY|F_OUT|F_REQ, 1, 120, .example = "\"Empathy\"", .doc = "What people see." },
	{ "description", T_TEXT, F_BODY|F_OUT, 0, 2000, .example = "\"Listens, and shows it\"", .doc = "What to look for." },
	{ "weight",      T_INT,  F_BODY|F_OUT, 1, 1000, .example = "2", .doc = "Its share of the total, relative to the others; 1 unless given." },
	{ "max_score",   T_INT,  F_BODY|F_OUT, 1, 100, .example = "5", .doc = "The best score; 5 unless given." },
	{ "auto_fail",   T_BOOL, F_BODY|F_OUT, .example = "false", .doc = "Whether a score of 0 makes the whole review 0." },
	{ .name = NULL }
};
static const struct field card_fields[] = {
	{ "scorecard_id", T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "name",        T_STR,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 120, .example = "\"E-mail quality\"", .doc = "Name; unique among those in use." },
	{ "description", T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 2000, .example = "\"For written replies\"", .doc = "What it is for." },
	{ "criteria",    T_OBJECT, F_CREATE|F_PATCH|F_OUT|F_REQ|F_LIST, .sub = criterion_fields, .max_items = 50, .example = "[{\"key\":\"empathy\",\"name\":\"Empathy\",\"description\":\"Listens\",\"weight\":2,\"max_score\":5,\"auto_fail\":false},{\"key\":\"privacy\",\"name\":\"Privacy\",\"description\":\"\",\"weight\":1,\"max_score\":5,\"auto_fail\":true}]", .doc = "What is scored. A change makes a new edition; reviews keep theirs." },
	{ "pass_mark",   T_INT,  F_CREATE|F_PATCH|F_OUT, 0, 100, .example = "80", .doc = "Total in percent from which a review is passed; 80 unless given." },
	{ "edition",     T_INT,  F_OUT, .example = "1", .doc = "Grows when criteria or pass mark change." },
	{ "archived",    T_BOOL, F_PATCH|F_OUT, .example = "false", .doc = "Whether it is no longer used for new reviews." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource card = { "Scorecard", "What a review looks at.", "qa_scorecard_v", "scorecard_id", NULL, card_fields };
static const struct filter card_by[] = { { "archived", T_BOOL, "t.archived = $?", NULL, "Whether it is archived.", true }, { .name = NULL } };
static const struct sort card_sorts[] = { { "name", "t.name", "text" }, { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list cards = { card_by, card_sorts, NULL, true };

static const char *const states[] = { "draft", "submitted", "acknowledged", "disputed", "void", NULL };
static const char *const first_states[] = { "draft", "submitted", NULL };
static const char *const resolutions[] = { "upheld", "changed", NULL };
static const struct field score_fields[] = {
	{ "criterion", T_STR,  F_BODY|F_OUT|F_REQ, 1, 40, .example = "\"empathy\"", .doc = "Key of a criterion." },
	{ "score",     T_NUM,  F_BODY|F_OUT|F_REQ, 0, 100, .example = "4", .doc = "0 to the criterion's max_score." },
	{ "comment",   T_TEXT, F_BODY|F_OUT|F_OPT, 0, 2000, .example = "\"Well put\"", .doc = "Why." },
	{ .name = NULL }
};
static const struct field review_fields[] = {
	{ "review_id",    T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",       T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "ticket_id",    T_ID,   F_CREATE|F_OUT|F_REQ, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket reviewed." },
	{ "scorecard_id", T_ID,   F_CREATE|F_OUT|F_REQ, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The scorecard." },
	{ "edition",      T_INT,  F_OUT, .example = "1", .doc = "The scorecard's edition." },
	{ "agent_user_id", T_ID,  F_CREATE|F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Whose work it is; the ticket's assignee unless given. Nobody reviews the own work." },
	{ "reviewer_id",  T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who reviews." },
	{ "auto",         T_BOOL, F_CREATE, .example = "false", .doc = "Let a language model make the draft; 409 while none is configured." },
	{ "status",       T_ENUM, F_CREATE, .words = first_states, .example = "\"draft\"", .doc = "draft (default) or submitted." },
	{ "status",       T_ENUM, F_PATCH|F_OUT, .words = states, .example = "\"submitted\"", .doc = "draft, submitted, acknowledged or disputed by the agent, void (by an administrator, or the reviewer of a draft). A dispute ends with submitted and a resolution. Of a review of the own work one can acknowledge or dispute, and no more." },
	{ "scores",       T_OBJECT, F_CREATE|F_PATCH|F_OUT|F_LIST, .sub = score_fields, .max_items = 50, .example = "[]", .doc = "A score for each criterion; a draft may lack some." },
	{ "total",        T_NUM,  F_OUT|F_NULL, .max = 100, .example = "86.7", .doc = "Weighted share of the best scores, in percent; 0 after an auto-fail, null while scores are missing." },
	{ "passed",       T_BOOL, F_OUT|F_NULL, .example = "true", .doc = "Whether the total reaches the pass mark without an auto-fail." },
	{ "auto_failed",  T_BOOL, F_OUT, .example = "false", .doc = "Whether an auto-fail criterion was scored 0." },
	{ "comment",      T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 4000, .example = "\"Well done\"", .doc = "On the whole." },
	{ "dispute_reason", T_TEXT, F_PATCH|F_OUT|F_NULL, 1, 4000, .example = "null", .doc = "Why the agent disagrees; comes with the change to disputed, and only then." },
	{ "resolution",   T_ENUM, F_PATCH|F_OUT|F_NULL, .words = resolutions, .example = "null", .doc = "How the last dispute ended; comes with the change from disputed to submitted, and only then. A new dispute clears it." },
	{ "submitted_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was submitted." },
	{ "version",      T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",   T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",   T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource review = { "Review", "What a reviewer says of the work on a ticket.", "qa_review_v", "review_id", NULL, review_fields };
static const struct field made_with_fields[] = {
	{ "scorecard_id", T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The scorecard." },
	{ "name",        T_STR,  F_OUT, .example = "\"E-mail quality\"", .doc = "Its name now." },
	{ "edition",     T_INT,  F_OUT, .example = "1", .doc = "The review's edition." },
	{ "criteria",    T_OBJECT, F_OUT|F_LIST, .sub = criterion_fields, .example = "[]", .doc = "What was scored." },
	{ "pass_mark",   T_INT,  F_OUT, 0, 100, .example = "80", .doc = "Total in percent from which a review was passed." },
	{ .name = NULL }
};
static const struct resource made_with = { "ReviewScorecard", "A scorecard as it was for a review.", NULL, NULL, NULL, made_with_fields };
static const struct include review_includes[] = {
	{ "scorecard", SQL_QA_REVIEW_SCORECARD, false, &made_with, "The criteria and the pass mark of the review's edition." },
	{ .name = NULL }
};
static const struct filter review_by[] = {
	{ "status",        T_ENUM, "t.status = $?",        states, "Status; repeatable." },
	{ "agent_user_id", T_ID,   "t.agent_user_id = $?", NULL, "Agent; repeatable." },
	{ "reviewer_id",   T_ACTOR, "t.reviewer_id = $?",   NULL, "Reviewer; repeatable." },
	{ "scorecard_id",  T_ID,   "t.scorecard_id = $?",  NULL, "Scorecard; repeatable." },
	{ "ticket_id",     T_ID,   "t.ticket_id = $?",     NULL, "Ticket; repeatable." },
	{ "min_total",     T_INT,  "t.total >= $?",        NULL, "Least total.", true },
	{ "max_total",     T_INT,  "t.total <= $?",        NULL, "Largest total.", true },
	{ "created_after", T_TIME, "t.created_at > $?",    NULL, "Made after this time.", true },
	{ "created_before", T_TIME, "t.created_at < $?",   NULL, "Made before this time.", true },
	{ .name = NULL }
};
static const struct sort review_sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list reviews = { review_by, review_sorts, NULL, false };

static const char *const strata[] = { "none", "agent", "team", "priority", "channel", NULL };
static const struct field sample_fields[] = {
	{ "scorecard_id",  T_ID,  F_BODY|F_REQ, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The scorecard." },
	{ "count",         T_INT, F_BODY|F_REQ, 1, 100, .example = "10", .doc = "How many tickets at most." },
	{ "reviewer_user_ids", T_ID, F_BODY|F_REQ|F_LIST, .max_items = 50, .example = "[\"0190163d-8694-739b-aea5-966c26f8ad91\"]", .doc = "Who gets the drafts, in turn, but for those of the own work." },
	{ "stratify_by",   T_ENUM, F_BODY, .words = strata, .example = "\"agent\"", .doc = "Draw in turn from each of these, so that none is left out." },
	{ "from",          T_TIME, F_BODY, .example = "\"2026-06-01T00:00:00Z\"", .doc = "Resolved since; 30 days ago unless given." },
	{ "to",            T_TIME, F_BODY, .example = "\"2026-07-01T00:00:00Z\"", .doc = "Resolved before; after from." },
	{ "team_id",       T_ID,  F_BODY, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Only tickets of this team." },
	{ "agent_user_id", T_ID,  F_BODY, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Only tickets of this agent." },
	{ "seed",          T_STR, F_BODY, 1, 80, .example = "\"june\"", .doc = "The same seed draws the same tickets." },
	{ .name = NULL }
};
static const struct field drawn_fields[] = {
	{ "review_id",     T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The draft." },
	{ "ticket_id",     T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "agent_user_id", T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Whose work it is." },
	{ "reviewer_id",   T_STR, F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Who reviews it." },
	{ .name = NULL }
};
static const struct field drawing_fields[] = {
	{ "seed", T_STR, F_OUT, .example = "\"june\"", .doc = "With it the same is drawn again." },
	{ "data", T_OBJECT, F_OUT|F_LIST, .sub = drawn_fields, .example = "[]", .doc = "The drafts; fewer than asked for when there are not enough tickets." },
	{ .name = NULL }
};
static const struct resource drawing = { "ReviewSample", "Drafts for tickets drawn at random.", NULL, NULL, NULL, drawing_fields };

static const char *const groups[] = { "agent", "team", "criterion", "week", "scorecard", NULL };
static const struct filter analytics_query[] = {
	PERIOD_FILTERS,
	{ "group_by", T_ENUM, "", groups, "agent unless given; team is the ticket's, week begins on Monday in the organization's time zone.", true },
	{ "scorecard_id", T_ID, "", NULL, "Only reviews with this scorecard.", true },
	{ .name = NULL }
};
static const struct field group_fields[] = {
	{ "key",           T_STR, F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Id, key of the criterion, or first day of the week; null for the tickets of no team." },
	{ "scorecard_id",  T_ID,  F_OUT|F_NULL, .example = "null", .doc = "With criterion, the scorecard that has it; else null." },
	{ "name",          T_STR, F_OUT, .example = "\"Grace Hopper\"", .doc = "Its name; (none) without a key, (deleted) when it is gone." },
	{ "reviews",       T_INT, F_OUT, .example = "12", .doc = "Reviews." },
	{ "average_score", T_NUM, F_OUT|F_NULL, .max = 100, .example = "86.7", .doc = "Mean total in percent; with criterion, mean share of its best score." },
	{ "pass_rate",     T_NUM, F_OUT|F_NULL, .max = 100, .example = "91.7", .doc = "Share of reviews passed, in percent." },
	{ "auto_failed",   T_INT, F_OUT, .example = "0", .doc = "Reviews with an auto-fail." },
	{ .name = NULL }
};
static const struct field analytics_fields[] = {
	{ "data", T_OBJECT, F_OUT|F_LIST, .sub = group_fields, .example = "[]", .doc = "Submitted reviews of the period by group." },
	{ .name = NULL }
};
static const struct resource analytics = { "QaAnalytics", "Review scores by group.", NULL, NULL, NULL, analytics_fields };
/* clang-format on */

static int
create_review(struct req *r)
{
	if (body_bool(r, "auto", false)) {
		fail_detail(
		    r, E_CONFLICT, "No language model is configured that could make the draft.");
		r->code = "model_unavailable";
		return -1;
	}
	return api_exec(r);
}

static int
draw_sample(struct req *r)
{
	return reply_slot(
	    r, 201, &drawing, db_queue(r->db, SQL_QA_SAMPLE, P(r->org, r->body_text)));
}

static int
analyse(struct req *r)
{
	const char *group = query_get(r, "group_by"), *card_id = query_get(r, "scorecard_id");
	struct period p;

	if (period_of(r, &p) == -1)
		return -1;
	return reply_slot(r, 200, &analytics,
	    db_queue(r->db, SQL_QA_ANALYTICS,
		P(r->org, p.from, p.to, group == NULL ? "agent" : group, card_id)));
}

/* clang-format off */
const struct route qa_routes[] = {
	{ POST, "/api/qa/scorecards", "qa.createScorecard", api_exec, S_SETTINGS_WRITE, .flags = R_CREATE, .body = card_fields, .reply = &card,
	    .exec = SQL_QA_SCORECARD_CREATE, .summary = "Create a scorecard" },
	{ GET, "/api/qa/scorecards", "qa.listScorecards", api_list, S_REPORTS_READ, .reply = &card, .list = &cards, .summary = "List scorecards" },
	{ GET, "/api/qa/scorecards/:id", "qa.getScorecard", api_get, S_REPORTS_READ, .reply = &card, .summary = "Get a scorecard" },
	{ PATCH, "/api/qa/scorecards/:id", "qa.updateScorecard", api_exec, S_SETTINGS_WRITE, .body = card_fields, .use = F_PATCH, .reply = &card,
	    .exec = SQL_QA_SCORECARD_PATCH, .summary = "Update or archive a scorecard", .example = "{\"pass_mark\":75}" },
	{ POST, "/api/qa/reviews", "qa.createReview", create_review, S_TICKETS_WRITE, .flags = R_CREATE, .body = review_fields, .reply = &review,
	    .exec = SQL_QA_REVIEW_CREATE, .summary = "Review a ticket" },
	{ GET, "/api/qa/reviews", "qa.listReviews", api_list, S_REPORTS_READ, .reply = &review, .list = &reviews, .summary = "List reviews" },
	{ GET, "/api/qa/reviews/:id", "qa.getReview", api_get, S_REPORTS_READ, .reply = &review, .includes = review_includes, .summary = "Get a review" },
	{ PATCH, "/api/qa/reviews/:id", "qa.updateReview", api_exec, S_TICKETS_WRITE, .body = review_fields, .use = F_PATCH, .reply = &review,
	    .exec = SQL_QA_REVIEW_PATCH, .summary = "Score, submit, acknowledge, dispute or void a review", .example = "{\"comment\":\"Well done\"}" },
	{ POST, "/api/qa/sample", "qa.sample", draw_sample, S_SETTINGS_WRITE, .status = 201, .body = sample_fields, .reply = &drawing,
	    .summary = "Draw tickets for review", .doc = "Resolved tickets that have no review with the scorecard yet, at random." },
	{ GET, "/api/qa/analytics", "qa.analytics", analyse, S_REPORTS_READ, .query = analytics_query, .reply = &analytics, .summary = "Review scores by group" },
	{ .path = NULL }
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSAT: one question to the customer about a ticket. The survey's token is the
 * customer's only credential; the database has its digest alone.
 */
#include <string.h>

#include "auth/secret.h"
#include "base/conf.h"
#include "http/period.h"

/* clang-format off */
static const char *const states[] = { "requested", "responded", "expired", NULL };
static const struct field survey_fields[] = {
	{ "survey_id",     T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",        T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "ticket_id",     T_ID,   F_BODY|F_REQ|F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket it is about." },
	{ "expires_in_days", T_INT, F_BODY, 1, 365, .example = "30", .doc = "Until when it can be answered; 30 days unless given." },
	{ "customer_id",   T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Who is asked." },
	{ "agent_user_id", T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The ticket's assignee at that time." },
	{ "team_id",       T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The ticket's team at that time." },
	{ "queue_id",      T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The ticket's queue at that time." },
	{ "tags",          T_TAG,  F_OUT|F_LIST, .example = "[\"login\"]", .doc = "The ticket's tags at that time." },
	{ "status",        T_ENUM, F_OUT, .words = states, .example = "\"requested\"", .doc = "Whether it is answered." },
	{ "score",         T_INT,  F_OUT|F_NULL, 1, 5, .example = "null", .doc = "1 (very dissatisfied) to 5 (very satisfied)." },
	{ "comment",       T_TEXT, F_OUT|F_NULL, .example = "null", .doc = "What the customer adds." },
	{ "requested_by",  T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who asked." },
	{ "expires_at",    T_TIME, F_OUT, .example = "\"2026-07-13T10:00:00.000Z\"", .doc = "Until when it can be answered." },
	{ "responded_at",  T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was answered." },
	{ "created_at",    T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource survey = { "Survey", "One question to a customer about a ticket.", "csat_survey_v", "survey_id", NULL, survey_fields };
static const struct field asked_fields[] = {
	{ "survey_id",  T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The survey." },
	{ "ticket_id",  T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "token",      T_STR, F_OUT, .example = "\"cs_…\"", .doc = "The customer's credential for one answer; shown only here." },
	{ "survey_url", T_URL, F_OUT, .example = "\"https://helpdesk.example/csat?token=cs_…\"", .doc = "A link for the customer." },
	{ .name = NULL }
};
static const struct resource asked = { "SurveyRequest", "A survey and the way to answer it.", NULL, "survey_id", NULL, asked_fields };
static const struct field submit_fields[] = {
	{ "token",   T_STR,  F_BODY|F_REQ, 1, 200, .example = "\"cs_…\"", .doc = "From the survey's link." },
	{ "score",   T_INT,  F_BODY|F_REQ, 1, 5, .example = "5", .doc = "1 (very dissatisfied) to 5 (very satisfied)." },
	{ "comment", T_TEXT, F_BODY|F_NULL, 0, 4000, .example = "\"Quick and friendly\"", .doc = "Anything else." },
	{ .name = NULL }
};
static const struct field answer_fields[] = {
	{ "survey_id",    T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The survey." },
	{ "score",        T_INT,  F_OUT, 1, 5, .example = "5", .doc = "What was given." },
	{ "responded_at", T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When." },
	{ .name = NULL }
};
static const struct resource answer = { "SurveyAnswer", "An answered survey.", NULL, "survey_id", NULL, answer_fields };

static const struct field distribution_fields[] = {
	{ "1", T_INT, F_OUT, .example = "0", .doc = "Answers with 1." },
	{ "2", T_INT, F_OUT, .example = "0", .doc = "Answers with 2." },
	{ "3", T_INT, F_OUT, .example = "1", .doc = "Answers with 3." },
	{ "4", T_INT, F_OUT, .example = "4", .doc = "Answers with 4." },
	{ "5", T_INT, F_OUT, .example = "7", .doc = "Answers with 5." },
	{ .name = NULL }
};
#define FIGURES \
	{ "requested",     T_INT, F_OUT, .example = "20", .doc = "Surveys sent in the period." }, \
	{ "responses",     T_INT, F_OUT, .example = "12", .doc = "Of these, answered." }, \
	{ "csat_percent",  T_NUM, F_OUT|F_NULL, .max = 100, .example = "91.7", .doc = "Share of scores 4 and 5 among the answers, in percent; null without answers." }, \
	{ "average_score", T_NUM, F_OUT|F_NULL, .max = 5, .example = "4.5", .doc = "Mean score." }, \
	{ "response_rate", T_NUM, F_OUT|F_NULL, .max = 100, .example = "60.0", .doc = "Share of surveys that were answered, in percent." }, \
	{ "distribution",  T_OBJECT, F_OUT, .sub = distribution_fields, .example = "{\"1\":0,\"2\":0,\"3\":1,\"4\":4,\"5\":7}", .doc = "Answers by score." }
static const struct field figure_fields[] = { FIGURES, { .name = NULL } };
static const struct field trend_fields[] = {
	FIGURES,
	{ "period", T_DATE, F_OUT, .example = "\"2026-06-01\"", .doc = "First day of the step, in the organization's time zone." },
	{ .name = NULL }
};
static const struct field analytics_fields[] = {
	FIGURES,
	{ "trend",    T_OBJECT, F_OUT|F_LIST, .sub = trend_fields, .example = "[]", .doc = "The same by step, those without surveys left out." },
	{ "previous", T_OBJECT, F_OUT, .sub = figure_fields, .example = "{}", .doc = "The same for the period of equal length before." },
	{ "from",     T_TIME, F_OUT, .example = "\"2026-06-01T00:00:00.000Z\"", .doc = "Start of the period." },
	{ "to",       T_TIME, F_OUT, .example = "\"2026-07-01T00:00:00.000Z\"", .doc = "Its end." },
	{ .name = NULL }
};
static const struct resource analytics = { "CsatAnalytics", "How satisfied customers are.", NULL, NULL, NULL, analytics_fields };
static const struct field dimension_row[] = {
	FIGURES,
	{ "key",  T_STR, F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Id of the agent, team or queue, or the tag; null for none." },
	{ "name", T_STR, F_OUT, .example = "\"Grace Hopper\"", .doc = "Its name; (none) without a key, (deleted) when it is gone." },
	{ .name = NULL }
};
static const struct field dimension_fields[] = {
	{ "data", T_OBJECT, F_OUT|F_LIST, .sub = dimension_row, .example = "[]", .doc = "Most answers first." },
	{ .name = NULL }
};
static const struct resource by_dimension = { "CsatByDimension", "Satisfaction by agent, team, queue or tag.", NULL, NULL, NULL, dimension_fields };

static const struct filter by[] = {
	{ "status",        T_ENUM, "t.status = $?",        states, "Status; repeatable." },
	{ "score",         T_INT,  "t.score = $?",         NULL, "Score; repeatable." },
	{ "ticket_id",     T_ID,   "t.ticket_id = $?",     NULL, "Ticket; repeatable." },
	{ "customer_id",   T_ID,   "t.customer_id = $?",   NULL, "Customer; repeatable." },
	{ "agent_user_id", T_ID,   "t.agent_user_id = $?", NULL, "Agent; repeatable." },
	{ "team_id",       T_ID,   "t.team_id = $?",       NULL, "Team; repeatable." },
	{ "queue_id",      T_ID,   "t.queue_id = $?",      NULL, "Queue; repeatable." },
	{ "tag",           T_TAG,  "EXISTS (SELECT 1 FROM unnest(t.tags) g WHERE g = $?)", NULL, "Tag; repeatable (any of them)." },
	{ "created_after", T_TIME, "t.created_at > $?",    NULL, "Sent after this time.", true },
	{ "created_before", T_TIME, "t.created_at < $?",   NULL, "Sent before this time.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list surveys = { by, sorts, NULL, false };
static const char *const intervals[] = { "day", "week", "month", NULL };
static const char *const dimensions[] = { "agent", "team", "queue", "tag", NULL };
static const struct filter analytics_query[] = {
	PERIOD_FILTERS,
	{ "interval", T_ENUM, "", intervals, "Step of the trend; day unless given.", true },
	{ .name = NULL }
};
static const struct filter dimension_query[] = {
	PERIOD_FILTERS,
	{ "dimension", T_ENUM, "", dimensions, "What to break down by; agent unless given.", true },
	{ .name = NULL }
};
/* clang-format on */

static const char *
digest(struct req *r, const char *token)
{
	char *hash = arena_alloc(r->arena, 65);

	sha256_hex(hash, token, strlen(token));
	return hash;
}

static int
request_survey(struct req *r)
{
	const char *token = opaque_token(r->arena, "cs");
	struct buf *out = &r->out->body;

	db_do(r->db, SQL_CSAT_REQUEST, P(r->org, r->new_id, digest(r, token), r->body_text));
	if (conf.smtp_url[0] != '\0')
		db_do(r->db, SQL_CSAT_MAIL, P(r->org, r->new_id, token));
	buf_printf(out, "{\"survey_id\":\"%s\",\"ticket_id\":", r->new_id);
	buf_json_str(out, body_str(r, "ticket_id"));
	buf_printf(out, ",\"token\":\"%s\",\"survey_url\":", token);
	buf_json_str(out, arena_printf(r->arena, "%s/csat?token=%s", conf.base_url, token));
	buf_char(out, '}');
	return reply_json(r, 201);
}

/* Public: the token says which organization it is. */
static int
submit_survey(struct req *r)
{
	const char *hash = digest(r, body_str(r, "token"));
	const struct db_context context = { .org = "",
		.actor_type = "customer",
		.address = r->in->address,
		.request_id = r->request_id };
	const PGresult *row;

	db_begin(r->db, r->arena, DB_WRITE, &context);
	db_do(r->db, SQL_AUTH_DIRECTORY, P("csat", hash));
	row = db_row(r->db, SQL_CSAT_SUBMIT, P(hash, r->body_text));
	if (row == NULL || !db_commit(r->db)) {
		if (db_failed(r->db))
			fail_db(r);
		else
			fail(r, E_NOT_FOUND);
		db_rollback(r->db);
		return -1;
	}
	json_row(&r->out->body, row, 0, NULL);
	worker_ping(r->worker, r->org);
	return reply_json(r, 200);
}

static int
report(struct req *r, const struct resource *shape, enum sql_id sql, const char *choice)
{
	struct period p;

	if (period_of(r, &p) == -1)
		return -1;
	return reply_slot(r, 200, shape, db_queue(r->db, sql, P(r->org, p.from, p.to, choice)));
}

static int
analyse(struct req *r)
{
	const char *interval = query_get(r, "interval");

	return report(r, &analytics, SQL_CSAT_ANALYTICS, interval == NULL ? "day" : interval);
}

static int
break_down(struct req *r)
{
	const char *dimension = query_get(r, "dimension");

	return report(
	    r, &by_dimension, SQL_CSAT_BY_DIMENSION, dimension == NULL ? "agent" : dimension);
}

/* clang-format off */
const struct route csat_routes[] = {
	{ POST, "/api/csat/request", "csat.request", request_survey, S_TICKETS_WRITE, .flags = R_CREATE|R_SECRET, .body = survey_fields, .reply = &asked,
	    .summary = "Send a CSAT survey", .doc = "Gives the link for the customer, and sends it by e-mail when there is a mail server and the customer has an address. A ticket has one open survey at a time." },
	{ POST, "/api/csat/submit", "csat.submit", submit_survey, .flags = R_PUBLIC, .body = submit_fields, .reply = &answer,
	    .summary = "Submit a survey response", .doc = "By the customer, with the survey's token and no other credential; once: a second time is 409 already_submitted, with an Idempotency-Key as well. The token of a deleted ticket is unknown.", .example = "{\"token\":\"cs_unknown\",\"score\":5}" },
	{ GET, "/api/csat/analytics", "csat.analytics", analyse, S_REPORTS_READ, .query = analytics_query, .reply = &analytics,
	    .summary = "CSAT analytics", .doc = "Over the surveys sent in the period, but for those of deleted tickets." },
	{ GET, "/api/csat/by-dimension", "csat.byDimension", break_down, S_REPORTS_READ, .query = dimension_query, .reply = &by_dimension,
	    .summary = "CSAT by agent, team, queue or tag" },
	{ GET, "/api/csat/surveys", "csat.list", api_list, S_REPORTS_READ, .reply = &survey, .list = &surveys, .summary = "List surveys" },
	{ GET, "/api/csat/surveys/:id", "csat.get", api_get, S_REPORTS_READ, .reply = &survey, .summary = "Get a survey" },
	{ .path = NULL }
};

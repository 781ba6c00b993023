/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: figures of the desk over a period. The arithmetic is SQL (sql/queries/reports.sql). */
#include <string.h>

#include "http/period.h"
#include "resources/tickets.h"

/* clang-format off */
static const struct field spread_fields[] = {
	{ "count",   T_INT, F_OUT, .max = 9007199254740991, .example = "120", .doc = "Tickets that were measured." },
	{ "average", T_NUM, F_OUT|F_NULL, .example = "95.2", .doc = "Mean, in minutes; null without tickets." },
	{ "median",  T_NUM, F_OUT|F_NULL, .example = "41.5", .doc = "Half are faster; where several tickets share the minute in the middle, their mean." },
	{ "p90",     T_NUM, F_OUT|F_NULL, .example = "260.0", .doc = "Nine of ten are as fast or faster." },
	{ .name = NULL }
};
#define SPREAD(name, what) { name, T_OBJECT, F_OUT, .sub = spread_fields, .example = "{\"count\":120,\"average\":95.2,\"median\":41.5,\"p90\":260.0}", .doc = what " count, average, median and p90." }
#define COUNTS \
	{ "created",  T_INT, F_OUT, .example = "140", .doc = "Tickets created in the period." }, \
	{ "solved",   T_INT, F_OUT, .example = "120", .doc = "Tickets resolved in the period." }, \
	{ "reopened", T_INT, F_OUT, .example = "3", .doc = "Of these, opened again at some time before." }, \
	SPREAD("first_reply_minutes", "Minutes from creation to the first public reply, of tickets created in the period:"), \
	SPREAD("resolution_minutes", "Minutes from creation to resolution, of tickets resolved in the period:"), \
	{ "csat_percent", T_NUM, F_OUT|F_NULL, .max = 100, .example = "91.7", .doc = "Satisfied among the answers to surveys of the period." }
static const struct field counts_fields[] = { COUNTS, { .name = NULL } };
static const struct field backlog_fields[] = {
	{ "total",         T_INT, F_OUT, .example = "32", .doc = "Tickets that are not resolved now." },
	{ "under_1_day",   T_INT, F_OUT, .example = "12", .doc = "Of these, younger than a day." },
	{ "under_3_days",  T_INT, F_OUT, .example = "9", .doc = "One to three days old." },
	{ "under_7_days",  T_INT, F_OUT, .example = "6", .doc = "Three to seven days old." },
	{ "under_30_days", T_INT, F_OUT, .example = "4", .doc = "Seven to thirty days old." },
	{ "over_30_days",  T_INT, F_OUT, .example = "1", .doc = "Older." },
	{ .name = NULL }
};
static const struct field overview_fields[] = {
	COUNTS,
	{ "backlog",  T_OBJECT, F_OUT, .sub = backlog_fields, .example = "{}", .doc = "Open work by age, now." },
	{ "previous", T_OBJECT, F_OUT|F_NULL, .sub = counts_fields, .example = "null", .doc = "The same counts for the period of equal length before; null with compare=none." },
	{ "from",     T_TIME, F_OUT, .example = "\"2026-06-01T00:00:00.000Z\"", .doc = "Start of the period." },
	{ "to",       T_TIME, F_OUT, .example = "\"2026-07-01T00:00:00.000Z\"", .doc = "Its end." },
	{ .name = NULL }
};
static const struct resource overview = { "Overview", "The desk at a glance.", NULL, NULL, NULL, overview_fields };

static const struct field point_fields[] = {
	{ "period", T_STR, F_OUT, .example = "\"2026-06-01T00:00\"", .doc = "Start of the step, in the organization's time zone; an hour has its offset, too (2026-06-01T00:00+02:00)." },
	{ "count",  T_INT, F_OUT, .example = "17", .doc = "Tickets; 0 where nothing happened." },
	{ .name = NULL }
};
static const struct field series_fields[] = {
	{ "key",    T_STR, F_OUT|F_NULL, .example = "\"urgent\"", .doc = "What the series is about; null for none." },
	{ "name",   T_STR, F_OUT, .example = "\"urgent\"", .doc = "Its name; (none) without a key, (deleted) when it is gone, all with group_by=none." },
	{ "total",  T_INT, F_OUT, .example = "17", .doc = "Sum of the points." },
	{ "points", T_OBJECT, F_OUT|F_LIST, .sub = point_fields, .example = "[]", .doc = "One for each step of the period." },
	{ .name = NULL }
};
static const struct field volume_fields[] = {
	{ "series", T_OBJECT, F_OUT|F_LIST, .sub = series_fields, .example = "[]", .doc = "The 50 largest." },
	{ .name = NULL }
};
static const struct resource volume = { "Volume", "Tickets over time.", NULL, NULL, NULL, volume_fields };

#define AGENT_ROW \
	{ "user_id",   T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The agent." }, \
	{ "name",      T_STR,  F_OUT, .example = "\"Grace Hopper\"", .doc = "The agent's name." }, \
	{ "active",    T_BOOL, F_OUT, .example = "true", .doc = "Whether the user is active." }, \
	{ "assigned",  T_INT,  F_OUT, .example = "40", .doc = "Tickets created in the period that the agent has." }, \
	{ "solved",    T_INT,  F_OUT, .example = "37", .doc = "Tickets resolved in the period." }, \
	{ "open_now",  T_INT,  F_OUT, .example = "5", .doc = "Open tickets now." }, \
	{ "replies",   T_INT,  F_OUT, .example = "88", .doc = "Public replies in the period." }, \
	{ "first_reply_median_minutes", T_NUM, F_OUT|F_NULL, .example = "21.5", .doc = "Half of the first replies came within so many minutes." }, \
	{ "resolution_median_minutes",  T_NUM, F_OUT|F_NULL, .example = "240.0", .doc = "Half of the tickets were resolved within so many minutes." }, \
	{ "csat_percent", T_NUM, F_OUT|F_NULL, .max = 100, .example = "91.7", .doc = "Satisfied customers among those who answered." }, \
	{ "qa_score",  T_NUM,  F_OUT|F_NULL, .max = 100, .example = "86.7", .doc = "Mean total of quality reviews." }
static const struct field agent_fields[] = { AGENT_ROW, { .name = NULL } };
static const struct field day_fields[] = {
	{ "day",    T_DATE, F_OUT, .example = "\"2026-06-01\"", .doc = "The day, in the organization's time zone." },
	{ "solved", T_INT,  F_OUT, .example = "3", .doc = "Tickets resolved." },
	{ .name = NULL }
};
static const struct field one_agent_fields[] = {
	AGENT_ROW,
	{ "days", T_OBJECT, F_OUT|F_LIST, .sub = day_fields, .example = "[]", .doc = "Each day of the period; of the first and the last what lies within it." },
	{ .name = NULL }
};
static const struct resource one_agent = { "AgentReport", "One agent's work.", NULL, "user_id", NULL, one_agent_fields };
static const struct field team_fields[] = {
	{ "team_id",  T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The team." },
	{ "name",     T_STR, F_OUT, .example = "\"Billing\"", .doc = "Its name." },
	{ "assigned", T_INT, F_OUT, .example = "40", .doc = "Tickets created in the period that the team has." },
	{ "solved",   T_INT, F_OUT, .example = "37", .doc = "Tickets resolved in the period." },
	{ "open_now", T_INT, F_OUT, .example = "5", .doc = "Open tickets now." },
	{ "resolution_median_minutes", T_NUM, F_OUT|F_NULL, .example = "240.0", .doc = "Half of the tickets were resolved within so many minutes." },
	{ "csat_percent", T_NUM, F_OUT|F_NULL, .max = 100, .example = "91.7", .doc = "Satisfied customers among those who answered." },
	{ .name = NULL }
};
static const struct field table_fields[] = {
	{ "data",  T_OBJECT, F_OUT|F_LIST|F_OPT, .sub = agent_fields, .example = "[]", .doc = "Agents, those who solved most first." },
	{ "teams", T_OBJECT, F_OUT|F_LIST|F_OPT, .sub = team_fields, .example = "[]", .doc = "Teams, with group_by=team." },
	{ .name = NULL }
};
static const struct resource agents = { "AgentsReport", "Who did how much.", NULL, NULL, NULL, table_fields };

#define ATTAINMENT \
	{ "timers",   T_INT, F_OUT, .example = "40", .doc = "Timers started in the period, cancelled ones left out." }, \
	{ "met",      T_INT, F_OUT, .example = "36", .doc = "Kept." }, \
	{ "breached", T_INT, F_OUT, .example = "3", .doc = "Broken." }, \
	{ "attainment_percent", T_NUM, F_OUT|F_NULL, .max = 100, .example = "92.3", .doc = "Share kept of those decided, in percent." }
#define METRIC { "metric", T_STR, F_OUT, .example = "\"first_response\"", .doc = "What was promised." }
static const struct field priority_fields[] = {
	{ "priority", T_STR, F_OUT, .example = "\"urgent\"", .doc = "The priority." },
	{ "tickets",  T_INT, F_OUT, .example = "12", .doc = "Tickets created in the period." },
	ATTAINMENT,
	SPREAD("first_reply_minutes", "Minutes to the first public reply:"),
	{ .name = NULL }
};
static const struct field policy_fields[] = {
	{ "policy_id", T_ID,  F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The policy; null for timers of none." },
	{ "name",      T_STR, F_OUT|F_NULL, .example = "\"Gold\"", .doc = "Its name." },
	METRIC,
	ATTAINMENT,
	{ .name = NULL }
};
static const struct field team_sla_fields[] = {
	{ "team_id", T_ID, F_OUT|F_NULL, .example = "null", .doc = "The ticket's team; null for none." },
	{ "name",    T_STR, F_OUT, .example = "\"Billing\"", .doc = "Its name; (none) without a team." },
	METRIC,
	ATTAINMENT,
	{ .name = NULL }
};
static const struct field sla_fields[] = {
	{ "policies",    T_OBJECT, F_OUT|F_LIST, .sub = policy_fields, .example = "[]", .doc = "Attainment by policy and metric." },
	{ "by_team",     T_OBJECT, F_OUT|F_LIST, .sub = team_sla_fields, .example = "[]", .doc = "Attainment by team and metric." },
	{ "by_priority", T_OBJECT, F_OUT|F_LIST, .sub = priority_fields, .example = "[]", .doc = "What was reached, by priority." },
	SPREAD("resolution_minutes", "Minutes to the resolution, of tickets resolved in the period:"),
	{ .name = NULL }
};
static const struct resource sla = { "SlaReport", "How fast customers are answered.", NULL, NULL, NULL, sla_fields };

static const struct field topic_fields[] = {
	{ "topic",      T_STR, F_OUT|F_NULL, .example = "\"billing\"", .doc = "The model's label." },
	{ "tickets",    T_INT, F_OUT, .example = "40", .doc = "Tickets to which the model gave it." },
	{ "overridden", T_INT, F_OUT, .example = "3", .doc = "Of these, corrected by a person." },
	{ .name = NULL }
};
static const struct field confidence_fields[] = {
	{ "from",    T_NUM, F_OUT, .max = 1, .example = "0.9", .doc = "Least confidence of the step; each is a tenth wide, and 1 belongs to the last." },
	{ "tickets", T_INT, F_OUT, .example = "31", .doc = "Tickets." },
	{ "overridden", T_INT, F_OUT, .example = "2", .doc = "Of these, corrected by a person." },
	{ .name = NULL }
};
static const struct field ai_fields[] = {
	{ "classified",    T_INT, F_OUT, .example = "120", .doc = "Tickets of the period that the model classified." },
	{ "overridden",    T_INT, F_OUT, .example = "7", .doc = "Of these, corrected by a person." },
	{ "override_rate", T_NUM, F_OUT|F_NULL, .max = 100, .example = "5.8", .doc = "The same in percent." },
	{ "topics",        T_OBJECT, F_OUT|F_LIST, .sub = topic_fields, .example = "[]", .doc = "By the model's label, the 100 most frequent." },
	{ "confidence",    T_OBJECT, F_OUT|F_LIST, .sub = confidence_fields, .example = "[]", .doc = "By the model's confidence." },
	{ .name = NULL }
};
static const struct resource ai = { "AiReport", "Whether the model helps.", NULL, NULL, NULL, ai_fields };

static const struct field row_fields[] = {
	{ "ticket_id",   T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "number",      T_INT,  F_OUT, .max = 9007199254740991, .example = "17", .doc = "Its number." },
	{ "title",       T_STR,  F_OUT, .example = "\"Cannot login to dashboard\"", .doc = "Its title." },
	{ "status",      T_STR,  F_OUT, .example = "\"resolved\"", .doc = "Its status." },
	{ "priority",    T_STR,  F_OUT, .example = "\"high\"", .doc = "Its priority." },
	{ "channel",     T_STR,  F_OUT, .example = "\"api\"", .doc = "How it came in." },
	{ "customer_id", T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Who asked." },
	{ "company_id",  T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The customer's company." },
	{ "team_id",     T_ID,   F_OUT|F_NULL, .example = "null", .doc = "Its team." },
	{ "queue_id",    T_ID,   F_OUT|F_NULL, .example = "null", .doc = "Its queue." },
	{ "assignee_user_id", T_ID, F_OUT|F_NULL, .example = "null", .doc = "Its agent." },
	{ "tags",        T_TAG,  F_OUT|F_LIST, .example = "[\"login\"]", .doc = "Its tags." },
	{ "reopened_count", T_INT, F_OUT, .example = "0", .doc = "How often it was opened again." },
	{ "first_reply_minutes", T_NUM, F_OUT|F_NULL, .example = "12.5", .doc = "From creation to the first public reply." },
	{ "resolution_minutes",  T_NUM, F_OUT|F_NULL, .example = "240.0", .doc = "From creation to resolution." },
	{ "comments",    T_INT,  F_OUT, .example = "4", .doc = "Public comments." },
	{ "csat_score",  T_INT,  F_OUT|F_NULL, .example = "5", .doc = "The customer's last score." },
	{ "qa_score",    T_NUM,  F_OUT|F_NULL, .max = 100, .example = "86.7", .doc = "Total of the last quality review, in percent." },
	{ "first_response_sla", T_STR, F_OUT|F_NULL, .example = "\"met\"", .doc = "What became of the last promise of a first reply: met, breached, or running while that is open; null without one." },
	{ "resolution_sla", T_STR, F_OUT|F_NULL, .example = "\"met\"", .doc = "The same of a resolution." },
	{ "first_response_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "First public reply." },
	{ "resolved_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was resolved." },
	{ "closed_at",   T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was closed." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When it was created." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When it last changed." },
	{ .name = NULL }
};
static const struct resource row = { "TicketRow", "A ticket with its times.", "ticket_report_v", "ticket_id", NULL, row_fields };
static const struct filter row_by[] = {
	{ "status",           T_ENUM, "t.status = $?",           ticket_status, "Status; repeatable." },
	{ "priority",         T_ENUM, "t.priority = $?",         ticket_priority, "Priority; repeatable." },
	{ "assignee_user_id", T_ID,   "t.assignee_user_id = $?", NULL, "Agent; repeatable." },
	{ "team_id",          T_ID,   "t.team_id = $?",          NULL, "Team; repeatable." },
	{ "queue_id",         T_ID,   "t.queue_id = $?",         NULL, "Queue; repeatable." },
	{ "customer_id",      T_ID,   "t.customer_id = $?",      NULL, "Customer; repeatable." },
	{ "tag",              T_TAG,  TICKET_HAS_TAG,            NULL, "Tag; repeatable (any of them)." },
	{ "from",             T_TIME, "t.created_at >= $?",      NULL, "Created at or after this time, as in the other reports.", true },
	{ "to",               T_TIME, "t.created_at < $?",       NULL, "Created before this time, as in the other reports.", true },
	{ "created_after",    T_TIME, "t.created_at > $?",       NULL, "Created after this time.", true },
	{ "created_before",   T_TIME, "t.created_at < $?",       NULL, "Created before this time.", true },
	{ "resolved_after",   T_TIME, "t.resolved_at > $?",      NULL, "Resolved after this time.", true },
	{ "resolved_before",  T_TIME, "t.resolved_at < $?",      NULL, "Resolved before this time.", true },
	{ .name = NULL }
};
static const struct sort row_sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { "number", "t.number", "bigint" }, { .name = NULL } };
static const struct list rows = { row_by, row_sorts, NULL, true, .csv = true };

static const char *const steps[] = { "hour", "day", "week", "month", NULL };
static const char *const groups[] = { "none", "status", "priority", "team", "queue", "assignee", "channel", "tag", "topic", NULL };
static const char *const measures[] = { "created", "solved", NULL };
static const char *const comparisons[] = { "previous", "none", NULL };
static const char *const tables[] = { "agent", "team", NULL };
static const struct filter overview_query[] = {
	PERIOD_FILTERS,
	{ "compare", T_ENUM, "", comparisons, "previous (default): the period of equal length before, too.", true },
	{ .name = NULL }
};
static const struct filter volume_query[] = {
	PERIOD_FILTERS,
	{ "interval", T_ENUM, "", steps, "Step; day unless given.", true },
	{ "group_by", T_ENUM, "", groups, "A series for each; none unless given.", true },
	{ "measure",  T_ENUM, "", measures, "What is counted; created unless given.", true },
	{ .name = NULL }
};
static const struct filter agents_query[] = {
	PERIOD_FILTERS,
	{ "group_by", T_ENUM, "", tables, "agent unless given.", true },
	{ .name = NULL }
};
static const struct filter period_query[] = { PERIOD_FILTERS, { .name = NULL } };
/* clang-format on */

static const char *
choice(const struct req *r, const char *name, const char *otherwise)
{
	const char *value = query_get(r, name);

	return value == NULL ? otherwise : value;
}

/* The period, and how what is queued next is planned. */
static int
begin_report(struct req *r, struct period *p)
{
	if (period_of(r, p) == -1)
		return -1;
	db_queue(r->db, SQL_REPORT_PLANNING, 0, NULL);
	return 0;
}

static int
show_overview(struct req *r)
{
	bool compare = strcmp(choice(r, "compare", "previous"), "previous") == 0;
	struct period p;

	if (begin_report(r, &p) == -1)
		return -1;
	return reply_slot(r, 200, &overview,
	    db_queue(r->db, SQL_REPORT_OVERVIEW, P(r->org, p.from, p.to, compare ? "t" : "f")));
}

static int
show_volume(struct req *r)
{
	const char *step = choice(r, "interval", "day");
	struct period p;

	if (begin_report(r, &p) == -1)
		return -1;
	if (strcmp(step, "hour") == 0 && time_ms(p.to) - time_ms(p.from) > INT64_C(32) * 86400000)
		return fail_field(
		    r, "interval", "range", "By the hour, a period has at most 32 days.");
	return reply_slot(r, 200, &volume,
	    db_queue(r->db, SQL_REPORT_VOLUME,
		P(r->org, p.from, p.to, step, choice(r, "group_by", "none"),
		    choice(r, "measure", "created"))));
}

static int
show_agents(struct req *r)
{
	bool teams = strcmp(choice(r, "group_by", "agent"), "team") == 0;
	struct period p;

	if (begin_report(r, &p) == -1)
		return -1;
	return reply_slot(r, 200, &agents,
	    db_queue(r->db, teams ? SQL_REPORT_TEAMS : SQL_REPORT_AGENTS, P(r->org, p.from, p.to)));
}

static int
show_agent(struct req *r)
{
	struct period p;

	if (begin_report(r, &p) == -1)
		return -1;
	return reply_slot(r, 200, &one_agent,
	    db_queue(r->db, SQL_REPORT_AGENT, P(r->org, p.from, p.to, r->args[0])));
}

static int
show_sla_or_ai(struct req *r)
{
	enum sql_id sql = r->route->reply == &sla ? SQL_REPORT_SLA : SQL_REPORT_AI;
	struct period p;

	if (begin_report(r, &p) == -1)
		return -1;
	return reply_slot(r, 200, r->route->reply, db_queue(r->db, sql, P(r->org, p.from, p.to)));
}

/* clang-format off */
const struct route report_routes[] = {
	{ GET, "/api/reports/overview", "reports.overview", show_overview, S_REPORTS_READ, .query = overview_query, .reply = &overview,
	    .summary = "The desk at a glance", .doc = "Created, solved, backlog by age, first reply and resolution, beside the period before." },
	{ GET, "/api/reports/volume", "reports.volume", show_volume, S_REPORTS_READ, .query = volume_query, .reply = &volume,
	    .summary = "Tickets over time" },
	{ GET, "/api/reports/agents", "reports.agents", show_agents, S_REPORTS_READ, .query = agents_query, .reply = &agents,
	    .summary = "Agents or teams side by side" },
	{ GET, "/api/reports/agents/:user_id", "reports.agent", show_agent, S_REPORTS_READ, .query = period_query, .reply = &one_agent,
	    .summary = "One agent's work" },
	{ GET, "/api/reports/sla", "reports.sla", show_sla_or_ai, S_REPORTS_READ, .query = period_query, .reply = &sla,
	    .summary = "How fast customers are answered" },
	{ GET, "/api/reports/ai", "reports.ai", show_sla_or_ai, S_REPORTS_READ, .query = period_query, .reply = &ai,
	    .summary = "Whether the model helps" },
	{ GET, "/api/reports/tickets", "reports.tickets", api_list, S_REPORTS_READ, .reply = &row, .list = &rows,
	    .summary = "One row a ticket", .doc = "As JSON, or with format=csv as a table whose next page's cursor is in the header X-Next-Cursor." },
	{ .path = NULL }
};

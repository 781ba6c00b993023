/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: known tickets give known figures. */
#include "harness.h"

#include <string.h>

#define REPORTS "/api/reports/"
#define PERIOD "from=2026-06-01T00:00:00Z&to=2026-06-08T00:00:00Z"

static const char *agent;

/* Ten tickets an hour apart on the 2nd, answered after 10, 20, … minutes; the first six resolved
 * after 1, 2, … hours. */
static void
known(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM app_user; DELETE FROM team");
	agent = make_user("Ada", "");
	sql("INSERT INTO ticket (org_id, ticket_id, number, title, customer_id, status, priority, tags, assignee_user_id, "
	    "created_at, first_response_at, resolved_at) SELECT '" ORG
	    "', uuid7(), n, '=1+1', default_customer_id, "
	    "CASE WHEN n <= 6 THEN 'resolved' ELSE 'open' END, CASE WHEN n %% 2 = 0 THEN 'high' ELSE 'low' END, '{x}', "
	    "CASE WHEN n <= 4 THEN '%s'::uuid END, at, at + n * interval '10 minutes', "
	    "CASE WHEN n <= 6 THEN at + n * interval '1 hour' END FROM organization, generate_series(1, 10) n, "
	    "LATERAL (SELECT '2026-06-02T00:00:00Z'::timestamptz + n * interval '1 hour' AS at) a WHERE org_id = '" ORG
	    "'",
	    agent);
}

TEST(the_overview_counts_and_compares)
{
	call("GET", REPORTS "overview?" PERIOD, NULL);
	expect(200);
	ck_assert_int_eq(number("created"), 10);
	ck_assert_int_eq(number("solved"), 6);
	ck_assert_int_eq(number("first_reply_minutes.median"), 50);
	ck_assert_int_eq(number("first_reply_minutes.p90"), 90);
	ck_assert_str_eq(text("first_reply_minutes.average"), "55.0");
	ck_assert_int_eq(number("resolution_minutes.median"), 180);
	ck_assert_int_eq(number("backlog.total"), 4);
	ck_assert_int_eq(number("previous.created"), 0);
	call("GET", REPORTS "overview?from=2026-06-08T00:00:00Z&to=2026-06-15T00:00:00Z", NULL);
	ck_assert_int_eq(number("created"), 0);
	ck_assert_int_eq(number("previous.created"), 10);
	call("GET", REPORTS "overview?compare=none", NULL);
	ck_assert_str_eq(text("previous"), "null");
}
END

TEST(a_series_has_every_step_of_the_period)
{
	call("GET", REPORTS "volume?" PERIOD "&group_by=priority", NULL);
	expect(200);
	ck_assert_uint_eq(count("series"), 2);
	ck_assert_uint_eq(count("series.0.points"), 7);
	ck_assert_int_eq(number("series.0.points.0.count"), 0);
	ck_assert_int_eq(number("series.0.points.1.count"), 5);
	call("GET", REPORTS "volume?" PERIOD "&group_by=tag&measure=solved&interval=week", NULL);
	ck_assert_str_eq(text("series.0.key"), "x");
	ck_assert_int_eq(number("series.0.total"), 6);
	sql("UPDATE organization SET timezone = 'Pacific/Auckland' WHERE org_id = '" ORG "'");
	call("GET", REPORTS "volume?" PERIOD, NULL);
	ck_assert_int_eq(number("series.0.points.1.count"), 10);
	ck_assert_str_eq(text("series.0.points.1.period"), "2026-06-02T00:00");
	sql("UPDATE organization SET timezone = 'UTC' WHERE org_id = '" ORG "'");
	call("GET",
	    REPORTS "volume?from=2026-01-01T00:00:00Z&to=2026-06-01T00:00:00Z&interval=hour", NULL);
	expect_field("interval", "range");
}
END

TEST(agents_and_teams_stand_side_by_side)
{
	call("GET", REPORTS "agents?" PERIOD, NULL);
	expect(200);
	ck_assert_int_eq(number("data.0.assigned"), 4);
	ck_assert_int_eq(number("data.0.solved"), 4);
	ck_assert_int_eq(number("data.0.first_reply_median_minutes"), 20);
	call("GET", fmt(REPORTS "agents/%s?" PERIOD, agent), NULL);
	expect(200);
	ck_assert_str_eq(text("name"), "Ada");
	ck_assert_uint_eq(count("days"), 7);
	ck_assert_int_eq(number("days.1.solved"), 4);
	call("GET", REPORTS "agents/0190163d-8694-739b-aea5-966c26f8ad91", NULL);
	expect(404);
	call("POST", "/api/organizations/" ORG "/teams", "{\"name\":\"Blue\"}");
	sql("UPDATE ticket SET team_id = (SELECT team_id FROM team)");
	call("GET", REPORTS "agents?group_by=team&" PERIOD, NULL);
	ck_assert_int_eq(number("teams.0.solved"), 6);
}
END

TEST(one_row_a_ticket_comes_as_json_or_as_a_table)
{
	call("GET", REPORTS "tickets?limit=3&status=resolved", NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.first_reply_minutes"), "10.0");
	ck_assert_str_eq(text("data.0.resolution_minutes"), "60.0");
	call("GET", REPORTS "tickets?limit=3&format=csv&fields=number,title,tags,csat_score", NULL);
	expect(200);
	ck_assert_str_eq(reply_body,
	    "number,title,tags,csat_score\r\n1,\"'=1+1\",x,\r\n2,\"'=1+1\",x,\r\n3,\"'=1+1\",x,\r\n");
	ck_assert_str_eq(header("Content-Type"), "text/csv; charset=utf-8");
	call("GET",
	    fmt(REPORTS "tickets?limit=9&format=csv&fields=number&cursor=%s",
		header("X-Next-Cursor")),
	    NULL);
	ck_assert_ptr_nonnull(strstr(reply_body, "number\r\n4\r\n"));
	ck_assert_ptr_null(header("X-Next-Cursor"));
	call("GET", REPORTS "tickets?limit=1&format=csv&fields=number,created_at,closed_at", NULL);
	ck_assert_str_eq(
	    reply_body, "number,closed_at,created_at\r\n1,,2026-06-02T01:00:00.000Z\r\n");
	call("GET", "/api/tickets?format=csv", NULL);
	expect_field("format", "unknown_parameter");
}
END

TEST(answers_are_measured_by_priority_and_the_model_by_its_corrections)
{
	call("GET", REPORTS "sla?" PERIOD, NULL);
	expect(200);
	ck_assert_str_eq(text("by_priority.0.priority"), "high");
	ck_assert_int_eq(number("by_priority.0.tickets"), 5);
	sql("UPDATE ticket SET ai_classification = jsonb_build_object('topic', 'billing', 'confidence', 0.95, 'overridden', number = 1)");
	call("GET", REPORTS "ai?" PERIOD, NULL);
	expect(200);
	ck_assert_int_eq(number("classified"), 10);
	ck_assert_str_eq(text("override_rate"), "10.0");
	ck_assert_int_eq(number("confidence.0.tickets"), 9);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("reports");

	tcase_add_checked_fixture(c, known, NULL);
	tcase_add_test(c, the_overview_counts_and_compares);
	tcase_add_test(c, a_series_has_every_step_of_the_period);
	tcase_add_test(c, agents_and_teams_stand_side_by_side);
	tcase_add_test(c, one_row_a_ticket_comes_as_json_or_as_a_table);
	tcase_add_test(c, answers_are_measured_by_priority_and_the_model_by_its_corrections);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("reports", all);
}

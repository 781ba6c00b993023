/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: known tickets give known figures. */
#include "harness.h"

#include <string.h>

#define REPORTS "/api/reports/"
#define PERIOD "from=2026-06-01T00:00:00Z&to=2026-06-08T00:00:00Z"
#define JULY "from=2026-07-01T00:00:00Z&to=2026-07-03T00:00:00Z"

static const char *agent;

/* Ten tickets an hour apart, answered after 10, 20, … minutes; six resolved after 1, 2, … hours. */
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
	ck_assert_str_eq(text("first_reply_minutes.median"), "55.0");
	ck_assert_str_eq(text("first_reply_minutes.p90"), "90.0");
	ck_assert_str_eq(text("first_reply_minutes.average"), "55.0");
	ck_assert_str_eq(text("resolution_minutes.median"), "210.0");
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
	ck_assert_str_eq(text("data.0.first_reply_median_minutes"), "25.0");
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

TEST(what_is_open_now_is_the_same_whatever_the_period)
{
	static const char *const periods[] = { PERIOD,
		"from=2026-06-01T00:00:00Z&to=2026-06-02T09:00:00Z",
		"from=2026-06-02T09:00:00Z&to=2026-06-02T10:00:00Z",
		"from=2026-06-03T00:00:00Z&to=2026-06-04T00:00:00Z" };
	unsigned i;

	call("POST", "/api/organizations/" ORG "/teams", "{\"name\":\"Blue\"}");
	sql("UPDATE ticket SET team_id = (SELECT team_id FROM team), assignee_user_id = '%s'",
	    agent);
	for (i = 0; i < LENGTH(periods); i++) {
		call("GET", fmt(REPORTS "agents?%s", periods[i]), NULL);
		ck_assert_int_eq(number("data.0.open_now"), 4);
		call("GET", fmt(REPORTS "agents?group_by=team&%s", periods[i]), NULL);
		ck_assert_int_eq(number("teams.0.open_now"), 4);
	}
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

TEST(answers_are_measured_by_priority)
{
	call("GET", REPORTS "sla?" PERIOD, NULL);
	expect(200);
	ck_assert_str_eq(text("by_priority.0.priority"), "high");
	ck_assert_int_eq(number("by_priority.0.tickets"), 5);
}
END

TEST(a_series_has_zeros_where_there_are_no_tickets)
{
	sql("DELETE FROM ticket");
	call("GET", REPORTS "volume?" PERIOD, NULL);
	expect(200);
	ck_assert_uint_eq(count("series"), 1);
	ck_assert_str_eq(text("series.0.name"), "all");
	ck_assert_int_eq(number("series.0.total"), 0);
	ck_assert_uint_eq(count("series.0.points"), 7);
	ck_assert_int_eq(number("series.0.points.6.count"), 0);
	call("GET", REPORTS "volume?" PERIOD "&group_by=priority", NULL);
	ck_assert_uint_eq(count("series"), 0);
}
END

TEST(an_hour_that_the_clock_repeats_is_two)
{
	sql("UPDATE organization SET timezone = 'Europe/Berlin' WHERE org_id = '" ORG "'; "
	    "UPDATE ticket SET created_at = '2026-10-25T01:30:00Z'");
	call("GET",
	    REPORTS "volume?interval=hour&from=2026-10-24T22:00:00Z&to=2026-10-25T23:00:00Z", NULL);
	expect(200);
	ck_assert_uint_eq(count("series.0.points"), 25);
	ck_assert_str_eq(text("series.0.points.2.period"), "2026-10-25T02:00+02:00");
	ck_assert_int_eq(number("series.0.points.2.count"), 0);
	ck_assert_str_eq(text("series.0.points.3.period"), "2026-10-25T02:00+01:00");
	ck_assert_int_eq(number("series.0.points.3.count"), 10);
	sql("UPDATE organization SET timezone = 'UTC' WHERE org_id = '" ORG "'");
}
END

TEST(each_tag_is_counted_whether_tickets_share_them_or_not)
{
	int n;

	for (n = 10; n <= 1000; n *= 100) { /* each has tags of its own */
		sql("INSERT INTO ticket (org_id, ticket_id, number, title, customer_id, tags, created_at) SELECT '" ORG
		    "', uuid7(), 100000 + n, 't', default_customer_id, ARRAY['all', 'only' || n], '2026-07-01' "
		    "FROM organization, generate_series(%d, %d) n WHERE org_id = '" ORG "'",
		    n, n * 2 - 1);
		sql("UPDATE ticket SET tags = '{}' WHERE number = %d", 100000 + n);
	}
	call("GET", REPORTS "volume?group_by=tag&" JULY, NULL);
	expect(200);
	ck_assert_uint_eq(count("series"), 50);
	ck_assert_str_eq(text("series.0.key"), "all");
	ck_assert_int_eq(number("series.0.total"), 1008);
	ck_assert_int_eq(number("series.0.points.0.count"), 1008);
	ck_assert_int_eq(number("series.0.points.1.count"), 0);
	ck_assert_str_eq(text("series.1.name"), "(none)");
	ck_assert_int_eq(number("series.1.total"), 2);
	sql("UPDATE ticket SET tags = '{all,most}' WHERE tags && ARRAY(SELECT 'only' || n FROM generate_series(1100, 3000) n)");
	call("GET", REPORTS "volume?group_by=tag&" JULY, NULL);
	ck_assert_str_eq(text("series.1.key"), "most");
	ck_assert_int_eq(number("series.1.points.0.count"), 900);
	sql("DELETE FROM ticket WHERE tags && '{most}' OR tags && ARRAY(SELECT 'only' || n FROM generate_series(50, 3000) n)");
	call("GET", REPORTS "volume?group_by=tag&" JULY, NULL);
	ck_assert_int_eq(number("series.0.total"), 9);
	ck_assert_int_eq(number("series.1.total"), 2);
}
END

TEST(minutes_are_computed_from_seconds)
{
	sql("UPDATE ticket SET first_response_at = created_at + number * interval '1 second' + interval '89 seconds'");
	call("GET", REPORTS "overview?" PERIOD, NULL); /* 90 to 99 seconds */
	ck_assert_str_eq(text("first_reply_minutes.average"), "1.6");
	sql("UPDATE ticket SET first_response_at = created_at + CASE WHEN number %% 2 = 0 THEN interval '30 seconds' "
	    "ELSE interval '4 minutes' END");
	call("GET", REPORTS "overview?" PERIOD, NULL);
	ck_assert_str_eq(text("first_reply_minutes.median"), "2.3");
	ck_assert_str_eq(text("first_reply_minutes.p90"), "4.0");
}
END

TEST(an_agents_days_add_up_to_what_was_solved)
{
	call("GET",
	    fmt(REPORTS "agents/%s?from=2026-06-02T03:00:00Z&to=2026-06-02T07:00:00Z", agent),
	    NULL);
	expect(200);
	ck_assert_int_eq(number("solved"), 2);
	ck_assert_uint_eq(count("days"), 1);
	ck_assert_str_eq(text("days.0.day"), "2026-06-02");
	ck_assert_int_eq(number("days.0.solved"), 2);
	call("GET", fmt(REPORTS "agents/%s?fields=name,solved&" PERIOD, agent), NULL);
	expect(200);
	ck_assert_int_eq(number("solved"), 4);
	ck_assert(!has("days") && !has("assigned"));
	call("GET", REPORTS "agents?fields=teams", NULL);
	ck_assert(!has("data"));
}
END

TEST(rows_have_the_borders_of_the_other_reports_and_more_filters)
{
#define BORDERS "from=2026-06-02T02:00:00Z&to=2026-06-02T05:00:00Z"
	const char *queue =
	    make("/api/organizations/" ORG "/queues", "{\"name\":\"Waiting\"}", "queue_id");

	sql("UPDATE ticket SET queue_id = '%s', tags = '{y}' WHERE number = 3", queue);
	call("GET", REPORTS "overview?" BORDERS, NULL);
	ck_assert_int_eq(number("created"), 3);
	call("GET", REPORTS "tickets?" BORDERS, NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 3);
	ck_assert_int_eq(number("data.0.number"), 2);
	call("GET",
	    REPORTS
	    "tickets?created_after=2026-06-02T02:00:00Z&created_before=2026-06-02T05:00:00Z",
	    NULL);
	ck_assert_uint_eq(count("data"), 2);
	call("GET", fmt(REPORTS "tickets?queue_id=%s&tag=y", queue), NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("GET",
	    REPORTS
	    "tickets?resolved_after=2026-06-02T02:00:00Z&resolved_before=2026-06-02T06:00:00Z",
	    NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("GET", REPORTS "tickets?customer_id=0190163d-8694-739b-aea5-966c26f8ad91", NULL);
	ck_assert_uint_eq(count("data"), 0);
	sql("UPDATE ticket SET queue_id = NULL; DELETE FROM queue");
}
END

    /* Timers of tickets 1 to 6: a first reply was kept but for the first, resolutions run. */
    static void
    promise(void)
{
	sql("INSERT INTO sla_timer (org_id, timer_id, ticket_id, metric, target_minutes, status, started_at, stopped_at, breached_at) "
	    "SELECT org_id, uuid7(), ticket_id, m, 60, CASE WHEN m = 'resolution' THEN 'running' WHEN number = 1 THEN 'breached' ELSE 'met' END, "
	    "created_at, CASE WHEN m <> 'resolution' THEN created_at END, CASE WHEN m <> 'resolution' AND number = 1 THEN created_at END "
	    "FROM ticket, (VALUES ('first_response'), ('resolution')) v (m) WHERE number <= 6");
}

TEST(promises_are_measured_by_priority_and_team)
{
	promise();
	sql("INSERT INTO team (org_id, team_id, name) VALUES ('" ORG "', uuid7(), 'Blue'); "
	    "UPDATE ticket SET team_id = (SELECT team_id FROM team) WHERE number %% 2 = 0");
	call("GET", REPORTS "sla?" PERIOD, NULL);
	expect(200);
	ck_assert_str_eq(text("by_priority.0.attainment_percent"), "100.0");
	ck_assert_int_eq(number("by_priority.0.met"), 3);
	ck_assert_str_eq(text("by_priority.1.priority"), "low");
	ck_assert_str_eq(text("by_priority.1.attainment_percent"), "66.7");
	ck_assert_str_eq(text("by_team.0.name"), "Blue");
	ck_assert_str_eq(text("by_team.2.name"), "(none)");
	ck_assert_str_eq(text("by_team.2.attainment_percent"), "66.7");
}
END

TEST(a_row_has_what_became_of_promises_and_the_quality_of_the_work)
{
	promise();
	sql("INSERT INTO qa_scorecard (org_id, scorecard_id, name, criteria) VALUES ('" ORG
	    "', uuid7(), 'Card', '[{\"key\":\"a\",\"name\":\"A\"}]'); "
	    "INSERT INTO qa_review (org_id, review_id, ticket_id, scorecard_id, edition, agent_user_id, status, total, submitted_at) "
	    "SELECT t.org_id, uuid7(), t.ticket_id, c.scorecard_id, 1, '%s', s, x, now() - x * interval '1 hour' "
	    "FROM ticket t, qa_scorecard c, (VALUES ('submitted', 80), ('acknowledged', 90), ('void', 10)) v (s, x) WHERE number = 1",
	    agent);
	call("GET", REPORTS "tickets?limit=2", NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.first_response_sla"), "breached");
	ck_assert_str_eq(text("data.0.resolution_sla"), "running");
	ck_assert_int_eq(number("data.0.qa_score"), 80);
	ck_assert_str_eq(text("data.1.first_response_sla"), "met");
	ck_assert_str_eq(text("data.1.qa_score"), "null");
	sql("DELETE FROM qa_review; DELETE FROM qa_scorecard");
}
END

    static void
    correct(int n, const char *topic)
{
	call("PATCH",
	    fmt("/api/tickets/%s/classification",
		sql_text("SELECT ticket_id FROM ticket WHERE number = %d", n)),
	    fmt("{\"topic\":\"%s\"}", topic));
	expect(200);
}

TEST(the_model_is_measured_by_its_own_labels)
{
	sql("UPDATE ticket SET ai_classification = jsonb_build_object('topic', 'billing', 'confidence', round((number + 2) / 10.0, 1)) "
	    "WHERE number BETWEEN 5 AND 8");
	correct(8, "login");
	correct(8, "password"); /* of the second correction the model knows nothing either */
	ck_assert_str_eq(text("ai_classification.topic"), "password");
	ck_assert_str_eq(text("ai_classification.model_topic"), "billing");
	ck_assert_str_eq(text("ai_classification.model_confidence"), "1.0");
	correct(1, "login"); /* the model has said nothing of it */
	call("GET", REPORTS "ai?" PERIOD, NULL);
	expect(200);
	ck_assert_int_eq(number("classified"), 4);
	ck_assert_int_eq(number("overridden"), 1);
	ck_assert_str_eq(text("override_rate"), "25.0");
	ck_assert_uint_eq(count("topics"), 1);
	ck_assert_str_eq(text("topics.0.topic"), "billing");
	ck_assert_int_eq(number("topics.0.overridden"), 1);
	ck_assert_uint_eq(count("confidence"), 3);
	ck_assert_str_eq(text("confidence.0.from"), "0.7");
	ck_assert_str_eq(text("confidence.2.from"), "0.9");
	ck_assert_int_eq(number("confidence.2.tickets"), 2);
	ck_assert_int_eq(number("confidence.2.overridden"), 1);
}
END

TEST(the_most_frequent_labels_are_shown)
{
	sql("INSERT INTO ticket (org_id, ticket_id, number, title, customer_id, created_at, ai_classification) SELECT '" ORG
	    "', uuid7(), 1000 + n, 't', default_customer_id, '2026-06-02', jsonb_build_object('topic', 'z' || n / 2) "
	    "FROM organization, generate_series(0, 241) n WHERE org_id = '" ORG
	    "'; UPDATE ticket SET ai_classification = '{\"topic\":\"rare\"}' WHERE number = 1");
	call("GET", REPORTS "ai?" PERIOD, NULL);
	expect(200);
	ck_assert_uint_eq(count("topics"), 100);
	ck_assert_ptr_null(strstr(reply_body, "rare"));
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
	tcase_add_test(c, what_is_open_now_is_the_same_whatever_the_period);
	tcase_add_test(c, one_row_a_ticket_comes_as_json_or_as_a_table);
	tcase_add_test(c, answers_are_measured_by_priority);
	tcase_add_test(c, a_series_has_zeros_where_there_are_no_tickets);
	tcase_add_test(c, an_hour_that_the_clock_repeats_is_two);
	tcase_add_test(c, each_tag_is_counted_whether_tickets_share_them_or_not);
	tcase_add_test(c, minutes_are_computed_from_seconds);
	tcase_add_test(c, an_agents_days_add_up_to_what_was_solved);
	tcase_add_test(c, rows_have_the_borders_of_the_other_reports_and_more_filters);
	tcase_add_test(c, promises_are_measured_by_priority_and_team);
	tcase_add_test(c, a_row_has_what_became_of_promises_and_the_quality_of_the_work);
	tcase_add_test(c, the_model_is_measured_by_its_own_labels);
	tcase_add_test(c, the_most_frequent_labels_are_shown);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("reports", all);
}

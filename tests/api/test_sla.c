/* SPDX-License-Identifier: Apache-2.0 */
/* SLA clocks: start, pause, resume, stop, reopen, warn and break; policies by condition and
 * priority. */
#include <string.h>

#include "fixtures_sla.h"

#define GOLD(name) \
	"{\"name\":\"" name \
	"\",\"conditions\":{\"field\":\"tags\",\"op\":\"contains\",\"value\":\"gold\"}," \
	"\"targets\":{\"normal\":{\"first_response_minutes\":60,\"next_response_minutes\":30,\"resolution_minutes\":480}," \
	"\"urgent\":{\"first_response_minutes\":10,\"resolution_minutes\":120}}}"

static const char *
gold_ticket(void)
{
	return make_ticket_of("{\"title\":\"promised\",\"tags\":[\"gold\"]}");
}

/* The ticket's clocks, and the ticket, were all begun so many minutes earlier. */
static void
age(const char *ticket, int minutes)
{
	sql("UPDATE sla_timer SET started_at = started_at - interval '%d minutes', running_since = running_since - interval '%d minutes', "
	    "due_at = due_at - interval '%d minutes', warn_at = warn_at - interval '%d minutes' WHERE ticket_id = '%s'",
	    minutes, minutes, minutes, minutes, ticket);
	sql("UPDATE due_job SET run_at = run_at - interval '%d minutes' WHERE kind = 'sla' AND ref IN (SELECT timer_id FROM sla_timer WHERE ticket_id = '%s')",
	    minutes, ticket);
}

static long
topics(const char *ticket, const char *topic)
{
	return strtol(sql_text("SELECT count(*) FROM event WHERE ticket_id = '%s' AND topic = '%s'",
			  ticket, topic),
	    NULL, 10);
}

TEST(a_ticket_comes_under_the_first_policy_that_wants_it)
{
	const char *gold = make_policy(GOLD("First")), *ticket = gold_ticket(),
		   *other = make_ticket("plain");

	make_policy(
	    "{\"name\":\"Everybody\",\"position\":5,\"targets\":{\"normal\":{\"resolution_minutes\":600}}}");
	run_due();
	ck_assert_str_eq(timer(ticket, "first_response", "policy_id"), gold);
	ck_assert_str_eq(timer(ticket, "first_response", "due_at - started_at"), "01:00:00");
	ck_assert_str_eq(timer(ticket, "first_response", "warn_at - started_at"), "00:48:00");
	ck_assert_str_eq(timer(ticket, "resolution", "due_at - started_at"), "08:00:00");
	ck_assert_str_eq(timer(other, "resolution", "due_at - started_at"), "10:00:00");
	ck_assert_str_eq(timer(other, "first_response", "1"), "");
	/* urgent has other targets; the clocks keep what they have counted */
	age(ticket, 20);
	patch(ticket, "{\"priority\":\"urgent\"}");
	run_due();
	ck_assert_str_eq(timer(ticket, "first_response", "status"), "breached");
	ck_assert_str_eq(
	    timer(ticket, "resolution", "round(extract(epoch FROM due_at - now()) / 60)"), "100");
}
END

TEST(clocks_warn_and_break_once_each)
{
	const char *ticket;

	make_policy(GOLD("Second"));
	ticket = gold_ticket();
	run_due();
	age(ticket, 50);
	run_due();
	run_due();
	ck_assert_int_eq(topics(ticket, "sla.warning"), 1);
	ck_assert_int_eq(topics(ticket, "sla.breached"), 0);
	ck_assert_str_eq(timer(ticket, "first_response", "status"), "running");
	age(ticket, 10);
	run_due();
	run_due();
	ck_assert_int_eq(topics(ticket, "sla.warning"), 1);
	ck_assert_int_eq(topics(ticket, "sla.breached"), 1);
	call("GET", fmt("/api/sla/breaches?ticket_id=%s", ticket), NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.metric"), "first_response");
	ck_assert_str_eq(text("data.0.stopped_at"), "null");
	relay();
	call("GET", fmt("/api/v1/events?topic=sla.breached&ticket_id=%s", ticket), NULL);
	ck_assert_str_eq(text("data.0.data.ticket.title"), "promised");
	/* the reply comes late */
	age(ticket, 30);
	call("POST", fmt("/api/tickets/%s/comments", ticket), "{\"body\":\"sorry\"}");
	expect(201);
	call("GET", fmt("/api/sla/breaches?ticket_id=%s&open=false", ticket), NULL);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(
	    sql_text(
		"SELECT count(*) FROM due_job WHERE kind = 'sla' AND ref IN (SELECT timer_id FROM sla_timer WHERE ticket_id = '%s')",
		ticket),
	    "1");
}
END

TEST(pauses_do_not_count)
{
	const char *ticket;

	make_policy(GOLD("Third"));
	ticket = gold_ticket();
	run_due();
	age(ticket, 30);
	patch(ticket, "{\"status\":\"pending\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "status"), "paused");
	ck_assert_str_eq(timer(ticket, "resolution", "due_at"), "");
	ck_assert_str_eq(timer(ticket, "resolution", "round(elapsed_minutes)"), "30");
	sql("UPDATE sla_timer SET paused_at = paused_at - interval '5 days' WHERE ticket_id = '%s'",
	    ticket);
	patch(ticket, "{\"status\":\"open\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "status"), "running");
	ck_assert_str_eq(
	    timer(ticket, "resolution", "round(extract(epoch FROM due_at - now()) / 60)"), "450");
	/* by hand: a change of status does not wake it */
	call("POST", "/api/sla/timers/pause",
	    fmt("{\"ticket_id\":\"%s\",\"reason\":\"supplier\"}", ticket));
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	patch(ticket, "{\"status\":\"pending\"}");
	patch(ticket, "{\"status\":\"open\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "pause_reason"), "supplier");
	call("POST", "/api/sla/timers/resume", fmt("{\"ticket_id\":\"%s\"}", ticket));
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	call("GET", fmt("/api/sla/timers/%s", text("data.0.timer_id")), NULL);
	expect(200);
	ck_assert_uint_eq(count("ledger"), 5);
	ck_assert_str_eq(text("ledger.3.reason"), "supplier");
	call("POST", "/api/sla/timers/resume", fmt("{\"timer_id\":\"%s\"}", text("timer_id")));
	expect_problem(409, "timer_not_active");
}
END

TEST(answers_stop_and_questions_start_clocks)
{
	const char *ticket;

	make_policy(GOLD("Fourth"));
	ticket = gold_ticket();
	run_due();
	call("POST", fmt("/api/tickets/%s/comments", ticket), "{\"body\":\"hello\"}");
	expect(201);
	ck_assert_str_eq(timer(ticket, "first_response", "status"), "met");
	ck_assert_str_eq(timer(ticket, "next_response", "1"), "");
	call("POST", fmt("/api/tickets/%s/comments", ticket),
	    "{\"body\":\"and?\",\"author_type\":\"customer\"}");
	expect(201);
	ck_assert_str_eq(timer(ticket, "next_response", "due_at - started_at"), "00:30:00");
	call("POST", fmt("/api/tickets/%s/comments", ticket), "{\"body\":\"so\"}");
	ck_assert_str_eq(timer(ticket, "next_response", "status"), "met");
	age(ticket, 60);
	patch(ticket, "{\"status\":\"resolved\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "status"), "met");
	ck_assert_str_eq(timer(ticket, "resolution", "round(elapsed_minutes)"), "60");
	patch(ticket, "{\"status\":\"open\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "status"), "running");
	ck_assert_str_eq(
	    timer(ticket, "resolution", "round(extract(epoch FROM due_at - now()) / 60)"), "420");
	call("DELETE", fmt("/api/tickets/%s", ticket), NULL);
	expect(204);
	ck_assert_str_eq(timer(ticket, "resolution", "status"), "cancelled");
}
END

TEST(a_changed_policy_moves_running_clocks_only_when_told)
{
	const char *policy = make_policy(GOLD("Fifth")), *ticket = gold_ticket();

	run_due();
	age(ticket, 10);
	call("PATCH", fmt("/api/sla/policies/%s", policy),
	    "{\"targets\":{\"normal\":{\"first_response_minutes\":30}}}");
	expect(200);
	run_due();
	ck_assert_str_eq(timer(ticket, "first_response", "target_minutes"), "60");
	call("PATCH", fmt("/api/sla/policies/%s", policy),
	    "{\"warn_percent\":50,\"apply_to\":\"running\"}");
	expect(200);
	run_due();
	ck_assert_str_eq(
	    timer(ticket, "first_response", "round(extract(epoch FROM due_at - now()) / 60)"),
	    "20");
	ck_assert_str_eq(timer(ticket, "resolution", "status"), "cancelled");
	call("DELETE", fmt("/api/sla/policies/%s", policy), NULL);
	expect(204);
	call("GET", fmt("/api/sla/policies/%s", policy), NULL);
	expect(200);
	ck_assert_str_ne(text("archived_at"), "null");
	ck_assert_str_eq(timer(ticket, "first_response", "status"), "running");
}
END

TEST(clocks_of_a_deleted_policy_go_on_until_another_wants_the_ticket)
{
	const char *policy = make_policy(GOLD("Gone")), *ticket = gold_ticket(), *other;

	make_policy(
	    "{\"name\":\"Of others\",\"conditions\":{\"field\":\"title\",\"op\":\"eq\",\"value\":\"never\"},"
	    "\"targets\":{\"normal\":{\"resolution_minutes\":60}}}");
	run_due();
	call("DELETE", fmt("/api/sla/policies/%s", policy), NULL);
	expect(204);
	patch(ticket, "{\"tags\":[\"silver\"]}");
	run_due();
	ck_assert_str_eq(timer(ticket, "resolution", "status"), "running");
	ck_assert_str_eq(timer(ticket, "resolution", "policy_id"), policy);
	other =
	    make_policy("{\"name\":\"All\",\"targets\":{\"normal\":{\"resolution_minutes\":600}}}");
	patch(ticket, "{\"tags\":[\"bronze\"]}");
	run_due();
	ck_assert_str_eq(timer(ticket, "resolution", "policy_id"), other);
}
END

TEST(a_companys_own_policy_goes_before)
{
	const char *own, *company, *customer, *ticket;

	make_policy("{\"name\":\"All\",\"targets\":{\"normal\":{\"resolution_minutes\":600}}}");
	own = make_policy(
	    "{\"name\":\"Platinum\",\"position\":9,\"conditions\":{\"field\":\"title\",\"op\":\"eq\",\"value\":\"never\"},"
	    "\"targets\":{\"normal\":{\"resolution_minutes\":60}}}");
	company = make("/api/companies",
	    fmt("{\"name\":\"Promised Ltd\",\"sla_policy_id\":\"%s\"}", own), "company_id");
	customer = make("/api/customers", fmt("{\"name\":\"C\",\"company_id\":\"%s\"}", company),
	    "customer_id");
	ticket = make_ticket_of(fmt("{\"title\":\"x\",\"customer_id\":\"%s\"}", customer));
	run_due();
	ck_assert_str_eq(timer(ticket, "resolution", "policy_id"), own);
}
END

TEST(a_write_that_suppresses_sla_starts_no_clock)
{
	const char *ticket;

	make_policy(GOLD("Sixth"));
	caller.headers = "X-ServiceOS-Suppress: sla\n";
	ticket = gold_ticket();
	run_due();
	ck_assert_str_eq(timer(ticket, "resolution", "1"), "");
}
END

TEST(what_makes_no_sense_is_refused_by_name)
{
	const char *ticket = make_ticket("x");

	call("POST", "/api/sla/policies", "{\"name\":\"x\",\"targets\":{}}");
	expect_field("targets", "required");
	call("POST", "/api/sla/policies",
	    "{\"name\":\"x\",\"targets\":{\"normal\":{\"first_response_minutes\":0}}}");
	expect_field("targets.normal.first_response_minutes", "too_small");
	call("POST", "/api/sla/timers", fmt("{\"ticket_id\":\"%s\"}", ticket));
	expect_field("target_minutes", "required");
	call("POST", "/api/sla/timers",
	    fmt("{\"ticket_id\":\"%s\",\"target_minutes\":5,\"started_at\":\"2999-01-01T00:00:00Z\"}",
		ticket));
	expect_field("started_at", "out_of_range");
	call("POST", "/api/sla/timers", fmt("{\"ticket_id\":\"%s\",\"target_minutes\":5}", ticket));
	expect(201);
	call("POST", "/api/sla/timers", fmt("{\"ticket_id\":\"%s\",\"target_minutes\":5}", ticket));
	expect_problem(409, "timer_exists");
	call("POST", "/api/sla/timers/pause", "{}");
	expect_field("timer_id", "required");
	call("POST", "/api/sla/timers/pause",
	    "{\"ticket_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\"}");
	expect_field("ticket_id", "unknown_reference");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("sla");

	tcase_add_checked_fixture(c, sla_fresh, NULL);
	tcase_add_test(c, a_ticket_comes_under_the_first_policy_that_wants_it);
	tcase_add_test(c, clocks_warn_and_break_once_each);
	tcase_add_test(c, pauses_do_not_count);
	tcase_add_test(c, answers_stop_and_questions_start_clocks);
	tcase_add_test(c, a_changed_policy_moves_running_clocks_only_when_told);
	tcase_add_test(c, clocks_of_a_deleted_policy_go_on_until_another_wants_the_ticket);
	tcase_add_test(c, a_companys_own_policy_goes_before);
	tcase_add_test(c, a_write_that_suppresses_sla_starts_no_clock);
	tcase_add_test(c, what_makes_no_sense_is_refused_by_name);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("sla", all);
}

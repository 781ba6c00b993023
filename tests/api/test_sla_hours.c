/* SPDX-License-Identifier: Apache-2.0 */
/* Which calendar an SLA clock counts by, what holds a calendar, and what its change moves. */
#include <string.h>

#include "fixtures_sla.h"

#define ALL_DAY "[{\"start\":\"00:00\",\"end\":\"24:00\"}]"
#define ALWAYS \
	"\"weekly\":{\"monday\":" ALL_DAY ",\"tuesday\":" ALL_DAY ",\"wednesday\":" ALL_DAY \
	",\"thursday\":" ALL_DAY ",\"friday\":" ALL_DAY ",\"saturday\":" ALL_DAY \
	",\"sunday\":" ALL_DAY "}"
#define OFFICE(more) \
	"{\"name\":\"Office\",\"business_hours\":true,\"targets\":{\"normal\":{\"resolution_minutes\":60}}" more \
	"}"

static void
fresh(void)
{
	sla_fresh();
	sql("DELETE FROM ticket; DELETE FROM due_job; DELETE FROM team; "
	    "UPDATE sla_policy SET business_hours_id = NULL; DELETE FROM business_hours");
}

/* A calendar that is always open. */
static const char *
make_hours(const char *name, const char *more)
{
	return make(HOURS, fmt("{\"name\":\"%s\"," ALWAYS "%s}", name, more), "business_hours_id");
}

static const char *
make_team(const char *name, const char *hours)
{
	return make(
	    TEAMS, fmt("{\"name\":\"%s\",\"business_hours_id\":\"%s\"}", name, hours), "team_id");
}

static void
patch_hours(const char *hours, const char *body)
{
	call("PATCH", fmt(HOURS "/%s", hours), body);
	expect(200);
	run_due();
}

static void
expect_in_use(const char *hours, const char *by)
{
	call("DELETE", fmt(HOURS "/%s", hours), NULL);
	expect_problem(409, "in_use");
	ck_assert_str_eq(text("title"), "Other resources still refer to this one.");
	ck_assert_str_eq(text("detail"), fmt("The calendar is used by %s.", by));
}

TEST(business_hours_count)
{
	const char *hours, *policy;

	hours = make("/api/organizations/" ORG "/business-hours",
	    "{\"name\":\"SLA office\",\"timezone\":\"Europe/Berlin\",\"weekly\":{\"monday\":[{\"start\":\"09:00\",\"end\":\"17:00\"}],"
	    "\"friday\":[{\"start\":\"09:00\",\"end\":\"17:00\"}]}}",
	    "business_hours_id");
	policy = make_policy(fmt(
	    "{\"name\":\"Office\",\"business_hours_id\":\"%s\",\"targets\":{\"normal\":{\"first_response_minutes\":120}}}",
	    hours));
	/* Friday 16:00 in Berlin: one hour that day, one on Monday after the clocks went forward.
	 */
	call("POST", fmt("/api/sla/policies/%s/preview", policy),
	    "{\"start\":\"2026-03-27T15:00:00Z\"}");
	expect(200);
	ck_assert_str_eq(text("targets.0.due_at"), "2026-03-30T08:00:00.000Z");
	ck_assert_uint_eq(count("targets.0.spans"), 2);
	ck_assert_str_eq(text("targets.0.spans.1.from"), "2026-03-30T07:00:00.000Z");
	ck_assert_str_eq(text("targets.0.spans.1.minutes"), "60.000");
	call("POST", "/api/sla/timers",
	    fmt("{\"ticket_id\":\"%s\",\"metric\":\"custom\",\"name\":\"Call\",\"target_minutes\":120,"
		"\"business_hours_id\":\"%s\",\"started_at\":\"2026-03-27T15:00:00Z\"}",
		make_ticket("past"), hours));
	expect(201);
	ck_assert_str_eq(text("due_at"), "2026-03-30T08:00:00.000Z");
	call("POST", "/api/sla/check-breaches", NULL);
	expect(200);
	ck_assert_int_eq(number("breached_count"), 1);
	call("POST", "/api/sla/check-breaches", NULL);
	ck_assert_int_eq(number("breached_count"), 0);
}
END

TEST(an_hour_that_is_repeated_over_midnight_counts_twice)
{
	const char *hours = make_hours("Havana", ",\"timezone\":\"America/Havana\"");
	const char *policy = make_policy(fmt(
	    "{\"name\":\"Night\",\"business_hours_id\":\"%s\",\"targets\":{\"normal\":{\"first_response_minutes\":120}}}",
	    hours));

	call("POST", fmt("/api/sla/policies/%s/preview", policy),
	    "{\"start\":\"2026-11-01T03:00:00Z\"}");
	ck_assert_str_eq(text("targets.0.due_at"), "2026-11-01T05:00:00.000Z");
}
END

TEST(open_minutes_are_those_of_the_team_else_of_the_default)
{
	const char *ours, *team, *standard, *with, *without, *policy;

	policy = make_policy(OFFICE(""));
	ck_assert_str_eq(text("business_hours"), "true");
	without = make_ticket("of no team, and no calendar at all");
	run_due();
	ck_assert_str_eq(timer(without, "resolution", "business_hours_id"), "");
	ck_assert_str_eq(timer(without, "resolution", "due_at - started_at"), "01:00:00");
	standard = make_hours("Standard", ",\"is_default\":true");
	ours = make_hours("Ours", "");
	team = make_team("Blue", ours);
	with = make_ticket_of(fmt("{\"title\":\"x\",\"team_id\":\"%s\"}", team));
	without = make_ticket("of no team");
	run_due();
	ck_assert_str_eq(timer(with, "resolution", "business_hours_id"), ours);
	ck_assert_str_eq(timer(without, "resolution", "business_hours_id"), standard);
	patch(without, fmt("{\"team_id\":\"%s\"}", team));
	patch(with, "{\"team_id\":null}");
	run_due();
	ck_assert_str_eq(timer(with, "resolution", "business_hours_id"), standard);
	ck_assert_str_eq(timer(without, "resolution", "business_hours_id"), ours);
	call("POST", fmt("/api/sla/policies/%s/preview", policy),
	    fmt("{\"ticket_id\":\"%s\"}", without));
	expect(200);
	ck_assert_str_eq(text("business_hours_id"), ours);
	call("POST", fmt("/api/sla/policies/%s/preview", policy), "{}");
	ck_assert_str_eq(text("business_hours_id"), standard);
	call("POST", "/api/sla/timers",
	    fmt("{\"ticket_id\":\"%s\",\"metric\":\"custom\",\"target_minutes\":5,\"policy_id\":\"%s\"}",
		with, policy));
	expect(201);
	ck_assert_str_eq(text("business_hours_id"), standard);
}
END

TEST(a_policy_that_does_not_ask_for_them_counts_every_minute)
{
	const char *ticket, *policy;

	make_hours("Standard", ",\"is_default\":true");
	policy =
	    make_policy("{\"name\":\"All\",\"targets\":{\"normal\":{\"resolution_minutes\":60}}}");
	ck_assert_str_eq(text("business_hours"), "false");
	ticket = make_ticket("x");
	run_due();
	ck_assert_str_eq(timer(ticket, "resolution", "business_hours_id"), "");
	call("POST", fmt("/api/sla/policies/%s/preview", policy), "{}");
	ck_assert_str_eq(text("business_hours_id"), "null");
}
END

TEST(a_policy_with_a_calendar_counts_by_it_and_says_so)
{
	const char *own = make_hours("Own", ""), *team = make_team("Blue", make_hours("Team", ""));
	const char *policy, *ticket;

	call("POST", "/api/sla/policies",
	    fmt("{\"name\":\"x\",\"business_hours\":false,\"business_hours_id\":\"%s\",\"targets\":{\"low\":{\"resolution_minutes\":5}}}",
		own));
	expect_field("business_hours", "not_allowed");
	policy =
	    make_policy("{\"name\":\"Own\",\"targets\":{\"normal\":{\"resolution_minutes\":60}}}");
	call("PATCH", fmt("/api/sla/policies/%s", policy),
	    fmt("{\"business_hours_id\":\"%s\"}", own));
	expect(200);
	ck_assert_str_eq(text("business_hours"), "true");
	call("PATCH", fmt("/api/sla/policies/%s", policy), "{\"business_hours\":false}");
	expect_field("business_hours", "not_allowed");
	ticket = make_ticket_of(fmt("{\"title\":\"x\",\"team_id\":\"%s\"}", team));
	run_due();
	ck_assert_str_eq(timer(ticket, "resolution", "business_hours_id"), own);
	call("PATCH", fmt("/api/sla/policies/%s", policy),
	    "{\"business_hours\":false,\"business_hours_id\":null}");
	expect(200);
	ck_assert_str_eq(text("business_hours"), "false");
}
END

TEST(a_calendar_is_held_by_what_counts_by_it_and_named_in_the_refusal)
{
	const char *hours = make_hours("Held", ""), *team, *policy, *ticket;

	team = make_team("Blue", hours);
	policy = make_policy(fmt(OFFICE(",\"business_hours_id\":\"%s\""), hours));
	ticket = make_ticket("x");
	run_due();
	expect_in_use(hours, "teams (1), SLA policies (1), SLA timers that have not stopped (1)");
	call("DELETE", fmt(TEAMS "/%s", team), NULL);
	expect(204);
	call("DELETE", fmt("/api/sla/policies/%s", policy), NULL);
	expect(204);
	expect_in_use(hours, "SLA timers that have not stopped (1)");
	patch(ticket, "{\"status\":\"resolved\"}");
	call("DELETE", fmt(HOURS "/%s", hours), NULL);
	expect(204);
	call("DELETE", fmt(HOURS "/%s", hours), NULL);
	expect(404);
	ck_assert_str_eq(timer(ticket, "resolution", "business_hours_id"), hours);
	call("GET", fmt("/api/sla/policies/%s", policy), NULL);
	ck_assert_str_eq(text("business_hours_id"), "null");
	/* a clock that goes on takes what there is now */
	patch(ticket, "{\"status\":\"open\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "status"), "running");
	ck_assert_str_eq(timer(ticket, "resolution", "business_hours_id"), "");
	call("POST", "/api/sla/timers",
	    fmt("{\"ticket_id\":\"%s\",\"metric\":\"custom\",\"target_minutes\":5,\"business_hours_id\":\"%s\"}",
		ticket, hours));
	expect_field("business_hours_id", "unknown_reference");
}
END

TEST(a_changed_calendar_moves_running_clocks_only_when_told)
{
	const char *hours = make_hours("Changed", ""), *ticket;

	make_policy(fmt(OFFICE(",\"business_hours_id\":\"%s\""), hours));
	ticket = make_ticket("x");
	run_due();
	call("POST", "/api/sla/timers",
	    fmt("{\"ticket_id\":\"%s\",\"metric\":\"custom\",\"target_minutes\":5,\"business_hours_id\":\"%s\"}",
		ticket, hours));
	patch_hours(hours, "{\"weekly\":{}}");
	ck_assert_str_eq(timer(ticket, "resolution", "due_at - started_at"), "01:00:00");
	patch_hours(hours, "{\"name\":\"Never\",\"apply_to\":\"running\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "due_at"), "");
	ck_assert_str_eq(timer(ticket, "custom", "due_at"), "");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM due_job WHERE kind LIKE 'sla%%'"), "0");
	patch_hours(hours, "{" ALWAYS ",\"apply_to\":\"running\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "due_at - started_at"), "01:00:00");
	call("GET", fmt("/api/sla/timers?ticket_id=%s&metric=custom", ticket), NULL);
	ck_assert_uint_eq(count("data.0.ledger"), 3);
	ck_assert_str_eq(text("data.0.ledger.2.what"), "retargeted");
	ck_assert_str_eq(text("data.0.ledger.2.reason"), "calendar");
}
END

TEST(another_default_moves_running_clocks_only_when_told)
{
	const char *was = make_hours("Was", ",\"is_default\":true"), *is = make_hours("Is", "");
	const char *ticket, *kept;

	make_policy(OFFICE(""));
	ticket = make_ticket("x");
	kept = make_ticket_of(fmt("{\"title\":\"x\",\"team_id\":\"%s\"}", make_team("Blue", was)));
	run_due();
	patch_hours(is, "{\"is_default\":true}");
	ck_assert_str_eq(timer(ticket, "resolution", "business_hours_id"), was);
	patch_hours(is, "{\"is_default\":true,\"apply_to\":\"running\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "business_hours_id"), is);
	ck_assert_str_eq(timer(kept, "resolution", "business_hours_id"), was);
	patch_hours(is, "{\"is_default\":false,\"apply_to\":\"running\"}");
	ck_assert_str_eq(timer(ticket, "resolution", "business_hours_id"), "");
	ck_assert_str_eq(timer(ticket, "resolution", "status"), "running");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("sla_hours");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, business_hours_count);
	tcase_add_test(c, an_hour_that_is_repeated_over_midnight_counts_twice);
	tcase_add_test(c, open_minutes_are_those_of_the_team_else_of_the_default);
	tcase_add_test(c, a_policy_that_does_not_ask_for_them_counts_every_minute);
	tcase_add_test(c, a_policy_with_a_calendar_counts_by_it_and_says_so);
	tcase_add_test(c, a_calendar_is_held_by_what_counts_by_it_and_named_in_the_refusal);
	tcase_add_test(c, a_changed_calendar_moves_running_clocks_only_when_told);
	tcase_add_test(c, another_default_moves_running_clocks_only_when_told);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("sla_hours", all);
}

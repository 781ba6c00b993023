/* SPDX-License-Identifier: Apache-2.0 */
/* Workflows: triggers, order, loops, failures, time, dry runs. */
#include <string.h>

#include "harness.h"

static const char *
make_workflow(const char *name, const char *topic, const char *conditions, const char *actions)
{
	static int position;

	return make("/api/workflows",
	    fmt("{\"name\":\"%s\",\"position\":%d,\"trigger\":{\"type\":\"event\",\"topics\":[\"%s\"]},"
		"\"conditions\":%s,\"actions\":%s}",
		name, ++position, topic, conditions, actions),
	    "workflow_id");
}

static const char *
new_ticket(const char *title)
{
	const char *id = make_ticket(title);

	run_due();
	return id;
}

static const char *
of(const char *ticket, const char *column)
{
	return sql_text("SELECT %s FROM ticket WHERE ticket_id = '%s'", column, ticket);
}

static const char *
runs(const char *workflow)
{
	return sql_text(
	    "SELECT string_agg(status, ' ' ORDER BY created_at) FROM workflow_run WHERE workflow_id = '%s'",
	    workflow);
}

static void
none(void)
{
	caller_reset();
	run_due();
	sql("UPDATE workflow SET enabled = false");
}

#define TITLE(word) "{\"field\":\"title\",\"op\":\"contains\",\"value\":\"" word "\"}"

TEST(an_event_runs_the_actions_of_the_workflows_that_fit)
{
	const char *fits = make_workflow("Fits", "ticket.created", TITLE("invoice"),
	    "[{\"action\":\"add_tags\",\"tags\":[\"billing\"]},{\"action\":\"update\",\"changes\":{\"priority\":\"high\"}},"
	    "{\"action\":\"note\",\"body\":\"Number {{ticket.number}}\"}]");
	const char *other = make_workflow("Other", "ticket.created", TITLE("login"),
	    "[{\"action\":\"add_tags\",\"tags\":[\"wrong\"]}]");
	const char *ticket = new_ticket("my invoice");

	ck_assert_str_eq(of(ticket, "tags"), "{billing}");
	ck_assert_str_eq(of(ticket, "priority"), "high");
	ck_assert_str_eq(of(ticket, "status"), "new");
	ck_assert_str_eq(runs(fits), "completed");
	ck_assert_str_eq(runs(other), "skipped");
	call("GET", fmt("/api/workflows/%s/runs?status=skipped", other), NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.trace.0.matched"), "false");
	call("GET", fmt("/api/tickets/%s/internal-notes", ticket), NULL);
	ck_assert_str_eq(text("data.0.author_type"), "workflow");
	ck_assert(strncmp(text("data.0.body"), "Number ", 7) == 0);
	ck_assert_str_eq(
	    sql_text(
		"SELECT count(*) FROM event WHERE ticket_id = '%s' AND topic = 'ticket.updated' "
		"AND actor_type = 'workflow' AND actor_id = '%s'",
		ticket, fits),
	    "2");
}
END

TEST(each_sees_what_those_before_it_did_and_stop_ends_it)
{
	const char *third;

	make_workflow(
	    "One", "ticket.created", "{}", "[{\"action\":\"add_tags\",\"tags\":[\"one\"]}]");
	make_workflow("Two", "ticket.created",
	    "{\"field\":\"tags\",\"op\":\"contains\",\"value\":\"one\"}",
	    "[{\"action\":\"add_tags\",\"tags\":[\"two\"]},{\"action\":\"stop\"},{\"action\":\"add_tags\",\"tags\":[\"never\"]}]");
	third = make_workflow(
	    "Three", "ticket.created", "{}", "[{\"action\":\"add_tags\",\"tags\":[\"three\"]}]");
	ck_assert_str_eq(of(new_ticket("x"), "tags"), "{one,two}");
	ck_assert_str_eq(runs(third), "");
}
END

TEST(what_fails_is_reported_and_nothing_of_it_is_kept)
{
	const char *bad = make_workflow("Bad", "ticket.created", "{}",
	    "[{\"action\":\"add_tags\",\"tags\":[\"half\"]},{\"action\":\"update\",\"changes\":{\"status\":\"closed\"}},"
	    "{\"action\":\"update\",\"changes\":{\"status\":\"pending\"}}]");
	const char *good = make_workflow(
	    "Good", "ticket.created", "{}", "[{\"action\":\"add_tags\",\"tags\":[\"good\"]}]");
	const char *ticket = new_ticket("x");

	ck_assert_str_eq(of(ticket, "tags"), "{good}");
	ck_assert_str_eq(of(ticket, "status"), "new");
	ck_assert_str_eq(runs(bad), "failed");
	ck_assert_str_eq(runs(good), "completed");
	call("GET", fmt("/api/workflows/%s/runs", bad), NULL);
	ck_assert_ptr_nonnull(
	    strstr(text("data.0.error"), "actions[2]: A ticket cannot go from closed"));
	ck_assert_str_eq(text("data.0.steps.1.ok"), "true");
	ck_assert_str_eq(text("data.0.steps.2.ok"), "false");
	run_due();
	call("GET", fmt("/api/v1/events?topic=workflow.run.failed&ticket_id=%s", ticket), NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(workflows_that_start_one_another_come_to_an_end)
{
	const char *ping = make_workflow("Ping", "ticket.priority.changed", "{}",
	    "[{\"action\":\"update\",\"changes\":{\"priority\":\"high\"}}]");
	const char *ticket;

	make_workflow("Pong", "ticket.priority.changed",
	    "{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"high\"}",
	    "[{\"action\":\"update\",\"changes\":{\"priority\":\"low\"}}]");
	ticket = new_ticket("x");
	call("PATCH", fmt("/api/tickets/%s", ticket), "{\"priority\":\"urgent\"}");
	run_due();
	run_due();
	ck_assert_str_eq(sql_text("SELECT count(*) FROM due_job WHERE kind = 'workflow'"), "0");
	ck_assert_int_le(
	    strtol(sql_text("SELECT count(*) FROM workflow_run WHERE ticket_id = '%s'", ticket),
		NULL, 10),
	    14);
	ck_assert_str_eq(
	    sql_text(
		"SELECT count(*) > 0 FROM workflow_run WHERE ticket_id = '%s' AND status = 'failed' "
		"AND error LIKE '%%more than five%%'",
		ticket),
	    "t");
	ck_assert_ptr_nonnull(ping);
}
END

TEST(a_workflow_does_not_see_its_own_doing)
{
	const char *flow = make_workflow(
		       "Self", "ticket.*", "{}", "[{\"action\":\"note\",\"body\":\"again\"}]"),
		   *ticket = new_ticket("x");

	run_due();
	ck_assert_str_eq(runs(flow), "completed");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM comment WHERE ticket_id = '%s'", ticket), "1");
}
END

TEST(time_triggers_fire_once_for_each_time)
{
	const char *flow, *old, *fresh;

	sql("UPDATE ticket SET status = 'closed' WHERE status NOT IN ('merged', 'closed')");
	old = make_ticket("old");
	fresh = make_ticket("fresh");
	sql("SET app.quiet = 'on'; UPDATE ticket SET created_at = now() - interval '3 hours' WHERE ticket_id = '%s'; RESET app.quiet",
	    old);
	flow = make("/api/workflows",
	    "{\"name\":\"Idle\",\"trigger\":{\"type\":\"time\",\"field\":\"created_at\",\"minutes\":120},"
	    "\"conditions\":{\"field\":\"status\",\"op\":\"eq\",\"value\":\"new\"},\"actions\":[{\"action\":\"add_tags\",\"tags\":[\"idle\"]}]}",
	    "workflow_id");
	run_due();
	run_due();
	ck_assert_str_eq(of(old, "tags"), "{idle}");
	ck_assert_str_eq(of(fresh, "tags"), "{}");
	ck_assert_str_eq(runs(flow), "completed");
}
END

TEST(actions_reach_macros_surveys_and_webhooks)
{
	const char *hook, *macro, *ticket;

	hook = make("/api/v1/webhooks",
	    "{\"url\":\"https://h.example.com/\",\"topics\":[\"sla.breached\"]}", "webhook_id");
	macro = make("/api/organizations/" ORG "/macros",
	    "{\"name\":\"Thanks\",\"reply\":\"Thank you\",\"actions\":[{\"action\":\"add_tags\",\"tags\":[\"thanked\"]}]}",
	    "macro_id");
	make_workflow("All", "ticket.status.changed",
	    "{\"field\":\"status\",\"op\":\"eq\",\"value\":\"resolved\"}",
	    fmt("[{\"action\":\"macro\",\"macro_id\":\"%s\"},{\"action\":\"csat\"},{\"action\":\"webhook\",\"webhook_id\":\"%s\"}]",
		macro, hook));
	ticket = new_ticket("x");
	call("PATCH", fmt("/api/tickets/%s", ticket), "{\"status\":\"resolved\"}");
	expect(200);
	run_due();
	ck_assert_str_eq(of(ticket, "tags"), "{thanked}");
	ck_assert_str_eq(of(ticket, "status"), "resolved");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM csat_survey WHERE ticket_id = '%s'", ticket), "1");
	ck_assert_str_eq(
	    sql_text(
		"SELECT topic FROM webhook_delivery WHERE webhook_id = '%s' AND ticket_id = '%s'",
		hook, ticket),
	    "workflow.action");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM due_job WHERE lane = '%s'", hook), "1");
}
END

TEST(a_dry_run_shows_everything_and_does_nothing)
{
	const char *flow = make_workflow("Dry", "ticket.created", TITLE("invoice"),
	    "[{\"action\":\"add_tags\",\"tags\":[\"billing\"]},{\"action\":\"comment\",\"body\":\"Hello\"}]");
	const char *ticket;

	call("PATCH", fmt("/api/workflows/%s/disable", flow), NULL);
	expect(200);
	ck_assert_str_eq(text("enabled"), "false");
	ticket = new_ticket("my invoice");
	call("POST", fmt("/api/workflows/%s/dry-run", flow), fmt("{\"ticket_id\":\"%s\"}", ticket));
	expect(200);
	ck_assert_str_eq(text("matched"), "true");
	ck_assert_str_eq(text("changes.tags.to.0"), "billing");
	ck_assert_uint_eq(count("steps"), 2);
	ck_assert_str_eq(of(ticket, "tags"), "{}");
	ck_assert_str_eq(runs(flow), "");
	call("PATCH", fmt("/api/workflows/%s", flow), "{\"conditions\":" TITLE("other") "}");
	ck_assert_int_eq(number("edition"), 2);
	call("GET", fmt("/api/workflows/%s?include=editions", flow), NULL);
	expect(200);
	ck_assert_uint_eq(count("editions"), 2);
}
END

TEST(what_makes_no_sense_is_refused_by_name)
{
	call("POST", "/api/workflows",
	    "{\"name\":\"x\",\"trigger\":{\"type\":\"event\"},\"actions\":[{\"action\":\"stop\"}]}");
	expect_field("trigger.topics", "required");
	call("POST", "/api/workflows",
	    "{\"name\":\"x\",\"trigger\":{\"type\":\"time\",\"field\":\"created_at\"},\"actions\":[{\"action\":\"stop\"}]}");
	expect_field("trigger.minutes", "required");
	call("POST", "/api/workflows",
	    "{\"name\":\"x\",\"trigger\":{\"type\":\"event\",\"topics\":[\"ticket.created\"]},\"actions\":[]}");
	expect_field("actions", "too_few");
	call("POST", "/api/workflows",
	    "{\"name\":\"x\",\"trigger\":{\"type\":\"event\",\"topics\":[\"ticket.created\"]},\"actions\":[{\"action\":\"macro\"}]}");
	expect_field("actions[0].macro_id", "required");
	call("POST", "/api/workflows",
	    "{\"name\":\"x\",\"trigger\":{\"type\":\"event\",\"topics\":[\"ticket.created\"]},\"actions\":[{\"action\":\"macro\",\"macro_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\"}]}");
	expect_field("actions[0].macro_id", "unknown_reference");
	call("POST", "/api/workflows",
	    "{\"name\":\"x\",\"trigger\":{\"type\":\"event\",\"topics\":[\"ticket.created\"]},\"actions\":[{\"action\":\"comment\",\"body\":\"{{nobody}}\"}]}");
	expect_field("actions[0].body", "unknown_variable");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("workflows");

	tcase_add_checked_fixture(c, none, NULL);
	tcase_add_test(c, an_event_runs_the_actions_of_the_workflows_that_fit);
	tcase_add_test(c, each_sees_what_those_before_it_did_and_stop_ends_it);
	tcase_add_test(c, what_fails_is_reported_and_nothing_of_it_is_kept);
	tcase_add_test(c, workflows_that_start_one_another_come_to_an_end);
	tcase_add_test(c, a_workflow_does_not_see_its_own_doing);
	tcase_add_test(c, time_triggers_fire_once_for_each_time);
	tcase_add_test(c, actions_reach_macros_surveys_and_webhooks);
	tcase_add_test(c, a_dry_run_shows_everything_and_does_nothing);
	tcase_add_test(c, what_makes_no_sense_is_refused_by_name);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("workflows", all);
}

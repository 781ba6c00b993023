/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that are stored: what does not come back is refused, and never means every ticket. */
#include "harness.h"

#include <string.h>

#define QUEUES "/api/organizations/" ORG "/queues"
#define VIEWS "/api/organizations/" ORG "/views"
#define SEATS(n) "{\"field\":\"custom_fields.seats\",\"op\":\"gt\",\"value\":" n "}"
/* What an earlier version let in: jsonb writes it as an integer that no reader takes. */
#define UNREADABLE SEATS("10000000000000000000")

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM queue; DELETE FROM saved_view; DELETE FROM custom_field; "
	    "DELETE FROM sla_policy; DELETE FROM workflow; DELETE FROM webhook");
	make("/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Seats\",\"key\":\"seats\",\"type\":\"number\"}", "field_id");
}

TEST(a_number_that_would_not_come_back_is_refused_where_it_stands)
{
	static const char *const numbers[] = { "1e19", "-1e300", "1e-400", "9.3e18" };
	static const struct {
		const char *path, *members;
	} to[] = {
		{ VIEWS, "\"name\":\"v\"" },
		{ QUEUES, "\"name\":\"q\"" },
		{ "/api/bulk/jobs", "\"action\":\"close\"" },
		{ "/api/workflows",
		    "\"name\":\"w\",\"trigger\":{\"type\":\"event\",\"topics\":[\"*\"]},"
		    "\"actions\":[{\"action\":\"add_tags\",\"tags\":[\"x\"]}]" },
		{ "/api/webhooks", "\"url\":\"https://example.com/\"" },
		{ "/api/sla/policies", "\"name\":\"p\",\"targets\":{}" },
		{ "/api/exports", "\"kind\":\"tickets\"" },
	};
	unsigned i, j;

	for (i = 0; i < LENGTH(to); i++)
		for (j = 0; j < LENGTH(numbers); j++) {
			call("POST", to[i].path,
			    fmt("{%s,\"conditions\":{\"all\":[{\"field\":\"custom_fields.seats\","
				"\"op\":\"gt\",\"value\":%s}]}}",
				to[i].members, numbers[j]));
			expect_field("conditions.all[0].value", "number_range");
		}
	call("POST", "/api/tickets", "{\"title\":\"t\",\"custom_fields\":{\"seats\":1e19}}");
	expect_field("custom_fields.seats", "number_range");
	call("POST", VIEWS, "{\"name\":\"v\",\"conditions\":" SEATS("9e18") "}");
	expect(201);
	call("GET", fmt(VIEWS "/%s/count", text("view_id")), NULL);
	expect(200);
}
END

TEST(a_view_that_cannot_be_read_is_an_error)
{
	const char *view = make(VIEWS, "{\"name\":\"v\"}", "view_id");

	make_ticket("t");
	sql("UPDATE saved_view SET conditions = '" UNREADABLE "'");
	call("GET", fmt(VIEWS "/%s/tickets", view), NULL);
	expect_problem(409, "conflict");
	call("GET", fmt(VIEWS "/%s/count", view), NULL);
	expect_problem(409, "conflict");
	call("GET", VIEWS "/counts", NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.count"), "null");
}
END

TEST(a_queue_that_cannot_be_read_wants_no_ticket)
{
	make(QUEUES, "{\"name\":\"q\",\"conditions\":{\"all\":[]}}", "queue_id");
	sql("UPDATE queue SET conditions = '" UNREADABLE "'");
	make_ticket("t");
	ck_assert_str_eq(text("queue_id"), "null");
	call("POST", QUEUES "/match", "{\"attributes\":{}}");
	expect(200);
	ck_assert_str_eq(text("data.0.matched"), "false");
	ck_assert_str_eq(text("data.0.error"), "conditions: What is stored cannot be read.");
}
END

TEST(a_job_that_cannot_be_read_fails_and_changes_nothing)
{
	const char *ticket = make_ticket("t"),
		   *job = make_job(
		       "/api/bulk/jobs", "{\"action\":\"close\",\"conditions\":{}}", "job_id"),
		   *export = make_job("/api/exports", "{\"kind\":\"tickets\"}", "export_id");

	sql("UPDATE job SET spec = spec || '{\"unshown\":" UNREADABLE "}'");
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", job), NULL);
	ck_assert_str_eq(text("state"), "failed");
	ck_assert_str_eq(text("error"), "What is stored of the job cannot be read.");
	call("GET", fmt("/api/exports/%s", export), NULL);
	ck_assert_str_eq(text("state"), "failed");
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	ck_assert_str_eq(text("status"), "new");
}
END

TEST(a_workflow_and_a_policy_that_cannot_be_read_do_nothing)
{
	const char *ticket, *workflow;

	workflow = make("/api/workflows",
	    "{\"name\":\"w\",\"trigger\":{\"type\":\"event\",\"topics\":[\"ticket.created\"]},"
	    "\"actions\":[{\"action\":\"add_tags\",\"tags\":[\"x\"]}]}",
	    "workflow_id");
	make("/api/sla/policies",
	    "{\"name\":\"p\",\"targets\":{\"normal\":{\"first_response_minutes\":60}}}",
	    "policy_id");
	sql("UPDATE workflow SET conditions = '" UNREADABLE
	    "'; UPDATE sla_policy SET conditions = '" UNREADABLE "'");
	ticket = make_ticket("t");
	run_due();
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	ck_assert_uint_eq(count("tags"), 0);
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM sla_timer WHERE ticket_id = '%s'", ticket), "0");
	ck_assert_str_eq(
	    sql_text("SELECT status FROM workflow_run WHERE ticket_id = '%s'", ticket), "skipped");
	call("POST", fmt("/api/workflows/%s/dry-run", workflow),
	    fmt("{\"ticket_id\":\"%s\"}", ticket));
	expect_problem(409, "conflict");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("condition_stored");

	tcase_set_timeout(c, 20);
	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_number_that_would_not_come_back_is_refused_where_it_stands);
	tcase_add_test(c, a_view_that_cannot_be_read_is_an_error);
	tcase_add_test(c, a_queue_that_cannot_be_read_wants_no_ticket);
	tcase_add_test(c, a_job_that_cannot_be_read_fails_and_changes_nothing);
	tcase_add_test(c, a_workflow_and_a_policy_that_cannot_be_read_do_nothing);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("condition_stored", all);
}

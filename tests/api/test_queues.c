/* SPDX-License-Identifier: Apache-2.0 */
/* Queues: which tickets come, who gets the next one, and when it goes back. */
#include "harness.h"

#include <string.h>

#define QUEUES "/api/organizations/" ORG "/queues"
#define URGENT "{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"urgent\"}"

static const char *
make_queue(const char *body)
{
	return make(QUEUES, body, "queue_id");
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM queue; DELETE FROM team; DELETE FROM app_user");
}

TEST(a_new_ticket_goes_to_the_first_queue_that_wants_it)
{
	const char *second =
	    make_queue("{\"name\":\"All\",\"position\":2,\"conditions\":{\"all\":[]}}");
	const char *first =
	    make_queue("{\"name\":\"Urgent\",\"position\":1,\"conditions\":" URGENT "}");

	make_queue(
	    "{\"name\":\"Off\",\"position\":0,\"active\":false,\"conditions\":{\"all\":[]}}");
	make_queue("{\"name\":\"By hand\",\"position\":0}");
	make_ticket_of("{\"title\":\"t\",\"priority\":\"urgent\"}");
	ck_assert_str_eq(text("queue_id"), first);
	make_ticket_of("{\"title\":\"t\"}");
	ck_assert_str_eq(text("queue_id"), second);
	make_ticket_of(
	    fmt("{\"title\":\"t\",\"queue_id\":\"%s\",\"priority\":\"urgent\"}", second));
	ck_assert_str_eq(text("queue_id"), second);
}
END

TEST(a_queue_with_a_strategy_assigns_and_waits_when_nobody_is_free)
{
	const char *user = make_user("ada", ",\"capacity\":1");

	make_queue("{\"name\":\"All\",\"strategy\":\"least_loaded\",\"conditions\":{\"all\":[]}}");
	make_ticket_of("{\"title\":\"t\"}");
	ck_assert_str_eq(text("assignee_user_id"), user);
	make_ticket_of("{\"title\":\"t\"}");
	ck_assert_str_eq(text("assignee_user_id"), "null");
	ck_assert_str_ne(text("queue_id"), "null");
}
END

TEST(a_strategy_assigns_a_ticket_however_it_comes_to_the_queue)
{
	const char *user = make_user("ada", ""), *other = make_user("bob", "");
	const char *team = make("/api/organizations/" ORG "/teams",
	    fmt("{\"name\":\"T\",\"member_ids\":[\"%s\"]}", user), "team_id");
	const char *queue = make_queue(
	    fmt("{\"name\":\"Q\",\"strategy\":\"round_robin\",\"team_id\":\"%s\"}", team));
	const char *id = make_ticket_of(fmt("{\"title\":\"t\",\"queue_id\":\"%s\"}", queue));

	ck_assert_str_eq(text("assignee_user_id"), user);
	ck_assert_str_eq(text("team_id"), team);
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(topic, ' ' ORDER BY occurred_at) FROM event WHERE ticket_id = "
		"'%s'",
		id),
	    "ticket.created ticket.updated ticket.assigned");
	id = make_ticket("t");
	call("PATCH", fmt("/api/tickets/%s", id), fmt("{\"queue_id\":\"%s\"}", queue));
	expect(200);
	ck_assert_str_eq(text("assignee_user_id"), user);
	ck_assert_str_eq(text("team_id"), team);
	ck_assert_int_eq(number("version"), 2);
	id = make_ticket("t");
	call("POST", fmt("/api/tickets/%s/assign", id), fmt("{\"queue_id\":\"%s\"}", queue));
	expect(200);
	ck_assert_str_eq(text("assignee_user_id"), user);
	make_ticket_of(
	    fmt("{\"title\":\"t\",\"queue_id\":\"%s\",\"assignee_user_id\":\"%s\"}", queue, other));
	ck_assert_str_eq(text("assignee_user_id"), other);
	make_ticket_of(fmt("{\"title\":\"t\",\"queue_id\":\"%s\",\"status\":\"closed\"}", queue));
	ck_assert_str_eq(text("assignee_user_id"), "null");
	sql("UPDATE app_user SET availability = 'away'");
	make_ticket_of(fmt("{\"title\":\"t\",\"queue_id\":\"%s\"}", queue));
	ck_assert_str_eq(text("assignee_user_id"), "null");
	ck_assert_str_eq(text("team_id"), team);
}
END

TEST(undoing_a_move_takes_back_what_the_queue_did)
{
	const char *team = make("/api/organizations/" ORG "/teams", "{\"name\":\"T\"}", "team_id");
	const char *queue = make_queue(fmt("{\"name\":\"Q\",\"team_id\":\"%s\"}", team)), *id, *job;

	id = make_ticket("t");
	job = make_job("/api/bulk/jobs",
	    fmt("{\"action\":\"update\",\"conditions\":{},\"changes\":{\"queue_id\":\"%s\"}}",
		queue),
	    "job_id");
	run_jobs();
	call("GET", fmt("/api/tickets/%s", id), NULL);
	ck_assert_str_eq(text("team_id"), team);
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", job), NULL);
	run_jobs();
	call("GET", fmt("/api/tickets/%s", id), NULL);
	ck_assert_str_eq(text("queue_id"), "null");
	ck_assert_str_eq(text("team_id"), "null");
}
END

    static const char *
    waiting(const char *queue, const char *more)
{
	return make_ticket_of(fmt("{\"title\":\"t\",\"queue_id\":\"%s\"%s}", queue, more));
}

static void
take(const char *queue, const char *user)
{
	call("POST", fmt(QUEUES "/%s/next", queue), fmt("{\"user_id\":\"%s\"}", user));
}

TEST(the_next_ticket_is_the_most_urgent_that_the_agent_can_do)
{
	const char *queue = make_queue("{\"name\":\"Q\"}"),
		   *user = make_user("ada", ",\"skills\":[\"sql\"]");
	const char *low = waiting(queue, ",\"priority\":\"low\"");
	const char *hard =
	    waiting(queue, ",\"priority\":\"urgent\",\"required_skills\":[\"german\"]");
	const char *high = waiting(queue, ",\"priority\":\"high\",\"required_skills\":[\"sql\"]");

	(void)hard;
	take(queue, user);
	expect(200);
	ck_assert_str_eq(text("ticket_id"), high);
	ck_assert_str_eq(text("assignee_user_id"), user);
	ck_assert_str_eq(text("status"), "open");
	take(queue, user);
	ck_assert_str_eq(text("ticket_id"), low);
	take(queue, user);
	expect(204);
	call("GET", fmt(QUEUES "/%s?include=stats", queue), NULL);
	ck_assert_int_eq(number("stats.depth"), 3);
	ck_assert_int_eq(number("stats.waiting"), 1);
}
END

TEST(capacity_team_and_person_are_respected)
{
	const char *user = make_user("ada", ",\"capacity\":1"), *other = make_user("bob", "");
	const char *team = make("/api/organizations/" ORG "/teams",
	    fmt("{\"name\":\"T\",\"member_ids\":[\"%s\"]}", user), "team_id");
	const char *queue = make_queue(fmt("{\"name\":\"Q\",\"team_id\":\"%s\"}", team));

	waiting(queue, "");
	waiting(queue, "");
	take(queue, other);
	expect_problem(403, "not_a_member");
	take(queue, user);
	expect(200);
	take(queue, user);
	expect_problem(409, "at_capacity");
	take(queue, "0190163d-8694-739b-aea5-966c26f8ad91");
	expect_field("user_id", "unknown_reference");
	call("POST", fmt(QUEUES "/%s/next", queue), "{}");
	expect_field("user_id", "required");
}
END

TEST(a_ticket_that_is_taken_and_left_goes_back)
{
	const char *queue = make_queue("{\"name\":\"Q\",\"lease_seconds\":30}"),
		   *user = make_user("ada", "");
	const char *left = waiting(queue, ""), *answered = waiting(queue, "");

	take(queue, user);
	take(queue, user);
	make_comment(answered, "on it");
	sql("UPDATE queue_claim SET lease_until = now() - interval '1 second'");
	every_second_once();
	call("GET", fmt("/api/tickets/%s", left), NULL);
	ck_assert_str_eq(text("assignee_user_id"), "null");
	call("GET", fmt("/api/tickets/%s", answered), NULL);
	ck_assert_str_eq(text("assignee_user_id"), user);
	ck_assert_str_eq(
	    sql_text(
		"SELECT count(*) FROM event WHERE topic = 'ticket.unassigned' AND ticket_id = '%s'",
		left),
	    "1");
	take(queue, user);
	ck_assert_str_eq(text("ticket_id"), left);
}
END

    static void
    leases_end(void)
{
	sql("UPDATE queue_claim SET lease_until = now() - interval '1 second'");
	every_second_once();
}

static const char *
agent_of(const char *ticket)
{
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	expect(200);
	return text("assignee_user_id");
}

TEST(next_says_until_when_the_ticket_is_the_agents)
{
	const char *queue = make_queue("{\"name\":\"Q\",\"lease_seconds\":30}"),
		   *user = make_user("ada", "");

	waiting(queue, "");
	take(queue, user);
	expect(200);
	ck_assert_str_eq(text("lease_until"), sql_text("SELECT iso(lease_until) FROM queue_claim"));
}
END

TEST(what_is_done_to_a_ticket_by_its_agent_keeps_it)
{
	static const struct {
		const char *method, *path, *body;
	} acts[] = {
		{ "PATCH", "", "{\"priority\":\"low\"}" },
		{ "PATCH", "", "{\"tags\":[\"seen\"]}" },
		{ "PATCH", "", "{\"queue_id\":null}" },
		{ "POST", "/tags", "{\"tags\":[\"seen\"]}" },
		{ "POST", "/snooze", "{\"until\":\"2030-01-01T08:00:00Z\"}" },
		{ "POST", "/internal-notes", "{\"body\":\"on it\"}" },
	};
	const char *queue = make_queue("{\"name\":\"Q\"}"), *user = make_user("ada", ""), *id;
	unsigned i;

	for (i = 0; i < LENGTH(acts); i++) {
		id = waiting(queue, "");
		take(queue, user);
		ck_assert_str_eq(text("ticket_id"), id);
		call(acts[i].method, fmt("/api/tickets/%s%s", id, acts[i].path), acts[i].body);
		ck_assert_int_lt(status, 300);
		leases_end();
		ck_assert_msg(strcmp(agent_of(id), user) == 0, "%s%s", acts[i].path, acts[i].body);
	}
}
END

TEST(of_what_others_do_a_move_keeps_a_ticket_a_label_or_a_customers_word_does_not)
{
	const char *queue = make_queue("{\"name\":\"Q\"}"), *user = make_user("ada", "");
	const char *labelled = waiting(queue, ""), *moved = waiting(queue, "");

	take(queue, user);
	take(queue, user);
	caller.key = make_key(ORG, "read:tickets,write:tickets");
	call("PATCH", fmt("/api/tickets/%s", labelled), "{\"tags\":[\"vip\"]}");
	expect(200);
	call("PATCH", fmt("/api/tickets/%s", moved), "{\"queue_id\":null}");
	expect(200);
	caller_reset();
	call("POST", fmt("/api/tickets/%s/comments", labelled),
	    "{\"body\":\"any news?\",\"author_type\":\"customer\"}");
	expect(201);
	leases_end();
	ck_assert_str_eq(agent_of(labelled), "null");
	ck_assert_str_eq(agent_of(moved), user);
}
END

TEST(a_lease_ends_in_the_queue_to_which_the_tickets_were_handed_over)
{
	const char *a = make_queue("{\"name\":\"A\"}"), *b = make_queue("{\"name\":\"B\"}"),
		   *user = make_user("ada", ""), *id = waiting(a, "");

	take(a, user);
	expect(200);
	call("DELETE", fmt(QUEUES "/%s?move_to=%s", a, b), NULL);
	expect(204);
	ck_assert_str_eq(agent_of(id), user);
	call("DELETE", fmt(QUEUES "/%s", b), NULL);
	expect(204);
	ck_assert_str_eq(agent_of(id), user);
	leases_end();
	ck_assert_str_eq(agent_of(id), "null");
}
END

TEST(a_deleted_queue_hands_its_tickets_over)
{
	const char *a = make_queue("{\"name\":\"A\"}"), *b = make_queue("{\"name\":\"B\"}");
	const char *id = waiting(a, "");

	call("DELETE", fmt(QUEUES "/%s?move_to=%s", a, b), NULL);
	expect(204);
	call("GET", fmt("/api/tickets/%s", id), NULL);
	ck_assert_str_eq(text("queue_id"), b);
	call("POST", QUEUES,
	    "{\"name\":\"x\",\"conditions\":{\"field\":\"color\",\"op\":\"eq\",\"value\":1}}");
	expect_field("conditions.field", "unknown_field");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("queues");

	tcase_set_timeout(c, 20);
	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_new_ticket_goes_to_the_first_queue_that_wants_it);
	tcase_add_test(c, a_queue_with_a_strategy_assigns_and_waits_when_nobody_is_free);
	tcase_add_test(c, a_strategy_assigns_a_ticket_however_it_comes_to_the_queue);
	tcase_add_test(c, undoing_a_move_takes_back_what_the_queue_did);
	tcase_add_test(c, the_next_ticket_is_the_most_urgent_that_the_agent_can_do);
	tcase_add_test(c, capacity_team_and_person_are_respected);
	tcase_add_test(c, a_ticket_that_is_taken_and_left_goes_back);
	tcase_add_test(c, next_says_until_when_the_ticket_is_the_agents);
	tcase_add_test(c, what_is_done_to_a_ticket_by_its_agent_keeps_it);
	tcase_add_test(
	    c, of_what_others_do_a_move_keeps_a_ticket_a_label_or_a_customers_word_does_not);
	tcase_add_test(c, a_lease_ends_in_the_queue_to_which_the_tickets_were_handed_over);
	tcase_add_test(c, a_deleted_queue_hands_its_tickets_over);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("queues", all);
}

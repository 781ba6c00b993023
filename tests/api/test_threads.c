/* SPDX-License-Identifier: Apache-2.0 */
/* Comments, notes, merging, splitting, assigning, snoozing, links, events: as the API shows them.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static const char *
under(const char *ticket, const char *what)
{
	return fmt("/api/tickets/%s/%s", ticket, what);
}

static const char *
status_of(const char *ticket)
{
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	expect(200);
	return text("status");
}

TEST(an_agents_first_comment_opens_a_new_ticket_and_counts_as_first_response)
{
	const char *id = make_ticket("hello");

	make_comment(id, "on it");
	ck_assert_str_eq(status_of(id), "open");
	ck_assert_str_ne(text("first_response_at"), "null");
}
END

TEST(a_customers_comment_opens_a_resolved_ticket_and_wakes_it)
{
	const char *id = make_ticket("back");

	call("PATCH", fmt("/api/tickets/%s", id), "{\"status\":\"resolved\"}");
	call("POST", under(id, "snooze"), "{\"until_reply\":true}");
	expect(200);
	ck_assert_str_eq(text("snooze_until_reply"), "true");
	call("POST", under(id, "comments"),
	    "{\"body\":\"still broken\",\"author_type\":\"customer\"}");
	expect(201);
	ck_assert_str_eq(text("author_type"), "customer");
	ck_assert_str_eq(status_of(id), "open");
	ck_assert_str_eq(text("snooze_until_reply"), "false");
	ck_assert_int_eq(number("reopened_count"), 1);
}
END

TEST(an_edited_comment_keeps_its_history_until_it_is_redacted)
{
	const char *id = make_ticket("history"), *comment = make_comment(id, "frist");
	const char *path = under(id, fmt("comments/%s", comment));

	call("PATCH", path, "{\"body\":\"first\"}");
	expect(200);
	ck_assert_str_ne(text("edited_at"), "null");
	call("GET", fmt("%s?include=history", under(id, "comments")), NULL);
	ck_assert_str_eq(text("data.0.body"), "first");
	ck_assert_str_eq(text("data.0.history.0.body"), "frist");
	call("DELETE", path, NULL);
	expect(204);
	call("GET", fmt("%s?include=history", under(id, "comments")), NULL);
	ck_assert_str_eq(text("data.0.body"), "");
	ck_assert_uint_eq(count("data.0.history"), 0);
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM comment_revision WHERE body LIKE 'frist'"), "0");
	call("PATCH", path, "{\"body\":\"again\"}");
	expect(404);
}
END

TEST(notes_are_not_among_the_comments_and_need_their_own_scope)
{
	const char *id = make_ticket("secret");

	call("POST", under(id, "internal-notes"), "{\"body\":\"between us\"}");
	expect(201);
	call("GET", under(id, "comments"), NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", fmt("/api/tickets/%s?include=comments", id), NULL);
	ck_assert_uint_eq(count("comments"), 0);
	ck_assert_str_eq(text("status"), "new");
	caller.key = make_key(ORG, "read:tickets");
	call("GET", under(id, "internal-notes"), NULL);
	expect(403);
	call("GET", under(id, "activity"), NULL);
	expect(403);
}
END

TEST(a_merge_brings_everything_together_and_its_undoing_takes_it_apart)
{
	const char *a = make_ticket("keeps"), *b = make_ticket("goes"), *comment;

	call("POST", under(b, "tags"), "{\"tags\":[\"extra\"]}");
	comment = make_comment(b, "from b");
	call("POST", under(b, "internal-notes"), "{\"body\":\"note b\"}");
	call("POST", under(a, "merge"), fmt("{\"ticket_ids\":[\"%s\"]}", b));
	expect(200);
	ck_assert_str_eq(text("tags.0"), "extra");
	ck_assert_str_eq(status_of(b), "merged");
	ck_assert_str_eq(text("merged_into_id"), a);
	call("GET", under(a, "comments"), NULL);
	ck_assert_str_eq(text("data.0.comment_id"), comment);
	ck_assert_str_eq(text("data.0.origin_ticket_id"), b);
	call("PATCH", fmt("/api/tickets/%s", b), "{\"priority\":\"low\"}");
	expect_problem(409, "ticket_merged");
	call("POST", under(b, "comments"), "{\"body\":\"x\"}");
	expect_problem(409, "ticket_merged");
	call("GET", under(b, "merge-history"), NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("POST", under(b, "unmerge"), NULL);
	expect(200);
	ck_assert_str_eq(text("status"), "open");
	call("GET", under(b, "comments"), NULL);
	ck_assert_str_eq(text("data.0.comment_id"), comment);
	call("GET", fmt("/api/tickets/%s", a), NULL);
	ck_assert_uint_eq(count("tags"), 0);
	call("GET", under(a, "internal-notes"), NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("POST", under(b, "unmerge"), NULL);
	expect_problem(409, "not_merged");
}
END

TEST(a_merge_that_cannot_be_whole_is_not_done_at_all)
{
	const char *a = make_ticket("a"), *b = make_ticket("b");

	call("POST", under(a, "merge"),
	    fmt("{\"ticket_ids\":[\"%s\",\"01900000-0000-7000-8000-000000000000\"]}", b));
	expect_field("ticket_ids", "unknown_reference");
	ck_assert_str_eq(status_of(b), "new");
	call("POST", under(a, "merge"), fmt("{\"ticket_ids\":[\"%s\"]}", a));
	expect_field("ticket_ids", "self_reference");
	call("PATCH", fmt("/api/tickets/%s", a), "{\"status\":\"closed\"}");
	call("POST", under(a, "merge"), fmt("{\"ticket_ids\":[\"%s\"]}", b));
	expect_problem(409, "ticket_closed");
}
END

TEST(a_split_moves_the_chosen_comments_into_a_linked_ticket)
{
	const char *a = make_ticket("both"), *first = make_comment(a, "one"),
		   *second = make_comment(a, "two"), *made;

	made = make(under(a, "split"),
	    fmt("{\"comment_ids\":[\"%s\"],\"title\":\"second matter\"}", second), "ticket_id");
	ck_assert_str_eq(text("title"), "second matter");
	call("GET", under(made, "comments"), NULL);
	ck_assert_str_eq(text("data.0.comment_id"), second);
	call("GET", under(a, "comments"), NULL);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.comment_id"), first);
	call("GET", under(a, "links"), NULL);
	ck_assert_str_eq(text("data.0.target_id"), made);
}
END

TEST(a_strategy_chooses_an_online_agent_with_capacity_and_skill)
{
	const char *t1 = make_ticket("1"), *t2 = make_ticket("2"), *t3 = make_ticket("3"),
		   *t4 = make_ticket_of("{\"title\":\"4\",\"required_skills\":[\"billing\"]}");
	const char *a = make_user("anna", ",\"capacity\":1,\"skills\":[\"billing\"]"),
		   *b = make_user("bert", ",\"capacity\":2");

	make_user("away", ",\"capacity\":9,\"availability\":\"away\",\"skills\":[\"billing\"]");
	call("POST", under(t4, "assign"), "{\"strategy\":\"skill\"}");
	expect(200);
	ck_assert_str_eq(text("assignee_user_id"), a);
	call("POST", under(t1, "assign"), "{\"strategy\":\"least_loaded\"}");
	ck_assert_str_eq(text("assignee_user_id"), b);
	call("POST", under(t2, "assign"), "{\"strategy\":\"round_robin\"}");
	ck_assert_str_eq(text("assignee_user_id"), b);
	call("POST", under(t3, "assign"), "{\"strategy\":\"least_loaded\"}");
	expect_problem(409, "no_agent_available");
	call("POST", under(t1, "assign"), "{\"assignee_user_id\":null}");
	expect(200);
	ck_assert_str_eq(text("assignee_user_id"), "null");
	call("POST", under(t1, "assign"), "{}");
	expect_field("assignee_user_id", "required");
}
END

TEST(a_snooze_is_for_the_future)
{
	const char *id = make_ticket("later");

	call("POST", under(id, "snooze"), "{\"until\":\"2020-01-01T00:00:00Z\"}");
	expect_field("until", "past");
	call("POST", under(id, "snooze"), "{\"until\":\"2030-01-01T00:00:00Z\"}");
	expect(200);
	call("GET", "/api/tickets?snoozed=true", NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("POST", under(id, "snooze"), "{\"until\":null}");
	ck_assert_str_eq(text("snoozed_until"), "null");
}
END

TEST(a_link_is_seen_from_both_sides)
{
	const char *parent = make_ticket("parent"), *child = make_ticket("child"), *link;

	link = make(under(child, "links"),
	    fmt("{\"target_id\":\"%s\",\"kind\":\"child_of\"}", parent), "link_id");
	ck_assert_str_eq(text("kind"), "child_of");
	call("GET", under(parent, "links"), NULL);
	ck_assert_str_eq(text("data.0.kind"), "parent_of");
	ck_assert_str_eq(text("data.0.target_id"), child);
	call("POST", under(parent, "links"),
	    fmt("{\"target_id\":\"%s\",\"kind\":\"parent_of\"}", child));
	expect(409);
	call("POST", under(parent, "links"),
	    fmt("{\"target_id\":\"%s\",\"kind\":\"related\"}", parent));
	expect(422);
	call("DELETE", under(parent, fmt("links/%s", link)), NULL);
	expect(204);
}
END

TEST(a_renamed_tag_is_renamed_everywhere_and_joins_an_existing_one)
{
	const char *a = make_ticket("a"), *b = make_ticket("b");

	call("POST", under(a, "tags"), "{\"tags\":[\"colour\",\"color\"]}");
	call("POST", under(b, "tags"), "{\"tags\":[\"colour\"]}");
	call("PATCH", "/api/tags/colour", "{\"tag\":\"color\"}");
	expect(200);
	ck_assert_int_eq(number("tickets"), 2);
	call("GET", "/api/tags?prefix=colo", NULL);
	ck_assert_uint_eq(count("data"), 1);
	call("DELETE", under(a, "tags/color"), NULL);
	expect(200);
	call("DELETE", under(a, "tags/color"), NULL);
	expect(404);
}
END

TEST(events_come_in_one_sequence_without_gaps)
{
	const char *id = make_ticket("eventful");
	long seq, i;

	call("PATCH", fmt("/api/tickets/%s", id), "{\"status\":\"open\",\"priority\":\"high\"}");
	make_comment(id, "c");
	relay();
	call("GET", fmt("/api/v1/events?ticket_id=%s", id), NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.topic"), "ticket.created");
	ck_assert_str_eq(text("data.1.topic"), "ticket.updated");
	ck_assert_str_eq(text("data.1.changes.status.to"), "open");
	ck_assert_ptr_null(strstr(reply_body, "description"));
	seq = number("data.0.seq");
	call("GET", fmt("/api/v1/events?after=%ld&limit=3", seq - 1), NULL);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(number(fmt("data.%ld.seq", i)), seq + i);
	call("GET",
	    fmt("/api/v1/events?topic=ticket.status.changed,ticket.priority.changed&ticket_id=%s",
		id),
	    NULL);
	ck_assert_uint_eq(count("data"), 0); /* a topic with a comma is one word */
	call("GET",
	    fmt("/api/v1/events?topic=ticket.status.changed&topic=ticket.priority.changed&ticket_id=%s",
		id),
	    NULL);
	ck_assert_uint_eq(count("data"), 2);
}
END

TEST(a_suppressed_write_is_marked)
{
	caller.headers = "X-ServiceOS-Suppress: webhooks,workflows\n";
	make_ticket("silent");
	ck_assert_str_eq(
	    sql_text(
		"SELECT suppress FROM event WHERE topic = 'ticket.created' ORDER BY event_id DESC LIMIT 1"),
	    "webhooks,workflows");
}
END

    static TCase *
    cases(void)
{
	TCase *tc = tcase_create("threads");

	tcase_add_test(tc, an_agents_first_comment_opens_a_new_ticket_and_counts_as_first_response);
	tcase_add_test(tc, a_customers_comment_opens_a_resolved_ticket_and_wakes_it);
	tcase_add_test(tc, an_edited_comment_keeps_its_history_until_it_is_redacted);
	tcase_add_test(tc, notes_are_not_among_the_comments_and_need_their_own_scope);
	tcase_add_test(tc, a_merge_brings_everything_together_and_its_undoing_takes_it_apart);
	tcase_add_test(tc, a_merge_that_cannot_be_whole_is_not_done_at_all);
	tcase_add_test(tc, a_split_moves_the_chosen_comments_into_a_linked_ticket);
	tcase_add_test(tc, a_strategy_chooses_an_online_agent_with_capacity_and_skill);
	tcase_add_test(tc, a_snooze_is_for_the_future);
	tcase_add_test(tc, a_link_is_seen_from_both_sides);
	tcase_add_test(tc, a_renamed_tag_is_renamed_everywhere_and_joins_an_existing_one);
	tcase_add_test(tc, events_come_in_one_sequence_without_gaps);
	tcase_add_test(tc, a_suppressed_write_is_marked);
	return tc;
}

int
main(void)
{
	return harness_main("threads", (TCase * (*[])(void)){ cases, NULL });
}

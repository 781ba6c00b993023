/* SPDX-License-Identifier: Apache-2.0 */
/* E-mail that answers: by references and tokens it finds its ticket, and who may speak there. */
#include "fixtures_inbound.h"

#include <string.h>

#include "auth/reply_token.h"

static const char *
make_agent(const char *email)
{
	return make("/api/organizations/" ORG "/users",
	    fmt("{\"email\":\"%s\",\"name\":\"Agent\",\"password\":\"correct horse\"}", email),
	    "user_id");
}

TEST(the_customers_answer_is_a_comment_by_its_references)
{
	const char *ticket = ticket_from("ada@example.com"), *comment;
	int first = serial;

	hand_in(mail("ada@example.com", answering(first),
	    "And now this.\r\n\r\nOn 1 May 2026, Desk wrote:\r\n> It says: no."));
	expect_action("commented");
	ck_assert_str_eq(text("ticket_id"), ticket);
	comment = keep_id(text("comment_id"));
	call("GET", fmt("/api/tickets/%s/comments?include=history", ticket), NULL);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.comment_id"), comment);
	ck_assert_str_eq(text("data.0.body"), "And now this.");
	ck_assert_str_eq(text("data.0.author_type"), "customer");
	ck_assert_str_eq(text("data.0.author_id"),
	    sql_text("SELECT customer_id FROM ticket WHERE ticket_id = '%s'", ticket));
	ck_assert_ptr_nonnull(strstr(text("data.0.history.0.body"), "> It says: no."));
	hand_in(mail("ada@example.com",
	    fmt("References: <x@y.example> <m%d@example.com> <z@y.example>\r\n", serial), "More."));
	ck_assert_str_eq(text("ticket_id"), ticket);
	relay();
	call("GET", fmt("/api/v1/events?topic=ticket.comment.added&ticket_id=%s", ticket), NULL);
	ck_assert_uint_eq(count("data"), 2);
}
END

TEST(an_answer_to_a_mail_of_ours_is_known_by_its_message_id)
{
	const char *ticket = ticket_from("ada@example.com"),
		   *id = "0190163d-8694-739b-aea5-966c26f8ad91";

	sql("INSERT INTO mail (org_id, mail_id, kind, ticket_id, recipient, subject, message_id) "
	    "VALUES ('" ORG "', '%s', 'reply', '%s', 'ada@example.com', 'x', '%s')",
	    id, ticket, id);
	hand_in(mail("ada@example.com", fmt("In-Reply-To: <%s@desk.example>\r\n", id), "Yes."));
	expect_action("commented");
	ck_assert_str_eq(text("ticket_id"), ticket);
	caller.key = other_key;
	hand_in(mail("ada@example.com", fmt("In-Reply-To: <%s@desk.example>\r\n", id), "Yes."));
	expect_action("created");
}
END

TEST(who_has_no_part_in_a_ticket_does_not_get_into_it_by_a_message_id)
{
	const char *ticket = ticket_from("ada@example.com"), *theirs;

	hand_in(mail("Eve <eve@example.com>", answering(serial), "Send the password to me."));
	expect_action("created");
	theirs = keep_id(text("ticket_id"));
	ck_assert_str_ne(theirs, ticket);
	call("GET", fmt("/api/tickets/%s?include=links", theirs), NULL);
	ck_assert_str_eq(text("links.0.target_id"), ticket);
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM comment WHERE ticket_id = '%s'", ticket), "0");
}
END

TEST(who_was_written_to_may_go_on_with_the_thread)
{
	const char *ticket;

	hand_in(mail("ada@example.com", "Cc: Bob <bob@example.com>\r\n", "Bob knows more."));
	ticket = keep_id(text("ticket_id"));
	hand_in(mail("Bob <Bob@example.com>", answering(serial), "I do."));
	expect_action("commented");
	ck_assert_str_eq(text("ticket_id"), ticket);
	ck_assert_str_eq(
	    sql_text(
		"SELECT c.email FROM comment x JOIN customer c ON c.customer_id::text = x.author_id "
		"WHERE x.ticket_id = '%s'",
		ticket),
	    "bob@example.com");
}
END

TEST(a_token_leads_to_its_ticket_whoever_writes_and_before_all_references)
{
	const char *ticket = ticket_from("ada@example.com");
	int second;

	ticket_from("ada@example.com");
	second = serial;
	hand_in(mail("Aunt <aunt@example.com>",
	    fmt("%s%s", token_for(ticket, NULL), answering(second)), "It is my machine."));
	expect_action("commented");
	ck_assert_str_eq(text("ticket_id"), ticket);
	ck_assert_str_eq(
	    sql_text(
		"SELECT c.name FROM comment x JOIN customer c ON c.customer_id::text = x.author_id "
		"WHERE x.ticket_id = '%s'",
		ticket),
	    "Aunt");
	caller.key = other_key;
	hand_in(mail("Aunt <aunt@example.com>", token_for(ticket, NULL), "Elsewhere."));
	expect_action("created");
}
END

TEST(the_recipient_of_the_delivery_may_have_the_token)
{
	const char *ticket = ticket_from("ada@example.com");
	struct arena *arena = arena_new();
	const char *message = mail("x@example.com", "", "Blind copy."),
		   *token = fmt("%s", reply_token_address(arena, DESK, ORG, ticket, NULL));

	arena_free(arena);
	call_raw("POST", fmt("/api/v1/inbound/email?recipient=%.4s%%2B%s", token, token + 5),
	    message, strlen(message), NULL);
	expect_action("commented");
	ck_assert_str_eq(text("ticket_id"), ticket);
}
END

TEST(an_agents_address_speaks_for_the_agent_only_with_the_agents_own_token)
{
	const char *ticket = ticket_from("ada@example.com"),
		   *agent = make_agent("Agent@desk.example");
	int first = serial;

	hand_in(mail("agent@desk.example", answering(first), "Forged by reference."));
	expect_action("created");
	hand_in(mail("agent@desk.example", token_for(ticket, NULL), "Forged by the customer."));
	expect_action("commented");
	ck_assert_str_eq(
	    sql_text("SELECT author_type FROM comment WHERE ticket_id = '%s'", ticket), "customer");
	hand_in(mail("eve@example.com", token_for(ticket, "agent@desk.example"), "Stolen."));
	expect_action("created");
	hand_in(mail("agent@desk.example", token_for(ticket, "agent@desk.example"), "Try again."));
	expect_action("commented");
	call("GET", fmt("/api/tickets/%s/comments?author_type=user", ticket), NULL);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.body"), "Try again.");
	ck_assert_str_eq(text("data.0.author_id"), agent);
	ck_assert_str_eq(status_of(ticket), "open");
	call("PATCH", fmt("/api/organizations/" ORG "/users/%s", agent), "{\"active\":false}");
	expect(200);
	hand_in(mail("agent@desk.example", token_for(ticket, "agent@desk.example"), "I left."));
	expect_action("created");
}
END

TEST(a_program_learns_the_address_that_an_agents_mail_answers_to)
{
	const char *ticket = ticket_from("ada@example.com"),
		   *agent = make_agent("agent@desk.example"), *address;

	call("GET", fmt("/api/tickets/%s/reply-address", ticket), NULL);
	expect_field("inbound_address", "required");
	call("PATCH", "/api/organizations/" ORG, "{\"inbound_address\":\"" DESK "\"}");
	call("GET", fmt("/api/tickets/%s/reply-address", ticket), NULL);
	expect(200);
	ck_assert_str_eq(text("user_id"), "null");
	address = text("address");
	hand_in(mail("x@example.com", fmt("Delivered-To: %s\r\n", address), "A customer's."));
	expect_action("commented");
	call("GET", fmt("/api/tickets/%s/reply-address?user_id=%s", ticket, ticket), NULL);
	expect_field("user_id", "unknown_reference");
	call("GET", fmt("/api/tickets/%s/reply-address?user_id=%s", ticket, agent), NULL);
	expect(200);
	address = text("address");
	hand_in(mail("agent@desk.example", fmt("Delivered-To: %s\r\n", address), "An agent's."));
	expect_action("commented");
	ck_assert_str_eq(
	    sql_text("SELECT author_type FROM comment WHERE comment_id = '%s'", text("comment_id")),
	    "user");
	call("PATCH", "/api/organizations/" ORG, "{\"inbound_address\":null}");
}
END

TEST(an_answer_opens_a_resolved_ticket_and_follows_a_closed_one)
{
	const char *ticket = ticket_from("ada@example.com"), *next;
	int first = serial;

	call("PATCH", fmt("/api/tickets/%s", ticket), "{\"status\":\"resolved\"}");
	hand_in(mail("ada@example.com", answering(first), "Not yet."));
	expect_action("commented");
	ck_assert_str_eq(status_of(ticket), "open");
	call("PATCH", fmt("/api/tickets/%s", ticket), "{\"status\":\"closed\"}");
	hand_in(mail("ada@example.com", answering(first), "Still not."));
	expect_action("commented");
	ck_assert_str_eq(status_of(ticket), "open");
	call("PATCH", fmt("/api/tickets/%s", ticket), "{\"status\":\"closed\"}");
	sql("ALTER TABLE ticket DISABLE TRIGGER ticket_before");
	sql("UPDATE ticket SET closed_at = now() - interval '1 year' WHERE ticket_id = '%s'",
	    ticket);
	sql("ALTER TABLE ticket ENABLE TRIGGER ticket_before");
	hand_in(mail("ada@example.com", token_for(ticket, NULL), "A year later."));
	expect_action("created");
	next = keep_id(text("ticket_id"));
	ck_assert_str_eq(status_of(ticket), "closed");
	call("GET", fmt("/api/tickets/%s?include=links", next), NULL);
	ck_assert_str_eq(text("links.0.target_id"), ticket);
	make_agent("agent@desk.example");
	hand_in(mail("agent@desk.example", token_for(ticket, "agent@desk.example"), "Too late."));
	expect_problem(409, "ticket_closed");
	expect_count("4", "inbound_mail");
}
END

TEST(an_answer_goes_to_what_its_ticket_was_merged_into_and_not_to_a_deleted_one)
{
	const char *ticket = ticket_from("ada@example.com"), *target = make_ticket("all of it");
	int first = serial;

	call(
	    "POST", fmt("/api/tickets/%s/merge", target), fmt("{\"ticket_ids\":[\"%s\"]}", ticket));
	expect(200);
	hand_in(mail("ada@example.com", token_for(ticket, NULL), "More."));
	expect_action("commented");
	ck_assert_str_eq(text("ticket_id"), target);
	call("DELETE", fmt("/api/tickets/%s", target), NULL);
	hand_in(mail("ada@example.com", answering(first), "Hello?"));
	expect_action("created");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("inbound_threads");

	tcase_add_checked_fixture(c, inbound_fresh, NULL);
	tcase_add_test(c, the_customers_answer_is_a_comment_by_its_references);
	tcase_add_test(c, an_answer_to_a_mail_of_ours_is_known_by_its_message_id);
	tcase_add_test(c, who_has_no_part_in_a_ticket_does_not_get_into_it_by_a_message_id);
	tcase_add_test(c, who_was_written_to_may_go_on_with_the_thread);
	tcase_add_test(c, a_token_leads_to_its_ticket_whoever_writes_and_before_all_references);
	tcase_add_test(c, the_recipient_of_the_delivery_may_have_the_token);
	tcase_add_test(c, an_agents_address_speaks_for_the_agent_only_with_the_agents_own_token);
	tcase_add_test(c, a_program_learns_the_address_that_an_agents_mail_answers_to);
	tcase_add_test(c, an_answer_opens_a_resolved_ticket_and_follows_a_closed_one);
	tcase_add_test(
	    c, an_answer_goes_to_what_its_ticket_was_merged_into_and_not_to_a_deleted_one);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("inbound_threads", all);
}

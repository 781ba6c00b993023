/* SPDX-License-Identifier: Apache-2.0 */
/* E-mail that comes in: what becomes a ticket, whose it is, and what is refused. */
#include "fixtures_inbound.h"

#include "base/conf.h"

TEST(a_mail_becomes_a_ticket_of_its_sender)
{
	const char *ticket = ticket_from("Ada Lovelace <Ada@Example.com>"), *first;

	ck_assert_str_eq(text("comment_id"), "null");
	ck_assert_str_eq(text("message_id"), fmt("m%d@example.com", serial));
	first = fmt("%ld", number("number"));
	call("GET", fmt("/api/tickets/%s?include=customer", ticket), NULL);
	ck_assert_str_eq(text("title"), "Cannot log in");
	ck_assert_str_eq(text("description"), "It says: no.");
	ck_assert_str_eq(text("channel"), "email");
	ck_assert_str_eq(text("status"), "new");
	ck_assert_str_eq(text("customer.email"), "ada@example.com");
	ck_assert_str_eq(text("customer.name"), "Ada Lovelace");
	hand_in(mail("Mallory <ada@example.com>", "", "Again."));
	ck_assert_str_eq(fmt("%ld", number("number") - 1), first);
	call("GET", fmt("/api/tickets/%s?include=customer", text("ticket_id")), NULL);
	ck_assert_str_eq(text("customer.name"), "Ada Lovelace");
	relay();
	call("GET", fmt("/api/v1/events?topic=ticket.created&ticket_id=%s", ticket), NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(a_message_that_is_none_is_refused_by_its_rule)
{
	hand_in("Subject: x\r\n\r\ny");
	expect_field("from", "required");
	hand_in("From: nobody\r\n\r\ny");
	expect_field("from", "format");
	hand_in("");
	expect_field("body", "required");
	call_raw("POST", "/api/v1/inbound/email?recipient=a&recipient=b", "x", 1, NULL);
	expect(422);
	expect_count("0", "ticket");
	expect_count("0", "inbound_mail");
}
END

TEST(a_message_that_is_too_large_is_refused)
{
	long most = conf.inbound_max, file = conf.attachment_max;

	conf.inbound_max = 100;
	hand_in(mail("a@example.com", "", "Long."));
	conf.inbound_max = most;
	expect_problem(413, "body_too_large");
	conf.attachment_max = 3;
	hand_in(mail("a@example.com", "Content-Type: image/png; name=x.png\r\n", "more"));
	conf.attachment_max = file;
	expect_problem(413, "body_too_large");
	expect_count("0", "ticket");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM customer WHERE email IS NOT NULL"), "0");
}
END

TEST(the_same_message_twice_is_a_duplicate_with_the_firsts_result)
{
	const char *message = mail("a@example.com", "", "Once."), *ticket;
	static const char nameless[] = "From: a@example.com\r\n\r\nNo id.";

	hand_in(message);
	expect_action("created");
	ticket = keep_id(text("ticket_id"));
	hand_in(message);
	expect_action("duplicate");
	ck_assert_str_eq(text("ticket_id"), ticket);
	ck_assert_str_eq(text("reason"), "created");
	hand_in(nameless);
	expect_action("created");
	hand_in(nameless);
	expect_action("duplicate");
	expect_count("2", "ticket");
	caller.key = other_key;
	hand_in(message);
	expect_action("created");
	ck_assert_str_ne(text("ticket_id"), ticket);
}
END

TEST(a_message_with_a_key_is_answered_the_same_again)
{
	const char *message = mail("a@example.com", "", "Once.");

	caller.headers = "Idempotency-Key: mail-1\n";
	hand_in(message);
	expect_action("created");
	hand_in(message);
	expect_action("created");
	ck_assert_str_eq(header("Idempotency-Replayed"), "true");
	hand_in(mail("a@example.com", "", "Other."));
	expect_problem(422, "idempotency_key_reused");
}
END

TEST(a_required_custom_field_does_not_keep_mail_out)
{
	call("POST", "/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Serial\",\"type\":\"text\",\"required\":true}");
	expect(201);
	ticket_from("ada@example.com");
	call("POST", "/api/tickets", "{\"title\":\"x\",\"channel\":\"email\"}");
	expect(422);
	sql("DELETE FROM custom_field");
}
END

TEST(the_customers_mail_starts_the_clock_of_the_next_reply)
{
	const char *ticket;

	call("POST", "/api/sla/policies",
	    "{\"name\":\"Mail\",\"targets\":{\"normal\":{\"first_response_minutes\":60,\"next_response_minutes\":60}}}");
	expect(201);
	ticket = ticket_from("ada@example.com");
	run_due();
	make_comment(ticket, "Have you tried again?");
	run_due();
	hand_in(mail("ada@example.com", token_for(ticket, NULL), "I have."));
	expect_action("commented");
	run_due();
	ck_assert_str_eq(
	    sql_text(
		"SELECT status FROM sla_timer WHERE ticket_id = '%s' AND metric = 'next_response'",
		ticket),
	    "running");
	sql("UPDATE sla_policy SET active = false");
}
END

TEST(only_a_key_for_mail_hands_it_in_and_it_does_nothing_else)
{
	caller.key = make_key(ORG, "receive:mail");
	ticket_from("ada@example.com");
	call("GET", "/api/tickets", NULL);
	expect(403);
	caller.key = make_key(ORG, "write:tickets,write:customers");
	hand_in(mail("ada@example.com", "", "x"));
	expect_problem(403, "insufficient_scope");
}
END

TEST(an_erased_customers_addresses_are_forgotten)
{
	const char *ticket = ticket_from("ada@example.com"),
		   *customer =
		       sql_text("SELECT customer_id FROM ticket WHERE ticket_id = '%s'", ticket);

	hand_in(mail("bob@example.com", "Cc: ada@example.com\r\n", "About Ada."));
	call("DELETE", fmt("/api/customers/%s?mode=anonymize", customer), NULL);
	ck_assert_msg(status == 204 || status == 200, "%s", reply_body);
	ck_assert_str_eq(
	    sql_text(
		"SELECT count(*) FROM inbound_mail WHERE 'ada@example.com' IN (SELECT unnest(people)) OR sender = 'ada@example.com'"),
	    "0");
	expect_count("1", "inbound_mail");
}
END

TEST(an_inbound_address_leaves_room_for_a_token)
{
	call("PATCH", "/api/organizations/" ORG,
	    "{\"inbound_address\":\"a.very.long.local.part@desk.example\"}");
	expect(422);
	call("PATCH", "/api/organizations/" ORG, "{\"inbound_address\":\"help+x@desk.example\"}");
	expect_field("inbound_address", "invalid");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("inbound");

	tcase_add_checked_fixture(c, inbound_fresh, NULL);
	tcase_add_test(c, a_mail_becomes_a_ticket_of_its_sender);
	tcase_add_test(c, a_message_that_is_none_is_refused_by_its_rule);
	tcase_add_test(c, a_message_that_is_too_large_is_refused);
	tcase_add_test(c, the_same_message_twice_is_a_duplicate_with_the_firsts_result);
	tcase_add_test(c, a_message_with_a_key_is_answered_the_same_again);
	tcase_add_test(c, a_required_custom_field_does_not_keep_mail_out);
	tcase_add_test(c, the_customers_mail_starts_the_clock_of_the_next_reply);
	tcase_add_test(c, only_a_key_for_mail_hands_it_in_and_it_does_nothing_else);
	tcase_add_test(c, an_erased_customers_addresses_are_forgotten);
	tcase_add_test(c, an_inbound_address_leaves_room_for_a_token);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("inbound", all);
}

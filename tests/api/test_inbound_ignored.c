/* SPDX-License-Identifier: Apache-2.0 */
/* E-mail of programs: what is ignored and why, and what only looks like it. */
#include "fixtures_inbound.h"

#include <string.h>

#include "base/conf.h"

static void
expect_ignored(const char *reason)
{
	expect_action("ignored");
	ck_assert_str_eq(text("reason"), reason);
	ck_assert_str_eq(text("ticket_id"), "null");
}

TEST(mail_of_programs_is_ignored_with_the_reason)
{
	hand_in(mail("a@example.com", "Auto-Submitted: auto-replied\r\n", "I am away."));
	expect_ignored("auto_submitted");
	hand_in(mail("a@example.com", "Precedence: list\r\n", "Dear list."));
	expect_ignored("precedence");
	hand_in(mail("a@example.com", "X-Auto-Response-Suppress: All\r\n", "x"));
	expect_ignored("auto_response_suppress");
	hand_in(mail("a@example.com", "List-Id: <l.example.com>\r\n", "x"));
	expect_ignored("mailing_list");
	hand_in(mail("a@example.com", "Return-Path: <>\r\n", "x"));
	expect_ignored("null_sender");
	hand_in(mail("MAILER-DAEMON@example.com", "", "x"));
	expect_ignored("mailer_daemon");
	hand_in(mail("a@example.com", "Content-Type: multipart/report; boundary=b\r\n",
	    "--b\r\n\r\nIt could not be delivered.\r\n--b--"));
	expect_ignored("delivery_report");
	hand_in(mail(
	    "a@example.com", "Auto-Submitted: no\r\nPrecedence: first-class\r\n", "A person."));
	expect_action("created");
	expect_count("1", "ticket");
	sql("UPDATE inbound_mail SET received_at = now() - interval '31 days'");
	housekeeping();
	expect_count("1", "inbound_mail");
}
END

#define GROUP(address) \
	"Precedence: list\r\nList-Id: <d.example.com>\r\nList-Post: <mailto:" address ">\r\n" \
	"Cc: " address "\r\nReply-To: Ada <ada@example.com>\r\n"

TEST(mail_to_a_group_in_front_of_the_desk_is_taken)
{
	const char *ticket;

	call("PATCH", "/api/organizations/" ORG, "{\"inbound_address\":\"" DESK "\"}");
	expect(200);
	hand_in(mail("Ada via Desk <" DESK ">", GROUP(DESK), "x"));
	expect_action("created");
	ticket = keep_id(text("ticket_id"));
	call("PATCH", "/api/organizations/" ORG, "{\"inbound_address\":null}");
	call("GET", fmt("/api/tickets/%s?include=customer", ticket), NULL);
	ck_assert_ptr_nonnull(strstr(reply_body, "ada@example.com"));
}
END

TEST(a_group_of_one_s_own_lets_nobody_write_as_another)
{
	hand_in(mail("eve@evil.example", GROUP("eve@evil.example"), "x"));
	expect_action("created");
	call("GET", fmt("/api/tickets/%s?include=customer", text("ticket_id")), NULL);
	ck_assert_ptr_null(strstr(reply_body, "ada@example.com"));
	ck_assert_ptr_nonnull(strstr(reply_body, "eve@evil.example"));
}
END

TEST(our_own_mail_that_comes_back_is_ignored)
{
	const char *was = conf.mail_from, *ticket = ticket_from("ada@example.com");

	conf.mail_from = "Desk <out@desk.example>";
	hand_in(mail("a@example.com", "X-ServiceOS-Loop: " ORG "@desk.example\r\n", "x"));
	expect_ignored("own_message");
	hand_in(mail("Desk <OUT@desk.example>", "", "x"));
	expect_ignored("own_message");
	hand_in(mail("a@example.com", "X-ServiceOS-Loop: " OTHER "@desk.example\r\n", "x"));
	expect_action("created");
	conf.mail_from = was;
	sql("INSERT INTO mail (org_id, mail_id, kind, ticket_id, recipient, subject, message_id) "
	    "VALUES ('" ORG
	    "', '0190163d-8694-739b-aea5-966c26f8ad92', 'reply', '%s', 'a@b.example', 'x', 'y')",
	    ticket);
	hand_in(
	    "From: a@example.com\r\nMessage-ID: <0190163d-8694-739b-aea5-966c26f8ad92@desk.example>\r\n\r\nx");
	expect_ignored("own_message");
	call("PATCH", "/api/organizations/" ORG, "{\"inbound_address\":\"Help@Desk.example\"}");
	expect(200);
	hand_in(mail(DESK, "", "x"));
	expect_ignored("own_message");
	call("PATCH", "/api/organizations/" ORG, "{\"inbound_address\":null}");
}
END

TEST(programs_that_answer_each_other_are_stopped)
{
	const char *ticket = ticket_from("robot@example.com");
	int i;

	for (i = 0; i < 29; i++) {
		hand_in(mail(
		    "robot@example.com", token_for(ticket, NULL), "Thank you for your message."));
		expect_action("commented");
	}
	hand_in(mail("robot@example.com", token_for(ticket, NULL), "Thank you for your message."));
	expect_ignored("loop");
	hand_in(mail("ada@example.com", token_for(ticket, NULL), "A person."));
	expect_action("commented");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("inbound_ignored");

	tcase_add_checked_fixture(c, inbound_fresh, NULL);
	tcase_add_test(c, mail_of_programs_is_ignored_with_the_reason);
	tcase_add_test(c, mail_to_a_group_in_front_of_the_desk_is_taken);
	tcase_add_test(c, a_group_of_one_s_own_lets_nobody_write_as_another);
	tcase_add_test(c, our_own_mail_that_comes_back_is_ignored);
	tcase_add_test(c, programs_that_answer_each_other_are_stopped);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("inbound_ignored", all);
}

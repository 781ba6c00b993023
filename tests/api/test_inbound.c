/* SPDX-License-Identifier: Apache-2.0 */
/* E-mail that comes in: what becomes a ticket, what a comment, whose it is, and what is ignored. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/reply_token.h"
#include "base/conf.h"

#define DESK "help@desk.example"

static int serial;

/* A mail of its own Message-ID; headers are further lines, each with its CR LF. */
static const char *
mail(const char *from, const char *headers, const char *body)
{
	return fmt("From: %s\r\nTo: " DESK "\r\nSubject: Cannot log in\r\nMessage-ID: "
		   "<m%d@example.com>\r\n%s\r\n%s\r\n",
	    from, ++serial, headers, body);
}

static void
hand_in(const char *message)
{
	call_raw("POST", "/api/v1/inbound/email", message, strlen(message), "message/rfc822");
}

static void
expect_action(const char *action)
{
	expect(200);
	ck_assert_msg(strcmp(text("action"), action) == 0, "wanted %s: %s", action, reply_body);
}

static void
expect_ignored(const char *reason)
{
	expect_action("ignored");
	ck_assert_str_eq(text("reason"), reason);
	ck_assert_str_eq(text("ticket_id"), "null");
}

/* A new ticket of this sender, its id; its Message-ID is that of the last mail(). */
static const char *
ticket_from(const char *from)
{
	hand_in(mail(from, "", "It says: no."));
	expect_action("created");
	return keep_id(text("ticket_id"));
}

static const char *
answering(int n)
{
	return fmt("In-Reply-To: <m%d@example.com>\r\n", n);
}

/* The header that brings a mail to the ticket by its token. */
static const char *
token_for(const char *ticket, const char *agent)
{
	struct arena *arena = arena_new();
	const char *line =
	    fmt("Delivered-To: %s\r\n", reply_token_address(arena, DESK, ORG, ticket, agent));

	arena_free(arena);
	return line;
}

static const char *
status_of(const char *ticket)
{
	return sql_text("SELECT status FROM ticket WHERE ticket_id = '%s'", ticket);
}

static void
expect_count(const char *wanted, const char *table)
{
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM %s WHERE org_id = '" ORG "'", table), wanted);
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM inbound_mail");
	sql("DELETE FROM ticket");
	sql("DELETE FROM customer WHERE email IS NOT NULL");
	sql("DELETE FROM app_user");
}

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

    static const char *
    make_agent(const char *email)
{
	call("POST", "/api/organizations/" ORG "/users",
	    fmt("{\"email\":\"%s\",\"name\":\"Agent\",\"password\":\"correct horse\"}", email));
	expect(201);
	return keep_id(text("user_id"));
}

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
	address = fmt("%s", text("address"));
	hand_in(mail("x@example.com", fmt("Delivered-To: %s\r\n", address), "A customer's."));
	expect_action("commented");
	call("GET", fmt("/api/tickets/%s/reply-address?user_id=%s", ticket, ticket), NULL);
	expect_field("user_id", "unknown_reference");
	call("GET", fmt("/api/tickets/%s/reply-address?user_id=%s", ticket, agent), NULL);
	expect(200);
	address = fmt("%s", text("address"));
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
	const char *ticket = ticket_from("ada@example.com"),
		   *target = keep_id(make_ticket("all of it"));
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

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n"
    static const char picture[] =
	"--b\r\n\r\nSee there.\r\n--b\r\nContent-Type: text/plain; name=\"a/b.png\"\r\n"
	"Content-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\n\r\n"
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\r\n--b--";

TEST(files_are_kept_with_their_comment)
{
	const char *ticket, *comment;
	struct stat st;

	hand_in(mail("ada@example.com", MIXED, picture));
	expect_action("created");
	ck_assert_int_eq(number("attachments"), 1);
	ticket = keep_id(text("ticket_id"));
	call("GET", fmt("/api/tickets/%s?include=attachments", ticket), NULL);
	ck_assert_str_eq(text("description"), "See there.");
	ck_assert_str_eq(text("attachments.0.filename"), "b.png");
	ck_assert_str_eq(text("attachments.0.content_type"), "image/png");
	ck_assert_str_eq(text("attachments.0.comment_id"), "null");
	ck_assert_int_eq(stat(fmt("%s/files/" ORG "/%.2s/%s", conf.state_dir,
				  text("attachments.0.sha256"), text("attachments.0.sha256")),
			     &st),
	    0);
	ck_assert_int_eq(st.st_size, number("attachments.0.size"));
	hand_in(mail("ada@example.com", fmt(MIXED "%s", answering(serial)), picture));
	expect_action("commented");
	comment = keep_id(text("comment_id"));
	call("GET", fmt("/api/tickets/%s?include=attachments", ticket), NULL);
	ck_assert_uint_eq(count("attachments"), 2);
	ck_assert_str_eq(text("attachments.1.comment_id"), comment);
	call("GET", fmt("/api/attachments/%s", text("attachments.1.attachment_id")), NULL);
	expect(200);
}
END

TEST(a_comment_of_files_alone_says_so)
{
	const char *ticket = ticket_from("ada@example.com");

	hand_in(mail("ada@example.com",
	    fmt("%sContent-Type: image/png; name=x.png\r\n", answering(serial)), "png"));
	expect_action("commented");
	call("GET", fmt("/api/tickets/%s/comments", ticket), NULL);
	ck_assert_str_eq(text("data.0.body"), "(no text)");
}
END

TEST(nothing_stays_of_a_message_that_could_not_be_taken)
{
	const char *ticket = ticket_from("ada@example.com");

	sql("CREATE FUNCTION no_attachment() RETURNS trigger LANGUAGE plpgsql AS "
	    "$$BEGIN PERFORM fail(409, 'conflict', 'No.'); END$$");
	sql("CREATE TRIGGER no_attachment BEFORE INSERT ON attachment FOR EACH ROW EXECUTE FUNCTION no_attachment()");
	hand_in(mail("new@example.com", MIXED, picture));
	expect(409);
	hand_in(mail("ada@example.com", fmt(MIXED "%s", token_for(ticket, NULL)), picture));
	expect(409);
	sql("DROP FUNCTION no_attachment CASCADE");
	expect_count("1", "ticket");
	expect_count("0", "comment");
	expect_count("1", "inbound_mail");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM customer WHERE email = 'new@example.com'"), "0");
	ck_assert_str_eq(status_of(ticket), "new");
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

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_mail_becomes_a_ticket_of_its_sender);
	tcase_add_test(c, a_message_that_is_none_is_refused_by_its_rule);
	tcase_add_test(c, a_message_that_is_too_large_is_refused);
	tcase_add_test(c, the_same_message_twice_is_a_duplicate_with_the_firsts_result);
	tcase_add_test(c, a_message_with_a_key_is_answered_the_same_again);
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
	tcase_add_test(c, mail_of_programs_is_ignored_with_the_reason);
	tcase_add_test(c, mail_to_a_group_in_front_of_the_desk_is_taken);
	tcase_add_test(c, a_group_of_one_s_own_lets_nobody_write_as_another);
	tcase_add_test(c, our_own_mail_that_comes_back_is_ignored);
	tcase_add_test(c, programs_that_answer_each_other_are_stopped);
	tcase_add_test(c, files_are_kept_with_their_comment);
	tcase_add_test(c, a_comment_of_files_alone_says_so);
	tcase_add_test(c, nothing_stays_of_a_message_that_could_not_be_taken);
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

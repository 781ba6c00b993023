/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures_inbound.h"

#include <string.h>

#include "auth/reply_token.h"

int serial;

const char *
mail(const char *from, const char *headers, const char *body)
{
	return fmt("From: %s\r\nTo: " DESK "\r\nSubject: Cannot log in\r\nMessage-ID: "
		   "<m%d@example.com>\r\n%s\r\n%s\r\n",
	    from, ++serial, headers, body);
}

void
hand_in(const char *message)
{
	call_raw("POST", "/api/v1/inbound/email", message, strlen(message), "message/rfc822");
}

void
expect_action(const char *action)
{
	expect(200);
	ck_assert_msg(strcmp(text("action"), action) == 0, "wanted %s: %s", action, reply_body);
}

const char *
ticket_from(const char *from)
{
	hand_in(mail(from, "", "It says: no."));
	expect_action("created");
	return keep_id(text("ticket_id"));
}

const char *
answering(int n)
{
	return fmt("In-Reply-To: <m%d@example.com>\r\n", n);
}

const char *
token_for(const char *ticket, const char *agent)
{
	struct arena *arena = arena_new();
	const char *line =
	    fmt("Delivered-To: %s\r\n", reply_token_address(arena, DESK, ORG, ticket, agent));

	arena_free(arena);
	return line;
}

const char *
status_of(const char *ticket)
{
	return sql_text("SELECT status FROM ticket WHERE ticket_id = '%s'", ticket);
}

void
expect_count(const char *wanted, const char *table)
{
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM %s WHERE org_id = '" ORG "'", table), wanted);
}

void
inbound_fresh(void)
{
	caller_reset();
	sql("DELETE FROM inbound_mail");
	sql("DELETE FROM ticket");
	sql("DELETE FROM customer WHERE email IS NOT NULL");
	sql("DELETE FROM app_user");
}

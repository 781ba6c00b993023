/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that lead an answer to its ticket. */
#include <check.h>
#include <string.h>

#include "auth/reply_token.h"
#include "base/conf.h"
#include "unit.h"

START_TEST(a_reply_token_names_a_ticket_and_nothing_of_it_can_change)
{
	static const char ticket[] = "0190163d-8694-739b-aea5-966c26f8ad91",
			  sender[] = "x@y.example";
	const char *address, *agent, *upper;
	char found[37], *changed;
	size_t i;

	conf.secret_key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	address = reply_token_address(arena, "help@desk.example", "org_1", ticket, NULL);
	ck_assert_uint_eq(strlen(address), strlen("help@desk.example") + 1 + REPLY_TOKEN_LENGTH);
	ck_assert_int_eq(reply_token_read(arena, address, "org_1", sender, found), REPLY_CUSTOMER);
	ck_assert_str_eq(found, ticket);
	ck_assert_int_eq(reply_token_read(arena, address, "org_2", sender, found), REPLY_NONE);
	for (i = 5; i < 5 + REPLY_TOKEN_LENGTH; i++) {
		changed = arena_strdup(arena, address);
		changed[i] = changed[i] == 'b' ? 'd' : 'b';
		ck_assert_int_eq(
		    reply_token_read(arena, changed, "org_1", sender, found), REPLY_NONE);
	}
	upper = arena_printf(arena, "HELP+C%s", address + 6);
	ck_assert_int_eq(reply_token_read(arena, upper, "org_1", sender, found), REPLY_CUSTOMER);
	agent =
	    reply_token_address(arena, "help@desk.example", "org_1", ticket, "Agent@desk.example");
	ck_assert_int_eq(
	    reply_token_read(arena, agent, "org_1", "agent@desk.example", found), REPLY_AGENT);
	ck_assert_int_eq(reply_token_read(arena, agent, "org_1", sender, found), REPLY_NONE);
	ck_assert_ptr_null(reply_token_address(
	    arena, "a.very.long.local.part@desk.example", "org_1", ticket, NULL));
	conf.secret_key = "";
	ck_assert_ptr_null(reply_token_address(arena, "help@desk.example", "org_1", ticket, NULL));
	ck_assert_int_eq(reply_token_read(arena, address, "org_1", sender, found), REPLY_NONE);
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { a_reply_token_names_a_ticket_and_nothing_of_it_can_change,
		NULL };

	return unit_main("reply_token", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Macros: templates, actions, and trying them out. */
#include "harness.h"

#include <string.h>

#define MACROS "/api/organizations/" ORG "/macros"

static const char *
make_macro(const char *members)
{
	return make(MACROS, fmt("{\"name\":\"m\",%s}", members), "macro_id");
}

static void
apply(const char *ticket, const char *macro, const char *body)
{
	call("POST", fmt("/api/tickets/%s/macros/%s/apply", ticket, macro), body);
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM macro; DELETE FROM custom_field");
}

TEST(a_macro_replies_and_changes_in_one_step)
{
	const char *ticket = make_ticket("Broken");
	const char *macro = make_macro(
	    "\"reply\":\"About {{ticket.title}}: hello {{customer.email|friend}}\",\"actions\":["
	    "{\"action\":\"update\",\"changes\":{\"status\":\"pending\",\"priority\":\"high\"}},"
	    "{\"action\":\"add_tags\",\"tags\":[\"asked\"]},{\"action\":\"note\",\"body\":\"#{{ticket.number}} asked\"},"
	    "{\"action\":\"snooze\",\"minutes\":60}]");

	ck_assert_str_eq(text("kind"), "macro");
	apply(ticket, macro, "{}");
	expect(200);
	ck_assert_str_eq(text("reply"), "About Broken: hello friend");
	ck_assert_str_eq(text("changes.status.to"), "pending");
	ck_assert_str_ne(text("comment_id"), "null");
	call("GET", fmt("/api/tickets/%s?include=comments", ticket), NULL);
	ck_assert_str_eq(text("status"), "pending");
	ck_assert_str_eq(text("tags.0"), "asked");
	ck_assert_str_eq(text("comments.0.body"), "About Broken: hello friend");
	ck_assert_str_ne(text("snoozed_until"), "null");
	call("GET", fmt("/api/tickets/%s/internal-notes", ticket), NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(a_dry_run_shows_the_same_and_does_nothing)
{
	const char *ticket = make_ticket("t");
	const char *macro = make_macro(
	    "\"reply\":\"Hello\",\"actions\":[{\"action\":\"update\",\"changes\":{\"status\":\"resolved\"}}]");
	const char *events = sql_text("SELECT count(*) FROM event");

	apply(ticket, macro, "{\"dry_run\":true}");
	expect(200);
	ck_assert_str_eq(text("changes.status.from"), "new");
	ck_assert_str_eq(text("changes.status.to"), "resolved");
	ck_assert_str_eq(text("comment_id"), "null");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM event"), events);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM comment"), "0");
}
END

TEST(one_refused_action_leaves_nothing_behind)
{
	const char *ticket = make_ticket("t");
	const char *macro = make_macro(
	    "\"reply\":\"Hello\",\"actions\":[{\"action\":\"assign\",\"strategy\":\"skill\"}]");

	apply(ticket, macro, "{}");
	expect_problem(409, "no_agent_available");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM comment"), "0");
}
END

TEST(values_are_put_in_once_and_braces_can_be_written)
{
	const char *ticket, *macro;

	call("POST", "/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"plan\",\"type\":\"text\"}");
	ticket = make_ticket_of(
	    "{\"title\":\"{{ticket.number}}\",\"custom_fields\":{\"plan\":\"pro\"}}");
	macro = make_macro(
	    "\"reply\":\"{{ ticket.title }} \\\\{{x}} {{ticket.custom_fields.plan}} {{agent.name|nobody}}\\nend\"");
	ck_assert_str_eq(text("kind"), "canned_response");
	apply(ticket, macro, "{\"dry_run\":true}");
	ck_assert_str_eq(text("reply"), "{{ticket.number}} {{x}} pro nobody\nend");
	apply(ticket, macro, "{\"reply\":\"edited\"}");
	ck_assert_str_eq(text("reply"), "edited");
}
END

TEST(what_makes_no_sense_is_refused_by_name)
{
	call("POST", MACROS, "{\"name\":\"m\"}");
	expect_field("reply", "required");
	call("POST", MACROS, "{\"name\":\"m\",\"reply\":\"{{customer.shoe_size}}\"}");
	expect_field("reply", "unknown_variable");
	call("POST", MACROS,
	    "{\"name\":\"m\",\"actions\":[{\"action\":\"note\",\"body\":\"{{x}}\"}]}");
	expect_field("actions[0].body", "unknown_variable");
	call("POST", MACROS, "{\"name\":\"m\",\"actions\":[{\"action\":\"snooze\"}]}");
	expect_field("actions[0].minutes", "required");
	call("POST", MACROS,
	    "{\"name\":\"m\",\"actions\":[{\"action\":\"note\",\"body\":\"x\",\"tags\":[\"y\"]}]}");
	expect_field("actions[0].tags", "not_allowed");
	call("POST", MACROS,
	    "{\"name\":\"m\",\"actions\":[{\"action\":\"update\",\"changes\":{\"status\":\"merged\"}}]}");
	expect_field("actions[0].changes.status", "not_allowed");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("macros");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_macro_replies_and_changes_in_one_step);
	tcase_add_test(c, a_dry_run_shows_the_same_and_does_nothing);
	tcase_add_test(c, one_refused_action_leaves_nothing_behind);
	tcase_add_test(c, values_are_put_in_once_and_braces_can_be_written);
	tcase_add_test(c, what_makes_no_sense_is_refused_by_name);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("macros", all);
}

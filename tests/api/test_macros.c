/* SPDX-License-Identifier: Apache-2.0 */
/* Macros: templates, actions, and trying them out. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define MACROS "/api/organizations/" ORG "/macros"
#define FIELDS "/api/organizations/" ORG "/custom-fields"

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
	sql("DELETE FROM ticket; DELETE FROM workflow; DELETE FROM macro; DELETE FROM custom_field");
}

/* What one times n is; static storage. */
static const char *
times(const char *one, size_t n)
{
	static char out[70000];
	size_t len = strlen(one), i;

	ck_assert_uint_lt(len * n, sizeof(out));
	for (i = 0; i < n; i++)
		memcpy(out + i * len, one, len);
	out[n * len] = '\0';
	return out;
}

/* A macro whose reply is larger than fmt() has room for. */
static const char *
make_large(const char *reply_)
{
	size_t size = strlen(reply_) + 64;
	char *body = malloc(size);
	const char *id;

	snprintf(body, size, "{\"name\":\"large\",\"reply\":\"%s\"}", reply_);
	id = make(MACROS, body, "macro_id");
	free(body);
	return id;
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

TEST(a_note_in_the_callers_own_words_needs_the_scope_of_notes)
{
	const char *ticket = make_ticket("t");
	const char *macro = make_macro("\"reply\":\"as prepared\",\"internal\":true");
	const char *public =
	    keep_id(make(MACROS, "{\"name\":\"public\",\"reply\":\"Hello\"}", "macro_id"));

	caller.key = make_key(ORG, "read:tickets,write:tickets");
	apply(ticket, macro, "{\"reply\":\"my own\"}");
	expect_problem(403, "insufficient_scope");
	ck_assert_ptr_nonnull(strstr(text("detail"), "write:notes"));
	apply(ticket, macro, "{\"dry_run\":true,\"reply\":\"my own\"}");
	expect(403);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM comment"), "0");
	apply(ticket, macro, "{}");
	expect(200);
	apply(ticket, public, "{\"reply\":\"my own\"}");
	expect(200);
	caller.key = make_key(ORG, "write:tickets,write:notes");
	apply(ticket, macro, "{\"reply\":\"my own\"}");
	expect(200);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM comment"), "3");
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

TEST(several_options_are_written_as_a_list)
{
	const char *ticket, *macro;

	make(FIELDS,
	    "{\"label\":\"parts\",\"type\":\"multiselect\",\"options\":[\"a\",\"b\",\"c\"]}",
	    "field_id");
	make(FIELDS, "{\"label\":\"none\",\"type\":\"multiselect\",\"options\":[\"a\"]}",
	    "field_id");
	ticket = make_ticket_of(
	    "{\"title\":\"t\",\"custom_fields\":{\"parts\":[\"a\",\"b\"],\"none\":[]}}");
	macro = make_macro(
	    "\"reply\":\"{{ticket.custom_fields.parts}} {{ticket.custom_fields.none|nothing}}\"");
	apply(ticket, macro, "{\"dry_run\":true}");
	ck_assert_str_eq(text("reply"), "a, b nothing");
}
END

TEST(what_comes_to_nothing_is_not_said)
{
	const char *ticket = make_ticket("t");

	apply(ticket, make_macro("\"reply\":\" {{company.name}}\\n\""), "{}");
	expect_field("reply", "too_short");
	apply(ticket,
	    make(MACROS,
		"{\"name\":\"n\",\"reply\":\"Hello\",\"actions\":[{\"action\":\"add_tags\",\"tags\":[\"x\"]},"
		"{\"action\":\"note\",\"body\":\"{{company.name}}\"}]}",
		"macro_id"),
	    "{}");
	expect_field("actions[1].body", "too_short");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM comment"), "0");
	ck_assert_str_eq(sql_text("SELECT tags FROM ticket"), "{}");
}
END

TEST(a_reply_that_grows_too_long_is_refused_and_not_cut)
{
	const char *ticket = make_ticket("t"), *macro;

	make(FIELDS, "{\"label\":\"f\",\"type\":\"text\"}", "field_id");
	sql("UPDATE ticket SET custom_fields = jsonb_build_object('f', repeat('x', 5000))");
	macro = make_large(times("{{ticket.custom_fields.f}}", 13));
	apply(ticket, macro, "{}");
	expect(200);
	macro = make_macro(fmt("\"reply\":\"%s\"", times("{{ticket.custom_fields.f}}", 14)));
	apply(ticket, macro, "{\"dry_run\":true}");
	expect_field("reply", "too_long");
	apply(ticket, macro, "{}");
	expect_field("reply", "too_long");
	ck_assert_str_eq(sql_text("SELECT max(length(body)) FROM comment"), "65000");
}
END

TEST(thousands_of_variables_are_filled_in_like_one)
{
	const char *ticket = make_ticket("t"),
		   *macro = make_large(times("{{ticket.status}}", 3800));

	apply(ticket, macro, "{\"dry_run\":true}");
	expect(200);
	ck_assert_int_eq(json_object_get_string_len(at("reply")), 3 * 3800);
	sql("DELETE FROM macro");
	macro = make_large(times("{", 65000)); /* and braces that open nothing */
	apply(ticket, macro, "{\"dry_run\":true}");
	expect(200);
	sql("DELETE FROM macro");
	call("POST", MACROS,
	    "{\"name\":\"m\",\"reply\":\"{{{ticket.status}}} {{ ticket.status |x}}\"}");
	apply(ticket, text("macro_id"), "{\"dry_run\":true}");
	ck_assert_str_eq(text("reply"), "{new} new");
}
END

TEST(the_answer_has_all_that_is_said)
{
	const char *ticket = make_ticket("t");
	const char *macro = make_macro(
	    "\"reply\":\"Hello\",\"internal\":true,\"actions\":["
	    "{\"action\":\"comment\",\"body\":\"About {{ticket.title}}\"},"
	    "{\"action\":\"add_tags\",\"tags\":[\"x\"]},{\"action\":\"note\",\"body\":\"Noted\"}]");
	int dry;

	for (dry = 1; dry >= 0; dry--) {
		apply(ticket, macro, dry ? "{\"dry_run\":true}" : "{}");
		expect(200);
		ck_assert_uint_eq(count("comments"), 3);
		ck_assert_str_eq(text("comments.0.body"), "Hello");
		ck_assert_str_eq(text("comments.0.internal"), "true");
		ck_assert_str_eq(text("comments.0.comment_id"), text("comment_id"));
		ck_assert_str_eq(text("comments.1.body"), "About t");
		ck_assert_str_eq(text("comments.1.internal"), "false");
		ck_assert_str_eq(text("comments.2.internal"), "true");
		ck_assert_str_eq(
		    dry ? "null" : sql_text("SELECT comment_id FROM comment WHERE body = 'Noted'"),
		    text("comments.2.comment_id"));
	}
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("macros");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_macro_replies_and_changes_in_one_step);
	tcase_add_test(c, a_dry_run_shows_the_same_and_does_nothing);
	tcase_add_test(c, a_note_in_the_callers_own_words_needs_the_scope_of_notes);
	tcase_add_test(c, one_refused_action_leaves_nothing_behind);
	tcase_add_test(c, values_are_put_in_once_and_braces_can_be_written);
	tcase_add_test(c, several_options_are_written_as_a_list);
	tcase_add_test(c, what_comes_to_nothing_is_not_said);
	tcase_add_test(c, a_reply_that_grows_too_long_is_refused_and_not_cut);
	tcase_add_test(c, thousands_of_variables_are_filled_in_like_one);
	tcase_add_test(c, the_answer_has_all_that_is_said);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("macros", all);
}

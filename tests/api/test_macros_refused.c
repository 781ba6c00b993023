/* SPDX-License-Identifier: Apache-2.0 */
/* Macros: what is refused when they are written, changed or deleted. */
#include "harness.h"

#include "base/util.h"

#define MACROS "/api/organizations/" ORG "/macros"
#define FIELDS "/api/organizations/" ORG "/custom-fields"
#define NOBODY "0190163d-8694-739b-aea5-966c26f8ad91"

static const char *
make_macro(const char *members)
{
	return make(MACROS, fmt("{\"name\":\"m\",%s}", members), "macro_id");
}

static const char *
workflow_of(const char *action)
{
	return fmt(
	    "{\"name\":\"Welcome\",\"trigger\":{\"type\":\"event\",\"topics\":[\"ticket.created\"]},"
	    "\"actions\":[%s]}",
	    action);
}

static const char *
make_workflow(const char *action)
{
	return make("/api/workflows", workflow_of(action), "workflow_id");
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM workflow; DELETE FROM macro; DELETE FROM custom_field");
}

TEST(a_macro_whose_field_is_gone_can_still_be_changed)
{
	const char *field = make(FIELDS, "{\"label\":\"f\",\"type\":\"text\"}", "field_id");
	const char *macro =
	    make_macro("\"reply\":\"{{ticket.custom_fields.f}}\",\"actions\":[{\"action\":\"note\","
		       "\"body\":\"{{ticket.custom_fields.f}}\"}]");
	const char *workflow =
	    make_workflow("{\"action\":\"note\",\"body\":\"{{ticket.custom_fields.f}}\"}");

	call("DELETE", fmt(FIELDS "/%s", field), NULL);
	call("PATCH", fmt(MACROS "/%s", macro), "{\"name\":\"other\",\"active\":false}");
	expect(200);
	call("PATCH", fmt(MACROS "/%s", macro), "{\"reply\":\"x {{ticket.custom_fields.f}}\"}");
	expect_field("reply", "unknown_variable");
	call("PATCH", fmt(MACROS "/%s", macro),
	    "{\"actions\":[{\"action\":\"note\",\"body\":\"x {{ticket.custom_fields.f}}\"}]}");
	expect_field("actions[0].body", "unknown_variable");
	call("PATCH", fmt("/api/workflows/%s/disable", workflow), NULL);
	expect(200);
	call("PATCH", fmt("/api/workflows/%s/enable", workflow), NULL);
	expect_field("actions[0].body", "unknown_variable");
}
END

TEST(actions_that_could_never_work_are_refused_at_their_place)
{
	static const struct {
		const char *action, *field, *code;
	} rows[] = {
		{ "\"update\",\"changes\":{}", "changes", "required" },
		{ "\"add_tags\",\"tags\":[]", "tags", "required" },
		{ "\"remove_tags\",\"tags\":[]", "tags", "required" },
		{ "\"update\",\"changes\":{\"assignee_user_id\":\"" NOBODY "\"}",
		    "changes.assignee_user_id", "unknown_reference" },
		{ "\"update\",\"changes\":{\"team_id\":\"" NOBODY "\"}", "changes.team_id",
		    "unknown_reference" },
		{ "\"update\",\"changes\":{\"queue_id\":\"" NOBODY "\"}", "changes.queue_id",
		    "unknown_reference" },
		{ "\"update\",\"changes\":{\"customer_id\":\"" NOBODY "\"}", "changes.customer_id",
		    "unknown_reference" },
		{ "\"update\",\"changes\":{\"company_id\":\"" NOBODY "\"}", "changes.company_id",
		    "unknown_reference" },
		{ "\"update\",\"changes\":{\"custom_fields\":{\"nosuch\":1}}",
		    "changes.custom_fields.nosuch", "unknown_field" },
		{ "\"update\",\"changes\":{\"custom_fields\":{\"nosuch\":null}}",
		    "changes.custom_fields.nosuch", "unknown_field" },
		{ "\"update\",\"changes\":{\"custom_fields\":{\"f\":7}}", "changes.custom_fields.f",
		    "not_allowed" },
	};
	const char *macro = make_macro("\"reply\":\"x\"");
	unsigned i;

	make(FIELDS, "{\"label\":\"f\",\"type\":\"text\"}", "field_id");
	for (i = 0; i < LENGTH(rows); i++) {
		const char *body =
		    fmt("{\"name\":\"n\",\"actions\":[{\"action\":%s}]}", rows[i].action);

		call("POST", MACROS, body);
		expect_field(fmt("actions[0].%s", rows[i].field), rows[i].code);
		call("PATCH", fmt(MACROS "/%s", macro), body);
		expect_field(fmt("actions[0].%s", rows[i].field), rows[i].code);
		call("POST", "/api/workflows", workflow_of(fmt("{\"action\":%s}", rows[i].action)));
		expect_field(fmt("actions[0].%s", rows[i].field), rows[i].code);
	}
	make(MACROS,
	    "{\"name\":\"n\",\"actions\":[{\"action\":\"update\",\"changes\":{\"assignee_user_id\":null,"
	    "\"custom_fields\":{\"f\":null}}}]}",
	    "macro_id");
}
END

TEST(a_macro_that_a_workflow_applies_stays)
{
	const char *macro = make_macro("\"reply\":\"x\"");
	const char *workflow =
	    make_workflow(fmt("{\"action\":\"macro\",\"macro_id\":\"%s\"}", macro));

	call("DELETE", fmt(MACROS "/%s", macro), NULL);
	expect_problem(409, "in_use");
	ck_assert_str_eq(text("detail"), "The workflow \"Welcome\" applies the macro.");
	call("PATCH", fmt("/api/workflows/%s/disable", workflow), NULL);
	expect(200);
	call("DELETE", fmt(MACROS "/%s", macro), NULL);
	expect(204);
	call("PATCH", fmt("/api/workflows/%s", workflow), "{\"name\":\"Later\"}");
	expect(200);
	call("PATCH", fmt("/api/workflows/%s/enable", workflow), NULL);
	expect_field("actions[0].macro_id", "unknown_reference");
	call("DELETE", fmt(MACROS "/%s", macro), NULL);
	expect(404);
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
	call(
	    "POST", MACROS, "{\"name\":\"x\",\"actions\":[{\"action\":\"add_tags\",\"tags\":[]}]}");
	expect_field("actions[0].tags", "required");
	call("POST", MACROS,
	    "{\"name\":\"m\",\"actions\":[{\"action\":\"update\",\"changes\":{\"status\":\"merged\"}}]}");
	expect_field("actions[0].changes.status", "not_allowed");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("macros_refused");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_macro_whose_field_is_gone_can_still_be_changed);
	tcase_add_test(c, actions_that_could_never_work_are_refused_at_their_place);
	tcase_add_test(c, a_macro_that_a_workflow_applies_stays);
	tcase_add_test(c, what_makes_no_sense_is_refused_by_name);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("macros_refused", all);
}

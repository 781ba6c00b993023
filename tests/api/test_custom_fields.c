/* SPDX-License-Identifier: Apache-2.0 */
/* Custom fields: their values on tickets, filters and orders by them. */
#include "fixtures_custom_fields.h"

#include <string.h>

/* The titles of the tickets on all pages, in their order. */
static const char *
all_pages(const char *query)
{
	const char *path = fmt("/api/tickets?%s", query), *titles = "";
	unsigned i;

	do {
		call("GET", path, NULL);
		expect(200);
		for (i = 0; i < count("data"); i++)
			titles = fmt("%s %s", titles, text(fmt("data.%u.title", i)));
		path = fmt("/api/tickets?%s&cursor=%s", query, text("next_cursor"));
	} while (strcmp(text("has_more"), "true") == 0);
	ck_assert_str_eq(text("next_cursor"), "null");
	return titles;
}

TEST(each_type_takes_its_values_and_no_others)
{
	static const struct {
		const char *field, *good, *bad;
	} rows[] = { { "\"type\":\"text\"", "\"two\\nlines\"", "7" },
		{ "\"type\":\"number\",\"minimum\":0,\"maximum\":10", "2.5", "\"2\"" },
		{ "\"type\":\"number\",\"minimum\":0,\"maximum\":10", "0", "-1" },
		{ "\"type\":\"number\",\"minimum\":0,\"maximum\":10", "10", "11" },
		{ "\"type\":\"boolean\"", "false", "\"false\"" },
		{ "\"type\":\"date\"", "\"2028-02-29\"", "\"2026-02-29\"" },
		{ "\"type\":\"date\"", "\"2026-12-31\"", "\"31.12.2026\"" },
		{ "\"type\":\"dropdown\",\"options\":[\"a\",\"b\"]", "\"a\"", "\"c\"" },
		{ "\"type\":\"multiselect\",\"options\":[\"a\",\"b\"]", "[\"a\",\"b\"]",
		    "[\"a\",\"c\"]" },
		{ "\"type\":\"multiselect\",\"options\":[\"a\",\"b\"]", "[]", "[\"a\",\"a\"]" },
		{ "\"type\":\"email\"", "\"a@b.example\"", "\"a@b\"" },
		{ "\"type\":\"url\"", "\"https://b.example/x?y\"", "\"ftp://b.example\"" } };
	unsigned i;

	for (i = 0; i < LENGTH(rows); i++) {
		custom_fields_fresh();
		make_field(fmt("{\"label\":\"The field\",%s}", rows[i].field));
		ck_assert_str_eq(text("key"), "the_field");
		make_with(fmt("{\"the_field\":%s}", rows[i].good));
		ck_assert_str_eq(json_object_to_json_string_ext(at("custom_fields.the_field"),
				     JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
		    rows[i].good);
		call("POST", "/api/tickets",
		    fmt("{\"title\":\"t\",\"custom_fields\":{\"the_field\":%s}}", rows[i].bad));
		expect_field("custom_fields.the_field", "not_allowed");
	}
	call("POST", "/api/tickets", "{\"title\":\"t\",\"custom_fields\":{\"other\":1}}");
	expect_field("custom_fields.other", "unknown_field");
}
END

TEST(required_fields_and_defaults_hold_for_new_tickets)
{
	const char *id;

	make_field("{\"label\":\"Plan\",\"type\":\"text\",\"required\":true}");
	make_field(
	    "{\"label\":\"Seats\",\"type\":\"number\",\"required\":true,\"default_value\":1}");
	call("POST", "/api/tickets", "{\"title\":\"t\"}");
	expect_field("custom_fields.plan", "required");
	id = make_with("{\"plan\":\"pro\"}");
	ck_assert_int_eq(number("custom_fields.seats"), 1);
	call("PATCH", fmt("/api/tickets/%s", id), "{\"custom_fields\":{\"plan\":null}}");
	expect_field("custom_fields.plan", "required");
}
END

TEST(what_is_blank_is_no_value_of_a_required_field)
{
	static const char *const blank[] = { "{\"plan\":\"\",\"parts\":[\"a\"]}",
		"{\"plan\":\" \\n\",\"parts\":[\"a\"]}", "{\"plan\":\"pro\",\"parts\":[]}" };
	static const char *const named[] = { "custom_fields.plan", "custom_fields.plan",
		"custom_fields.parts" };
	const char *id;
	unsigned i;

	make_field("{\"label\":\"plan\",\"type\":\"text\",\"required\":true}");
	make_field(
	    "{\"label\":\"parts\",\"type\":\"multiselect\",\"options\":[\"a\"],\"required\":true}");
	id = make_with("{\"plan\":\"pro\",\"parts\":[\"a\"]}");
	for (i = 0; i < LENGTH(blank); i++) {
		call("POST", "/api/tickets",
		    fmt("{\"title\":\"t\",\"custom_fields\":%s}", blank[i]));
		expect_field(named[i], "required");
		call("PATCH", fmt("/api/tickets/%s", id), fmt("{\"custom_fields\":%s}", blank[i]));
		expect_field(named[i], "required");
	}
	call("POST", FIELDS,
	    "{\"label\":\"x\",\"type\":\"text\",\"required\":true,\"default_value\":\" \"}");
	expect_field("default_value", "not_allowed");
	call("GET", "/api/organizations/" ORG "/ticket-schema", NULL);
	ck_assert_str_eq(text("properties.custom_fields.properties.plan.pattern"), "\\S");
	ck_assert_int_eq(number("properties.custom_fields.properties.parts.minItems"), 1);
}
END

TEST(null_for_a_field_that_there_is_not_is_refused_like_a_value)
{
	const char *field = make_field("{\"label\":\"plan\",\"type\":\"text\"}");
	const char *id = make_with("{\"plan\":\"pro\"}"), *other = make_with("{\"plan\":null}");

	call("POST", "/api/tickets", "{\"title\":\"t\",\"custom_fields\":{\"nosuch\":null}}");
	expect_field("custom_fields.nosuch", "unknown_field");
	call("PATCH", fmt("/api/tickets/%s", id), "{\"custom_fields\":{\"nosuch\":null}}");
	expect_field("custom_fields.nosuch", "unknown_field");
	call("DELETE", fmt(FIELDS "/%s", field), NULL);
	call("PATCH", fmt("/api/tickets/%s", other), "{\"custom_fields\":{\"plan\":null}}");
	expect_field("custom_fields.plan", "unknown_field");
	call("PATCH", fmt("/api/tickets/%s", id), "{\"custom_fields\":{\"plan\":null}}");
	expect(200);
	ck_assert(!has("custom_fields.plan"));
}
END

TEST(a_change_names_some_fields_and_keeps_the_others)
{
	const char *id;

	make_field("{\"label\":\"a\",\"type\":\"text\"}");
	make_field("{\"label\":\"b\",\"type\":\"text\"}");
	id = make_with("{\"a\":\"1\",\"b\":\"2\"}");
	call("PATCH", fmt("/api/tickets/%s", id), "{\"custom_fields\":{\"a\":null}}");
	expect(200);
	ck_assert(!has("custom_fields.a"));
	ck_assert_str_eq(text("custom_fields.b"), "2");
}
END

TEST(definitions_that_make_no_sense_are_refused)
{
	call("POST", FIELDS, "{\"label\":\"x\",\"type\":\"dropdown\"}");
	expect_field("options", "required");
	call("POST", FIELDS, "{\"label\":\"x\",\"type\":\"text\",\"options\":[\"a\"]}");
	expect_field("options", "not_allowed");
	call("POST", FIELDS, "{\"label\":\"x\",\"type\":\"text\",\"minimum\":1}");
	expect_field("minimum", "not_allowed");
	call("POST", FIELDS, "{\"label\":\"x\",\"type\":\"number\",\"minimum\":2,\"maximum\":1}");
	expect_field("minimum", "range");
	ck_assert_str_eq(text("detail"), "The minimum is above the maximum.");
	call("PATCH",
	    fmt(FIELDS "/%s", make_field("{\"label\":\"n\",\"type\":\"number\",\"minimum\":2}")),
	    "{\"maximum\":1}");
	expect_field("maximum", "range");
	call("POST", FIELDS, "{\"label\":\"x\",\"type\":\"number\",\"default_value\":\"one\"}");
	expect_field("default_value", "not_allowed");
	call("POST", FIELDS, "{\"label\":\"x\",\"type\":\"text\",\"key\":\"Big Key\"}");
	expect_field("key", "format");
	make_field("{\"label\":\"x\",\"type\":\"text\"}");
	call("POST", FIELDS, "{\"label\":\"X\",\"type\":\"text\"}");
	expect_field("key", "already_exists");
}
END

TEST(tickets_are_filtered_and_sorted_by_their_values)
{
	const char *five, *ten, *nine;

	make_field("{\"label\":\"seats\",\"type\":\"number\"}");
	make_field(
	    "{\"label\":\"parts\",\"type\":\"multiselect\",\"options\":[\"a\",\"b\",\"c\"]}");
	five = make_with("{\"seats\":5,\"parts\":[\"a\",\"b\"]}");
	ten = make_with("{\"seats\":10,\"parts\":[\"c\"]}");
	nine = make_with("{\"seats\":9.0}");
	make_with("{}");
	call("GET", "/api/tickets?cf.seats=5.0&cf.seats=10&sort=cf.seats", NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	ck_assert_str_eq(text("data.0.ticket_id"), five);
	call("GET", "/api/tickets?sort=-cf.seats&limit=2", NULL);
	ck_assert_str_eq(text("data.0.ticket_id"), ten);
	ck_assert_str_eq(text("data.1.ticket_id"), nine);
	call(
	    "GET", fmt("/api/tickets?sort=-cf.seats&limit=2&cursor=%s", text("next_cursor")), NULL);
	ck_assert_uint_eq(count("data"), 2);
	ck_assert_str_eq(text("data.0.ticket_id"), five);
	call("GET", "/api/tickets?cf.parts=b&cf.seats=5&include_total=true", NULL);
	ck_assert_int_eq(number("total"), 1);
	call("GET", "/api/tickets?cf.colour=b", NULL);
	expect_field("cf.colour", "unknown_parameter");
	call("GET", "/api/tickets?cf.seats=many", NULL);
	expect_field("cf.seats", "type");
	call("GET", "/api/tickets?sort=cf.parts", NULL);
	expect_field("sort", "not_allowed");
	call("GET", "/api/customers?cf.seats=1", NULL);
	expect_field("cf.seats", "unknown_parameter");
}
END

TEST(tickets_without_the_value_come_last_on_whichever_page)
{
	unsigned limit;

	make_field("{\"label\":\"seats\",\"type\":\"number\"}");
	make_ticket("none1");
	make_ticket_of("{\"title\":\"five\",\"custom_fields\":{\"seats\":5}}");
	make_ticket("none2");
	make_ticket_of("{\"title\":\"ten\",\"custom_fields\":{\"seats\":10}}");
	make_ticket("none3");
	for (limit = 1; limit <= 6; limit++) {
		ck_assert_str_eq(
		    all_pages(fmt("sort=cf.seats&limit=%u", limit)), " five ten none1 none2 none3");
		ck_assert_str_eq(all_pages(fmt("sort=-cf.seats&limit=%u", limit)),
		    " ten five none3 none2 none1");
	}
	call("GET", "/api/tickets?sort=cf.seats&limit=1&include_total=true", NULL);
	ck_assert_int_eq(number("total"), 5);
	call("GET", fmt("/api/tickets?sort=-cf.seats&cursor=%s", text("next_cursor")), NULL);
	expect_problem(400, "invalid_cursor");
}
END

TEST(a_filter_by_what_the_field_cannot_have_is_refused)
{
	make_field("{\"label\":\"flag\",\"type\":\"boolean\"}");
	make_field("{\"label\":\"due\",\"type\":\"date\"}");
	make_field("{\"label\":\"plan\",\"type\":\"dropdown\",\"options\":[\"pro\"]}");
	make_with("{\"flag\":true,\"due\":\"2024-02-29\"}");
	call("GET", "/api/tickets?cf.flag=true&cf.flag=false&cf.due=2024-02-29", NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 1);
	call("GET", "/api/tickets?cf.flag=true&cf.flag=x", NULL);
	expect_field("cf.flag", "type");
	call("GET", "/api/tickets?cf.due=2024-99-99", NULL);
	expect_field("cf.due", "format");
	call("GET", "/api/tickets?cf.plan=taken-away", NULL); /* tickets may still have it */
	expect(200);
}
END

TEST(a_text_of_two_lines_has_a_place_in_the_order)
{
	make_field("{\"label\":\"a\",\"type\":\"text\"}");
	make_with("{\"a\":\"x\\ny\"}");
	make_with("{\"a\":\"x\\nz\"}");
	call("GET", "/api/tickets?sort=cf.a&limit=1", NULL);
	ck_assert_str_eq(text("data.0.custom_fields.a"), "x\ny");
	call("GET", fmt("/api/tickets?sort=cf.a&limit=1&cursor=%s", text("next_cursor")), NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.custom_fields.a"), "x\nz");
}
END

TEST(the_filter_uses_the_index_of_the_values_under_row_level_security)
{
	const char *plan;

	sql("CREATE OR REPLACE FUNCTION test_plan() RETURNS text LANGUAGE plpgsql AS $$ DECLARE l text; a text := ''; "
	    "BEGIN SET LOCAL ROLE serviceos_app; PERFORM set_config('app.org', '" ORG "', true); "
	    "SET LOCAL enable_seqscan = off; FOR l IN EXPLAIN SELECT g.ticket_id FROM ticket_field g "
	    "WHERE g.org_id = '" ORG
	    "' AND g.key = 'plan' AND g.word = ANY ('{pro}') LOOP a := a || l; END LOOP; "
	    "RETURN a; END $$");
	plan = sql_text("SELECT test_plan()");
	ck_assert_msg(strstr(plan, "ticket_field_pkey") != NULL &&
			  strstr(plan, "word = ANY") != NULL && strstr(plan, "Index Cond") != NULL,
	    "%s", plan);
}
END

TEST(the_ticket_schema_describes_the_organizations_fields)
{
	make_field(
	    "{\"label\":\"plan\",\"type\":\"dropdown\",\"options\":[\"free\",\"pro\"],\"required\":true}");
	make_field("{\"label\":\"seats\",\"type\":\"number\",\"minimum\":1}");
	call("GET", "/api/organizations/" ORG "/ticket-schema", NULL);
	expect(200);
	ck_assert_str_eq(text("properties.custom_fields.properties.plan.enum.1"), "pro");
	ck_assert_int_eq(number("properties.custom_fields.properties.seats.minimum"), 1);
	ck_assert_str_eq(text("properties.custom_fields.required.0"), "plan");
	ck_assert_str_eq(text("required.1"), "custom_fields");
	ck_assert_str_eq(text("properties.priority.enum.0"), "low");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("custom_fields");

	tcase_add_checked_fixture(c, custom_fields_fresh, NULL);
	tcase_add_test(c, each_type_takes_its_values_and_no_others);
	tcase_add_test(c, required_fields_and_defaults_hold_for_new_tickets);
	tcase_add_test(c, what_is_blank_is_no_value_of_a_required_field);
	tcase_add_test(c, null_for_a_field_that_there_is_not_is_refused_like_a_value);
	tcase_add_test(c, a_change_names_some_fields_and_keeps_the_others);
	tcase_add_test(c, definitions_that_make_no_sense_are_refused);
	tcase_add_test(c, tickets_are_filtered_and_sorted_by_their_values);
	tcase_add_test(c, tickets_without_the_value_come_last_on_whichever_page);
	tcase_add_test(c, a_filter_by_what_the_field_cannot_have_is_refused);
	tcase_add_test(c, a_text_of_two_lines_has_a_place_in_the_order);
	tcase_add_test(c, the_filter_uses_the_index_of_the_values_under_row_level_security);
	tcase_add_test(c, the_ticket_schema_describes_the_organizations_fields);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("custom_fields", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings of imports: of every format, checked before anything is read. */
#include "fixtures_imports.h"

#include <string.h>

TEST(a_mapping_leads_to_fields_that_there_are)
{
	call_raw(
	    "POST", "/api/imports?mapping={\"a\":\"title\",\"b\":\"nowhere\"}", "{}", 2, NDJSON);
	expect_field("mapping.b", "unknown_field");
	call_raw("POST", "/api/imports?mapping={\"b\":\"custom_fields.none\"}", "{}", 2, NDJSON);
	expect_field("mapping.b", "unknown_field");
	call_raw("POST", "/api/imports?kind=customers&mapping={\"b\":\"title\"}", "{}", 2, NDJSON);
	expect_field("mapping.b", "unknown_field");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM job"), "0");
}
END

TEST(members_of_objects_go_where_the_mapping_says)
{
	call("POST", "/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Seats\",\"key\":\"seats\",\"type\":\"number\"}");
	expect(201);
	import(
	    "mapping={\"Betreff\":\"title\",\"Plaetze\":\"seats\",\"Kunde\":\"requester.email\",\"Worte\":\"tags\"}",
	    NDJSON,
	    "{\"external_id\":\"1\",\"Betreff\":\"Drucker\",\"Plaetze\":\"12\",\"Kunde\":\"ada@example.com\",\"Worte\":[\"a\",\"b\"]}");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_str_eq(
	    ticket_by("1", "title || (custom_fields ->> 'seats') || tags::text"), "Drucker12{a,b}");
	import("format=zendesk&mapping={\"headline\":\"title\",\"360\":\"priority\"}",
	    "application/json",
	    "{\"tickets\":[{\"id\":5,\"headline\":\"H\",\"custom_fields\":[{\"id\":360,\"value\":\"high\"}]}]}");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_str_eq(ticket_by("5", "title || priority"), "Hhigh");
	import("kind=customers&mapping={\"Seats\":\"attributes.seats\"}", NDJSON,
	    "{\"email\":\"bob@example.com\",\"Seats\":3}");
	ck_assert_str_eq(
	    sql_text("SELECT attributes::text FROM customer WHERE email = 'bob@example.com'"),
	    "{\"seats\": 3}");
}
END

TEST(a_field_of_the_mapping_that_the_file_does_not_have_is_told_of)
{
	import("mapping={\"Betreff\":\"title\",\"Absent\":\"status\"}", "text/csv",
	    "Betreff,Title\na,b\n");
	ck_assert_uint_eq(count("ignored_fields"), 2);
	ck_assert_str_eq(text("ignored_fields.0"), "Absent");
	ck_assert_str_eq(text("ignored_fields.1"), "Title");
	ck_assert_str_eq(sql_text("SELECT title FROM ticket"), "a");
	import("mapping={\"x\":\"status\"}", NDJSON, "{\"title\":\"t\"}\n");
	ck_assert_str_eq(text("ignored_fields.0"), "x");
}
END

TEST(a_form_is_no_file)
{
	static const char form[] =
	    "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n{\"title\":\"t\"}\r\n--b--\r\n";

	call_raw("POST", "/api/imports?format=ndjson", form, strlen(form),
	    "multipart/form-data; boundary=b");
	expect_problem(415, "unsupported_media_type");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM job"), "0");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("imports_mapping");

	tcase_add_checked_fixture(c, imports_fresh, NULL);
	tcase_add_test(c, a_mapping_leads_to_fields_that_there_are);
	tcase_add_test(c, members_of_objects_go_where_the_mapping_says);
	tcase_add_test(c, a_field_of_the_mapping_that_the_file_does_not_have_is_told_of);
	tcase_add_test(c, a_form_is_no_file);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("imports_mapping", all);
}

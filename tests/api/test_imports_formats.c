/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of imports: CSV, other desks' exports, and files that are nothing of the kind. */
#include "fixtures_imports.h"

#include <string.h>

#include "base/util.h"

TEST(csv_is_read_as_spreadsheets_write_it)
{
	call("POST", "/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Seats\",\"key\":\"seats\",\"type\":\"number\"}");
	expect(201);
	import("mapping={\"Betreff\":\"title\"}", "text/csv",
	    "\xef\xbb\xbf"
	    "Id;Betreff;Status;Tags;Requester Email;cf.seats;Created at;Mood\r\n"
	    "7;\"Say \"\"hi\"\"; now\";Solved;\"b, a\";Ada@example.com;12;2020-01-02 03:04;sad\r\n"
	    "\r\n"
	    "8;\"two\r\nlines\";Hold;;;many;;\r\n"
	    "9;'=1+1;open\r\n"
	    "10;\"never closed;open\r\n"
	    "11;last;open;;;;;");
	ck_assert_int_eq(number("created"), 3);
	ck_assert_int_eq(number("failed"), 2);
	ck_assert_str_eq(text("ignored_fields.0"), "Mood");
	ck_assert_str_eq(ticket_by("7", "title || status || tags::text || created_at"),
	    "Say \"hi\"; nowresolved{a,b}2020-01-02 03:04:00+00");
	ck_assert_str_eq(ticket_by("7", "custom_fields ->> 'seats'"), "12");
	ck_assert_str_eq(ticket_by("9", "title"), "=1+1");
	ck_assert_int_eq(number("rows.0.line"), 4);
	ck_assert_str_eq(text("rows.0.message"), "custom_fields.seats: Must be a number.");
	ck_assert_int_eq(number("rows.1.line"), 7);
	ck_assert_str_eq(text("rows.1.code"), "unterminated_quote");
	import("", "text/csv", "a,b\n1,2\n");
	ck_assert_str_eq(text("state"), "failed");
	ck_assert_str_eq(text("error"), "The header has no column for the title.");
}
END

TEST(a_zendesk_export_is_understood)
{
	call("POST", "/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Plan\",\"key\":\"plan\",\"type\":\"dropdown\",\"options\":[\"pro\"]}");
	expect(201);
	import("format=zendesk&mapping={\"360001\":\"custom_fields.plan\"}", "application/json",
	    "{\"tickets\":[{\"id\":35436,\"subject\":\"My printer is on fire!\",\"description\":\"The fire is colorful.\","
	    "\"status\":\"hold\",\"priority\":null,\"requester_id\":20978392,"
	    "\"requester\":{\"id\":20978392,\"name\":\"Ida\",\"email\":\"ida@example.com\"},"
	    "\"assignee\":{\"email\":\"nobody@example.com\"},\"tags\":[\"enterprise\"],\"via\":{\"channel\":\"voice\"},"
	    "\"custom_fields\":[{\"id\":360001,\"value\":\"pro\"},{\"id\":360002,\"value\":\"x\"}],"
	    "\"created_at\":\"2009-07-20T22:55:29Z\",\"updated_at\":\"2011-05-05T10:38:52Z\",\"comments\":["
	    "{\"id\":1,\"author_id\":20978392,\"body\":\"The fire is colorful.\",\"public\":true,\"created_at\":\"2009-07-20T22:55:29Z\"},"
	    "{\"id\":2,\"author_id\":5,\"body\":\"Really?\",\"public\":true,\"created_at\":\"2009-07-21T00:00:00Z\"},"
	    "{\"id\":3,\"author_id\":5,\"body\":\"Call them\",\"public\":false,\"created_at\":\"2009-07-21T01:00:00Z\"},"
	    "{\"id\":4,\"author_id\":20978392,\"body\":\"Yes\",\"public\":true,\"created_at\":\"2009-07-22T00:00:00Z\"}]},\n"
	    "{\"id\":2,\"subject\":\"\",\"description\":\"First line\\nsecond\",\"status\":\"solved\",\"requester_id\":77}],"
	    "\"next_page\":null,\"count\":2}");
	ck_assert_int_eq(number("created"), 2);
	ck_assert_int_eq(number("failed"), 0);
	ck_assert_str_eq(text("ignored_fields.0"), "360002");
	ck_assert_str_eq(text("rows.0.code"), "unknown_assignee");
	ck_assert_str_eq(text("rows.0.outcome"), "done");
	ck_assert_str_eq(
	    ticket_by(
		"35436", "number || status || priority || channel || (custom_fields ->> 'plan')"),
	    "35436on_holdnormalphonepro");
	ck_assert_str_eq(ticket_by("2", "title || status"), "First lineresolved");
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(author_type || internal, ' ' ORDER BY created_at) FROM comment"),
	    "legacyfalse legacytrue customerfalse");
	ck_assert_str_eq(
	    sql_text("SELECT name || email FROM customer WHERE external_id = '20978392'"),
	    "Idaida@example.com");
}
END

TEST(a_freshdesk_export_is_understood)
{
	import("format=freshdesk", "application/json",
	    "[{\"helpdesk_ticket\":{\"display_id\":12,\"subject\":\"Login\",\"description\":\"No way in\",\"status\":4,\"priority\":4,"
	    "\"source\":1,\"requester\":{\"id\":9,\"name\":\"Bo\",\"email\":\"bo@example.com\"},"
	    "\"created_at\":\"2019-01-01T10:00:00+01:00\",\"notes\":["
	    "{\"id\":1,\"body\":\"Try again\",\"private\":false,\"incoming\":false,\"user\":{\"name\":\"Ann\"},\"created_at\":\"2019-01-01T10:30:00+01:00\"},"
	    "{\"id\":2,\"body\":\"Works\",\"private\":false,\"incoming\":true,\"created_at\":\"2019-01-01T11:00:00+01:00\"}]}}]");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_str_eq(ticket_by("12", "number || status || priority || channel || created_at"),
	    "12resolvedurgentemail2019-01-01 09:00:00+00");
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(author_type || COALESCE(author_id, ''), ' ' ORDER BY created_at) "
		"FROM comment WHERE author_type = 'legacy'"),
	    "legacyAnn");
}
END

TEST(no_file_whatever_stops_the_server)
{
	static const char *const formats[] = { "ndjson", "csv", "zendesk", "freshdesk" };
	static const char *const files[] = {
		"\x01\xff\xfe\x80garbage\n\"",
		"title\n\"\n\"\"\"\n,,,,,\n",
		"title,tags,number,custom_fields,requester,created_at\nx,\",,;\",99999999999999999999,{,Ada,2020-13-99 99:99\n",
		"{\"title\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
		"{\"id\":{},\"subject\":1,\"requester\":\"x\",\"comments\":[1,null,{\"body\":[]},{\"body\":\"b\",\"author\":7}],"
		"\"tags\":[null,{},\"\",\"ok\"],\"custom_fields\":[1,{\"id\":null},{\"id\":[],\"value\":{}}]}",
		"[{\"helpdesk_ticket\":[]},{\"helpdesk_ticket\":{\"notes\":{},\"custom_field\":7,\"status\":[]}},null,{}]",
		"{\"type\":\"comment\",\"ticket_id\":5,\"body\":7}\n{\"type\":\"note\",\"ticket_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\",\"body\":\"x\"}\n"
		"{\"type\":[]}\n{\"title\":\"t\",\"number\":1e30,\"comments\":[{\"body\":\"b\",\"author_type\":\"customer\",\"author_id\":\"'; DROP\"}]}",
		"{\"tickets\":[{\"id\":1,\"subject\":\"cut off",
		"[[[[",
		"{\"email\":\"a@b.cd\",\"attributes\":[],\"company\":\"\\u0000\"}\n{\"email\":\"a@b.cd\",\"external_id\":\"1\"}\n{\"email\":\"A@B.cd\",\"external_id\":\"2\"}",
	};
	unsigned f, i, kind;

	for (f = 0; f < LENGTH(formats); f++)
		for (i = 0; i < LENGTH(files); i++)
			for (kind = 0; kind < 2; kind++) {
				import(fmt("format=%s&kind=%s&on_conflict=%s", formats[f],
					   kind == 0 ? "tickets" : "customers",
					   i % 2 == 0 ? "skip" : "update"),
				    "text/plain", files[i]);
				ck_assert_msg(
				    !has("error") || strstr(text("error"), "mistake") == NULL,
				    "%s %u: %s", formats[f], i, reply_body);
				ck_assert_msg(strcmp(text("state"), "completed") == 0 ||
						  strcmp(text("state"), "failed") == 0,
				    "%s %u: %s", formats[f], i, reply_body);
			}
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("imports_formats");

	tcase_add_checked_fixture(c, imports_fresh, NULL);
	tcase_add_test(c, csv_is_read_as_spreadsheets_write_it);
	tcase_add_test(c, a_zendesk_export_is_understood);
	tcase_add_test(c, a_freshdesk_export_is_understood);
	tcase_add_test(c, no_file_whatever_stops_the_server);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("imports_formats", all);
}

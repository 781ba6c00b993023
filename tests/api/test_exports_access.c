/* SPDX-License-Identifier: Apache-2.0 */
/* Exports: who may have one, for how long, and all that is a person's. */
#include "fixtures_exports.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"

TEST(a_key_exports_no_more_than_it_can_read)
{
	const char *id, *ticket = make_ticket("t");

	make_comment(ticket, "hello");
	call("POST", fmt("/api/tickets/%s/internal-notes", ticket), "{\"body\":\"secret\"}");
	id = start_export("{\"kind\":\"tickets\",\"include_comments\":true}");
	finish_export(id);
	ck_assert_int_eq(exported("secret"), 1);
	caller.key = make_key(ORG, "import");
	call("POST", "/api/exports", "{\"kind\":\"tickets\"}");
	expect_problem(403, "insufficient_scope");
	ck_assert_str_eq(text("detail"), "What is exported needs the scope read:tickets.");
	call("POST", "/api/exports", "{\"kind\":\"events\"}");
	expect(403);
	call("POST", "/api/exports", "{\"kind\":\"customers\"}");
	expect(403);
	call("GET", fmt("/api/exports/%s/download", id), NULL);
	expect_problem(403, "insufficient_scope");
	caller.key = make_key(ORG, "import,read:tickets");
	call("GET", fmt("/api/exports/%s/download", id), NULL);
	expect(403); /* it has notes */
	call("GET", fmt("/api/exports/%s", id), NULL);
	ck_assert_str_eq(text("download_url"), "null");
	finish_export(start_export("{\"kind\":\"tickets\",\"include_comments\":true}"));
	ck_assert_int_eq(exported("hello"), 1);
	ck_assert_int_eq(exported("secret"), 0);
	ck_assert_str_ne(text("download_url"), "null");
	caller.key = make_key(ORG, "import,read:customers");
	finish_export(start_export("{\"kind\":\"customers\"}"));
}
END

TEST(what_a_person_wrote_on_others_tickets_is_exported_too)
{
	const char *ada = make("/api/customers", "{\"name\":\"Ada\"}", "customer_id"),
		   *bob = make("/api/customers", "{\"name\":\"Bob\"}", "customer_id"), *ticket,
		   *comment;

	ticket = make_ticket_of(fmt("{\"title\":\"of Bob\",\"customer_id\":\"%s\"}", bob));
	comment = make(fmt("/api/tickets/%s/comments", ticket),
	    fmt("{\"body\":\"by Ada\",\"author_type\":\"customer\",\"author_id\":\"%s\"}", ada),
	    "comment_id");
	make_comment(ticket, "by an agent");
	sql("INSERT INTO attachment (org_id, attachment_id, ticket_id, comment_id, filename, content_type, size, sha256) "
	    "SELECT '" ORG
	    "', uuid7(), '%s', id::uuid, name, 'image/png', 1, '0' FROM (VALUES ('%s', 'hers.png'), (NULL, 'his.png')) v (id, name)",
	    ticket, comment);
	finish_export(start_export(fmt("{\"kind\":\"customers\",\"customer_id\":\"%s\"}", ada)));
	ck_assert_int_eq(exported("by Ada"), 1);
	ck_assert_int_eq(exported("hers.png"), 1);
	ck_assert_int_eq(exported("his.png"), 0);
	ck_assert_int_eq(exported("by an agent"), 0);
	ck_assert_int_eq(exported("of Bob"), 0);
}
END

TEST(a_file_that_is_not_complete_is_no_file_yet)
{
	const char *id = start_export("{\"kind\":\"customers\"}");

	call("GET", fmt("/api/exports/%s/download", id), NULL);
	expect_problem(409, "conflict");
	ck_assert_str_eq(text("detail"), "The export is not complete yet.");
	run_jobs();
	call("GET", fmt("/api/exports/%s/download", id), NULL);
	expect(200);
}
END

TEST(a_complete_export_can_be_deleted)
{
	const char *id = start_export("{\"kind\":\"customers\"}"), *path, *url;

	finish_export(id);
	url = strstr(text("download_url"), "/api/");
	path = fmt("%s/exports/" ORG "/%s", conf.state_dir, id);
	call("DELETE", fmt("/api/exports/%s", id), NULL);
	expect(202);
	ck_assert_int_eq(access(path, F_OK), -1);
	call("GET", fmt("/api/exports/%s", id), NULL);
	ck_assert_str_eq(text("download_url"), "null");
	call("GET", fmt("/api/exports/%s/download", id), NULL);
	expect(404);
	call("DELETE", fmt("/api/exports/%s", id), NULL);
	expect_problem(409, "conflict");
	caller.key = NULL;
	call("GET", url, NULL);
	expect(404);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("exports_access");

	tcase_add_checked_fixture(c, exports_fresh, NULL);
	tcase_add_test(c, a_key_exports_no_more_than_it_can_read);
	tcase_add_test(c, what_a_person_wrote_on_others_tickets_is_exported_too);
	tcase_add_test(c, a_file_that_is_not_complete_is_no_file_yet);
	tcase_add_test(c, a_complete_export_can_be_deleted);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("exports_access", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Search: what is found, in which order, by whom, and how it is shown. */
#include "harness.h"

#include <string.h>

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM customer c USING organization o "
	    "WHERE c.org_id = o.org_id AND c.customer_id <> o.default_customer_id");
}

TEST(a_word_in_the_title_comes_before_one_in_the_thread)
{
	const char *thread = make_ticket("Something else"), *described, *titled;

	make_comment(thread, "my password is lost");
	described = make_ticket_of("{\"title\":\"Help\",\"description\":\"password forgotten\"}");
	titled = make_ticket("Password reset");
	find("\"query\":\"password\"");
	ck_assert_int_eq(number("total"), 3);
	ck_assert_str_eq(text("data.0.ticket_id"), titled);
	ck_assert_str_eq(text("data.1.ticket_id"), described);
	ck_assert_str_eq(text("data.2.ticket_id"), thread);
	ck_assert_str_eq(text("data.2.kind"), "comment");
	ck_assert_str_eq(text("total_is_exact"), "true");
}
END

TEST(of_texts_that_match_as_well_the_newest_comes_first)
{
	const char *older = make_ticket("Printer"), *newer = make_ticket("Printer");

	find("\"query\":\"printer\"");
	ck_assert_str_eq(text("data.0.id"), newer);
	ck_assert_str_eq(text("data.1.id"), older);
}
END

TEST(all_words_must_occur_and_the_last_may_be_a_beginning)
{
	const char *both = make_ticket("invoice missing");

	make_ticket("invoice wrong");
	find("\"query\":\"invoice miss\"");
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.id"), both);
	find("\"query\":\"invoice -missing\"");
	ck_assert_uint_eq(count("data"), 1);
	find("\"query\":\"\\\"missing invoice\\\"\"");
	ck_assert_uint_eq(count("data"), 0);
	find("\"query\":\"missing or wrong\"");
	ck_assert_uint_eq(count("data"), 2);
}
END

TEST(what_matched_is_marked_and_the_rest_is_escaped)
{
	make_ticket_of(
	    "{\"title\":\"<b>login</b> & more\",\"description\":\"I <script>login</script> daily\"}");
	find("\"query\":\"login\"");
	ck_assert_str_eq(
	    text("data.0.highlights.title"), "&lt;b&gt;<mark>login</mark>&lt;/b&gt; &amp; more");
	ck_assert_ptr_null(strstr(text("data.0.highlights.text"), "<script>"));
	find("\"query\":\"login\",\"highlight\":false");
	ck_assert_str_eq(text("data.0.highlights"), "null");
}
END

TEST(of_a_text_without_a_match_the_beginning_is_shown)
{
	char body[400] = "first ";

	memset(body + 6, 'x', 100);
	strcpy(body + 106, " <last> and ");
	memset(body + 118, 'y', 200);
	make_ticket_of(fmt("{\"title\":\"100%% login_now\",\"description\":\"%s\"}", body));
	find("\"query\":\"login_now\"");
	ck_assert_str_eq(
	    text("data.0.highlights.title"), "100% <mark>login</mark>_<mark>now</mark>");
	strcpy(body + 106, " &lt;last&gt; and …");
	ck_assert_str_eq(text("data.0.highlights.text"), body);
}
END

TEST(numbers_addresses_and_names_are_found)
{
	const char *id = make_ticket("t");

	find(fmt("\"query\":\"#%ld\"", number("number")));
	ck_assert_str_eq(text("data.0.id"), id);
	call("POST", "/api/customers",
	    "{\"name\":\"Ada Lovelace\",\"email\":\"ada.l@engines.example\"}");
	find("\"query\":\"lovelace\"");
	ck_assert_str_eq(text("data.0.kind"), "customer");
	ck_assert_str_eq(text("data.0.title"), "Ada Lovelace");
	find("\"query\":\"ada.l@engines.example\"");
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(conditions_and_facets_look_at_the_tickets)
{
	make_ticket_of("{\"title\":\"login one\",\"priority\":\"high\",\"tags\":[\"x\"]}");
	make_ticket_of("{\"title\":\"login two\",\"tags\":[\"x\",\"y\"]}");
	find("\"query\":\"login\",\"facets\":[\"priority\",\"tag\",\"team_id\"]");
	ck_assert_int_eq(number("facets.priority.high"), 1);
	ck_assert_int_eq(number("facets.tag.x"), 2);
	ck_assert_int_eq(number("facets.team_id.none"), 2);
	find(
	    "\"query\":\"login\",\"conditions\":{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"high\"}");
	ck_assert_uint_eq(count("data"), 1);
	call("POST", "/api/v1/search",
	    "{\"query\":\"x\",\"conditions\":{\"field\":\"color\",\"op\":\"eq\",\"value\":1}}");
	expect_field("conditions.field", "unknown_field");
}
END

TEST(pages_show_every_hit_once)
{
	const char *cursor = NULL;
	int i, seen = 0;

	for (i = 0; i < 7; i++)
		make_ticket("same words");
	do {
		find(cursor == NULL
			 ? "\"query\":\"same words\",\"limit\":3"
			 : fmt("\"query\":\"same words\",\"limit\":3,\"cursor\":\"%s\"", cursor));
		seen += (int)count("data");
		cursor = text("next_cursor");
	} while (strcmp(cursor, "null") != 0);
	ck_assert_int_eq(seen, 7);
	call("POST", "/api/v1/search", "{\"query\":\"x\",\"cursor\":\"nonsense\"}");
	expect_problem(400, "invalid_cursor");
}
END

TEST(a_changed_or_deleted_text_is_found_as_it_is_now)
{
	const char *id = make_ticket("before");

	call("PATCH", fmt("/api/tickets/%s", id), "{\"title\":\"after\"}");
	find("\"query\":\"before\"");
	ck_assert_uint_eq(count("data"), 0);
	find("\"query\":\"after\"");
	ck_assert_uint_eq(count("data"), 1);
	call("DELETE", fmt("/api/tickets/%s", id), NULL);
	find("\"query\":\"after\"");
	ck_assert_uint_eq(count("data"), 0);
}
END

TEST(a_deleted_ticket_is_not_found_until_it_is_back)
{
	const char *id = make_ticket("goneword"), *job;

	make_comment(id, "goneword in the thread");
	job = make_job("/api/bulk/jobs",
	    "{\"action\":\"delete\",\"conditions\":{\"field\":\"title\","
	    "\"op\":\"eq\",\"value\":\"goneword\"}}",
	    "job_id");
	run_jobs();
	find("\"query\":\"goneword\"");
	ck_assert_int_eq(number("total"), 0);
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", job), NULL);
	expect(202);
	run_jobs();
	find("\"query\":\"goneword\"");
	ck_assert_int_eq(number("total"), 2);
}
END

TEST(a_merged_customer_is_found_under_the_other_s_name_alone)
{
	const char *kept = make("/api/customers", "{\"name\":\"Samename One\"}", "customer_id"),
		   *other = make("/api/customers", "{\"name\":\"Samename Two\"}", "customer_id");

	find("\"query\":\"samename\"");
	ck_assert_int_eq(number("total"), 2);
	call("POST", fmt("/api/customers/%s/merge", kept),
	    fmt("{\"customer_ids\":[\"%s\"]}", other));
	expect(200);
	find("\"query\":\"samename\"");
	ck_assert_int_eq(number("total"), 1);
	ck_assert_str_eq(text("data.0.id"), kept);
}
END

TEST(a_whole_word_comes_before_one_that_only_begins_so)
{
	const char *begins = make_ticket("logistics logistics logistics"),
		   *whole = make_ticket("log");

	find("\"query\":\"log\"");
	ck_assert_int_eq(number("total"), 2);
	ck_assert_str_eq(text("data.0.id"), whole);
	ck_assert_str_eq(text("data.1.id"), begins);
}
END

TEST(a_word_that_must_not_occur_does_not_change_the_order)
{
	const char *thread = make_ticket_of("{\"title\":\"Other\",\"description\":\"printer\"}"),
		   *titled = make_ticket_of("{\"title\":\"printer\"}");

	make_ticket("printer logs");
	find("\"query\":\"printer -logs\"");
	ck_assert_int_eq(number("total"), 2);
	ck_assert_str_eq(text("data.0.ticket_id"), titled);
	ck_assert_str_eq(text("data.1.ticket_id"), thread);
	ck_assert(json_object_get_double(at("data.1.score")) > 0);
	find("\"query\":\"printer -log\""); /* a beginning does not exclude */
	ck_assert_int_eq(number("total"), 3);
}
END

TEST(a_number_finds_its_ticket_with_or_without_its_mark)
{
	const char *id = make_ticket("some title"), *n;

	call("GET", fmt("/api/tickets/%s", id), NULL);
	n = text("number");
	find(fmt("\"query\":\"%s\"", n));
	ck_assert_str_eq(text("data.0.ticket_id"), id);
	find(fmt("\"query\":\"#%s\"", n));
	ck_assert_str_eq(text("data.0.ticket_id"), id);
	find(fmt("\"query\":\"%s\",\"in\":[]", n)); /* nowhere in particular */
	ck_assert_int_eq(number("total"), 1);
}
END

TEST(nobody_finds_what_the_credential_may_not_read)
{
	const char *id = make_ticket("t");

	call("POST", fmt("/api/tickets/%s/internal-notes", id), "{\"body\":\"secretword\"}");
	call("POST", "/api/customers", "{\"name\":\"secretword\"}");
	find("\"query\":\"secretword\"");
	ck_assert_uint_eq(count("data"), 2);
	caller.key = make_key(ORG, "read:tickets");
	find("\"query\":\"secretword\"");
	ck_assert_uint_eq(count("data"), 0);
	call("POST", "/api/v1/search", "{\"query\":\"x\",\"in\":[\"notes\"]}");
	expect_problem(403, "insufficient_scope");
	caller.key = other_key;
	find("\"query\":\"secretword\"");
	ck_assert_uint_eq(count("data"), 0);
	find("\"query\":\"secretwrod\"");
	ck_assert_uint_eq(count("data"), 0);
}
END

TEST(the_words_are_found_through_their_index)
{
	const char *plan;

	sql("INSERT INTO search_document (org_id, kind, id, at, words) SELECT 'o', 'ticket', uuid7(), now(), "
	    "to_tsvector('simple', 'w' || n) FROM generate_series(1, 3000) n");
	sql("ANALYZE search_document");
	sql("CREATE OR REPLACE FUNCTION test_plan() RETURNS text LANGUAGE plpgsql AS $$ DECLARE l text; a text := ''; "
	    "BEGIN SET LOCAL enable_seqscan = off; FOR l IN EXPLAIN SELECT d.id FROM search_document d "
	    "WHERE d.org_id = 'o' AND d.words @@ search_query('w17 ') AND d.kind <> 'customer' LOOP a := a || l; END LOOP; RETURN a; END $$");
	plan = sql_text("SELECT test_plan()");
	ck_assert_msg(strstr(plan, "_words_idx") != NULL, "%s", plan);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("search");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_word_in_the_title_comes_before_one_in_the_thread);
	tcase_add_test(c, of_texts_that_match_as_well_the_newest_comes_first);
	tcase_add_test(c, all_words_must_occur_and_the_last_may_be_a_beginning);
	tcase_add_test(c, what_matched_is_marked_and_the_rest_is_escaped);
	tcase_add_test(c, of_a_text_without_a_match_the_beginning_is_shown);
	tcase_add_test(c, numbers_addresses_and_names_are_found);
	tcase_add_test(c, conditions_and_facets_look_at_the_tickets);
	tcase_add_test(c, pages_show_every_hit_once);
	tcase_add_test(c, a_changed_or_deleted_text_is_found_as_it_is_now);
	tcase_add_test(c, a_deleted_ticket_is_not_found_until_it_is_back);
	tcase_add_test(c, a_merged_customer_is_found_under_the_other_s_name_alone);
	tcase_add_test(c, a_whole_word_comes_before_one_that_only_begins_so);
	tcase_add_test(c, a_word_that_must_not_occur_does_not_change_the_order);
	tcase_add_test(c, a_number_finds_its_ticket_with_or_without_its_mark);
	tcase_add_test(c, nobody_finds_what_the_credential_may_not_read);
	tcase_add_test(c, the_words_are_found_through_their_index);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("search", all);
}

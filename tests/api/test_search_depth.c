/* SPDX-License-Identifier: Apache-2.0 */
/* Search: of words that very many texts have. */
#include "harness.h"

#include <string.h>

/* How many hits all pages have: each once, the best first. */
static unsigned
page_through(const char *members)
{
	static char seen[500][40];
	const char *cursor = "";
	double last = 1;
	unsigned n = 0, i, k;

	while (cursor != NULL) {
		find(fmt("%s,\"limit\":100%s", members, cursor));
		for (i = 0; i < count("data"); i++, n++) {
			ck_assert_uint_lt(n, LENGTH(seen));
			snprintf(seen[n], sizeof(seen[n]), "%s", text(fmt("data.%u.id", i)));
			for (k = 0; k < n; k++)
				ck_assert_msg(strcmp(seen[k], seen[n]) != 0, "%u and %u", k, n);
			ck_assert(strtod(text(fmt("data.%u.score", i)), NULL) <= last);
			last = strtod(text(fmt("data.%u.score", i)), NULL);
		}
		cursor = strcmp(text("has_more"), "true") != 0
		             ? NULL
		             : fmt(",\"cursor\":\"%s\"", text("next_cursor"));
	}
	return n;
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket");
}

static void
make_many(const char *title, const char *at, int n)
{
	sql("INSERT INTO ticket (org_id, ticket_id, number, title, customer_id, created_at) SELECT o.org_id, uuid7(), "
	    "take_numbers(o.org_id, 1), '%s', o.default_customer_id, %s FROM organization o, generate_series(1, %d) "
	    "WHERE o.org_id = '" ORG "'",
	    title, at, n);
}

TEST(of_a_word_that_every_text_has_the_newest_are_found)
{
	make_many("everywhere", "now() - interval '1 day'", 700);
	make_ticket("everywhere and here");
	find("\"query\":\"everywhere\"");
	ck_assert_int_eq(number("total"), 500);
	ck_assert_str_eq(text("total_is_exact"), "false");
	find("\"query\":\"everywhere here\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"everywhere\",\"in\":[\"comments\"]");
	ck_assert_int_eq(number("total"), 0);
}
END

TEST(the_best_500_are_paged_through)
{
	make_many("everywhere", "now() - interval '1 day'", 600);
	find("\"query\":\"everywhere\",\"limit\":100");
	ck_assert_uint_eq(count("data"), 100);
	ck_assert_int_eq(number("total"), 500);
	ck_assert_uint_eq(page_through("\"query\":\"everywhere\""), 500);
}
END

TEST(of_a_word_that_was_frequent_once_the_newest_are_among_the_found)
{
	make_many("formerly", "now() - interval '2 days'", 5100);
	make_many("today", "now() - interval '1 day'", 400);
	make_ticket("formerly formerly formerly");
	find("\"query\":\"formerly\",\"limit\":1");
	ck_assert_int_eq(number("total"), 500);
	ck_assert_str_eq(text("data.0.title"), "formerly formerly formerly");
}
END

TEST(hits_of_which_there_are_very_many_keep_their_place_on_later_pages)
{
	const char *id = make_ticket("t");

	/* More than are gathered. Of those that are, the newest have words that begin alike as
	 * well. */
	sql("INSERT INTO comment (org_id, comment_id, ticket_id, author_type, body, created_at) SELECT '" ORG
	    "', uuid7(), '%s', 'user', CASE WHEN n <= 150 THEN repeat('alpha ', 6) WHEN n <= 450 THEN 'alpha alpha alpha ' || "
	    "repeat('alphabet ', 20) ELSE 'alpha' END, now() - CASE WHEN n BETWEEN 151 AND 450 THEN 1 ELSE 2 END * interval '1 hour' "
	    "FROM generate_series(1, 5300) n",
	    id);
	make_many("today", "now()", 400);
	ck_assert_uint_eq(page_through("\"query\":\"alpha\",\"highlight\":false"), 500);
}
END

#define URGENT "\"conditions\":{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"urgent\"}"

TEST(conditions_find_what_is_not_among_the_best)
{
	const char *id = make_ticket_of("{\"title\":\"Else\",\"priority\":\"urgent\"}");

	make_comment(id, "everywhere and in very many other words than this one");
	make_ticket_of("{\"title\":\"Not here\",\"priority\":\"urgent\"}");
	make_many("everywhere", "now() + interval '1 hour'", 700);
	find("\"query\":\"everywhere\",\"facets\":[\"priority\"]," URGENT);
	ck_assert_int_eq(number("total"), 1);
	ck_assert_str_eq(text("total_is_exact"), "true");
	ck_assert_str_eq(text("data.0.kind"), "comment");
	ck_assert_str_eq(text("data.0.ticket_id"), id);
	ck_assert_int_eq(number("facets.priority.urgent"), 1);
	find("\"query\":\"everywhere\",\"in\":[\"tickets\"]," URGENT);
	ck_assert_int_eq(number("total"), 0);
	ck_assert_str_eq(text("total_is_exact"), "true");
	caller.key = make_key(ORG, "read:tickets");
	sql("UPDATE comment SET internal = true WHERE body LIKE 'everywhere%%'");
	find("\"query\":\"everywhere\"," URGENT);
	ck_assert_int_eq(number("total"), 0);
}
END

TEST(of_very_many_that_meet_the_conditions_each_is_shown_once)
{
	make_many("everywhere", "now() - interval '2 days'", 2100);
	sql("UPDATE ticket SET priority = 'urgent'");
	make_many("everywhere", "now() - interval '1 day'", 480);
	find("\"query\":\"everywhere\",\"facets\":[\"priority\"]," URGENT);
	ck_assert_int_eq(number("facets.priority.urgent"), 500);
	ck_assert_int_eq(number("total"), 500);
	ck_assert_str_eq(text("total_is_exact"), "false");
	ck_assert_uint_eq(page_through("\"query\":\"everywhere\"," URGENT), 500);
}
END

TEST(where_looking_on_takes_too_long_the_best_are_shown)
{
	make_many("everywhere", "now()", 700);
	sql("UPDATE ticket SET priority = 'urgent' WHERE number %% 100 = 0");
	sql("ALTER FUNCTION search_among(text, text[], uuid[]) RENAME TO search_among_kept");
	sql("CREATE FUNCTION search_among(text, text[], uuid[]) RETURNS search_hit[] LANGUAGE sql AS $$ "
	    "SELECT '{}'::search_hit[] FROM pg_sleep(60) $$");
	find("\"query\":\"everywhere\"," URGENT);
	sql("DROP FUNCTION search_among(text, text[], uuid[])");
	sql("ALTER FUNCTION search_among_kept(text, text[], uuid[]) RENAME TO search_among");
	ck_assert_int_eq(number("total"), 5);
	ck_assert_str_eq(text("total_is_exact"), "false");
	find("\"query\":\"everywhere\"");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("very many");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, of_a_word_that_every_text_has_the_newest_are_found);
	tcase_add_test(c, the_best_500_are_paged_through);
	tcase_add_test(c, of_a_word_that_was_frequent_once_the_newest_are_among_the_found);
	tcase_add_test(c, hits_of_which_there_are_very_many_keep_their_place_on_later_pages);
	tcase_add_test(c, conditions_find_what_is_not_among_the_best);
	tcase_add_test(c, of_very_many_that_meet_the_conditions_each_is_shown_once);
	tcase_add_test(c, where_looking_on_takes_too_long_the_best_are_shown);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("search_depth", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets: their fields, lists, versions, transitions and deletion. */
#include "harness.h"

#include <stdio.h>
#include <string.h>

static const char *const all_status[] = { "new", "open", "pending", "on_hold", "resolved", "closed",
	"merged" };

static const char *
path_of(const char *id)
{
	return fmt("/api/tickets/%s", id);
}

static void
patch(const char *id, const char *body)
{
	call("PATCH", path_of(id), body);
}

TEST(a_title_is_enough)
{
	call("POST", "/api/tickets", "{\"title\":\"Printer on fire\"}");
	expect(201);
	ck_assert_str_eq(text("status"), "new");
	ck_assert_str_eq(text("priority"), "normal");
	ck_assert_str_eq(text("channel"), "api");
	ck_assert_int_eq(number("version"), 1);
	ck_assert_uint_eq(strlen(text("customer_id")), 36);
	ck_assert_str_eq(header("Location"), path_of(text("ticket_id")));
	ck_assert_str_eq(header("ETag"), "\"v1\"");
}
END

TEST(tags_are_sorted_and_kept_once)
{
	call("POST", "/api/tickets", "{\"title\":\"t\",\"tags\":[\"b\",\"a\",\"b\"]}");
	expect(201);
	ck_assert_str_eq(json_object_to_json_string(at("tags")), "[ \"a\", \"b\" ]");
}
END

TEST(the_hundred_and_first_tag_is_refused_by_its_rule)
{
	const char *id = make_ticket("many");
	int i;

	sql("UPDATE ticket SET tags = ARRAY(SELECT 't' || n FROM generate_series(1, 100) n) WHERE ticket_id = '%s'",
	    id);
	call("POST", fmt("/api/tickets/%s/tags", id), "{\"tags\":[\"t1\"]}");
	expect(200);
	for (i = 0; i < 2; i++) {
		call("POST", i == 0 ? fmt("/api/tickets/%s/tags", id) : "/api/bulk/tickets/tag",
		    i == 0 ? "{\"tags\":[\"one\"]}"
			   : fmt("{\"ticket_ids\":[\"%s\"],\"add\":[\"one\"]}", id));
		ck_assert_msg(strstr(reply_body, "too_many") != NULL &&
				  strstr(reply_body, "at most 100 tags") != NULL &&
				  strstr(reply_body, "\"tags\"") != NULL,
		    "%s", reply_body);
	}
}
END

TEST(an_external_id_is_unique_within_the_organization_only)
{
	call("POST", "/api/tickets", "{\"title\":\"t\",\"external_id\":\"ext-1\"}");
	expect(201);
	call("POST", "/api/tickets", "{\"title\":\"t\",\"external_id\":\"ext-1\"}");
	expect_problem(409, "already_exists");
	expect_field("external_id", "already_exists");
	caller.key = other_key;
	call("POST", "/api/tickets", "{\"title\":\"t\",\"external_id\":\"ext-1\"}");
	expect(201);
}
END

TEST(an_absent_field_keeps_its_value_and_null_clears_it)
{
	const char *id =
	    make_ticket_of("{\"title\":\"t\",\"description\":\"d\",\"external_id\":\"ext-2\"}");

	patch(id, "{\"priority\":\"urgent\"}");
	expect(200);
	ck_assert_str_eq(text("description"), "d");
	ck_assert_str_eq(text("external_id"), "ext-2");
	patch(id, "{\"external_id\":null}");
	ck_assert_str_eq(text("external_id"), "null");
	ck_assert_int_eq(number("version"), 3);
}
END

TEST(a_change_that_changes_nothing_keeps_the_version_and_leaves_no_event)
{
	const char *id = make_ticket("same");
	const char *before = sql_text("SELECT count(*) FROM event");

	patch(id, "{\"title\":\"same\"}");
	expect(200);
	ck_assert_int_eq(number("version"), 1);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM event"), before);
}
END

    /* A ticket in this status, or NULL for merged. */
    static const char *
    ticket_in(const char *wanted)
{
	const char *id = make_ticket("moves");

	if (strcmp(wanted, "new") != 0) {
		patch(id, fmt("{\"status\":\"%s\"}", wanted));
		expect(200);
	}
	return id;
}

static bool
may_go(const char *from, const char *to)
{
	if (strcmp(to, "new") == 0)
		return false;
	if (strcmp(from, "resolved") == 0)
		return strcmp(to, "open") == 0 || strcmp(to, "closed") == 0;
	return strcmp(from, "closed") != 0 || strcmp(to, "open") == 0;
}

TEST(each_status_leads_where_the_table_says)
{
	unsigned from, to;

	for (from = 0; from < 6; from++)
		for (to = 0; to < 6; to++) {
			const char *id = ticket_in(all_status[from]);

			patch(id, fmt("{\"status\":\"%s\"}", all_status[to]));
			if (from == to || may_go(all_status[from], all_status[to])) {
				expect(200);
				ck_assert_str_eq(text("status"), all_status[to]);
			} else {
				expect_problem(409, "invalid_transition");
			}
		}
	patch(ticket_in("open"), "{\"status\":\"merged\"}");
	expect_field("status", "not_allowed");
}
END

TEST(a_closed_ticket_opens_again_only_within_the_window)
{
	const char *id = ticket_in("closed");

	ck_assert_str_ne(text("closed_at"), "null");
	patch(id, "{\"status\":\"open\"}");
	expect(200);
	ck_assert_int_eq(number("reopened_count"), 1);
	ck_assert_str_eq(text("closed_at"), "null");
	patch(id, "{\"status\":\"closed\"}");
	sql("SET session_replication_role = replica; UPDATE ticket SET closed_at = now() - interval '15 days' "
	    "WHERE ticket_id = '%s'; SET session_replication_role = origin",
	    id);
	patch(id, "{\"status\":\"open\"}");
	expect_problem(409, "ticket_closed");
	call("POST", fmt("%s/comments", path_of(id)), "{\"body\":\"late\"}");
	expect_problem(409, "ticket_closed");
}
END

TEST(an_etag_guards_against_lost_updates)
{
	const char *id = make_ticket("guarded");

	caller.headers = "If-Match: \"v1\"\n";
	patch(id, "{\"priority\":\"high\"}");
	expect(200);
	ck_assert_str_eq(header("ETag"), "\"v2\"");
	patch(id, "{\"priority\":\"low\"}");
	expect_problem(412, "precondition_failed");
	caller.headers = "If-Match: W/\"v2\"\n";
	patch(id, "{\"priority\":\"low\"}");
	expect(412);
	caller.headers = "If-Match: \"v1\", \"v2\"\n";
	patch(id, "{\"priority\":\"low\"}");
	expect(200);
	caller.headers = "If-Match: \"v1\"\n";
	call("DELETE", path_of(id), NULL);
	expect(412);
	caller.headers = "If-None-Match: \"v3\"\n";
	call("GET", path_of(id), NULL);
	ck_assert_int_eq(status, 304);
	ck_assert_str_eq(reply_body, "");
}
END

TEST(a_deleted_ticket_is_gone)
{
	const char *id = make_ticket("spam");

	call("DELETE", path_of(id), NULL);
	expect(204);
	call("GET", path_of(id), NULL);
	expect(404);
	call("DELETE", path_of(id), NULL);
	expect(404);
	call("POST", fmt("%s/comments", path_of(id)), "{\"body\":\"x\"}");
	expect(404);
}
END

    /* Walk all pages; the number of tickets, each seen once. */
    static size_t
    walk_pages(const char *query)
{
	char seen[4096] = "", cursor[300] = "";
	size_t total = 0, i;

	do {
		call("GET",
		    fmt("/api/tickets?%s&limit=3%s%s", query,
			*cursor == '\0' ? "" : "&cursor=", cursor),
		    NULL);
		expect(200);
		for (i = 0; i < count("data"); i++) {
			const char *id = text(fmt("data.%zu.ticket_id", i));

			ck_assert_ptr_null(strstr(seen, id));
			strcat(seen, id);
			total++;
		}
		snprintf(cursor, sizeof(cursor), "%s", text("next_cursor"));
	} while (strcmp(text("has_more"), "true") == 0);
	return total;
}

TEST(pages_show_every_ticket_once_even_among_equal_times)
{
	int i;

	for (i = 0; i < 10; i++)
		make_ticket_of("{\"title\":\"page\",\"tags\":[\"paging\"],\"priority\":\"low\"}");
	sql("SET session_replication_role = replica; UPDATE ticket SET created_at = '2026-01-01', updated_at = "
	    "'2026-01-01' WHERE title = 'page'; SET session_replication_role = origin");
	ck_assert_uint_eq(walk_pages("tag=paging"), 10);
	ck_assert_uint_eq(walk_pages("tag=paging&sort=created_at"), 10);
	ck_assert_uint_eq(walk_pages("tag=paging&sort=-number"), 10);
	ck_assert_uint_eq(walk_pages("tag=paging&sort=updated_at"), 10);
}
END

TEST(a_cursor_of_another_order_is_refused)
{
	char cursor[300];

	make_ticket("a");
	make_ticket("b");
	call("GET", "/api/tickets?limit=1", NULL);
	snprintf(cursor, sizeof(cursor), "%s", text("next_cursor"));
	call("GET", fmt("/api/tickets?limit=1&sort=number&cursor=%s", cursor), NULL);
	expect_problem(400, "invalid_cursor");
}
END

TEST(filters_combine_and_repeat)
{
	call("POST", "/api/tickets",
	    "{\"title\":\"f\",\"priority\":\"urgent\",\"tags\":[\"filter\"],\"status\":\"pending\"}");
	call("POST", "/api/tickets",
	    "{\"title\":\"f\",\"priority\":\"high\",\"tags\":[\"filter\"],\"status\":\"open\"}");
	call("GET", "/api/tickets?tag=filter&status=open&status=pending&include_total=true", NULL);
	ck_assert_int_eq(number("total"), 2);
	call("GET", "/api/tickets?tag=filter&status=open,pending&priority=urgent", NULL);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.priority"), "urgent");
	call("GET", "/api/tickets?tag=filter&assigned=true", NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", "/api/tickets?tag=filter&created_before=2020-01-01T00:00:00Z", NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", "/api/tickets?tag=filter&fields=ticket_id,tags", NULL);
	ck_assert(!has("data.0.title") && has("data.0.tags"));
}
END

TEST(includes_bring_what_belongs_to_a_ticket)
{
	const char *id = make_ticket("with");

	make_comment(id, "first");
	call("GET", fmt("%s?include=customer,comments,assignee,links", path_of(id)), NULL);
	expect(200);
	ck_assert_str_eq(text("customer.name"), "Unknown customer");
	ck_assert_str_eq(text("comments.0.body"), "first");
	ck_assert_str_eq(text("assignee"), "null");
	call("GET", fmt("%s?fields=title", path_of(id)), NULL);
	ck_assert_str_eq(reply_body, "{\"title\":\"with\"}");
}
END

TEST(numbers_count_up_within_the_organization)
{
	long first;

	make_ticket("one");
	first = number("number");
	make_ticket("two");
	ck_assert_int_gt(number("number"), first);
}
END

    static TCase *
    cases(void)
{
	TCase *tc = tcase_create("tickets");

	tcase_add_test(tc, a_title_is_enough);
	tcase_add_test(tc, tags_are_sorted_and_kept_once);
	tcase_add_test(tc, the_hundred_and_first_tag_is_refused_by_its_rule);
	tcase_add_test(tc, an_external_id_is_unique_within_the_organization_only);
	tcase_add_test(tc, an_absent_field_keeps_its_value_and_null_clears_it);
	tcase_add_test(tc, a_change_that_changes_nothing_keeps_the_version_and_leaves_no_event);
	tcase_add_test(tc, each_status_leads_where_the_table_says);
	tcase_add_test(tc, a_closed_ticket_opens_again_only_within_the_window);
	tcase_add_test(tc, an_etag_guards_against_lost_updates);
	tcase_add_test(tc, a_deleted_ticket_is_gone);
	tcase_add_test(tc, pages_show_every_ticket_once_even_among_equal_times);
	tcase_add_test(tc, a_cursor_of_another_order_is_refused);
	tcase_add_test(tc, filters_combine_and_repeat);
	tcase_add_test(tc, includes_bring_what_belongs_to_a_ticket);
	tcase_add_test(tc, numbers_count_up_within_the_organization);
	return tc;
}

int
main(void)
{
	return harness_main("tickets", (TCase * (*[])(void)){ cases, NULL });
}

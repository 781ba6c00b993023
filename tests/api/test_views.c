/* SPDX-License-Identifier: Apache-2.0 */
/* Saved views: who sees them, what they find, and what they refuse. */
#include "harness.h"

#include <string.h>

#define VIEWS "/api/organizations/" ORG "/views"
#define URGENT "{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"urgent\"}"

static const char *
make_view(const char *body)
{
	return make(VIEWS, body, "view_id");
}

static const char *
make_urgent(const char *title)
{
	return make_ticket_of(fmt("{\"title\":\"%s\",\"priority\":\"urgent\"}", title));
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM saved_view; DELETE FROM ticket; DELETE FROM custom_field");
}

TEST(a_view_shows_the_tickets_of_its_filter_in_its_order)
{
	const char *first, *second, *id;

	make_ticket("calm");
	first = make_urgent("first");
	second = make_urgent("second");
	id = make_view(
	    "{\"name\":\"Urgent\",\"conditions\":{\"all\":[" URGENT "]},\"sort\":\"number\"}");
	call("GET", fmt(VIEWS "/%s/tickets", id), NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	ck_assert_str_eq(text("data.0.ticket_id"), first);
	call("GET", fmt(VIEWS "/%s/tickets?sort=-number&include_total=true", id), NULL);
	ck_assert_str_eq(text("data.0.ticket_id"), second);
	ck_assert_int_eq(number("total"), 2);
	call("GET", fmt(VIEWS "/%s/tickets?status=closed", id), NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", fmt(VIEWS "/%s/count", id), NULL);
	ck_assert_int_eq(number("count"), 2);
}
END

TEST(pages_of_a_view_show_every_ticket_once)
{
	const char *id = make_view("{\"name\":\"All\",\"sort\":\"-priority\"}"), *cursor = "";
	int i, seen = 0;

	for (i = 0; i < 7; i++)
		i % 2 == 0 ? make_ticket("t") : make_urgent("u");
	do {
		call("GET",
		    fmt(VIEWS "/%s/tickets?limit=2%s%s", id, *cursor ? "&cursor=" : "", cursor),
		    NULL);
		expect(200);
		ck_assert_str_eq(text("data.0.priority"), seen < 3 ? "urgent" : "normal");
		seen += (int)count("data");
		cursor = text("next_cursor");
	} while (strcmp(cursor, "null") != 0);
	ck_assert_int_eq(seen, 7);
}
END

TEST(the_counts_of_all_views_come_in_one_call_in_their_order)
{
	make_urgent("u");
	make_view("{\"name\":\"Second\",\"position\":2}");
	make_view("{\"name\":\"First\",\"position\":1,\"conditions\":{\"not\":" URGENT "}}");
	call("GET", VIEWS "/counts", NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 2);
	ck_assert_str_eq(text("data.0.name"), "First");
	ck_assert_int_eq(number("data.0.count"), 0);
	ck_assert_int_eq(number("data.1.count"), 1);
	ck_assert_str_eq(text("data.1.exact"), "true");
}
END

TEST(the_counts_leave_out_no_view)
{
	make_urgent("u");
	sql("INSERT INTO saved_view (org_id, view_id, name, position) SELECT '" ORG
	    "', uuid7(), 'v', n FROM generate_series(1, 130) n");
	call("GET", VIEWS "/counts", NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 130);
	ck_assert_int_eq(number("data.129.count"), 1);
	ck_assert_str_eq(text("complete"), "true");
}
END

/* 50 ms for each count: ten in the first half second, and not forty within one. */
TEST(counts_for_which_there_is_no_time_are_null_and_the_reply_says_so)
{
	const char *was = sql_text("SELECT rtrim(pg_get_viewdef('ticket_v'), ';')");

	make_urgent("u");
	sql("INSERT INTO saved_view (org_id, view_id, name, position) SELECT '" ORG
	    "', uuid7(), 'v', n FROM generate_series(1, 40) n");
	sql("CREATE OR REPLACE VIEW ticket_v WITH (security_invoker = true) AS %s AND "
	    "pg_sleep(0.05) IS NOT NULL",
	    was);
	call("GET", VIEWS "/counts", NULL);
	sql("CREATE OR REPLACE VIEW ticket_v WITH (security_invoker = true) AS %s", was);
	expect(200);
	ck_assert_uint_eq(count("data"), 40);
	ck_assert_int_eq(number("data.9.count"), 1);
	ck_assert_str_eq(text("data.39.count"), "null");
	ck_assert_str_eq(text("data.39.name"), "v");
	ck_assert_str_eq(text("complete"), "false");
}
END

TEST(one_owner_has_at_most_a_thousand_views)
{
	sql("INSERT INTO saved_view (org_id, view_id, name, owner_id) SELECT '" ORG
	    "', uuid7(), 'v', key_id::text FROM api_key, generate_series(1, 1000) WHERE org_id = '" ORG
	    "' AND secret_hash = encode(sha256(convert_to('%s', 'UTF8')), 'hex')",
	    admin_key);
	call("POST", VIEWS, "{\"name\":\"one more\"}");
	expect_problem(409, "too_many");
}
END

TEST(a_private_view_is_seen_by_its_owner_alone)
{
	const char *agent = make_key(ORG, "read:tickets,write:tickets");
	const char *id;

	caller.key = agent;
	id = make_view("{\"name\":\"Mine\",\"visibility\":\"private\"}");
	caller.key = admin_key;
	call("GET", fmt(VIEWS "/%s", id), NULL);
	expect(404);
	call("GET", fmt(VIEWS "/%s/tickets", id), NULL);
	expect(404);
	call("GET", VIEWS, NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", VIEWS "/counts", NULL);
	ck_assert_uint_eq(count("data"), 0);
	caller.key = agent;
	call("PATCH", fmt(VIEWS "/%s", id), "{\"name\":\"Still mine\"}");
	expect(200);
	call("DELETE", fmt(VIEWS "/%s", id), NULL);
	expect(204);
}
END

TEST(sharing_a_view_and_changing_a_shared_one_need_the_scope)
{
	const char *agent = make_key(ORG, "read:tickets,write:tickets"),
		   *id = make_view("{\"name\":\"Ours\"}");

	caller.key = agent;
	call("POST", VIEWS, "{\"name\":\"x\",\"visibility\":\"everyone\"}");
	expect_problem(403, "insufficient_scope");
	call("PATCH", fmt(VIEWS "/%s", id), "{\"name\":\"x\"}");
	expect_problem(403, "insufficient_scope");
	call("DELETE", fmt(VIEWS "/%s", id), NULL);
	expect_problem(403, "insufficient_scope");
	id = make_view("{\"name\":\"Mine\",\"visibility\":\"private\"}");
	call("PATCH", fmt(VIEWS "/%s", id), "{\"visibility\":\"everyone\"}");
	expect_problem(403, "insufficient_scope");
}
END

TEST(a_view_is_private_unless_its_owner_may_share)
{
	caller.key = make_key(ORG, "read:tickets,write:tickets");
	make_view("{\"name\":\"Mine\"}");
	ck_assert_str_eq(text("visibility"), "private");
	caller.key = admin_key;
	make_view("{\"name\":\"Ours\"}");
	ck_assert_str_eq(text("visibility"), "everyone");
}
END

TEST(who_may_only_read_writes_no_view)
{
	const char *id;

	caller.key = make_key(ORG, "read:tickets");
	call("POST", VIEWS, "{\"name\":\"Mine\",\"visibility\":\"private\"}");
	expect_problem(403, "insufficient_scope");
	id = sql_text(
	    "INSERT INTO saved_view (org_id, view_id, name, visibility, owner_id) SELECT '" ORG
	    "', uuid7(), 'Mine', 'private', key_id::text FROM api_key ORDER BY created_at "
	    "DESC LIMIT 1 RETURNING view_id");
	call("GET", fmt(VIEWS "/%s", id), NULL);
	expect(200);
	call("PATCH", fmt(VIEWS "/%s", id), "{\"name\":\"x\"}");
	expect_problem(403, "insufficient_scope");
	call("DELETE", fmt(VIEWS "/%s", id), NULL);
	expect_problem(403, "insufficient_scope");
}
END

TEST(a_team_belongs_to_a_view_for_a_team_and_to_no_other)
{
	const char *team = make("/api/organizations/" ORG "/teams",
	    fmt("{\"name\":\"%s\"}", sql_text("SELECT uuid7()")), "team_id");
	const char *id = make_view("{\"name\":\"x\",\"visibility\":\"private\"}");

	call("PATCH", fmt(VIEWS "/%s", id), fmt("{\"team_id\":\"%s\"}", team));
	expect_field("team_id", "not_allowed");
	call("POST", VIEWS, fmt("{\"name\":\"x\",\"team_id\":\"%s\"}", team));
	expect_field("team_id", "not_allowed");
	call("PATCH", fmt(VIEWS "/%s", id), "{\"visibility\":\"team\"}");
	expect_field("team_id", "required");
	call("PATCH", fmt(VIEWS "/%s", id),
	    fmt("{\"visibility\":\"team\",\"team_id\":\"%s\"}", team));
	expect(200);
	call("PATCH", fmt(VIEWS "/%s", id), "{\"team_id\":null}");
	expect_field("team_id", "required");
	call("PATCH", fmt(VIEWS "/%s", id), "{\"visibility\":\"everyone\"}");
	expect(200);
	ck_assert_str_eq(text("team_id"), "null");
}
END

TEST(a_view_of_a_team_is_seen_by_its_members)
{
	const char *user = make_user("member", ",\"password\":\"correct horse\""),
		   *team = sql_text("SELECT uuid7()"), *id;

	sql("INSERT INTO team (org_id, team_id, name) VALUES ('" ORG "', '%s', 'Blue')", team);
	id = make_view(
	    fmt("{\"name\":\"Blue's\",\"visibility\":\"team\",\"team_id\":\"%s\"}", team));
	call("POST", "/api/v1/auth/login",
	    "{\"email\":\"member@example.com\",\"password\":\"correct horse\"}");
	expect(200);
	caller.key = NULL;
	caller.bearer = text("access_token");
	call("GET", fmt(VIEWS "/%s", id), NULL);
	expect(404);
	sql("INSERT INTO team_member (org_id, team_id, user_id) VALUES ('" ORG "', '%s', '%s')",
	    team, user);
	call("GET", fmt(VIEWS "/%s", id), NULL);
	expect(200);
}
END

TEST(a_filter_that_makes_no_sense_is_refused_with_its_place)
{
	call("POST", VIEWS,
	    "{\"name\":\"x\",\"conditions\":{\"all\":[{\"field\":\"color\",\"op\":\"eq\",\"value\":1}]}}");
	expect_field("conditions.all[0].field", "unknown_field");
	call("POST", VIEWS,
	    "{\"name\":\"x\",\"sort\":\"title\",\"columns\":[\"number\",\"colour\"]}");
	expect_field("sort", "not_allowed");
	expect_field("columns[1]", "not_allowed");
	call("POST", VIEWS, "{\"name\":\"x\",\"visibility\":\"team\"}");
	expect_field("team_id", "required");
	call("POST", VIEWS,
	    "{\"name\":\"x\",\"visibility\":\"team\",\"team_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\"}");
	expect(422);
}
END

TEST(a_view_is_sorted_by_a_custom_field_while_there_is_one)
{
	const char *id, *first, *second, *without;

	sql("INSERT INTO custom_field (org_id, field_id, key, label, type, options) VALUES ('" ORG
	    "', uuid7(), 'seats', 'Seats', 'number', '{}'), ('" ORG
	    "', uuid7(), 'extras', 'Extras', 'multiselect', '{a,b}')");
	first = make_ticket_of("{\"title\":\"t\",\"custom_fields\":{\"seats\":9}}");
	second = make_ticket_of("{\"title\":\"t\",\"custom_fields\":{\"seats\":10}}");
	without = make_ticket("without");
	id = make_view("{\"name\":\"x\",\"sort\":\"-cf.seats\"}");
	call("GET", fmt(VIEWS "/%s/tickets", id), NULL);
	expect(200);
	ck_assert_uint_eq(count("data"), 3);
	ck_assert_str_eq(text("data.0.ticket_id"), second);
	ck_assert_str_eq(text("data.1.ticket_id"), first);
	ck_assert_str_eq(text("data.2.ticket_id"), without);
	call("PATCH", fmt(VIEWS "/%s", id), "{\"sort\":\"cf.extras\"}");
	expect_field("sort", "not_allowed");
	call("PATCH", fmt(VIEWS "/%s", id), "{\"sort\":\"cf.colour\"}");
	expect_field("sort", "not_allowed");
	sql("UPDATE custom_field SET deleted_at = now()");
	call("GET", fmt(VIEWS "/%s/tickets", id), NULL);
	expect_problem(409, "conflict");
	call("GET", fmt(VIEWS "/%s/tickets?sort=number", id), NULL);
	expect(200);
}
END

TEST(columns_are_fields_that_there_are_and_each_once)
{
	sql("INSERT INTO custom_field (org_id, field_id, key, label, type) VALUES ('" ORG
	    "', uuid7(), 'plan', 'Plan', 'text')");
	make_view("{\"name\":\"x\",\"columns\":[\"number\",\"custom_fields.plan\"]}");
	call("POST", VIEWS,
	    "{\"name\":\"x\",\"columns\":[\"custom_fields.plan\",\"custom_fields.colour\",\"number\","
	    "\"title\",\"number\",\"lease_until\"]}");
	expect_field("columns[1]", "not_allowed");
	expect_field("columns[4]", "repeated");
	expect_field("columns[5]", "not_allowed");
}
END

TEST(a_view_whose_field_is_gone_says_so)
{
	const char *id;

	sql("INSERT INTO custom_field (org_id, field_id, key, label, type) VALUES ('" ORG
	    "', uuid7(), 'plan', 'Plan', 'text')");
	id = make_view(
	    "{\"name\":\"x\",\"conditions\":{\"field\":\"custom_fields.plan\",\"op\":\"is_set\"}}");
	sql("UPDATE custom_field SET deleted_at = now()");
	call("GET", fmt(VIEWS "/%s/tickets", id), NULL);
	expect_problem(409, "conflict");
	call("GET", VIEWS "/counts", NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.count"), "null");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("views");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_view_shows_the_tickets_of_its_filter_in_its_order);
	tcase_add_test(c, pages_of_a_view_show_every_ticket_once);
	tcase_add_test(c, the_counts_of_all_views_come_in_one_call_in_their_order);
	tcase_add_test(c, the_counts_leave_out_no_view);
	tcase_add_test(c, counts_for_which_there_is_no_time_are_null_and_the_reply_says_so);
	tcase_add_test(c, one_owner_has_at_most_a_thousand_views);
	tcase_add_test(c, a_private_view_is_seen_by_its_owner_alone);
	tcase_add_test(c, sharing_a_view_and_changing_a_shared_one_need_the_scope);
	tcase_add_test(c, a_view_is_private_unless_its_owner_may_share);
	tcase_add_test(c, who_may_only_read_writes_no_view);
	tcase_add_test(c, a_team_belongs_to_a_view_for_a_team_and_to_no_other);
	tcase_add_test(c, a_view_of_a_team_is_seen_by_its_members);
	tcase_add_test(c, a_filter_that_makes_no_sense_is_refused_with_its_place);
	tcase_add_test(c, a_view_is_sorted_by_a_custom_field_while_there_is_one);
	tcase_add_test(c, columns_are_fields_that_there_are_and_each_once);
	tcase_add_test(c, a_view_whose_field_is_gone_says_so);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("views", all);
}

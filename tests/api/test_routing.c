/* SPDX-License-Identifier: Apache-2.0 */
/* Which queue a new ticket goes to, whichever way it comes in, and what is said of it beforehand.
 */
#include "fixtures_inbound.h"

#include <string.h>

#define QUEUES "/api/organizations/" ORG "/queues"
#define URGENT "{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"urgent\"}"

static const char *
make_queue(const char *name, const char *conditions)
{
	return make(
	    QUEUES, fmt("{\"name\":\"%s\",\"conditions\":%s}", name, conditions), "queue_id");
}

static void
fresh(void)
{
	inbound_fresh();
	sql("DELETE FROM queue; DELETE FROM custom_field; "
	    "UPDATE customer SET company_id = NULL; DELETE FROM company");
}

static void
match(const char *attributes)
{
	call("POST", QUEUES "/match", fmt("{\"attributes\":%s}", attributes));
}

TEST(the_first_queue_with_conditions_gets_the_very_next_ticket)
{
	const char *queue;

	make_ticket("before");
	ck_assert_str_eq(text("queue_id"), "null");
	queue = make_queue("All", "{\"all\":[]}");
	make_ticket("after");
	ck_assert_str_eq(text("queue_id"), queue);
	call("DELETE", fmt(QUEUES "/%s", queue), NULL);
	make_ticket("then");
	ck_assert_str_eq(text("queue_id"), "null");
	sql("INSERT INTO queue (org_id, queue_id, name, conditions) VALUES ('" ORG
	    "', uuid7(), 'Another worker made it', '{\"all\":[]}')");
	make_ticket("last");
	ck_assert_str_ne(text("queue_id"), "null");
}
END

TEST(a_bulk_creation_sends_each_ticket_to_its_queue)
{
	const char *queue = make_queue("Urgent", URGENT), *named = make_queue("Low", "{}");
	const char *none = "0190163d-8694-739b-aea5-966c26f8ad91";

#define TICKETS(more) \
	fmt("{\"tickets\":[{\"title\":\"a\",\"priority\":\"urgent\"},{\"title\":\"b\"}," \
	    "{\"title\":\"c\",\"priority\":\"urgent\",\"queue_id\":\"%s\"}," \
	    "{\"title\":\"d\",\"priority\":\"urgent\",\"queue_id\":\"%s\"}]" more "}", \
	    named, none)
	call("POST", "/api/bulk/tickets", TICKETS(",\"dry_run\":true"));
	expect(200);
	ck_assert_int_eq(number("succeeded"), 3);
	expect_count("0", "ticket");
	call("POST", "/api/bulk/tickets", TICKETS(",\"atomic\":true"));
	expect(200);
	expect_count("0", "ticket");
	call("POST", "/api/bulk/tickets", TICKETS(""));
	expect(200);
	ck_assert_int_eq(number("succeeded"), 3);
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(title || coalesce(queue_id::text, '-'), ' ' ORDER BY title) "
		"FROM ticket"),
	    fmt("a%s b- c%s", queue, named));
}
END

TEST(mail_that_comes_in_goes_to_a_queue)
{
	const char *queue =
	    make_queue("Mail", "{\"field\":\"channel\",\"op\":\"eq\",\"value\":\"email\"}");
	const char *ticket = ticket_from("bob@example.org");

	ck_assert_str_eq(
	    sql_text("SELECT queue_id FROM ticket WHERE ticket_id = '%s'", ticket), queue);
	hand_in(mail("bob@example.org", answering(serial), "And now?"));
	expect_action("commented");
}
END

TEST(match_says_which_queues_want_a_ticket_and_why)
{
	const char *id = make_queue("Urgent bugs",
	    "{\"all\":[" URGENT ",{\"field\":\"tags\",\"op\":\"contains\",\"value\":\"bug\"}]}");
	const char *ticket;

	match("{\"priority\":\"urgent\",\"tags\":[\"login\"]}");
	expect(200);
	ck_assert_str_eq(text("first"), "null");
	ck_assert_str_eq(text("data.0.matched"), "false");
	ck_assert_str_eq(text("data.0.why.0.path"), "all[0]");
	ck_assert_str_eq(text("data.0.why.0.field"), "priority");
	ck_assert_str_eq(text("data.0.why.0.op"), "eq");
	ck_assert_str_eq(text("data.0.why.0.value"), "urgent");
	ck_assert_str_eq(text("data.0.why.0.matched"), "true");
	ck_assert_str_eq(text("data.0.why.1.matched"), "false");
	ck_assert(!has("data.0.error"));
	match("{\"priority\":\"urgent\",\"tags\":[\" bug \",\"x\"]}");
	expect_field("attributes.tags[0]", "format");
	match("{\"priority\":\"urgent\",\"tags\":[\"bug\"]}");
	ck_assert_str_eq(text("first"), id);
	ticket = make_ticket("t");
	call("POST", QUEUES "/match", fmt("{\"ticket_id\":\"%s\"}", ticket));
	ck_assert_str_eq(text("data.0.matched"), "false");
	call("POST", QUEUES "/match", "{}");
	expect_field("ticket_id", "required");
	match("{\"priority\":\"huge\"}");
	expect_field("attributes.priority", "not_allowed");
}
END

TEST(match_judges_the_ticket_that_creating_would_make)
{
	const char *company = make("/api/companies", "{\"name\":\"C\"}", "company_id");
	const char *customer = make("/api/customers",
	    fmt("{\"name\":\"Bob\",\"company_id\":\"%s\"}", company), "customer_id");
	const char *queue, *attributes;

	make("/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Plan\",\"key\":\"plan\",\"type\":\"text\",\"default_value\":\"free\"}",
	    "field_id");
	make("/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Seats\",\"key\":\"seats\",\"type\":\"number\",\"required\":true}",
	    "field_id");
	queue = make_queue(
	    "Theirs", fmt("{\"all\":[{\"field\":\"company_id\",\"op\":\"eq\",\"value\":\"%s\"},"
			  "{\"field\":\"custom_fields.plan\",\"op\":\"eq\",\"value\":\"free\"},"
			  "{\"field\":\"created_by\",\"op\":\"is_set\"},"
			  "{\"field\":\"number\",\"op\":\"gt\",\"value\":0}]}",
			  company));
	attributes = fmt("{\"customer_id\":\"%s\"}", customer);
	match(attributes);
	expect(200);
	ck_assert_str_eq(text("first"), queue);
	make_ticket_of(fmt(
	    "{\"title\":\"t\",\"customer_id\":\"%s\",\"custom_fields\":{\"seats\":1}}", customer));
	ck_assert_str_eq(text("queue_id"), queue);
	match("{\"customer_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\"}");
	expect_field("attributes.customer_id", "unknown_reference");
	match("{\"custom_fields\":{\"seats\":\"many\"}}");
	expect_field("attributes.custom_fields.seats", "not_allowed");
	match("{\"custom_fields\":{\"color\":\"red\"}}");
	expect_field("attributes.custom_fields.color", "unknown_field");
	match(fmt("{\"queue_id\":\"%s\"}", queue));
	ck_assert_str_eq(text("first"), queue);
}
END

TEST(match_makes_nothing_and_uses_up_no_number)
{
	const char *events;
	long before;

	make_queue("All", "{\"all\":[]}");
	make_ticket("t");
	before = number("number");
	events = sql_text("SELECT count(*) FROM event");
	match("{\"tags\":[\"x\"]}");
	expect(200);
	match("{\"tags\":[\"x\"]}");
	expect(200);
	expect_count("1", "ticket");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM event"), events);
	make_ticket("t");
	ck_assert_int_eq(number("number"), before + 1);
}
END

TEST(match_says_of_a_queue_whose_field_is_gone_that_it_wants_nothing)
{
	const char *field = make("/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Plan\",\"key\":\"plan\",\"type\":\"text\"}", "field_id");

	make_queue("Pro", "{\"field\":\"custom_fields.plan\",\"op\":\"eq\",\"value\":\"pro\"}");
	call("DELETE", fmt("/api/organizations/" ORG "/custom-fields/%s", field), NULL);
	match("{}");
	expect(200);
	ck_assert_str_eq(text("data.0.matched"), "false");
	ck_assert_uint_eq(count("data.0.why"), 0);
	ck_assert_str_eq(text("data.0.error"),
	    "conditions.field: Tickets have no field \"custom_fields.plan\".");
}
END

TEST(a_queue_too_many_is_refused)
{
	const char *off, *plain;

	sql("INSERT INTO queue (org_id, queue_id, name, position, conditions) SELECT '" ORG
	    "', uuid7(), 'q' || n, n, '{\"field\":\"title\",\"op\":\"eq\",\"value\":\"x\"}' FROM generate_series(1, 99) n");
	make_queue("hundred", URGENT);
	make_ticket_of("{\"title\":\"t\",\"priority\":\"urgent\"}");
	ck_assert_str_ne(text("queue_id"), "null");
	call("POST", QUEUES, "{\"name\":\"more\",\"conditions\":" URGENT "}");
	expect_problem(409, "too_many");
	ck_assert_str_eq(text("errors.0.field"), "conditions");
	plain = make_queue("plain", "{}");
	call("PATCH", fmt(QUEUES "/%s", plain), "{\"conditions\":" URGENT "}");
	expect_problem(409, "too_many");
	off = make(
	    QUEUES, "{\"name\":\"off\",\"active\":false,\"conditions\":" URGENT "}", "queue_id");
	call("PATCH", fmt(QUEUES "/%s", off), "{\"active\":true}");
	expect_problem(409, "too_many");
	ck_assert_str_eq(text("errors.0.field"), "active");
	call("PATCH", fmt(QUEUES "/%s", off), "{\"name\":\"still off\"}");
	expect(200);
}
END

TEST(a_clone_stays_in_the_queue_of_its_original)
{
	const char *queue = make_queue("By hand", "{}");
	const char *ticket = make_ticket_of(fmt("{\"title\":\"t\",\"queue_id\":\"%s\"}", queue));

	make_queue("All", "{\"all\":[]}");
	call("POST", fmt("/api/tickets/%s/clone", ticket), "{}");
	expect(201);
	ck_assert_str_eq(text("queue_id"), queue);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("routing");

	tcase_set_timeout(c, 20);
	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, the_first_queue_with_conditions_gets_the_very_next_ticket);
	tcase_add_test(c, a_bulk_creation_sends_each_ticket_to_its_queue);
	tcase_add_test(c, mail_that_comes_in_goes_to_a_queue);
	tcase_add_test(c, match_says_which_queues_want_a_ticket_and_why);
	tcase_add_test(c, match_judges_the_ticket_that_creating_would_make);
	tcase_add_test(c, match_makes_nothing_and_uses_up_no_number);
	tcase_add_test(c, match_says_of_a_queue_whose_field_is_gone_that_it_wants_nothing);
	tcase_add_test(c, a_queue_too_many_is_refused);
	tcase_add_test(c, a_clone_stays_in_the_queue_of_its_original);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("routing", all);
}

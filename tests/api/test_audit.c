/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: who changed what, from where, from what to what, and no secret in it. */
#include "harness.h"

#include <string.h>

#include "base/util.h"

#define LOG "/api/organizations/" ORG "/audit-log"
#define CONFIG "/api/organizations/" ORG
#define ADDRESS "192.0.2.7"

/* A thing of each kind is made with `made`, and changed; the log must tell both. */
static const struct change {
	const char *path, *made, *id, *method, *changed; /* POST path, then method path/<id> */
	const char *resource, *field, *from, *to;
} changes[] = {
	{ CONFIG "/users",
	    "{\"email\":\"a@example.com\",\"name\":\"A\",\"password\":\"correct horse\"}",
	    "user_id", "PATCH", "{\"role\":\"admin\"}", "user", "role", "agent", "admin" },
	{ CONFIG "/teams", "{\"name\":\"Blue\"}", "team_id", "PUT", "{\"name\":\"Red\"}", "team",
	    "name", "Blue", "Red" },
	{ CONFIG "/queues", "{\"name\":\"First\"}", "queue_id", "PATCH", "{\"position\":7}",
	    "queue", "position", "0", "7" },
	{ CONFIG "/views", "{\"name\":\"Mine\"}", "view_id", "PATCH", "{\"name\":\"Ours\"}", "view",
	    "name", "Mine", "Ours" },
	{ CONFIG "/macros", "{\"name\":\"Hello\",\"reply\":\"Hello\"}", "macro_id", "PATCH",
	    "{\"reply\":\"Hi\"}", "macro", "reply", "Hello", "Hi" },
	{ CONFIG "/custom-fields", "{\"label\":\"Plan\",\"type\":\"text\"}", "field_id", "PATCH",
	    "{\"required\":true}", "custom_field", "required", "false", "true" },
	{ CONFIG "/business-hours", "{\"name\":\"Office\"}", "business_hours_id", "PATCH",
	    "{\"name\":\"Day\"}", "business_hours", "name", "Office", "Day" },
	{ CONFIG "/api-keys", "{\"name\":\"k\",\"scopes\":[\"read:tickets\"]}", "key_id", "PATCH",
	    "{\"name\":\"key\"}", "api_key", "name", "k", "key" },
	{ "/api/companies", "{\"name\":\"Engines\"}", "company_id", "PATCH",
	    "{\"name\":\"Difference\"}", "company", "name", "Engines", "Difference" },
	{ "/api/customers", "{\"name\":\"Ada\"}", "customer_id", "PATCH",
	    "{\"email\":\"ada@example.com\"}", "customer", "email", "null", "ada@example.com" },
	{ "/api/tickets", "{\"title\":\"t\"}", "ticket_id", "PATCH", "{\"priority\":\"high\"}",
	    "ticket", "priority", "normal", "high" },
};

static void
fresh(void)
{
	caller_reset();
	caller.address = ADDRESS;
	sql("DELETE FROM custom_field"); /* a required one would refuse every ticket */
}

static void
expect_origin(const char *entry)
{
	ck_assert_str_eq(text(fmt("%s.actor_type", entry)), "api_key");
	ck_assert_uint_eq(strlen(text(fmt("%s.actor_id", entry))), 36);
	ck_assert_str_eq(text(fmt("%s.address", entry)), ADDRESS);
	ck_assert_str_eq(text(fmt("%s.request_id", entry)), "the-request");
}

static void
check_change(const struct change *c)
{
	const char *id;

	caller.headers = "X-Request-Id: the-request\n";
	id = make(c->path, c->made, c->id);
	call(c->method, fmt("%s/%s", c->path, id), c->changed);
	expect(200);
	call("GET", fmt(LOG "?resource=%s&resource_id=%s", c->resource, id), NULL);
	expect(200);
	ck_assert_msg(count("data") >= 2, "%s: %s", c->resource, reply_body);
	call("GET", fmt(LOG "?action=%s.created&resource_id=%s", c->resource, id), NULL);
	ck_assert_msg(count("data") == 1, "%s: %s", c->resource, reply_body);
	expect_origin("data.0");
	call("GET", fmt(LOG "?action=%s.updated&resource_id=%s", c->resource, id), NULL);
	ck_assert_msg(count("data") == 1, "%s: %s", c->resource, reply_body);
	expect_origin("data.0");
	ck_assert_str_eq(text(fmt("data.0.changes.%s.from", c->field)), c->from);
	ck_assert_str_eq(text(fmt("data.0.changes.%s.to", c->field)), c->to);
}

TEST(every_kind_of_thing_tells_who_changed_it_from_where_and_how)
{
	unsigned i;

	for (i = 0; i < LENGTH(changes); i++) {
		fresh();
		check_change(&changes[i]);
	}
}
END

TEST(a_change_of_the_organization_and_a_deletion_are_told_too)
{
	const char *id;

	call("PATCH", CONFIG, "{\"retention_days\":60}");
	expect(200);
	call("GET", LOG "?resource=organization&limit=1", NULL);
	ck_assert_str_eq(text("data.0.changes.retention_days.to"), "60");
	id = make(CONFIG "/macros", "{\"name\":\"Gone\",\"reply\":\"x\"}", "macro_id");
	call("DELETE", fmt(CONFIG "/macros/%s", id), NULL);
	expect(204);
	call("GET", fmt(LOG "?action=macro.deleted&resource_id=%s", id), NULL);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.changes.name.from"), "Gone");
	ck_assert_str_eq(text("data.0.changes.name.to"), "null");
	/* A custom field's values stay a while, and its row with them: it is deleted all the same,
	 * once. */
	id = make(CONFIG "/custom-fields", "{\"label\":\"Leaves\",\"type\":\"text\"}", "field_id");
	call("DELETE", fmt(CONFIG "/custom-fields/%s", id), NULL);
	expect(204);
	make(CONFIG "/custom-fields", "{\"label\":\"Leaves\",\"type\":\"text\"}", "field_id");
	call("GET", fmt(LOG "?action=custom_field.deleted&resource_id=%s", id), NULL);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.changes.label.from"), "Leaves");
	call("GET", fmt(LOG "?action=custom_field.updated&resource_id=%s", id), NULL);
	ck_assert_uint_eq(count("data"), 0);
}
END

TEST(a_clock_that_was_stopped_by_hand_and_an_erasure_are_told_with_what_they_were)
{
	const char *ticket, *customer, *timer;

	fresh();
	customer = make("/api/customers", "{\"name\":\"Ada\"}", "customer_id");
	ticket = make_ticket_of(fmt("{\"title\":\"t\",\"customer_id\":\"%s\"}", customer));
	timer = make("/api/sla/timers", fmt("{\"ticket_id\":\"%s\",\"target_minutes\":60}", ticket),
	    "timer_id");
	call("POST", "/api/sla/timers/pause",
	    fmt("{\"timer_id\":\"%s\",\"reason\":\"waits for a part\"}", timer));
	expect(200);
	call("POST", "/api/sla/timers/resume", fmt("{\"timer_id\":\"%s\"}", timer));
	expect(200);
	call("GET", fmt(LOG "?ticket_id=%s&resource=sla_timer&actor_type=api_key", ticket), NULL);
	ck_assert_uint_eq(count("data"), 3);
	ck_assert_str_eq(text("data.0.action"), "sla.timer.resumed");
	ck_assert_str_eq(text("data.1.action"), "sla.timer.paused");
	ck_assert_str_eq(text("data.1.data.reason"), "waits for a part");
	ck_assert_str_eq(text("data.1.address"), ADDRESS);
	ck_assert_str_eq(text("data.2.action"), "sla.timer.started");
	call("DELETE", fmt("/api/customers/%s?mode=anonymize", customer), NULL);
	ck_assert_int_lt(status, 300);
	call("GET", fmt(LOG "?action=customer.erased&resource_id=%s", customer), NULL);
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(text("data.0.data.mode"), "anonymize");
	ck_assert_int_eq(number("data.0.data.tickets"), 1);
}
END

TEST(no_secret_is_ever_in_it)
{
	const char *id, *secret, *body;
	char hash[65];

	id = make_user("b", ",\"password\":\"battery staple\"");
	call("GET", fmt(LOG "?resource_id=%s", id), NULL);
	ck_assert_str_eq(text("data.0.changes.password_hash"), "[redacted]");
	call("PATCH", fmt(CONFIG "/users/%s", id), "{\"password\":\"another staple\"}");
	expect(200);
	call("GET", fmt(LOG "?action=user.updated&resource_id=%s", id), NULL);
	ck_assert_str_eq(text("data.0.changes.password_hash"), "[redacted]");
	id = make(CONFIG "/api-keys", "{\"name\":\"s\",\"scopes\":[\"read:notes\"]}", "key_id");
	secret = text("key");
	call("POST", fmt(CONFIG "/api-keys/%s/rotate", id), "{}");
	expect(200);
	sha256_hex(hash, secret, strlen(secret));
	body = sql_text("SELECT count(*) FROM event e WHERE to_jsonb(e)::text LIKE '%%%s%%' "
			"OR to_jsonb(e)::text LIKE '%%%s%%' OR to_jsonb(e)::text LIKE '%%$y$%%'",
	    hash, secret);
	ck_assert_str_eq(body, "0");
	id = make("/api/v1/webhooks",
	    "{\"url\":\"https://hooks.example.com/tell-nobody?token=tell-nobody\"}", "webhook_id");
	call("GET", fmt(LOG "?resource_id=%s", id), NULL);
	ck_assert_str_eq(text("data.0.changes.url.to"), "https://hooks.example.com/[redacted]");
	ck_assert_str_eq(text("data.0.changes.url.from"), "null");
	/* Every column of such a name is among those that the trigger is told to hide. */
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(c.relname || '.' || a.attname, ' ') FROM pg_trigger t "
		"JOIN pg_proc p ON p.oid = t.tgfoid AND p.proname = 'record_change' "
		"JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_attribute a ON a.attrelid = c.oid "
		"WHERE a.attname ~ '(hash|secret|password|token)' AND a.attnum > 0 "
		"AND position(a.attname::text IN encode(t.tgargs, 'escape')) = 0"),
	    "");
}
END

TEST(it_is_narrowed_down_and_read_in_pages)
{
	const char *actor, *cursor, *first;

	call("POST", "/api/companies", "{\"name\":\"One\"}");
	call("POST", "/api/companies", "{\"name\":\"Two\"}");
	call("GET", LOG "?action=company.created&limit=1", NULL);
	expect(200);
	ck_assert_str_eq(text("has_more"), "true");
	actor = text("data.0.actor_id");
	first = text("data.0.audit_id");
	cursor = text("next_cursor");
	call("GET", fmt(LOG "?action=company.created&limit=1&cursor=%s", cursor), NULL);
	expect(200);
	ck_assert_str_ne(text("data.0.audit_id"), first);
	call("GET", fmt(LOG "?actor_id=%s&resource=company", actor), NULL);
	ck_assert_uint_ge(count("data"), 2);
	call("GET", LOG "?actor_id=nobody", NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", LOG "?since=2999-01-01T00:00:00Z", NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", LOG "?until=2000-01-01T00:00:00Z", NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", LOG "?since=yesterday", NULL);
	expect_field("since", "format");
	caller.key = make_key(ORG, "read:tickets");
	call("GET", LOG, NULL);
	expect(403);
}
END

TEST(a_time_reads_in_the_log_as_in_the_thing)
{
	const char *ticket = make_ticket("t"), *until;

	call("POST", fmt("/api/tickets/%s/snooze", ticket),
	    "{\"until\":\"2030-01-02T03:04:05.678Z\"}");
	expect(200);
	until = text("snoozed_until");
	ck_assert_str_eq(until, "2030-01-02T03:04:05.678Z");
	call("GET", fmt(LOG "?resource=ticket&resource_id=%s", ticket), NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.changes.snoozed_until.to"), until);
	ck_assert_str_eq(text("data.0.changes.snoozed_until.from"), "null");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("audit");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, every_kind_of_thing_tells_who_changed_it_from_where_and_how);
	tcase_add_test(c, a_change_of_the_organization_and_a_deletion_are_told_too);
	tcase_add_test(
	    c, a_clock_that_was_stopped_by_hand_and_an_erasure_are_told_with_what_they_were);
	tcase_add_test(c, no_secret_is_ever_in_it);
	tcase_add_test(c, it_is_narrowed_down_and_read_in_pages);
	tcase_add_test(c, a_time_reads_in_the_log_as_in_the_thing);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("audit", all);
}

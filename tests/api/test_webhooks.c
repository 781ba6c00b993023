/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks through the API: subscriptions, fan-out, outcomes, replay, the guard. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/conf.h"
#include "harness.h"
#include "store/outgoing.h"

#define HOOK "{\"url\":\"https://hooks.example.com/x\"}"

static const char *
make_hook(const char *body)
{
	return make("/api/v1/webhooks", body, "webhook_id");
}

/* A delivery of the hook claimed and ended as the scheduler does. */
static const char *
attempt(const char *hook, int http, const char *error, int retry_after)
{
	sql("UPDATE due_job SET run_at = now() WHERE lane = '%s'", hook);
	return sql_text("SELECT webhook_finish('" ORG "', c.ref, c.token, %d, 7, %s, 'said', %d) "
			"FROM due_claim('" ORG "', 'webhook', '%s', 1, '60s') c",
	    http, error == NULL ? "NULL" : fmt("'%s'", error), retry_after, hook);
}

static const char *
of_hook(const char *hook, const char *column)
{
	return sql_text("SELECT %s FROM webhook WHERE webhook_id = '%s'", column, hook);
}

TEST(a_secret_is_shown_once_and_stored_sealed)
{
	const char *hook = make_hook(HOOK), *secret = text("secret");

	ck_assert(strncmp(secret, "whsec_", 6) == 0 && strlen(secret) == 50);
	ck_assert_str_eq(text("health"), "healthy");
	call("GET", fmt("/api/v1/webhooks/%s", hook), NULL);
	expect(200);
	ck_assert(!has("secret"));
	ck_assert_ptr_null(strstr(of_hook(hook, "secret"), secret + 8));
	call("POST", fmt("/api/v1/webhooks/%s/rotate-secret", hook), "{}");
	expect(200);
	ck_assert_str_ne(text("secret"), secret);
	ck_assert_str_ne(text("rotating_until"), "null");
	call("POST", "/api/v1/webhooks",
	    "{\"url\":\"https://hooks.example.com/x\",\"secret\":\"my-own-secret-of-24-bytes\"}");
	expect(201);
	ck_assert_str_eq(text("secret"), "my-own-secret-of-24-bytes");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM event WHERE changes::text LIKE '%%my-own-secret%%'"),
	    "0");
}
END

    /* Each is refused when it is given, and before it is called. */
    static const char *const inside[] = { "https://127.0.0.1/", "https://127.1/",
	    "https://0x7f000001/", "https://0x7f.1/", "https://2130706433/", "https://0177.0.0.1/",
	    "https://0/", "https://0.0.0.0/", "https://127.0.0.1./", "https://127%2e0%2e0%2e1/",
	    "https://localhost/", "https://LOCALHOST/", "https://localhost./",
	    "https://x.localhost/", "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/",
	    "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
	    "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::a00:1]/", "https://[2002:7f00:1::]/",
	    "https://[fe80::1]/", "https://[fe80::1%25lo]/", "https://[fc00::1]/",
	    "https://[fec0::1]/", "https://10.1.2.3/", "https://172.16.0.1/",
	    "https://172.31.255.255/", "https://192.168.1.1/", "https://169.254.169.254/latest/",
	    "https://169.254.170.2/", "https://[fd00:ec2::254]/", "https://100.64.0.1/",
	    "https://192.0.0.1/", "https://192.0.2.1/", "https://198.18.0.1/",
	    "https://198.51.100.1/", "https://203.0.113.1/", "https://224.0.0.1/",
	    "https://240.0.0.1/", "https://255.255.255.255/", "https://[ff02::1]/",
	    "https://[2001:db8::1]/", "https://[100::1]/", "https://[2001::1]/",
	    "https://1.1.1.1:22/", "https://1.1.1.1:25/", "https://1.1.1.1:6379/",
	    "https://1.1.1.1:5432/", "https://1.1.1.1:11211/", "https://1.1.1.1:0/",
	    "https://h.example.com:587/", "https://desk.example.com/hook",
	    "https://DESK.example.com./", "http://hooks.example.com/", "file:///etc/passwd",
	    "file://localhost/etc/passwd", "gopher://example.com/", "dict://example.com:11211/",
	    "ftp://example.com/", "smb://example.com/x", "ldap://example.com/",
	    "javascript:alert(1)", "hooks.example.com/x", "//hooks.example.com/x", "https://",
	    "https://user:pass@example.com/", "https://user@example.com/", "https://a@127.0.0.1/",
	    "https://@127.0.0.1/", "https://1.1.1.1#@127.0.0.1/", "https://1.1.1.1/#x",
	    "https://1.1.1.1\\\\@127.0.0.1/", "https://127.0.0.1\\\\.example.com/",
	    "https://exa mple.com/", "https://exa\\tmple.com/", "https://example.com/\\nHost:x",
	    "https://example.com/\\r", "https://127\u30020\u30020\u30021/",
	    "https://127%E3%80%820%E3%80%820%E3%80%821/", "https://localhost%00.example.com/",
	    "https://loc%61lhost/", "https://ex$ample.com/", "https://example.com:99999/",
	    "https://example.com:x/" };

TEST(only_public_addresses_are_taken)
{
	char longest[2050];
	unsigned i;

	conf.base_url = "https://desk.example.com";
	for (i = 0; i < LENGTH(inside); i++) {
		call("POST", "/api/v1/webhooks", fmt("{\"url\":\"%s\"}", inside[i]));
		ck_assert_msg(status == 422, "%s: %d %s", inside[i], status, reply_body);
		ck_assert_str_eq(text("errors.0.field"), "url");
		ck_assert_msg(outgoing_refusal(inside[i]) != NULL, "%s", inside[i]);
	}
	call("POST", "/api/v1/webhooks", "{\"url\":\"https:///x\"}");
	expect(422);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "https://h.example.com/", 22);
	longest[2049] = '\0';
	call("POST", "/api/v1/webhooks", fmt("{\"url\":\"%s\"}", longest));
	expect(422);
	longest[2048] = '\0';
	make_hook(fmt("{\"url\":\"%s\"}", longest));
	make_hook("{\"url\":\"https://1.1.1.1/x\"}");
	make_hook("{\"url\":\"https://1.1.1.1:8443/x?a=b\"}");
	make_hook("{\"url\":\"https://desk.example.com.example.net./x\"}");
	make_hook("{\"url\":\"https://[2606:4700::1111]/x\"}");
}
END

/* Also when somebody has written it into the table. */
TEST(a_hook_that_leads_inside_is_not_called_either)
{
	const char *hook = make_hook(HOOK);
	unsigned i;

	conf.base_url = "https://desk.example.com";
	for (i = 0; i < LENGTH(inside); i++) {
		if (strchr(inside[i], '\\') != NULL) /* of JSON */
			continue;
		sql("UPDATE webhook SET url = '%s' WHERE webhook_id = '%s'", inside[i], hook);
		call("POST", fmt("/api/v1/webhooks/%s/test", hook), "{}");
		ck_assert_msg(status == 422, "%s: %d %s", inside[i], status, reply_body);
	}
}
END

/* The same list as addresses about to be dialled: a name may lead to any of them. */
TEST(the_guard_at_the_socket_lets_only_public_addresses_pass)
{
	static const char *const bad[] = { "127.0.0.1", "0.0.0.0", "10.0.0.1", "172.31.255.255",
		"192.168.0.1", "169.254.169.254", "100.127.255.255", "192.0.0.8", "198.19.0.1",
		"224.0.0.251", "255.255.255.255", "::1", "::", "::ffff:10.0.0.1",
		"::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1",
		"2002:a00:1::1", "2002:7f00:1::", "fe80::1", "fc00::1", "fec0::1", "ff02::1",
		"2001:db8::1", "2001::1", "100::1", "::7f00:1", "4000::1", "" };
	static const char *const good[] = { "1.1.1.1", "8.8.8.8", "2606:4700::1111",
		"64:ff9b::101:101", "2002:101:101::1", "::ffff:1.1.1.1", "172.32.0.1" };
	unsigned i;

	for (i = 0; i < LENGTH(bad); i++)
		ck_assert_msg(!outgoing_address_allowed(bad[i]), "%s", bad[i]);
	for (i = 0; i < LENGTH(good); i++)
		ck_assert_msg(outgoing_address_allowed(good[i]), "%s", good[i]);
}
END

/* A resolver's answer cannot be foreseen; what is dialled can be seen. */
TEST(a_name_that_leads_inside_is_not_called)
{
	int canary = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	struct curl_slist *rebound;
	struct outgoing *o;
	const char *error;

	ck_assert_int_eq(bind(canary, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(canary, 4), 0);
	getsockname(canary, (struct sockaddr *)&at, &len);
	rebound =
	    curl_slist_append(NULL, fmt("public.example.com:%d:127.0.0.1", ntohs(at.sin_port)));
	o = outgoing_post(fmt("https://public.example.com:%d/", ntohs(at.sin_port)), "x", 1);
	curl_easy_setopt(o->curl, CURLOPT_RESOLVE, rebound);
	ck_assert_int_eq(outgoing_result(o, curl_easy_perform(o->curl), &error), 0);
	ck_assert_str_eq(error, "The address is not a public one; nothing was sent.");
	ck_assert_int_eq(accept(canary, NULL, NULL), -1);
	outgoing_free(o);
	curl_slist_free_all(rebound);
	close(canary);
}
END

TEST(events_go_to_the_hooks_that_want_them)
{
	const char *all, *made, *other;
	const char *group, *one, *off;

	relay(); /* what happened before */
	all = make_hook(HOOK);
	group = make_hook("{\"url\":\"https://h.example.com/\",\"topics\":[\"ticket.*\"]}");
	one = make_hook("{\"url\":\"https://h.example.com/\",\"topics\":[\"ticket.created\"]}");
	off = make_hook("{\"url\":\"https://h.example.com/\",\"active\":false}");
	made = make_ticket("hooked");
	call("PATCH", fmt("/api/tickets/%s", made), "{\"priority\":\"high\"}");
	call("POST", "/api/customers", "{\"name\":\"C\"}");
	relay();
	other = sql_text(
	    "SELECT string_agg(topic, ' ' ORDER BY seq) FROM webhook_delivery WHERE webhook_id = '%s'",
	    all);
	ck_assert_str_eq(
	    other, "ticket.created ticket.updated ticket.priority.changed customer.created");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM webhook_delivery WHERE webhook_id = '%s'", group), "3");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM webhook_delivery WHERE webhook_id = '%s'", one), "1");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM webhook_delivery WHERE webhook_id = '%s'", off), "0");
	call("GET", fmt("/api/v1/webhooks/%s/deliveries", one), NULL);
	expect(200);
	ck_assert_str_eq(text("data.0.status"), "pending");
	ck_assert_str_eq(text("data.0.body.data.title"), "hooked");
	caller.headers = "X-ServiceOS-Suppress: webhooks\n";
	make_ticket("silent");
	relay();
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM webhook_delivery WHERE webhook_id = '%s'", one), "1");
}
END

TEST(a_failure_is_tried_again_on_the_ladder_and_then_given_up)
{
	static const int ladder[] = { 1, 30, 300, 1800, 7200, 86400 };
	const char *hook =
	    make_hook("{\"url\":\"https://h.example.com/\",\"topics\":[\"ticket.created\"]}");
	unsigned i;

	make_ticket("x");
	relay();
	for (i = 0; i < 6; i++) {
		double wait;

		ck_assert_str_eq(attempt(hook, 500, "The reply was no 2xx.", -1), "again");
		wait = atof(sql_text(
		    "SELECT extract(epoch FROM run_at - now()) FROM due_job WHERE lane = '%s'",
		    hook));
		ck_assert_msg(
		    wait > 0.75 * ladder[i] - 0.1 && wait < 1.25 * ladder[i], "%u: %f", i, wait);
	}
	ck_assert_str_eq(attempt(hook, 0, "Timed out.", -1), "failed");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM due_job WHERE lane = '%s'", hook), "0");
	call("GET", fmt("/api/v1/webhooks/%s/deliveries?status=failed", hook), NULL);
	expect(200);
	ck_assert_uint_eq(count("data.0.tries"), 7);
	ck_assert_str_eq(text("data.0.tries.6.error"), "Timed out.");
	call("GET", fmt("/api/v1/webhooks/%s", hook), NULL);
	ck_assert_str_eq(text("health"), "cooling_down");
	/* replayed, it goes out again with the same event */
	call("POST", fmt("/api/v1/webhooks/%s/replay", hook),
	    "{\"since\":\"2026-01-01T00:00:00Z\"}");
	expect(202);
	ck_assert_int_eq(number("replayed"), 1);
	ck_assert_str_eq(attempt(hook, 200, NULL, -1), "delivered");
	ck_assert_str_eq(
	    sql_text(
		"SELECT count(DISTINCT event_id) FROM webhook_delivery WHERE webhook_id = '%s'",
		hook),
	    "1");
	call("GET", fmt("/api/v1/webhooks/%s", hook), NULL);
	ck_assert_str_eq(text("health"), "healthy");
}
END

TEST(retry_after_is_honoured_within_bounds)
{
	const char *hook =
	    make_hook("{\"url\":\"https://h.example.com/\",\"topics\":[\"ticket.created\"]}");
	double wait;

	make_ticket("x");
	relay();
	attempt(hook, 500, "no", -1);
	attempt(hook, 429, "no", 100000);
	wait = atof(sql_text(
	    "SELECT extract(epoch FROM run_at - now()) FROM due_job WHERE lane = '%s'", hook));
	ck_assert_msg(wait > 47 && wait < 73, "%f", wait);
}
END

TEST(an_endpoint_that_keeps_failing_rests_and_is_disabled_in_the_end)
{
	const char *hook =
	    make_hook("{\"url\":\"https://h.example.com/\",\"topics\":[\"ticket.created\"]}");
	int i;

	for (i = 0; i < 8; i++)
		make_ticket("x");
	relay();
	for (i = 0; i < 5; i++)
		attempt(hook, 500, "no", -1);
	ck_assert_str_eq(
	    sql_text(
		"SELECT bool_and(run_at > now() + interval '20 seconds') FROM due_job WHERE lane = '%s' AND attempts = 0",
		hook),
	    "t");
	sql("UPDATE webhook SET failing_since = now() - interval '5 days 1 minute' WHERE webhook_id = '%s'",
	    hook);
	attempt(hook, 500, "no", -1);
	call("GET", fmt("/api/v1/webhooks/%s", hook), NULL);
	ck_assert_str_eq(text("active"), "false");
	ck_assert_str_eq(text("health"), "disabled");
	ck_assert_str_eq(text("disabled_reason"), "Nothing but failures for five days.");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM due_job WHERE lane = '%s'", hook), "0");
	relay();
	call("GET", "/api/v1/events?topic=webhook.disabled", NULL);
	ck_assert_uint_ge(count("data"), 1);
	call("PATCH", fmt("/api/v1/webhooks/%s", hook), "{\"active\":true}");
	expect(200);
	ck_assert_str_eq(text("health"), "healthy");
	make_ticket("again");
	relay();
	attempt(hook, 410, "The reply was no 2xx.", -1);
	call("GET", fmt("/api/v1/webhooks/%s", hook), NULL);
	ck_assert_str_eq(text("disabled_reason"), "It answered 410 Gone.");
}
END

TEST(a_claim_that_was_lost_changes_nothing)
{
	const char *hook =
	    make_hook("{\"url\":\"https://h.example.com/\",\"topics\":[\"ticket.created\"]}");

	make_ticket("x");
	relay();
	sql("SELECT due_claim('" ORG "', 'webhook', '%s', 1, '-1s')", hook);
	sql("SELECT due_recover()");
	ck_assert_str_eq(
	    sql_text("SELECT webhook_finish('" ORG
		     "', ref, token - 1, 200, 1, NULL, '', -1) FROM due_job WHERE lane = '%s'",
		hook),
	    "lost");
	ck_assert_str_eq(
	    sql_text("SELECT state || attempts || lost FROM due_job WHERE lane = '%s'", hook),
	    "ready11");
	sql("SELECT due_claim('" ORG "', 'webhook', '%s', 1, '-1s'); SELECT due_recover()", hook);
	sql("SELECT due_claim('" ORG "', 'webhook', '%s', 1, '-1s'); SELECT due_recover()", hook);
	ck_assert_str_eq(sql_text("SELECT state FROM due_job WHERE lane = '%s'", hook), "dead");
}
END

TEST(a_hook_is_refused_by_field)
{
	call("POST", "/api/v1/webhooks",
	    "{\"url\":\"https://h.example.com/\",\"topics\":[\"Ticket\"]}");
	expect_field("topics[0]", "format");
	call("POST", "/api/v1/webhooks", "{\"url\":\"https://h.example.com/\",\"topics\":[]}");
	expect_field("topics", "too_short");
	call("POST", "/api/v1/webhooks",
	    "{\"url\":\"https://h.example.com/\",\"conditions\":{\"field\":\"x\",\"op\":\"eq\",\"value\":1}}");
	expect_field("conditions.field", "unknown_field");
	call("POST", "/api/v1/webhooks",
	    "{\"url\":\"https://h.example.com/\",\"secret\":\"short\"}");
	expect_field("secret", "too_short");
}
END

    static TCase *
    webhook_cases(void)
{
	TCase *c = tcase_create("webhooks");

	tcase_add_checked_fixture(c, caller_reset, NULL);
	tcase_add_test(c, a_secret_is_shown_once_and_stored_sealed);
	tcase_add_test(c, only_public_addresses_are_taken);
	tcase_add_test(c, a_hook_that_leads_inside_is_not_called_either);
	tcase_add_test(c, the_guard_at_the_socket_lets_only_public_addresses_pass);
	tcase_add_test(c, a_name_that_leads_inside_is_not_called);
	tcase_add_test(c, events_go_to_the_hooks_that_want_them);
	tcase_add_test(c, a_failure_is_tried_again_on_the_ladder_and_then_given_up);
	tcase_add_test(c, retry_after_is_honoured_within_bounds);
	tcase_add_test(c, an_endpoint_that_keeps_failing_rests_and_is_disabled_in_the_end);
	tcase_add_test(c, a_claim_that_was_lost_changes_nothing);
	tcase_add_test(c, a_hook_is_refused_by_field);
	return c;
}

int
main(void)
{
	TCase *(*cases[])(void) = { webhook_cases, NULL };

	return harness_main("webhooks", cases);
}

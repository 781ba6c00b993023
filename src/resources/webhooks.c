/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks: events for other programs. Fan-out and outcomes are
 * sql/functions/72_webhooks.sql, sending is jobs/webhook.c.
 */
#include <string.h>

#include "auth/secret.h"
#include "auth/signature.h"
#include "http/req.h"
#include "http/signed.h"
#include "store/outgoing.h"

#define TEST_TIMEOUT_S 8 /* below request_timeout */

/* clang-format off */
static const char *const healths[] = { "healthy", "failing", "cooling_down", "disabled", NULL };
static const char *const states[] = { "pending", "delivered", "failed", "skipped", NULL };
static const struct field webhook_fields[] = {
	{ "webhook_id",  T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "url",         T_URL,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 2048, .example = "\"https://hooks.example.com/serviceos\"", .doc = "Where events are sent by POST: https, and an address that is public." },
	{ "description", T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 2000, .example = "\"Tells the warehouse\"", .doc = "What it is for." },
	{ "topics",      T_STR,  F_CREATE|F_PATCH|F_OUT|F_LIST, 1, 64, .max_items = 50, .example = "[\"ticket.created\",\"sla.*\"]", .doc = "Topics: by name, by group (ticket.*), or * for all of them, which is the default." },
	{ "conditions",  T_CONDITION, F_CREATE|F_PATCH|F_OUT, .example = "{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"urgent\"}", .doc = "Of events about tickets, only those whose ticket fits, as in a view; judged when the event is sent. Empty for all; when they name a custom field that is gone, none." },
	{ "secret",      T_STR,  F_CREATE|F_OUT|F_OPT, 24, 128, .example = "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=\"", .doc = "Signs what is sent; made unless given, shown when it is made and never again." },
	{ "active",      T_BOOL, F_CREATE|F_PATCH|F_OUT, .example = "true", .doc = "Whether events are sent. Turning it on again forgets the failures." },
	{ "health",      T_ENUM, F_OUT, .words = healths, .example = "\"healthy\"", .doc = "cooling_down: after five failures in a row the endpoint is left alone until cooldown_until. disabled: active is false." },
	{ "consecutive_failures", T_INT, F_OUT, .example = "0", .doc = "Failed attempts since the last success." },
	{ "failing_since",   T_TIME, F_OUT|F_NULL, .example = "null", .doc = "First failure since the last success; after five days the webhook is disabled." },
	{ "cooldown_until",  T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When the next attempt is made." },
	{ "last_success_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Last delivery, to ten seconds." },
	{ "last_failure_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Last failure." },
	{ "disabled_reason", T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Why the service turned it off." },
	{ "disabled_at",     T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When." },
	{ "rotating_until",  T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Until when the secret before this one signs as well." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource webhook = { "Webhook", "An address that is told of events.", "webhook_v", "webhook_id", NULL, webhook_fields };
static const struct filter by[] = {
	{ "active", T_BOOL, "t.active = $?", NULL, "Whether events are sent.", true },
	{ "health", T_ENUM, "t.health = $?", healths, "Health; repeatable." },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list webhooks = { by, sorts, NULL, false };

static const struct field try_fields[] = {
	{ "n",           T_INT,  F_OUT, .example = "1", .doc = "Which attempt." },
	{ "at",          T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When it ended." },
	{ "status",      T_INT,  F_OUT|F_NULL, .example = "200", .doc = "HTTP status; null without a reply." },
	{ "duration_ms", T_INT,  F_OUT, .example = "41", .doc = "Milliseconds." },
	{ "error",       T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Why it failed." },
	{ "response",    T_STR,  F_OUT|F_NULL, .example = "\"ok\"", .doc = "Up to 4 KiB of the reply." },
	{ .name = NULL }
};
static const struct field delivery_fields[] = {
	{ "delivery_id", T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "webhook_id",  T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The webhook." },
	{ "event_id",    T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The event; sent as webhook-id, the same at every attempt and replay." },
	{ "topic",       T_STR,  F_OUT, .example = "\"ticket.created\"", .doc = "The event's topic." },
	{ "seq",         T_INT,  F_OUT|F_NULL, .max = 9007199254740991, .example = "17", .doc = "The event's position; the order of arrival is not promised." },
	{ "ticket_id",   T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The ticket concerned." },
	{ "status",      T_ENUM, F_OUT, .words = states, .example = "\"delivered\"", .doc = "pending: it waits or is tried again; skipped: the conditions did not want it." },
	{ "attempts",    T_INT,  F_OUT, .example = "1", .doc = "Attempts made; seven at most, over 26.6 hours: 1 s, 30 s, 5 min, 30 min, 2 h and 24 h apart, each a fifth more or less." },
	{ "response_status", T_INT, F_OUT|F_NULL, .example = "200", .doc = "HTTP status of the last attempt." },
	{ "error",       T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Why the last attempt failed." },
	{ "next_attempt_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it is tried next." },
	{ "delivered_at", T_TIME, F_OUT|F_NULL, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When it was taken." },
	{ "replay_of",   T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The delivery that this one repeats." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "body",        T_OBJECT, F_OUT, .example = "{\"topic\":\"ticket.created\"}", .doc = "The event as it is sent: the object that GET /api/v1/events shows." },
	{ "tries",       T_OBJECT, F_OUT|F_LIST, .sub = try_fields, .example = "[]", .doc = "The attempts, first to last." },
	{ .name = NULL }
};
static const struct resource delivery = { "WebhookDelivery", "One event on its way to one webhook; kept for 30 days.", "webhook_delivery_v", "delivery_id", "webhook_id", delivery_fields };
static const struct filter delivery_by[] = {
	{ "status",   T_ENUM, "t.status = $?",   states, "Status; repeatable." },
	{ "topic",    T_STR,  "t.topic = $?",    NULL, "Topic; repeatable." },
	{ "event_id", T_ID,   "t.event_id = $?", NULL, "Event; repeatable." },
	{ .name = NULL }
};
static const struct list deliveries = { delivery_by, sorts, NULL, false };

static const struct field tested_fields[] = {
	{ "delivered",   T_BOOL, F_OUT, .example = "true", .doc = "Whether the endpoint answered with a 2xx." },
	{ "status",      T_INT,  F_OUT|F_NULL, .example = "200", .doc = "HTTP status; null without a reply." },
	{ "duration_ms", T_INT,  F_OUT, .example = "41", .doc = "Milliseconds." },
	{ "error",       T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Why it failed." },
	{ "response",    T_STR,  F_OUT|F_NULL, .example = "\"ok\"", .doc = "Up to 4 KiB of the reply." },
	{ "body",        T_OBJECT, F_OUT, .example = "{\"topic\":\"webhook.test\"}", .doc = "What was sent." },
	{ .name = NULL }
};
static const struct resource tested = { "WebhookTest", "What an endpoint said to a test.", NULL, NULL, NULL, tested_fields };
static const struct field rotate_fields[] = {
	{ "grace_seconds", T_INT, F_BODY, 0, 2592000, .example = "86400", .doc = "How long the old secret signs as well; a day unless given." },
	{ .name = NULL }
};
static const struct field range_fields[] = {
	{ "since",  T_TIME, F_BODY|F_REQ, .example = "\"2026-06-13T10:00:00Z\"", .doc = "Deliveries made from this time on." },
	{ "until",  T_TIME, F_BODY, .example = "\"2026-06-14T10:00:00Z\"", .doc = "And before this one." },
	{ "topics", T_STR,  F_BODY|F_LIST, 1, 64, .example = "[\"ticket.*\"]", .doc = "Only these topics." },
	{ "failed_only", T_BOOL, F_BODY, .example = "true", .doc = "Only what failed in the end, which is the default; false for all that is not pending." },
	{ .name = NULL }
};
static const struct field replayed_fields[] = {
	{ "replayed", T_INT, F_OUT, .example = "12", .doc = "Deliveries made, at most 10,000 a call." },
	{ .name = NULL }
};
static const struct resource replayed = { "WebhookReplay", "How many deliveries are sent again.", NULL, NULL, NULL, replayed_fields };
/* clang-format on */

/* A name "group.word.word", "group.*" or "*". */
static bool
topic_pattern(const char *s)
{
	size_t len = strlen(s);

	if (strcmp(s, "*") == 0)
		return true;
	if (len > 2 && strcmp(s + len - 2, ".*") == 0)
		return strspn(s, "abcdefghijklmnopqrstuvwxyz_") == len - 2;
	return strchr(s, '.') != NULL && strspn(s, "abcdefghijklmnopqrstuvwxyz_.") == len;
}

static int
check(struct req *r)
{
	struct json_object *topics = body_get(r, "topics");
	const char *url = body_str(r, "url"), *refusal;
	size_t i, n = topics == NULL ? 0 : json_object_array_length(topics);
	struct condition c;

	refusal = url == NULL ? NULL : outgoing_refusal(url);
	if (refusal != NULL)
		fail_field(r, "url", "not_allowed", "%s", refusal);
	if (topics != NULL && n == 0)
		fail_field(r, "topics", "too_short", "Name a topic at least, or *.");
	for (i = 0; i < n; i++)
		if (!topic_pattern(json_object_get_string(json_object_array_get_idx(topics, i))))
			fail_field(r, arena_printf(r->arena, "topics[%zu]", i), "format",
			    "A topic such as ticket.created, a group such as ticket.*, or *.");
	req_conditions(r, 1, CONDITION_STORED, &c);
	return r->failed ? -1 : 0;
}

static const char *
sealed(struct req *r, const char *id, const char *secret)
{
	return seal(r->arena, secret, strlen(secret), webhook_seal_context(r->arena, r->org, id));
}

static int
no_key(struct req *r)
{
	return fail_detail(r, E_UNAVAILABLE, "The service has no secret_key to keep secrets with.");
}

static int
create(struct req *r)
{
	const char *secret = body_str(r, "secret"), *hidden;

	if (check(r) == -1)
		return -1;
	if (secret == NULL)
		secret = webhook_secret_new(r->arena);
	hidden = sealed(r, r->new_id, secret);
	if (hidden == NULL)
		return no_key(r);
	db_do(r->db, SQL_WEBHOOK_CREATE, P(r->org, r->new_id, r->body_text, hidden));
	return reply_with(r, 201, &webhook, r->new_id, "secret", secret);
}

static int
update(struct req *r)
{
	return check(r) == -1 ? -1 : api_exec(r);
}

static int
rotate(struct req *r)
{
	const char *secret = webhook_secret_new(r->arena), *hidden = sealed(r, r->args[0], secret);
	const char *grace =
	    arena_printf(r->arena, "%lld", (long long)body_int(r, "grace_seconds", 86400));

	if (hidden == NULL)
		return no_key(r);
	r->exec_slot = db_queue(r->db, SQL_WEBHOOK_ROTATE, P(r->org, r->args[0], hidden, grace));
	return reply_with(r, 200, &webhook, r->args[0], "secret", secret);
}

static int
list_deliveries(struct req *r)
{
	/* Another organization's webhook is not found, like one that never was. */
	if (db_row(r->db, SQL_WEBHOOK_TARGET, P(r->org, r->args[0])) == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	return reply_list(r, &delivery, &deliveries, "t.webhook_id = $2", P(r->args[0]));
}

static int
replay(struct req *r)
{
	const char *one = r->match.nargs > 1 ? r->args[1] : NULL;

	r->exec_slot = db_queue(r->db, SQL_WEBHOOK_REPLAY,
	    P(r->org, r->args[0], one, r->body_text == NULL ? "{}" : r->body_text));
	return reply_slot(r, 202, &replayed, r->exec_slot);
}

/* One guarded call, waited for. */
static void
call(struct req *r, struct outgoing *o, const char *body)
{
	struct buf *out = &r->out->body;
	const char *error, *text;
	CURLcode code;
	long result;

	curl_easy_setopt(o->curl, CURLOPT_TIMEOUT, (long)TEST_TIMEOUT_S);
	code = curl_easy_perform(o->curl);
	result = outgoing_result(o, code, &error);
	text = o->blocked ? "" : outgoing_text(o, r->arena, "");
	buf_printf(out, "{\"delivered\":%s,\"status\":", error == NULL ? "true" : "false");
	buf_str(out, result == 0 ? "null" : arena_printf(r->arena, "%ld", result));
	buf_printf(out, ",\"duration_ms\":%ld,\"error\":", outgoing_ms(o));
	if (error == NULL)
		buf_str(out, "null");
	else
		buf_json_str(out, error);
	buf_str(out, ",\"response\":");
	buf_json_str(out, text);
	buf_printf(out, ",\"body\":%s}", body);
}

/* Outside a transaction: the endpoint may take its time. */
static int
test(struct req *r)
{
	const struct db_context context = { .org = r->org };
	char id[37], now[25];
	const PGresult *row;
	const char *body, *refusal;
	struct outgoing *o;

	db_begin(r->db, r->arena, DB_READ, &context);
	row = db_row(r->db, SQL_WEBHOOK_TARGET, P(r->org, r->args[0]));
	if (!db_commit(r->db))
		return fail_db(r);
	if (row == NULL)
		return fail(r, E_NOT_FOUND);
	refusal = outgoing_refusal(db_get(row, 0, "url"));
	if (refusal != NULL)
		return fail_field(r, "url", "not_allowed", "%s", refusal);
	uuid7(id);
	time_iso(now, wall_ms());
	body = arena_printf(r->arena,
	    "{\"event_id\":\"%s\",\"org_id\":\"%s\",\"seq\":null,\"topic\":\"webhook.test\",\"resource\":"
	    "\"webhook\",\"resource_id\":\"%s\",\"ticket_id\":null,\"actor_type\":null,\"actor_id\":null,"
	    "\"request_id\":null,\"changes\":null,\"data\":{\"webhook_id\":\"%s\"},\"occurred_at\":\"%s\"}",
	    id, r->org, r->args[0], r->args[0], now);
	o = outgoing_post(db_get(row, 0, "url"), body, strlen(body));
	if (webhook_headers(o, r->arena, r->org, r->args[0], db_get(row, 0, "secret"),
		db_get(row, 0, "previous_secret"), id, body))
		call(r, o, body);
	else
		no_key(r);
	outgoing_free(o);
	return r->failed ? -1 : reply_json(r, 200);
}

/* clang-format off */
#define PATH "/api/v1/webhooks"
const struct route webhook_routes[] = {
	{ POST, PATH, "webhooks.create", create, S_SETTINGS_WRITE, .flags = R_CREATE|R_SECRET, .body = webhook_fields, .reply = &webhook,
	    .summary = "Create a webhook subscription", .doc = "Each event is sent by POST as the JSON object that GET /api/v1/events shows, signed in two ways. X-ServiceOS-Signature: t=<seconds since 1970>,v1=<hex HMAC-SHA256 of \"t.body\" with the secret>; while a secret is rotated there are two v1. And webhook-id, webhook-timestamp and webhook-signature as in Standard Webhooks 1.0. Answer with a 2xx within 15 seconds; an event may come twice, webhook-id tells." },
	{ GET, PATH, "webhooks.list", api_list, S_SETTINGS_READ, .reply = &webhook, .list = &webhooks, .summary = "List webhooks with their health" },
	{ GET, PATH "/:id", "webhooks.get", api_get, S_SETTINGS_READ, .reply = &webhook, .summary = "Get a webhook" },
	{ PATCH, PATH "/:id", "webhooks.update", update, S_SETTINGS_WRITE, .body = webhook_fields, .use = F_PATCH, .reply = &webhook,
	    .exec = SQL_WEBHOOK_PATCH, .summary = "Update a webhook", .doc = "Turning it off gives up what waits; replay sends it again.", .example = "{\"description\":\"Tells the shop\"}" },
	{ DELETE, PATH "/:id", "webhooks.delete", api_exec, S_SETTINGS_WRITE, .on = &webhook, .status = 204,
	    .exec = SQL_WEBHOOK_DELETE, .summary = "Delete a webhook" },
	{ POST, PATH "/:id/test", "webhooks.test", test, S_SETTINGS_WRITE, .flags = R_OUTSIDE, .reply = &tested,
	    .summary = "Send a test event", .doc = "Sends topic webhook.test at once and shows what the endpoint answered within 8 seconds." },
	{ POST, PATH "/:id/rotate-secret", "webhooks.rotateSecret", rotate, S_SETTINGS_WRITE, .flags = R_SECRET, .body = rotate_fields, .reply = &webhook,
	    .summary = "Rotate the secret", .doc = "Both secrets sign until the old one ends." },
	{ GET, PATH "/:id/deliveries", "webhooks.deliveries", list_deliveries, S_SETTINGS_READ, .reply = &delivery, .on = &webhook, .list = &deliveries,
	    .summary = "List deliveries with their attempts" },
	{ POST, PATH "/:id/deliveries/:delivery_id/replay", "webhooks.replayDelivery", replay, S_SETTINGS_WRITE, .status = 202, .reply = &replayed,
	    .summary = "Send a delivery again", .doc = "The same event and bytes, as a delivery of its own." },
	{ POST, PATH "/:id/replay", "webhooks.replay", replay, S_SETTINGS_WRITE, .status = 202, .body = range_fields, .reply = &replayed,
	    .summary = "Send the deliveries of a time again" },
	{ .path = NULL }
};

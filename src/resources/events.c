/* SPDX-License-Identifier: Apache-2.0 */
/* The events of an organization as pages: for polling, catching up and replay. */
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/fault.h"
#include "base/log.h"
#include "http/handoff.h"
#include "http/passport.h"
#include "http/req.h"
#include "http/topics.h"

#define TICKETS_MAX 100

/* clang-format off */
static const struct field event_fields[] = {
	{ "event_id",    T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id; the same in webhooks and on the stream." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "seq",         T_INT,  F_OUT, .max = 9007199254740991, .example = "17", .doc = "Position in the organization's sequence, from 1 without gaps." },
	{ "topic",       T_STR,  F_OUT, .example = "\"ticket.created\"", .doc = "What happened." },
	{ "resource",    T_STR,  F_OUT, .example = "\"ticket\"", .doc = "Kind of thing." },
	{ "resource_id", T_STR,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Its id." },
	{ "ticket_id",   T_ID,   F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket concerned." },
	{ "actor_type",  T_STR,  F_OUT|F_NULL, .example = "\"api_key\"", .doc = "user, api_key, legacy, platform, system or workflow." },
	{ "actor_id",    T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who did it." },
	{ "request_id",  T_STR,  F_OUT|F_NULL, .example = "\"5f3a\"", .doc = "The request that did it." },
	{ "changes",     T_OBJECT, F_OUT|F_NULL, .example = "null", .doc = "Fields with their values before and after." },
	{ "data",        T_OBJECT, F_OUT|F_NULL, .example = "{}", .doc = "Summary of the thing at that moment. Of bulk.job.completed, which every end of a bulk job sends: job_id, state (completed, failed, cancelled, or undone when an undo is complete), dry_run, undo, done and failed." },
	{ "occurred_at", T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When." },
	{ .name = NULL }
};
static const struct resource event = { "Event", "Something that happened.", "event_v", "event_id", NULL, event_fields };
static const struct filter by[] = {
	{ "after",     T_INT, "t.seq > $?",       NULL, "Only events after this position.", true },
	{ "topic",     T_STR, "t.topic = $?",     NULL, "Topic; repeatable." },
	{ "ticket_id", T_ID,  "t.ticket_id = $?", NULL, "Ticket; repeatable." },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "seq", "t.seq", "bigint" }, { .name = NULL } };
static const struct list events = { by, sorts, NULL, true };
static const struct filter stream_query[] = {
	{ "org_id",        T_STR, "", NULL, "The organization of the credential; must be given.", true },
	{ "topics",        T_STR, "", NULL, "Only these: ticket.created, all that begin alike (ticket.*), several with commas or repeated." },
	{ "ticket_id",     T_ID,  "", NULL, "Only events of this ticket; repeatable." },
	{ "last_event_id", T_STR, "", NULL, "For clients that cannot send Last-Event-ID: the seq after which to go on.", true },
	{ "token",         T_STR, "", NULL, "A stream token instead of a credential in the headers.", true },
	{ .name = NULL }
};
static const struct field stream_token_fields[] = {
	{ "token",      T_STR,  F_OUT, .max = 4096, .example = "\"st_v1.q83vEjRWeJA\"", .doc = "For ?token= of GET /api/v1/events/stream." },
	{ "expires_at", T_TIME, F_OUT, .example = "\"2026-06-13T10:05:00.000Z\"", .doc = "Until when it opens streams. A stream that is open by then goes on." },
	{ .name = NULL }
};
static const struct resource stream_token = { "StreamToken", "Opens streams for five minutes.", NULL, "token", NULL, stream_token_fields };
/* clang-format on */

/* All values of a parameter as one comma list; their number in *n. */
static const char *
join(struct req *r, const char *name, unsigned *n)
{
	const struct query_value *q;
	struct buf out;

	*n = 0;
	buf_init(&out, r->arena, 64);
	for (q = r->query; q != NULL; q = q->next)
		if (strcmp(q->name, name) == 0)
			buf_printf(&out, "%s%s", (*n)++ == 0 ? "" : ",", q->value);
	return out.data;
}

/* The position to go on from; -1 for one that is none of ours, -2 without. */
static long long
last_seen(struct req *r)
{
	const char *id = http_header(r->in, "last-event-id");

	if (id == NULL)
		id = query_get(r, "last_event_id");
	if (id == NULL || *id == '\0')
		return -2;
	return strlen(id) <= 15 && id[strspn(id, "0123456789")] == '\0' ? atoll(id) : -1;
}

static const char *
compose(struct req *r)
{
	unsigned ntopics, ntickets;
	const char *topics = join(r, "topics", &ntopics);
	const char *tickets = join(r, "ticket_id", &ntickets);
	struct buf line;

	if (!topics_valid(topics))
		fail_field(r, "topics", "pattern",
		    "At most %d of the form ticket.created or ticket.*.", TOPICS_MAX);
	if (ntickets > TICKETS_MAX)
		fail_field(r, "ticket_id", "too_many", "At most %d tickets.", TICKETS_MAX);
	if (r->failed)
		return NULL;
	buf_init(&line, r->arena, 1024);
	buf_str(&line, "{\"who\":");
	passport_write(&line, &r->who);
	buf_printf(&line, ",\"last\":%lld,\"address\":", last_seen(r));
	buf_json_str(&line, r->in->address);
	buf_printf(&line, ",\"topics\":\"%s\",\"tickets\":\"%s\"}", topics, tickets);
	return line.data;
}

static int
open_stream(struct req *r)
{
	const char *org = query_get(r, "org_id"), *line;
	enum handoff answer;

	if (org == NULL)
		return fail_field(r, "org_id", "required", "The organization must be given.");
	if (strcmp(org, r->org) != 0)
		return fail(r, E_ORG_MISMATCH);
	line = compose(r);
	if (line == NULL)
		return -1;
	answer = handoff_ask(line, &r->out->handoff);
	if (answer == HANDOFF_FULL) {
		reply_header(r, "Retry-After", "10");
		return fail_detail(r, E_STREAM_LIMIT,
		    "The limit is %ld streams of an organization.", conf.stream_per_org);
	}
	if (answer != HANDOFF_OK) {
		log_warn(
		    "no stream could be opened: serviceos-stream does not answer, or has no room");
		return fail(r, E_UNAVAILABLE);
	}
	FAULT(stream_placed);
	reply_header(r, "Content-Type", "text/event-stream");
	reply_header(r, "X-Accel-Buffering", "no");
	return reply_json(r, 200);
}

static int
make_stream_token(struct req *r)
{
	int64_t until = wall_ms() + STREAM_TOKEN_S * 1000;
	const char *token;
	char iso[25];

	if (r->who.expires_ms != 0 && r->who.expires_ms < until)
		until = r->who.expires_ms;
	token = stream_token_make(r->arena, &r->who, until);
	if (token == NULL)
		return fail_detail(r, E_UNAVAILABLE, "No secret_key is configured.");
	time_iso(iso, until);
	buf_printf(&r->out->body, "{\"token\":\"%s\",\"expires_at\":\"%s\"}", token, iso);
	return reply_json(r, 200);
}

/* clang-format off */
const struct route event_routes[] = {
	{ GET, "/api/v1/events", "events.list", api_list, S_TICKETS_READ, .reply = &event, .list = &events,
	    .summary = "List events", .doc = "In order. A reader who has seen number N never misses a smaller one: remember the last seq and ask with `after`." },
	{ GET, "/api/v1/events/stream", "events.stream", open_stream, S_TICKETS_READ, .flags = R_OUTSIDE|R_RAW|R_TOKEN, .query = stream_query,
	    .media = "text/event-stream", .summary = "Stream events", .doc = "Server-sent events: `id` is the event's seq, `event` its topic, `data` the event as in the list. "
	    "Without Last-Event-ID the stream starts with what happens next; with it, after that event, without a gap. `reset` says that this is not possible, "
	    "and from where the stream goes on instead: read the list anew. `keepalive` comes every 30 seconds; events without an id (presence) are not kept. "
	    "At most 100 streams of an organization; then 429. A slow reader is served at its own pace; one that reads nothing for 30 seconds, or leaves 64 KiB of what is not kept unread, is dropped and resumes." },
	{ POST, "/api/v1/events/stream-token", "events.streamToken", make_stream_token, S_TICKETS_READ, .flags = R_SECRET, .reply = &stream_token,
	    .summary = "Create a stream token", .doc = "For browsers, whose EventSource cannot send headers: opens streams of the caller for five minutes, while the caller's credential counts." },
	{ .path = NULL }
};

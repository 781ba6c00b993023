/* SPDX-License-Identifier: Apache-2.0 */
/* The events of an organization as pages: for polling, catching up and replay. */
#include "http/req.h"

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
	{ "data",        T_OBJECT, F_OUT|F_NULL, .example = "{}", .doc = "Summary of the thing at that moment." },
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

const struct route event_routes[] = {
	{ GET, "/api/v1/events", "events.list", api_list, S_TICKETS_READ, .reply = &event, .list = &events,
	    .summary = "List events", .doc = "In order. A reader who has seen number N never misses a smaller one: remember the last seq and ask with `after`." },
	{ .path = NULL }
};

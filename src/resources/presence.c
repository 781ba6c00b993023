/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who looks at which ticket. In Redis alone, and forgotten five minutes after the
 * last sign of life: a hash per ticket (agent -> state, name, since, seen) and a
 * sorted set per organization of the tickets looked at. Without Redis nobody is
 * seen; nothing else fails.
 */
#include <string.h>

#include "base/json.h"
#include "http/req.h"

#define TTL_S 300
#define TICKETS_MAX 500

/* clang-format off */
static const char *const states[] = { "viewing", "typing", NULL };
static const struct field viewer_fields[] = {
	{ "agent_id", T_STR,  F_BODY|F_OUT, 1, 127, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Who looks: a user who is logged in is himself; a program says for whom, or is itself." },
	{ "name",     T_STR,  F_OUT|F_NULL, .example = "\"Grace Hopper\"", .doc = "The user's name; null for a program." },
	{ "state",    T_ENUM, F_BODY|F_OUT, .words = states, .example = "\"viewing\"", .doc = "viewing unless given." },
	{ "since",    T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When it began." },
	{ "expires_at", T_TIME, F_OUT, .example = "\"2026-06-13T10:05:00.000Z\"", .doc = "When it is forgotten, unless it is registered again." },
	{ .name = NULL }
};
static const struct resource viewer = { "Viewer", "Somebody who looks at a ticket.", NULL, NULL, NULL, viewer_fields };
static const struct field viewers_fields[] = {
	{ "data",      T_OBJECT, F_OUT|F_LIST, .sub = viewer_fields, .example = "[]", .doc = "Who looks at it, longest first." },
	{ "available", T_BOOL,   F_OUT, .example = "true", .doc = "false while presence is not known, because Redis is away." },
	{ .name = NULL }
};
static const struct resource viewers = { "Viewers", "Who looks at a ticket.", NULL, NULL, NULL, viewers_fields };
static const struct field seen_fields[] = {
	{ "ticket_id", T_ID, F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "viewers",   T_OBJECT, F_OUT|F_LIST, .sub = viewer_fields, .example = "[]", .doc = "Who looks at it." },
	{ .name = NULL }
};
static const struct field all_fields[] = {
	{ "data",      T_OBJECT, F_OUT|F_LIST, .sub = seen_fields, .max_items = TICKETS_MAX, .example = "[]", .doc = "The tickets that somebody looks at, the last 500." },
	{ "available", T_BOOL,   F_OUT, .example = "true", .doc = "false while presence is not known, because Redis is away." },
	{ .name = NULL }
};
static const struct resource all = { "Presence", "Who looks at what.", NULL, NULL, NULL, all_fields };
/* clang-format on */

/*
 * KEYS: the ticket's hash, the organization's set. ARGV: agent, state, name, ticket,
 * TTL in s, the channel and what is said there. Gives since and now in ms; says so on the channel
 * when it is news.
 */
static const char touch_script[] =
    "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
    "local old = redis.call('HGET', KEYS[1], ARGV[1]) local since, state = now, '' "
    "if old then local o = cjson.decode(old) "
    "if now - o.seen < ARGV[5] * 1000 then since = o.since state = o.state end end "
    "redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({ state = ARGV[2], name = ARGV[3], since = since, seen = now })) "
    "redis.call('EXPIRE', KEYS[1], ARGV[5]) redis.call('ZADD', KEYS[2], now, ARGV[4]) "
    "redis.call('EXPIRE', KEYS[2], ARGV[5]) "
    "if state ~= ARGV[2] then redis.call('PUBLISH', ARGV[6], ARGV[7]) end "
    "return { since, now }";
/* The same keys; ARGV: agent, ticket, channel, news. */
static const char leave_script[] =
    "local was = redis.call('HDEL', KEYS[1], ARGV[1]) "
    "if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[2]) end "
    "if was == 1 then redis.call('PUBLISH', ARGV[3], ARGV[4]) end "
    "return was";

static const char *
hash_of(struct req *r, const char *ticket)
{
	return arena_printf(r->arena, "serviceos:{%s}:presence:%s", r->org, ticket);
}

static const char *
set_of(struct req *r)
{
	return arena_printf(r->arena, "serviceos:{%s}:presence", r->org);
}

/* What subscribers of the stream are told. */
static const char *
news(struct req *r, const char *ticket, const char *agent, const char *name, const char *state)
{
	struct buf out;

	buf_init(&out, r->arena, 256);
	buf_printf(&out,
	    "{\"topic\":\"presence.updated\",\"ticket_id\":\"%s\",\"data\":{\"ticket_id\":\"%s\",\"agent_id\":",
	    ticket, ticket);
	buf_json_str(&out, agent);
	buf_str(&out, ",\"name\":");
	if (name == NULL || *name == '\0')
		buf_str(&out, "null");
	else
		buf_json_str(&out, name);
	buf_printf(&out, ",\"state\":\"%s\"}}", state);
	return out.data;
}

static void
put_viewer(struct buf *out, const char *agent, const char *name, const char *state, int64_t since,
    int64_t seen)
{
	char iso[25];

	buf_str(out, "{\"agent_id\":");
	buf_json_str(out, agent);
	buf_str(out, ",\"name\":");
	if (name == NULL || *name == '\0')
		buf_str(out, "null");
	else
		buf_json_str(out, name);
	time_iso(iso, since);
	buf_printf(out, ",\"state\":\"%s\",\"since\":\"%s\"", state, iso);
	time_iso(iso, seen + TTL_S * 1000);
	buf_printf(out, ",\"expires_at\":\"%s\"}", iso);
}

/* The ticket as it is written in the database, or NULL after a refusal. */
static const char *
ticket_of(struct req *r)
{
	const char *ticket = db_value(r->db, SQL_TICKET_EXISTS, P(r->org, r->args[0]));

	if (ticket == NULL) {
		if (db_failed(r->db))
			fail_db(r);
		else
			fail(r, E_NOT_FOUND);
	}
	return ticket;
}

/* Who looks, and under which name. 0 or -1. */
static int
agent_of(struct req *r, const char **agent, const char **name)
{
	const char *given = body_str(r, "agent_id");
	const PGresult *user;

	*agent = r->who.user_id[0] != '\0' ? r->who.user_id : given != NULL ? given : r->who.actor;
	*name = "";
	if (r->who.user_id[0] != '\0' && given != NULL && strcasecmp(given, r->who.user_id) != 0)
		return fail_field(r, "agent_id", "not_allowed", "A user looks for himself only.");
	if (!uuid_valid(*agent))
		return 0;
	user = db_row(r->db, SQL_USER_NAME, P(r->org, *agent));
	if (db_failed(r->db))
		return fail_db(r);
	if (user != NULL)
		*name = PQgetvalue(user, 0, 0);
	else if (given != NULL)
		return fail_field(
		    r, "agent_id", "unknown_reference", "There is no such active user.");
	return 0;
}

static int
look(struct req *r)
{
	const char *state = body_str(r, "state"), *ticket = ticket_of(r), *agent, *name;
	int64_t since = wall_ms(), seen = since;
	redisReply *reply;

	if (ticket == NULL || agent_of(r, &agent, &name) == -1)
		return -1;
	if (state == NULL)
		state = "viewing";
	{
		const char *args[] = { hash_of(r, ticket), set_of(r), agent, state, name, ticket,
			"300", arena_printf(r->arena, "serviceos:live:%s", r->org),
			news(r, ticket, agent, name, state) };

		reply = redis_script(r->worker->redis, touch_script, 2, LENGTH(args), args);
	}
	if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
		since = reply->element[0]->integer;
		seen = reply->element[1]->integer;
	}
	freeReplyObject(reply);
	put_viewer(&r->out->body, agent, name, state, since, seen);
	return reply_json(r, 200);
}

/* The viewers of a hash, as an array; forgotten ones are left out. Their number. */
static int
put_viewers(struct req *r, const redisReply *hash)
{
	struct buf *out = &r->out->body;
	int64_t now = wall_ms(), seen;
	struct json_object *v, *m;
	struct json_error error;
	int n = 0;
	size_t i;

	buf_char(out, '[');
	for (i = 0; hash != NULL && hash->type == REDIS_REPLY_ARRAY && i + 1 < hash->elements;
	     i += 2) {
		v = json_parse(
		    r->arena, hash->element[i + 1]->str, hash->element[i + 1]->len, &error);
		if (v == NULL || !json_object_object_get_ex(v, "seen", &m))
			continue;
		seen = json_object_get_int64(m);
		if (now - seen >= TTL_S * 1000)
			continue;
		if (n++ > 0)
			buf_char(out, ',');
		json_object_object_get_ex(v, "since", &m);
		put_viewer(out, hash->element[i]->str,
		    json_object_get_string(json_object_object_get(v, "name")),
		    json_object_get_string(json_object_object_get(v, "state")),
		    json_object_get_int64(m), seen);
	}
	buf_char(out, ']');
	return n;
}

static int
who_looks(struct req *r)
{
	const char *ticket = ticket_of(r);
	redisReply *hash;

	if (ticket == NULL)
		return -1;
	hash = redis_run(r->worker->redis, "HGETALL %s", hash_of(r, ticket));
	buf_str(&r->out->body, "{\"data\":");
	put_viewers(r, hash);
	buf_printf(&r->out->body, ",\"available\":%s}", hash == NULL ? "false" : "true");
	freeReplyObject(hash);
	return reply_json(r, 200);
}

static int
leave(struct req *r)
{
	const char *ticket = ticket_of(r), *agent = r->args[1];
	redisReply *reply;

	if (ticket == NULL)
		return -1;
	if (r->who.user_id[0] != '\0' && strcasecmp(agent, r->who.user_id) != 0 &&
	    !principal_may(&r->who, S_USERS_WRITE))
		return fail_detail(
		    r, E_FORBIDDEN, "Ending somebody else's presence needs the scope write:users.");
	{
		const char *args[] = { hash_of(r, ticket), set_of(r), agent, ticket,
			arena_printf(r->arena, "serviceos:live:%s", r->org),
			news(r, ticket, agent, NULL, "left") };

		reply = redis_script(r->worker->redis, leave_script, 2, LENGTH(args), args);
	}
	freeReplyObject(reply);
	return reply_empty(r);
}

static int
everybody(struct req *r)
{
	struct redis *redis = r->worker->redis;
	struct buf *out = &r->out->body;
	redisReply *tickets, *hash;
	bool first = true;
	size_t i, before;

	tickets = redis_run(redis, "ZREVRANGEBYSCORE %s +inf (%lld LIMIT 0 %d", set_of(r),
	    (long long)(wall_ms() - TTL_S * 1000), TICKETS_MAX);
	buf_str(out, "{\"data\":[");
	for (i = 0; tickets != NULL && tickets->type == REDIS_REPLY_ARRAY && i < tickets->elements;
	     i++) {
		hash = redis_run(redis, "HGETALL %s", hash_of(r, tickets->element[i]->str));
		before = out->len;
		buf_printf(out, "%s{\"ticket_id\":\"%s\",\"viewers\":", first ? "" : ",",
		    tickets->element[i]->str);
		if (put_viewers(r, hash) == 0) {
			out->len = before;
		} else {
			buf_char(out, '}');
			first = false;
		}
		freeReplyObject(hash);
	}
	buf_printf(out, "],\"available\":%s}", tickets == NULL ? "false" : "true");
	freeReplyObject(tickets);
	return reply_json(r, 200);
}

/* clang-format off */
const struct route presence_routes[] = {
	{ POST, "/api/tickets/:id/presence", "presence.register", look, S_TICKETS_READ, .body = viewer_fields, .reply = &viewer, .on = &viewer,
	    .summary = "Register viewing", .doc = "Again at least every five minutes while it goes on. The stream says presence.updated when somebody comes, goes, or begins to type.", .example = "{\"state\":\"typing\"}" },
	{ GET, "/api/tickets/:id/presence", "presence.list", who_looks, S_TICKETS_READ, .reply = &viewers, .summary = "List viewers" },
	{ DELETE, "/api/tickets/:id/presence/:agent_id", "presence.leave", leave, S_TICKETS_READ, .on = &viewer, .status = 204, .summary = "Stop viewing" },
	{ GET, "/api/presence", "presence.all", everybody, S_TICKETS_READ, .reply = &all, .summary = "All viewed tickets" },
	{ .path = NULL }
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sorted set per organisation: a member per stream, its score the time of
 * Redis at which its process last said that it is there. What a dead process
 * leaves behind counts no longer after LIFE_MS, and its successor on the same
 * socket clears it away at once. While Redis is away, this process counts alone.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/util.h"
#include "store/redis.h"
#include "stream/hub.h"

#define LIFE_MS "30000"
#define BATCH 20
#define OWN_LENGTH 16 /* of the place: which socket of which host */

/* ARGV: life, limit (0 for a sign of life), what our predecessor's begin with or "", ours, members.
 */
static const char script[] =
    "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1]) "
    "if ARGV[3] ~= '' then "
    " for _, m in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
    "  if string.sub(m, 1, #ARGV[3]) == ARGV[3] and string.sub(m, 1, #ARGV[4]) ~= ARGV[4] then "
    "   redis.call('ZREM', KEYS[1], m) end end end "
    "if tonumber(ARGV[2]) > 0 and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end "
    "for i = 5, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[i]) end "
    "redis.call('PEXPIRE', KEYS[1], ARGV[1]) return 1";

void
seats_init(struct hub *h)
{
	char host[256] = "", digest[65], text[1024];
	unsigned char dice[6];
	char run[13];

	gethostname(host, sizeof(host) - 1);
	snprintf(text, sizeof(text), "%s %s", host, conf.socket_dir);
	sha256_hex(digest, text, strlen(text));
	random_bytes(dice, sizeof(dice));
	hex_encode(run, dice, sizeof(dice));
	snprintf(h->place, sizeof(h->place), "%.*s.%s.", OWN_LENGTH, digest, run);
}

bool
seat_take(struct hub *h, struct org *o, unsigned long number)
{
	const char *key = arena_printf(h->arena, "serviceos:{%s}:streams", o->name);
	const char *limit = arena_printf(h->arena, "%ld", conf.stream_per_org);
	const char *before = o->seated ? "" : arena_printf(h->arena, "%.*s.", OWN_LENGTH, h->place);
	const char *member = arena_printf(h->arena, "%s%lu", h->place, number);
	const char *args[] = { key, LIFE_MS, limit, before, h->place, member };
	redisReply *reply = redis_script(h->redis, script, 1, LENGTH(args), args);
	bool free_seat = (long)o->seats <= conf.stream_per_org; /* the one in question is counted */

	if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) {
		free_seat = reply->integer == 1;
		o->seated = true;
	}
	freeReplyObject(reply);
	return free_seat;
}

void
seat_leave(struct hub *h, struct org *o, unsigned long number)
{
	const char *key = arena_printf(h->arena, "serviceos:{%s}:streams", o->name);
	const char *member = arena_printf(h->arena, "%s%lu", h->place, number);

	freeReplyObject(redis_run(h->redis, "ZREM %s %s", key, member));
}

static void
beat(struct hub *h, struct org *o)
{
	const char *args[5 + BATCH] = { arena_printf(h->arena, "serviceos:{%s}:streams", o->name),
		LIFE_MS, "0", "", h->place };
	const struct stream *s = o->streams;
	int n;

	while (s != NULL) {
		for (n = 5; s != NULL && n < 5 + BATCH; s = s->next)
			args[n++] = arena_printf(h->arena, "%s%lu", h->place, s->number);
		freeReplyObject(redis_script(h->redis, script, 1, n, args));
	}
}

void
seats_beat(struct hub *h)
{
	struct org *o;
	unsigned i;

	for (i = 0; i < ORG_BUCKETS; i++)
		for (o = h->orgs[i]; o != NULL; o = o->next)
			beat(h, o);
}

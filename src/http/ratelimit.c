/* SPDX-License-Identifier: Apache-2.0 */
#include "http/ratelimit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/util.h"
#include "store/redis.h"

#define BUCKETS 8192
#define WAYS 8 /* entries per bucket; the one longest unused makes room */
#define STRIPES 64
#define BLOCK_PARTS 64
#define REFUSED_MS 250 /* how long a refusal is believed before Redis is asked again */

struct entry {
	uint64_t hash;
	int64_t used_ms;
	int64_t window; /* start of the window that the rest speaks of, ms */
	long limit;
	long leased;    /* requests left of the block */
	long remaining; /* beyond the lease, when Redis was asked */
	int64_t refused_until;
	int64_t local_window; /* counting without Redis */
	long local_now, local_before;
	long untold; /* of local_now: taken without Redis, and it has not heard of them */
};

struct table {
	pthread_mutex_t locks[STRIPES];
	struct entry entries[BUCKETS][WAYS];
};

/*
 * Two buckets aligned to the window; the previous one counts with the share of
 * it that a sliding window still covers. Takes as many of ARGV[3] as fit, after
 * ARGV[4] that a host has taken while it was away from here.
 * Returns {taken, remaining, now in ms}.
 */
static const char script[] =
    "local t = redis.call('TIME') "
    "local now = t[1] * 1000 + math.floor(t[2] / 1000) "
    "local limit, window, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) "
    "local untold = tonumber(ARGV[4]) "
    "local start = now - now % window "
    "local key, before = KEYS[1] .. ':' .. start, KEYS[1] .. ':' .. (start - window) "
    "local used = tonumber(redis.call('GET', key) or '0') + untold "
    "local old = tonumber(redis.call('GET', before) or '0') "
    "local weighted = math.floor(old * (window - now % window) / window) "
    "local free = math.max(0, limit - used - weighted) "
    "local taken = math.min(want, free) "
    "if taken + untold > 0 then redis.call('INCRBY', key, taken + untold) redis.call('PEXPIRE', key, window * 2) end "
    "return {taken, free - taken, now}";

static struct table *table;

long
tier_window(enum tier tier)
{
	return tier == TIER_GENERAL || tier == TIER_NONE ? 3600 : 60;
}

const char *
tier_word(enum tier tier)
{
	static const char *const words[] = { "general", "auth", "bulk", "none" };

	return words[tier];
}

void
rate_init(void)
{
	pthread_mutexattr_t attr;
	int i;

	if (table != NULL)
		return;
	table =
	    mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		fatal("cannot map the rate limits: %s", strerror(errno));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	for (i = 0; i < STRIPES; i++)
		pthread_mutex_init(&table->locks[i], &attr);
}

static uint64_t
hash_of(enum tier tier, const char *who)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)tier;

	for (; *who != '\0'; who++)
		hash = (hash ^ (unsigned char)*who) * UINT64_C(1099511628211);
	return hash == 0 ? 1 : hash;
}

/* A holder that was killed leaves counts that are off by one at worst. */
static pthread_mutex_t *
lock_of(uint64_t hash)
{
	pthread_mutex_t *lock = &table->locks[hash % STRIPES];

	if (pthread_mutex_lock(lock) == EOWNERDEAD)
		pthread_mutex_consistent(lock);
	return lock;
}

static struct entry *
find(uint64_t hash, int64_t now)
{
	/* The stripe is a function of the bucket, so that one lock covers all ways. */
	struct entry *ways = table->entries[hash % BUCKETS], *oldest = &ways[0];
	int i;

	for (i = 0; i < WAYS; i++) {
		if (ways[i].hash == hash) {
			ways[i].used_ms = now;
			return &ways[i];
		}
		if (ways[i].used_ms < oldest->used_ms)
			oldest = &ways[i];
	}
	memset(oldest, 0, sizeof(*oldest));
	oldest->hash = hash;
	oldest->used_ms = now;
	return oldest;
}

static long
wait_seconds(int64_t window_end, int64_t now)
{
	long seconds = (long)((window_end - now + 999) / 1000);

	return seconds < 1 ? 1 : seconds;
}

static void
tell(struct rate *rate, long limit, long remaining, int64_t window, int64_t window_ms, int64_t now,
    bool allowed)
{
	rate->limit = limit;
	rate->remaining = remaining < 0 ? 0 : remaining;
	rate->reset = (window + window_ms) / 1000;
	rate->retry_after = allowed ? 0 : wait_seconds(window + window_ms, now);
}

/* From the block in hand. 1 taken, 0 refused without asking, -1 ask Redis. */
static int
take_leased(uint64_t hash, long limit, int64_t window_ms, int64_t now, struct rate *rate)
{
	pthread_mutex_t *lock = lock_of(hash);
	struct entry *e = find(hash, now);
	int64_t window = now - now % window_ms;
	int result = -1;

	if (e->window != window || e->limit != limit) { /* a new window, or a new limit */
		e->leased = e->remaining = 0;
		e->refused_until = 0;
		e->window = window;
		e->limit = limit;
	} else if (e->leased > 0) {
		e->leased--;
		tell(rate, limit, e->remaining + e->leased, window, window_ms, now, true);
		result = 1;
	} else if (now < e->refused_until) {
		tell(rate, limit, 0, window, window_ms, now, false);
		result = 0;
	}
	pthread_mutex_unlock(lock);
	return result;
}

/* What this host took in its windows, with Redis or without: where counting alone goes on from. */
static void
count_local(struct entry *e, int64_t window, int64_t window_ms, long n)
{
	if (e->local_window != window) {
		e->local_before = e->local_window == window - window_ms ? e->local_now : 0;
		e->local_now = e->untold = 0;
		e->local_window = window;
	}
	e->local_now += n;
}

/* Counting on this host alone, with the same window and limit. */
static bool
take_local(uint64_t hash, long limit, int64_t window_ms, int64_t now, struct rate *rate)
{
	pthread_mutex_t *lock = lock_of(hash);
	struct entry *e = find(hash, now);
	int64_t window = now - now % window_ms;
	long weighted, left;
	bool allowed;

	count_local(e, window, window_ms, 0);
	weighted = (long)((double)e->local_before * (double)(window_ms - now % window_ms) /
			  (double)window_ms);
	left = limit - e->local_now - weighted;
	allowed = left > 0;
	if (allowed) {
		e->local_now++;
		e->untold++;
	}
	tell(rate, limit, left - 1, window, window_ms, now, allowed);
	pthread_mutex_unlock(lock);
	return allowed;
}

static long
block_size(uint64_t hash, long limit, int64_t now)
{
	pthread_mutex_t *lock = lock_of(hash);
	struct entry *e = find(hash, now);
	long remaining = e->remaining;

	pthread_mutex_unlock(lock);
	if (remaining == 0) /* the first of a window, or the edge: only Redis knows */
		return 1;
	return remaining / BLOCK_PARTS < 1       ? 1
	       : remaining / BLOCK_PARTS > limit ? limit
	                                         : remaining / BLOCK_PARTS;
}

/* Who takes them tells Redis of them, or gives them back. */
static long
take_untold(uint64_t hash, int64_t window_ms, int64_t now)
{
	pthread_mutex_t *lock = lock_of(hash);
	struct entry *e = find(hash, now);
	long untold;

	count_local(e, now - now % window_ms, window_ms, 0);
	untold = e->untold;
	e->untold = 0;
	pthread_mutex_unlock(lock);
	return untold;
}

static void
give_back_untold(uint64_t hash, int64_t window_ms, int64_t now, long untold)
{
	pthread_mutex_t *lock = lock_of(hash);
	struct entry *e = find(hash, now);

	count_local(e, now - now % window_ms, window_ms, 0);
	e->untold += untold;
	pthread_mutex_unlock(lock);
}

static bool
integers(const redisReply *reply)
{
	size_t i;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
		return false;
	for (i = 0; i < 3; i++)
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	return true;
}

/* 1 taken, 0 refused, -1 Redis is away. */
static int
take_redis(struct redis *redis, const char *key, uint64_t hash, long limit, int64_t window_ms,
    int64_t now, struct rate *rate)
{
	char limit_text[24], window_text[24], want_text[24], untold_text[24];
	const char *argv[] = { key, limit_text, window_text, want_text, untold_text };
	long untold = take_untold(hash, window_ms, now);
	redisReply *reply;
	long long taken, remaining;
	pthread_mutex_t *lock;
	struct entry *e;

	snprintf(limit_text, sizeof(limit_text), "%ld", limit);
	snprintf(window_text, sizeof(window_text), "%lld", (long long)window_ms);
	snprintf(want_text, sizeof(want_text), "%ld", block_size(hash, limit, now));
	snprintf(untold_text, sizeof(untold_text), "%ld", untold);
	reply = redis_script(redis, script, 1, 5, argv);
	if (reply == NULL || !integers(reply)) {
		freeReplyObject(reply);
		if (untold > 0)
			give_back_untold(hash, window_ms, now, untold);
		return -1;
	}
	taken = reply->element[0]->integer;
	remaining = reply->element[1]->integer;
	freeReplyObject(reply);
	lock = lock_of(hash);
	e = find(hash, now);
	e->remaining = (long)remaining;
	count_local(e, now - now % window_ms, window_ms, (long)taken);
	if (taken > 0)
		e->leased += (long)taken - 1;
	else
		e->refused_until = now + REFUSED_MS;
	tell(rate, limit, e->remaining + e->leased, now - now % window_ms, window_ms, now,
	    taken > 0);
	pthread_mutex_unlock(lock);
	return taken > 0;
}

bool
rate_take(struct redis *redis, enum tier tier, const char *who, long limit, struct rate *rate)
{
	int64_t window_ms = tier_window(tier) * 1000, now = wall_ms();
	uint64_t hash = hash_of(tier, who);
	char key[320];
	int result;

	result = take_leased(hash, limit, window_ms, now, rate);
	if (result != -1)
		return result == 1;
	if (redis != NULL) {
		snprintf(key, sizeof(key), "serviceos:rate:%s:{%s}", tier_word(tier), who);
		result = take_redis(redis, key, hash, limit, window_ms, now, rate);
		if (result != -1)
			return result == 1;
	}
	return take_local(hash, limit, window_ms, now, rate);
}

void
rate_peek(enum tier tier, const char *who, long limit, struct rate *rate)
{
	int64_t window_ms = tier_window(tier) * 1000, now = wall_ms();
	uint64_t hash = hash_of(tier, who);
	pthread_mutex_t *lock = lock_of(hash);
	struct entry *e = find(hash, now);
	bool known = e->window == now - now % window_ms && e->limit == limit;

	tell(rate, limit, known ? e->remaining + e->leased : limit, now - now % window_ms,
	    window_ms, now, true);
	pthread_mutex_unlock(lock);
}

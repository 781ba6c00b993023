/* SPDX-License-Identifier: Apache-2.0 */
#include "store/due.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/util.h"
#include "store/redis.h"

#define RECONCILE_US INT64_C(15000000)
#define HORIZON_S "40" /* more than two rounds: one may be missed */
#define POLL_US 1000000
#define LOOK_MS 500   /* a flush of Redis is noticed within half of what a clock may be late */
#define TURN_US 50000 /* of a kind that has much to do: the others wait meanwhile */
#define LANES_MAX 256
#define ATTEMPTS_MAX 10
#define EPOCH "serviceos:due:epoch"

struct due {
	struct db *db;
	struct redis *redis;
	const struct due_kind *kinds;
	bool redis_was_away;
	int64_t reconcile_us, recover_us, poll_us; /* when next */
	int64_t ahead_ms; /* of this machine's clock before PostgreSQL's, which is what counts */
	unsigned turns;   /* so that each lane is the first one at some time */
};

struct lane {
	const char *org, *lane;
	const char *score; /* as Redis gave it; NULL when it was not asked */
	int claimed;
};

static const struct db_context everybody = {
	.org = "", .actor_type = "system", .actor_id = "scheduler"
};

/* Set the lane's time only if nobody has changed it since it was read. */
static const char settle_script[] =
    "if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end "
    "if ARGV[3] == '' then return redis.call('ZREM', KEYS[1], ARGV[1]) end "
    "return redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])";

struct due *
due_new(struct db *db, struct redis *redis, const struct due_kind *kinds)
{
	struct due *d = xmalloc(sizeof(*d));

	*d = (struct due){ .db = db, .redis = redis, .kinds = kinds, .redis_was_away = true };
	return d;
}

void
due_free(struct due *d)
{
	free(d);
}

static const char *
set_of(struct arena *arena, const char *kind)
{
	return arena_printf(arena, "serviceos:due:%s", kind);
}

/* The lane is due at that time, if it was not earlier. */
static void
index_lane(struct due *d, struct arena *arena, const char *kind, const char *org, const char *lane,
    const char *at_ms)
{
	redisReply *reply =
	    redis_run(d->redis, "ZADD %s LT %s %s|%s", set_of(arena, kind), at_ms, org, lane);

	freeReplyObject(reply);
}

void
due_look(struct due *d, struct arena *arena, const char *org)
{
	const PGresult *rows;
	int i;

	db_begin(d->db, arena, DB_READ, &everybody);
	rows = db_rows(d->db, SQL_DUE_ORG, P(org));
	db_commit(d->db);
	for (i = 0; rows != NULL && i < PQntuples(rows); i++)
		index_lane(d, arena, PQgetvalue(rows, i, 0), org, PQgetvalue(rows, i, 1),
		    PQgetvalue(rows, i, 2));
}

void
due_look_lane(
    struct due *d, struct arena *arena, const char *kind, const char *org, const char *lane)
{
	const char *at;

	db_begin(d->db, arena, DB_READ, &everybody);
	at = db_value(d->db, SQL_DUE_NEXT, P(org, kind, lane));
	db_commit(d->db);
	if (at != NULL)
		index_lane(d, arena, kind, org, lane, at);
}

/* PostgreSQL's time, as far as it was known a moment ago. */
static int64_t
now_ms(const struct due *d)
{
	return wall_ms() - d->ahead_ms;
}

void
due_look_all(struct due *d, struct arena *arena)
{
	const char *clock;
	const PGresult *rows;
	redisReply *reply;
	int i;

	db_begin(d->db, arena, DB_READ, &everybody);
	rows = db_rows(d->db, SQL_DUE_LANES, P(HORIZON_S));
	clock = db_value(d->db, SQL_DUE_CLOCK, 0, NULL);
	if (!db_commit(d->db))
		return;
	d->ahead_ms = wall_ms() - strtoll(clock, NULL, 10);
	for (i = 0; i < PQntuples(rows) && !redis_is_down(); i++) {
		index_lane(d, arena, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1),
		    PQgetvalue(rows, i, 2), PQgetvalue(rows, i, 3));
		FAULT(due_indexing);
	}
	reply = redis_run(d->redis, "SET %s 1", EPOCH);
	freeReplyObject(reply);
	d->reconcile_us = mono_us() + RECONCILE_US;
}

/* Jobs whose scheduler is gone are ready again. Whether there were any. */
static bool
recovered(struct due *d, struct arena *arena)
{
	const char *n;

	if (mono_us() < d->recover_us)
		return false;
	d->recover_us = mono_us() + POLL_US;
	db_begin(d->db, arena, DB_WRITE, &everybody);
	n = db_value(d->db, SQL_DUE_RECOVER, 0, NULL);
	if (!db_commit(d->db) || n == NULL || strcmp(n, "0") == 0)
		return false;
	FAULT(due_recovered);
	return true;
}

/* Redis is there, and remembers what it was told. */
static bool
indexed(struct due *d, struct arena *arena)
{
	bool back = recovered(d, arena);
	redisReply *reply = redis_run(d->redis, "EXISTS %s", EPOCH);
	bool there = reply != NULL, remembers = there && reply->integer == 1;

	freeReplyObject(reply);
	if (there && (back || !remembers || d->redis_was_away || mono_us() >= d->reconcile_us))
		due_look_all(d, arena);
	d->redis_was_away = !there;
	return there;
}

/* Claim what is due in the lane and have it done. False when it had no room. */
static bool
work_lane(struct due *d, struct arena *arena, const struct due_kind *kind, struct lane *l)
{
	int room = kind->room == NULL ? kind->batch : kind->room(kind->arg, l->org, l->lane);
	const PGresult *claimed;

	if (room <= 0)
		return false;
	db_begin(d->db, arena, DB_WRITE, &everybody);
	claimed = db_rows(d->db, SQL_DUE_CLAIM,
	    P(l->org, kind->kind, l->lane, arena_printf(arena, "%d", room),
		arena_printf(arena, "%ld", conf.due_lease)));
	l->claimed = db_commit(d->db) ? PQntuples(claimed) : 0;
	if (l->claimed > 0) {
		FAULT(due_claimed);
		kind->run(kind->arg, l->org, claimed);
		FAULT(due_worked);
	}
	return true;
}

/* After the claim: a scheduler that dies before this leaves the lane where others find it. */
static void
settle_lane(struct due *d, struct arena *arena, const struct due_kind *kind, const struct lane *l,
    bool had_room)
{
	const char *member = arena_printf(arena, "%s|%s", l->org, l->lane), *next;
	const char *args[] = { set_of(arena, kind->kind), member, l->score, "" };
	redisReply *reply;

	if (had_room) {
		db_begin(d->db, arena, DB_READ, &everybody);
		next = db_value(d->db, SQL_DUE_NEXT, P(l->org, kind->kind, l->lane));
		if (!db_commit(d->db))
			return;
		if (next != NULL)
			args[3] = next;
	} else { /* who makes room calls due_look_lane() */
		args[3] = arena_printf(arena, "%lld", (long long)now_ms(d) + 1000);
	}
	reply = redis_script(d->redis, settle_script, 1, 4, args);
	freeReplyObject(reply);
}

static struct lane
lane_of(struct arena *arena, const redisReply *member, const redisReply *score)
{
	char *org = arena_strdup(arena, member->str), *bar = strchr(org, '|');

	*bar = '\0';
	return (
	    struct lane){ .org = org, .lane = bar + 1, .score = arena_strdup(arena, score->str) };
}

/*
 * Do the kind's due lanes as Redis tells them, for a while, beginning with another
 * one each time: how many jobs were claimed, and *lanes that are due.
 */
static int
run_kind(struct due *d, struct arena *arena, const struct due_kind *kind, int *lanes)
{
	redisReply *due = redis_run(d->redis, "ZRANGEBYSCORE %s -inf %s WITHSCORES LIMIT 0 %d",
	    set_of(arena, kind->kind), arena_printf(arena, "%lld", (long long)now_ms(d)),
	    LANES_MAX);
	int64_t began = mono_us();
	struct lane l;
	size_t i, n, at;
	int claimed = 0;

	if (due == NULL || due->type != REDIS_REPLY_ARRAY) {
		freeReplyObject(due);
		return 0;
	}
	n = due->elements / 2;
	for (i = 0; i < n && (i == 0 || mono_us() - began < TURN_US); i++) {
		at = (d->turns + i) % n * 2;
		l = lane_of(arena, due->element[at], due->element[at + 1]);
		settle_lane(d, arena, kind, &l, work_lane(d, arena, kind, &l));
		claimed += l.claimed;
	}
	*lanes += (int)n;
	freeReplyObject(due);
	return claimed;
}

/* Without Redis: all lanes that PostgreSQL knows to be due. */
static void
poll_lanes(struct due *d, struct arena *arena)
{
	const struct due_kind *kind;
	const PGresult *rows;
	int i;

	if (mono_us() < d->poll_us)
		return;
	d->poll_us = mono_us() + POLL_US;
	db_begin(d->db, arena, DB_READ, &everybody);
	rows = db_rows(d->db, SQL_DUE_LANES, P("0"));
	if (!db_commit(d->db))
		return;
	for (i = 0; i < PQntuples(rows); i++) {
		struct lane l = { .org = PQgetvalue(rows, i, 1), .lane = PQgetvalue(rows, i, 2) };

		for (kind = d->kinds; kind->kind != NULL; kind++)
			if (strcmp(kind->kind, PQgetvalue(rows, i, 0)) == 0)
				work_lane(d, arena, kind, &l);
	}
}

void
due_failed(
    const struct due_work *w, const char *org, const char *kind, const PGresult *claimed, int row)
{
	const char *ref = PQgetvalue(claimed, row, 0), *token = PQgetvalue(claimed, row, 1);
	const char *why = db_error(w->app)->message;
	long attempts = strtol(PQgetvalue(claimed, row, 2), NULL, 10);
	bool gave_up = attempts >= ATTEMPTS_MAX && db_error(w->app)->kind != DB_DOWN;

	log_warn("%s %s of %s: %s", kind, ref, org, why);
	db_begin(w->db, w->arena, DB_WRITE, &everybody);
	if (gave_up)
		db_do(w->db, SQL_DUE_DEAD, P(org, kind, ref, token, why));
	else
		db_do(w->db, SQL_DUE_RETRY,
		    P(org, kind, ref, token,
			arena_printf(w->arena, "%ld", 500L << (attempts > 7 ? 7 : attempts)), why));
	db_commit(w->db);
}

const char *
due_array(struct arena *arena, const PGresult *claimed, int row, int column)
{
	int i = row == -1 ? 0 : row, end = row == -1 ? PQntuples(claimed) : row + 1;
	struct buf out;

	buf_init(&out, arena, 1024);
	buf_char(&out, '{');
	for (; i < end; i++)
		buf_printf(&out, "%s%s", out.len == 1 ? "" : ",", PQgetvalue(claimed, i, column));
	buf_char(&out, '}');
	return out.data;
}

const char *
due_token(const PGresult *claimed, const char *ref)
{
	int i;

	for (i = 0; i < PQntuples(claimed); i++)
		if (strcmp(PQgetvalue(claimed, i, 0), ref) == 0)
			return PQgetvalue(claimed, i, 1);
	return NULL;
}

/* Milliseconds until the first lane of any kind is due. */
static int
until_next(struct due *d, struct arena *arena)
{
	int64_t now = now_ms(d), wait = LOOK_MS, at;
	const struct due_kind *kind;
	redisReply *first;

	for (kind = d->kinds; kind->kind != NULL; kind++) {
		first = redis_run(d->redis, "ZRANGE %s 0 0 WITHSCORES", set_of(arena, kind->kind));
		if (first != NULL && first->type == REDIS_REPLY_ARRAY && first->elements == 2) {
			at = (int64_t)strtod(first->element[1]->str, NULL);
			if (at - now < wait)
				wait = at - now < 1 ? 1 : at - now;
		}
		freeReplyObject(first);
	}
	return (int)wait;
}

int
due_run(struct due *d, struct arena *arena)
{
	const struct due_kind *kind;
	int lanes = 0, claimed = 0, wait;

	if (!indexed(d, arena)) {
		poll_lanes(d, arena);
		return 250;
	}
	d->turns++;
	for (kind = d->kinds; kind->kind != NULL; kind++)
		claimed += run_kind(d, arena, kind, &lanes);
	if (claimed > 0)
		return 0;
	wait = until_next(d, arena);
	/* Due by our clock and not by PostgreSQL's: no reason to ask as fast as we can. */
	return lanes > 0 && wait < 20 ? 20 : wait;
}

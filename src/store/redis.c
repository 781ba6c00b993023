/* SPDX-License-Identifier: Apache-2.0 */
#include "store/redis.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/util.h"

#define TIMEOUT_US 50000
#define FAILURES_MAX 3
#define PROBE_US 1000000
#define SCRIPTS_MAX 8

/* Shared by all processes of the host: one of them probes for all. */
struct breaker {
	_Atomic int failures;
	_Atomic int64_t next_probe_us; /* 0 while closed */
};

struct redis {
	const char *url;
	redisContext *context;
	unsigned owed; /* replies to PUBLISH that are still to be read */
	long waited_us;
};

static struct breaker *breaker;

void
redis_init(void)
{
	if (breaker != NULL)
		return;
	breaker =
	    mmap(NULL, sizeof(*breaker), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (breaker == MAP_FAILED)
		fatal("cannot map the Redis breaker: %s", strerror(errno));
}

struct redis *
redis_new(const char *url)
{
	struct redis *r = xmalloc(sizeof(*r));

	redis_init();
	r->url = xstrdup(url);
	return r;
}

static void
disconnect(struct redis *r)
{
	if (r->context != NULL)
		redisFree(r->context);
	r->context = NULL;
	r->owed = 0;
}

void
redis_free(struct redis *r)
{
	disconnect(r);
	free((char *)r->url);
	free(r);
}

bool
redis_is_down(void)
{
	return breaker != NULL && breaker->next_probe_us != 0;
}

static void
failed(struct redis *r, const char *what)
{
	int64_t closed = 0;

	metric_add(M_redis_errors_total, 1);
	if (atomic_fetch_add(&breaker->failures, 1) + 1 < FAILURES_MAX) {
		disconnect(r);
		return;
	}
	/* Only the one that opens the breaker says so. */
	if (atomic_compare_exchange_strong(
		&breaker->next_probe_us, &closed, mono_us() + PROBE_US)) {
		metric_set(M_redis_down, 1);
		log_warn("Redis is away (%s); going on without it", what);
	}
	disconnect(r); /* last: `what` may be the connection's own text */
}

static void
succeeded(void)
{
	int64_t open = breaker->next_probe_us;

	if (breaker->failures != 0)
		breaker->failures = 0;
	if (open != 0 && atomic_compare_exchange_strong(&breaker->next_probe_us, &open, 0)) {
		metric_set(M_redis_down, 0);
		log_info("Redis is back");
	}
}

/* While the breaker is open one caller a second may try. */
static bool
may_try(void)
{
	int64_t next = breaker->next_probe_us, now;

	if (next == 0)
		return true;
	now = mono_us();
	return now >= next &&
	       atomic_compare_exchange_strong(&breaker->next_probe_us, &next, now + PROBE_US);
}

redisContext *
redis_connect_plain(const char *url, struct timeval limit)
{
	redisContext *c;
	char host[256];
	const char *colon;

	if (strncmp(url, "unix:", 5) == 0) {
		c = redisConnectUnixWithTimeout(url + 5, limit);
	} else {
		colon = strrchr(url, ':');
		snprintf(host, sizeof(host), "%.*s",
		    colon == NULL ? (int)strlen(url) : (int)(colon - url), url);
		c = redisConnectWithTimeout(host, colon == NULL ? 6379 : atoi(colon + 1), limit);
	}
	if (c != NULL && (c->err != 0 || redisSetTimeout(c, limit) != REDIS_OK)) {
		redisFree(c);
		c = NULL;
	}
	return c;
}

static bool
connected(struct redis *r)
{
	struct timeval limit = { .tv_usec = TIMEOUT_US };

	if (r->context == NULL)
		r->context = redis_connect_plain(r->url, limit);
	if (r->context == NULL)
		failed(r, "cannot connect");
	return r->context != NULL;
}

/* Read the replies to earlier PUBLISH commands, or the next command would get them. */
static bool
settle(struct redis *r)
{
	void *reply;

	for (; r->owed > 0; r->owed--) {
		if (redisGetReply(r->context, &reply) != REDIS_OK)
			return false;
		freeReplyObject(reply);
	}
	return true;
}

static redisReply *
finish(struct redis *r, redisReply *reply)
{
	if (reply == NULL) {
		failed(r, r->context->errstr);
		return NULL;
	}
	if (reply->type == REDIS_REPLY_ERROR) {
		if (strncmp(reply->str, "NOSCRIPT", 8) == 0) {
			succeeded(); /* it answers; redis_script() sends the text next */
			return reply;
		}
		log_warn("Redis: %s", reply->str);
		failed(r, reply->str); /* READONLY, LOADING, OOM: another node, another time */
		freeReplyObject(reply);
		return NULL;
	}
	succeeded();
	return reply;
}

/* The server closed this connection some time ago, which says nothing of how it is now. */
static bool
was_stale(const struct redis *r)
{
	return r->context->err == REDIS_ERR_EOF ||
	       (r->context->err == REDIS_ERR_IO && (errno == EPIPE || errno == ECONNRESET));
}

static redisReply *
ask(struct redis *r, const char *command, size_t len)
{
	void *reply = NULL;

	if (!settle(r) || redisAppendFormattedCommand(r->context, command, len) != REDIS_OK ||
	    redisGetReply(r->context, &reply) != REDIS_OK)
		return NULL;
	return reply;
}

/* Send a formatted command; on a connection that was dead already, once more on a new one. */
static redisReply *
run(struct redis *r, char *command, int len)
{
	int64_t start = mono_us();
	bool fresh = r->context == NULL;
	redisReply *reply = NULL;

	if (len > 0 && may_try() && connected(r)) {
		reply = ask(r, command, (size_t)len);
		if (reply == NULL && !fresh && was_stale(r)) {
			disconnect(r);
			reply = connected(r) ? ask(r, command, (size_t)len) : NULL;
		}
		if (r->context != NULL)
			reply = finish(r, reply);
	}
	redisFreeCommand(command);
	r->waited_us += (long)(mono_us() - start);
	return reply;
}

redisReply *
redis_runv(struct redis *r, int argc, const char **argv, const size_t *lengths)
{
	char *command = NULL;
	int len = (int)redisFormatCommandArgv(&command, argc, argv, lengths);

	return run(r, command, len);
}

redisReply *
redis_run(struct redis *r, const char *format, ...)
{
	char *command = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = redisvFormatCommand(&command, format, args);
	va_end(args);
	return run(r, command, len);
}

/* SHA-1 names a script in Redis' protocol; hiredis has none, so Redis is asked once. */
static redisReply *
eval(struct redis *r, const char *command, const char *script, int nkeys, int argc,
    const char **argv)
{
	const char *all[32];
	char keys[12];
	int i;

	snprintf(keys, sizeof(keys), "%d", nkeys);
	all[0] = command;
	all[1] = script;
	all[2] = keys;
	for (i = 0; i < argc && i < 29; i++)
		all[3 + i] = argv[i];
	return redis_runv(r, 3 + i, all, NULL);
}

/* The script's SHA-1, asked for once in a process; NULL when Redis is away. */
static const char *
sha_of(struct redis *r, const char *script)
{
	static struct {
		const char *script;
		char sha[41];
	} known[SCRIPTS_MAX];
	redisReply *reply;
	unsigned i;

	for (i = 0; i < SCRIPTS_MAX && known[i].script != NULL; i++)
		if (known[i].script == script)
			return known[i].sha;
	if (i == SCRIPTS_MAX)
		fatal("redis_script: more than %d scripts", SCRIPTS_MAX);
	reply = redis_run(r, "SCRIPT LOAD %s", script);
	if (reply == NULL || reply->type != REDIS_REPLY_STRING || reply->len != 40) {
		freeReplyObject(reply);
		return NULL;
	}
	memcpy(known[i].sha, reply->str, 41);
	freeReplyObject(reply);
	known[i].script = script;
	return known[i].sha;
}

redisReply *
redis_script(struct redis *r, const char *script, int nkeys, int argc, const char **argv)
{
	const char *sha = sha_of(r, script);
	redisReply *reply;

	if (sha == NULL)
		return NULL;
	reply = eval(r, "EVALSHA", sha, nkeys, argc, argv);
	if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
		return reply;
	freeReplyObject(reply); /* restarted or flushed: the script is gone */
	reply = eval(r, "EVAL", script, nkeys, argc, argv);
	if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
		freeReplyObject(reply);
		return NULL;
	}
	return reply;
}

static bool
send_message(struct redis *r, const char *channel, const char *message)
{
	int done = 0;

	if (r->owed >= 64 && !settle(r))
		return false;
	return redisAppendCommand(r->context, "PUBLISH %s %s", channel, message) == REDIS_OK &&
	       redisBufferWrite(r->context, &done) == REDIS_OK;
}

void
redis_publish(struct redis *r, const char *channel, const char *message)
{
	bool fresh = r->context == NULL, sent;

	/* A probe must wait for its answer, or it would use up the turn and learn nothing. */
	if (redis_is_down() && redis_ping(r) != 0)
		return;
	if (!connected(r))
		return;
	sent = send_message(r, channel, message);
	if (!sent && !fresh && was_stale(r)) {
		disconnect(r);
		if (!connected(r))
			return;
		sent = send_message(r, channel, message);
	}
	if (sent)
		r->owed++;
	else
		failed(r, r->context->errstr);
}

int
redis_ping(struct redis *r)
{
	redisReply *reply = redis_run(r, "PING");

	if (reply == NULL)
		return -1;
	freeReplyObject(reply);
	return 0;
}

long
redis_take_us(struct redis *r)
{
	long us = r->waited_us;

	r->waited_us = 0;
	return us;
}

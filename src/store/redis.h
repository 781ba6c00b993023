/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_REDIS_H
#define SERVICEOS_REDIS_H

/*
 * Redis, for what may be lost: rate-limit counters, presence, wake-ups.
 * Connect and every command end within 50 ms. After any error the connection
 * is closed (a late reply would answer the next command); three failures in a
 * row open a breaker that all processes of the host share, probed once a second.
 */

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/time.h>

struct redis;

/* Map the breaker shared by all workers; before the first fork. */
void redis_init(void);
/* Does not connect yet. "unix:PATH" or "HOST:PORT". */
struct redis *redis_new(const char *url);
void redis_free(struct redis *);

/*
 * Run one command (hiredis format; %b and %s arguments only, never a caller's
 * text as the format). NULL when Redis is away or answered with an error.
 * The reply is freed by freeReplyObject().
 */
redisReply *redis_run(struct redis *, const char *format, ...);
/* The same with an argument vector. */
redisReply *redis_runv(struct redis *, int argc, const char **argv, const size_t *lengths);
/* EVALSHA with a fall-back to EVAL. The script's text must stay valid. */
redisReply *redis_script(
    struct redis *, const char *script, int nkeys, int argc, const char **argv);
/* PUBLISH without waiting for the reply; lost when Redis is away. */
void redis_publish(struct redis *, const char *channel, const char *message);

/* A connection outside all this, for a subscriber; NULL when Redis is away. */
redisContext *redis_connect_plain(const char *url, struct timeval limit);

/* True while the breaker is open. */
bool redis_is_down(void);
int redis_ping(struct redis *);
/* Microseconds spent waiting for Redis since the last call. */
long redis_take_us(struct redis *);

#endif

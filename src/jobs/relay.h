/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_RELAY_H
#define SERVICEOS_RELAY_H

/*
 * The outbox relay: gives committed events their place in the organisation's
 * sequence and announces them. Numbers are given under a row lock of the
 * organisation and become visible in order, so a reader that has seen N never
 * misses N-1. Two relays at once are correct.
 */

#include <stdint.h>

struct arena;
struct db;
struct redis;

/*
 * One batch: the number of events placed, or -1 when PostgreSQL is away. placed,
 * or NULL, is told of each organisation whose events may have started something.
 */
int relay_run(struct db *, struct redis *, struct arena *,
    void (*placed)(void *arg, const char *org), void *arg);
/* Age in seconds of the oldest event without a number; 0 for none. */
int64_t relay_lag(struct db *, struct arena *);

#endif

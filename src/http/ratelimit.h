/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_RATELIMIT_H
#define SERVICEOS_RATELIMIT_H

/*
 * Request budgets. Redis is the authority (one script, Redis' own time,
 * sliding window of two weighted buckets aligned to the window); blocks of the
 * budget are leased into shared memory so that the common request makes no
 * Redis call: 1/64 of what remains, 1 near the edge, hence exact there across
 * workers and hosts. While Redis is away the host counts in shared memory
 * with the same limits.
 */

#include <stdbool.h>
#include <stdint.h>

struct redis;

enum tier { TIER_GENERAL, TIER_AUTH, TIER_BULK, TIER_NONE, TIER__MAX };

struct rate {
	long limit;
	long remaining;
	int64_t reset;    /* seconds since 1970 when the window ends */
	long retry_after; /* seconds, at least 1, when refused; else 0 */
};

/* Seconds: 3600, 60, 60. */
long tier_window(enum tier);
const char *tier_word(enum tier);

/* Map the shared table; before the first fork. */
void rate_init(void);
/* Take one from the budget of (tier, who). True when allowed; *rate is filled either way. */
bool rate_take(struct redis *, enum tier, const char *who, long limit, struct rate *);
/* What is left, taking nothing and making no Redis call. */
void rate_peek(enum tier, const char *who, long limit, struct rate *);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_HOUSEKEEPING_H
#define SERVICEOS_HOUSEKEEPING_H

struct arena;
struct db;

/* Wake tickets whose snooze is over; return those that were claimed and left. Every second. */
void every_second(struct db *, struct arena *);
/* Drop old idempotency keys, ended sessions and tickets deleted long ago. Every minute. */
void drop_expired(struct db *, struct arena *);
/* Fetch conf.jwks_url into state_dir/jwks.json. Every five minutes. */
void fetch_jwks(void);

#endif

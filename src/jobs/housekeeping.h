/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_HOUSEKEEPING_H
#define SERVICEOS_HOUSEKEEPING_H

#include <stdbool.h>

struct arena;
struct db;

/* Wake tickets whose snooze is over; return those that were claimed and left. Every second. */
void every_second(struct db *, struct arena *);
/* Drop old idempotency keys, ended sessions and tickets deleted long ago. Every minute. */
void drop_expired(struct db *, struct arena *);
/* Keep some of the words that imports left for search; true when there may be more. */
bool keep_up_words(struct db *, struct arena *);
/* Learn one organisation's words for misspelt searches; true when there may be more. */
bool learn_words(struct db *, struct arena *);

#endif

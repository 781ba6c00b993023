/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_DUE_H
#define SERVICEOS_DUE_H

/*
 * What is to be done at a time. The row in due_job is the job; for each kind a
 * sorted set in Redis tells the scheduler to the millisecond when a lane (an
 * organisation, or one of its webhook endpoints) has something due. Redis may
 * forget all of it: every lane is written again each 15 s, at once after a
 * flush or an outage, and while Redis is away PostgreSQL is asked each second.
 *
 * A claim is a lease (conf.due_lease) with a fencing token; a job whose
 * scheduler died comes back when it is over. Several schedulers may run.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/db.h"

struct arena;
struct due;
struct redis;

struct due_kind {
	const char *kind;
	/* How many more jobs of the lane may be taken now; NULL for `batch`. */
	int (*room)(void *arg, const char *org, const char *lane);
	int batch;
	/*
	 * Do the claimed jobs: rows of ref, token, attempts, late_ms. Each ends with
	 * SQL_DUE_DONE, SQL_DUE_RETRY or SQL_DUE_DEAD and its token, now or later.
	 */
	void (*run)(void *arg, const char *org, const PGresult *claimed);
	void *arg;
};

/* What a kind works with that acts in the organisations, as the workers' role. */
struct due_work {
	struct db *app;  /* the workers' role */
	struct db *db;   /* the scheduler's: for what failed */
	struct due *due; /* is told of jobs of another kind that it makes without an event */
	struct arena *arena;
};

/* Column of the claimed rows as an array's text: of that row, or of all when it is -1. */
const char *due_array(struct arena *, const PGresult *claimed, int row, int column);
/* The token of the claimed job, or NULL. */
const char *due_token(const PGresult *claimed, const char *ref);

/* kinds ends in .kind NULL and stays valid. */
struct due *due_new(struct db *, struct redis *, const struct due_kind *kinds);
void due_free(struct due *);
/* Something of this organisation may be due: look when. */
void due_look(struct due *, struct arena *, const char *org);
/* The same for one lane that had no room a moment ago. */
void due_look_lane(
    struct due *, struct arena *, const char *kind, const char *org, const char *lane);
/* All of them, because a wake-up did not say whose it is. */
void due_look_all(struct due *, struct arena *);
/*
 * After a transaction of work->app that failed: the claimed job in that row is
 * tried again later, and later each time, or is dead after ten attempts.
 */
void due_failed(
    const struct due_work *, const char *org, const char *kind, const PGresult *claimed, int row);
/* Do what is due. Milliseconds until there is more, at most 500. */
int due_run(struct due *, struct arena *);

#endif

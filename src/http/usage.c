/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage per key. A row per request would cost more than the request, so a
 * worker adds up and writes now and then; a killed worker loses its last seconds.
 */
#include "http/usage.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/util.h"
#include "store/db.h"

#define ENTRIES 256
#define FLUSH_US 10000000

struct count {
	char org[64];
	char principal[128];
	long requests, errors;
};

static struct count counts[ENTRIES];
static unsigned used;
static int64_t flushed_us;

void
usage_count(const char *org, const char *principal, bool error)
{
	unsigned i;

	for (i = 0; i < used; i++)
		if (strcmp(counts[i].principal, principal) == 0 && strcmp(counts[i].org, org) == 0)
			break;
	if (i == ENTRIES)
		return; /* flushed within 10 s; the loss is in a statistic */
	if (i == used) {
		snprintf(counts[i].org, sizeof(counts[i].org), "%s", org);
		snprintf(counts[i].principal, sizeof(counts[i].principal), "%s", principal);
		counts[i].requests = counts[i].errors = 0;
		used++;
	}
	counts[i].requests++;
	counts[i].errors += error;
}

static void
write_count(struct db *db, struct arena *arena, const struct count *c)
{
	struct db_context context = { .org = c->org, .actor_type = "system", .actor_id = "usage" };
	char requests[24], errors[24];

	snprintf(requests, sizeof(requests), "%ld", c->requests);
	snprintf(errors, sizeof(errors), "%ld", c->errors);
	db_begin(db, arena, DB_WRITE, &context);
	db_do(db, SQL_USAGE_ADD, P(c->org, c->principal, requests, errors));
	db_commit(db);
}

void
usage_flush(struct db *db, struct arena *arena, bool force)
{
	unsigned i;

	if (used == 0 || (!force && used < ENTRIES && mono_us() - flushed_us < FLUSH_US))
		return;
	flushed_us = mono_us();
	for (i = 0; i < used; i++)
		write_count(db, arena, &counts[i]);
	used = 0;
	arena_reset(arena);
}

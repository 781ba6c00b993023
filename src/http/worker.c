/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker keeps between requests, and its housekeeping. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "http/authenticate.h"
#include "http/req.h"
#include "http/usage.h"

#define PING_US 5000 /* at most one wake-up of the relay in this time */

struct worker *
worker_new(const char *name)
{
	struct worker *w = xmalloc(sizeof(*w));

	w->arena = arena_new();
	w->db = db_new(conf.db_url, name, conf.db_timeout);
	w->redis = redis_new(conf.redis_url);
	w->auth_cache = auth_cache_new();
	return w;
}

void
worker_free(struct worker *w)
{
	usage_flush(w->db, w->arena, true);
	db_free(w->db);
	redis_free(w->redis);
	arena_free(w->arena);
	free(w->auth_cache);
	free(w);
}

void
worker_warm(struct worker *w, bool searches)
{
	static const struct db_context nobody = { .org = "" };

	redis_ping(w->redis);
	if (db_ping(w->db) == 0 && searches) {
		db_begin(w->db, w->arena, DB_READ, &nobody);
		db_do(w->db, SQL_SEARCH_WARM_UP, 0, NULL);
		db_commit(w->db);
		arena_reset(w->arena);
	}
}

void
worker_ping(struct worker *w, const char *org)
{
	if (org == NULL || (w->ping_due && strcmp(w->ping_org, org) != 0))
		w->ping_org[0] = '\0';
	else
		snprintf(w->ping_org, sizeof(w->ping_org), "%s", org);
	w->ping_due = true;
}

void
worker_tick(struct worker *w)
{
	static int64_t pinged_us;
	int64_t now = mono_us();

	if (w->ping_due && now - pinged_us >= PING_US) {
		pinged_us = now;
		w->ping_due = false;
		redis_publish(w->redis, "serviceos:relay", w->ping_org);
	}
	usage_flush(w->db, w->arena, false);
}

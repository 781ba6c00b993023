/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/relay.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/fault.h"
#include "store/db.h"
#include "store/redis.h"

static const struct db_context everybody = {
	.org = "", .actor_type = "system", .actor_id = "relay"
};

/* One transaction per organisation, so that a busy one holds nobody else up. */
static int
place(struct db *db, struct redis *redis, struct arena *arena, const char *org)
{
	const PGresult *res;
	const char *last;
	int n;

	db_begin(db, arena, DB_WRITE, &everybody);
	res = db_row(db, SQL_RELAY_PLACE, P(org));
	if (res != NULL && atoi(PQgetvalue(res, 0, 0)) > 0)
		FAULT(relay_numbered);
	if (!db_commit(db) || res == NULL)
		return -1;
	n = atoi(PQgetvalue(res, 0, 0));
	last = PQgetvalue(res, 0, 1);
	if (n > 0) {
		FAULT(relay_placed);
		redis_publish(redis, arena_printf(arena, "serviceos:events:%s", org), last);
	}
	return n;
}

int
relay_run(struct db *db, struct redis *redis, struct arena *arena,
    void (*placed)(void *arg, const char *org), void *arg)
{
	const PGresult *orgs;
	int i, n, total = 0;

	db_begin(db, arena, DB_READ, &everybody);
	orgs = db_rows(db, SQL_RELAY_ORGS, 0, NULL);
	db_commit(db);
	if (orgs == NULL)
		return -1;
	for (i = 0; i < PQntuples(orgs); i++) {
		n = place(db, redis, arena, PQgetvalue(orgs, i, 0));
		if (n == -1)
			return -1;
		if (n > 0 && placed != NULL)
			placed(arg, PQgetvalue(orgs, i, 0));
		total += n;
	}
	return total;
}

int64_t
relay_lag(struct db *db, struct arena *arena)
{
	const char *age;
	int64_t lag;

	db_begin(db, arena, DB_READ, &everybody);
	age = db_value(db, SQL_RELAY_LAG, 0, NULL);
	lag = age == NULL ? 0 : strtoll(age, NULL, 10);
	db_commit(db);
	return lag;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/housekeeping.h"

#include "base/arena.h"
#include "base/log.h"
#include "store/db.h"

static const struct db_context system_context = {
	.org = "", .actor_type = "system", .actor_id = "scheduler"
};

/* Commit; a rule that refuses is nobody's request here, and so is logged. */
static bool
finish(struct db *db, enum sql_id id, const char *org)
{
	const struct db_error *e = db_error(db);

	if (db_commit(db))
		return true;
	if (e->kind == DB_RULE)
		log_error("%s%s%s: %s %s (%s)", statements[id].name, *org == '\0' ? "" : " of ",
		    org, e->sqlstate, e->message, e->detail == NULL ? "" : e->detail);
	return false;
}

static void
run(struct db *db, struct arena *arena, enum sql_id id)
{
	db_begin(db, arena, DB_WRITE, &system_context);
	db_do(db, id, 0, NULL);
	finish(db, id, "");
}

/* For each organisation that the first statement names, in a transaction of its own. */
static void
run_for_each(struct db *db, struct arena *arena, enum sql_id which, enum sql_id id)
{
	const PGresult *orgs;
	int i;

	db_begin(db, arena, DB_READ, &system_context);
	orgs = db_rows(db, which, 0, NULL);
	db_commit(db);
	for (i = 0; orgs != NULL && i < PQntuples(orgs); i++) {
		const char *org = PQgetvalue(orgs, i, 0);

		db_begin(db, arena, DB_WRITE, &system_context);
		db_do(db, id, P(org));
		finish(db, id, org);
	}
}

void
every_second(struct db *db, struct arena *arena)
{
	run(db, arena, SQL_WAKE_SNOOZED);
	run(db, arena, SQL_EXPIRE_CLAIMS);
}

void
drop_expired(struct db *db, struct arena *arena)
{
	run(db, arena, SQL_DROP_IDEMPOTENCY);
	run(db, arena, SQL_DROP_SESSIONS);
	run(db, arena, SQL_PURGE_TICKETS);
	run_for_each(db, arena, SQL_PURGEABLE_CUSTOM_FIELDS, SQL_PURGE_CUSTOM_FIELDS);
	run(db, arena, SQL_DROP_DELIVERIES);
	run(db, arena, SQL_DROP_RUNS);
	run(db, arena, SQL_DROP_MAIL);
	run(db, arena, SQL_DROP_INBOUND);
}

/* What a statement does in pieces; true when it says that there may be more. */
static bool
run_piece(struct db *db, struct arena *arena, enum sql_id id, int n, const char *const *values)
{
	const char *more;

	db_begin(db, arena, DB_WRITE, &system_context);
	more = db_value(db, id, n, values);
	return finish(db, id, "") && more != NULL && *more == 't';
}

bool
keep_up_words(struct db *db, struct arena *arena)
{
	return run_piece(db, arena, SQL_SEARCH_KEEP_UP, P(NULL));
}

bool
learn_words(struct db *db, struct arena *arena)
{
	return run_piece(db, arena, SQL_SEARCH_LEARN, 0, NULL);
}

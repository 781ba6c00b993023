/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure of PostgreSQL means: the caller's fault, a race, the world's, or ours. */
#include "store/db_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/util.h"

void
db_fail(struct db *db, enum db_failure kind, const char *sqlstate, const char *message)
{
	if (db->error.kind != DB_OK)
		return;
	db->error.kind = kind;
	snprintf(db->error.sqlstate, sizeof(db->error.sqlstate), "%s", sqlstate);
	db->error.message = message;
	if (kind != DB_RULE)
		metric_add(M_db_errors_total, 1);
}

static enum db_failure
classify(const char *state)
{
	static const struct {
		const char *prefix;
		enum db_failure kind;
	} table[] = {
		{ "SVRUN", DB_RETRY },   /* what only a second attempt does is needed */
		{ "SV", DB_RULE },       /* fail() in SQL */
		{ "23", DB_RULE },       /* constraints */
		{ "22", DB_RULE },       /* a value the type refuses */
		{ "40001", DB_RETRY },   /* serialization failure */
		{ "40P01", DB_RETRY },   /* deadlock */
		{ "26000", DB_RETRY },   /* the prepared statement is gone */
		{ "0A000", DB_RETRY },   /* cached plan must not change result type */
		{ "42P05", DB_RETRY },   /* prepared twice: behind a pooler */
		{ "57P0", DB_RETRY },    /* shutting down; see below */
		{ "57014", DB_TIMEOUT }, /* statement time-out */
		{ "55P03", DB_TIMEOUT }, /* lock time-out */
		{ "25P03", DB_TIMEOUT },
		{ "25006", DB_DOWN }, /* read-only: a failover is under way */
		{ "53", DB_DOWN },    /* disk full, out of memory, too many connections */
		{ "58", DB_DOWN },    /* I/O error */
		{ "08", DB_DOWN },
		{ "XX", DB_DOWN },
	};
	unsigned i;

	for (i = 0; i < LENGTH(table); i++)
		if (strncmp(state, table[i].prefix, strlen(table[i].prefix)) == 0)
			return table[i].kind;
	return DB_BUG;
}

static const char *
field(struct db *db, const PGresult *res, int code)
{
	return arena_strdup(db->arena, PQresultErrorField(res, code));
}

void
db_fail_result(struct db *db, const PGresult *res, const char *statement)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	enum db_failure kind;

	if (state == NULL)
		state = "XX000";
	kind = classify(state);
	/* A server that is told to stop answers so instead of the first result. */
	if (strncmp(state, "57P0", 4) == 0 && db->commit_sent && db->answered > 0)
		kind = DB_UNKNOWN;
	if (strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0 ||
	    strcmp(state, "42P05") == 0)
		db->stale = true;
	if (db->error.kind != DB_OK)
		return;
	db_fail(db, kind, state, field(db, res, PG_DIAG_MESSAGE_PRIMARY));
	db->error.detail = field(db, res, PG_DIAG_MESSAGE_DETAIL);
	db->error.constraint = field(db, res, PG_DIAG_CONSTRAINT_NAME);
	db->error.column = field(db, res, PG_DIAG_COLUMN_NAME);
	if (kind == DB_BUG)
		log_error("statement %s: %s %s (%s)", statement, state, db->error.message,
		    db->error.detail == NULL ? "" : db->error.detail);
	else if (kind != DB_RULE && strcmp(state, "SVRUN") != 0)
		log_warn("statement %s: %s %s", statement, state, db->error.message);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_DB_H
#define SERVICEOS_DB_H

/*
 * PostgreSQL, one pipelined connection per process.
 *
 * A transaction is db_begin() … db_commit() or db_rollback(). Statements are
 * queued without waiting and go out together with the first result that is
 * asked for. A read transaction is one implicit transaction per flight; a
 * write is BEGIN … COMMIT. The organisation, the actor and the request id are
 * set with set_config(…, true), so they die with the transaction.
 *
 * Failure is sticky: after the first one every call does nothing and returns
 * NULL until the transaction ends. The failure is logged where it happens.
 */

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/sql.gen.h" /* enum sql_id, struct statement, statements[] */

struct arena;
struct db;

enum db_mode { DB_READ, DB_WRITE };

/* Who acts, for row-level security and for the change log. NULL means unset. */
struct db_context {
	const char *org;
	const char *actor_type; /* "user", "api_key", "legacy", "system", "platform" */
	const char *actor_id;
	const char *address;
	const char *request_id;
	const char *suppress; /* comma list: notifications,webhooks,workflows,sla */
};

enum db_failure {
	DB_OK,
	DB_RULE,    /* the caller's fault: constraint, bad value, rule raised in SQL */
	DB_RETRY,   /* serialization failure, deadlock, stale plan, connection lost before commit */
	DB_TIMEOUT, /* statement or lock timeout */
	DB_DOWN,    /* cannot connect, shutting down, read-only, disk full */
	DB_UNKNOWN, /* the connection was lost during COMMIT */
	DB_BUG,     /* anything else: a wrong statement */
};

struct db_error {
	enum db_failure kind;
	char sqlstate[6];
	const char *message;    /* primary message */
	const char *detail;     /* or NULL */
	const char *constraint; /* name, or NULL */
	const char *column;     /* or NULL */
};

/* The values of a statement: count and array. db_row(db, SQL_X, P(org, id)). */
#define P(...) \
	(int)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)), \
	    (const char *const[]) \
	{ \
		__VA_ARGS__ \
	}

/* Does not connect yet. timeout_ms is the statement timeout. */
struct db *db_new(const char *url, const char *application_name, long timeout_ms);
void db_free(struct db *);

/* Results live in the arena until it is reset. Connects when needed. */
void db_begin(struct db *, struct arena *, enum db_mode, const struct db_context *);
/* True when the transaction is committed; else see db_error(). */
bool db_commit(struct db *);
void db_rollback(struct db *);
/* Change the organisation of the running transaction (login, where it is found first). */
void db_set_org(struct db *, const char *org);

/* Queue a statement; the returned slot is for db_result(). -1 after a failure. */
int db_queue(struct db *, enum sql_id, int n, const char *const *values);
/* The same for SQL composed from our own tables; prepared by its text, at most 128 kept. */
int db_queue_text(struct db *, const char *sql, int n, const char *const *values);
/* Send what is queued and give this result (0 rows or more), or NULL after a failure. */
const PGresult *db_result(struct db *, int slot);

/* Where a loop begins, and after each of its rounds, whose results have been used: there is place
 * for so many statements again. */
int db_mark(const struct db *);
void db_reuse(struct db *, int mark);

/* db_queue + db_result. db_row gives NULL when there is no row as well. */
const PGresult *db_rows(struct db *, enum sql_id, int n, const char *const *values);
const PGresult *db_row(struct db *, enum sql_id, int n, const char *const *values);
/* First column of the first row; NULL when there is none or it is null. */
const char *db_value(struct db *, enum sql_id, int n, const char *const *values);
/* Whether a DB_READ has failed because a statement took too long; then that is forgotten and it
 * goes on. */
bool db_forgive_timeout(struct db *);
/* For effect: queued, its result unused, its failure sticky. */
void db_do(struct db *, enum sql_id, int n, const char *const *values);

/* A value of a result by column name; NULL when null or absent. */
const char *db_get(const PGresult *, int row, const char *column);

bool db_failed(const struct db *);
const struct db_error *db_error(const struct db *);
/* Microseconds spent waiting for PostgreSQL since the last call. */
long db_take_us(struct db *);
/* A round trip outside any transaction: 0 or -1. For /ready and doctor. */
int db_ping(struct db *);
/* The plain connection for what does not fit above (migrations); NULL when down. */
PGconn *db_connection(struct db *);

/* Tests only: edit each statement's text before it is prepared. */
extern char *(*db_rewrite_hook)(const char *sql);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_DB_INTERNAL_H
#define SERVICEOS_DB_INTERNAL_H

/* What db.c (transactions) and db_wire.c (connection, pipeline) share. */

#include "store/db.h"

#include <stdint.h>

#define SLOTS_MAX 512
#define PENDING_MAX (SLOTS_MAX * 2 + 32)
#define SHAPES_MAX 128

enum plan_state { PLAN_NONE, PLAN_SENT, PLAN_READY };

struct plan {
	const char *text;
	char name[16];
	enum plan_state state;
	uint64_t used; /* of a composed shape: when last, for eviction */
};

/* What the next results of the connection belong to. */
enum pending_kind { PENDING_PREPARE, PENDING_IGNORE, PENDING_SLOT, PENDING_COMMIT, PENDING_SYNC };

struct pending {
	enum pending_kind kind;
	int slot;
	struct plan *plan;
};

enum own_statement {
	OWN_BEGIN,
	OWN_COMMIT,
	OWN_ROLLBACK,
	OWN_ORG,
	OWN_READER,
	OWN_CONTEXT,
	OWN__MAX
};

struct db {
	const char *url;
	const char *name;
	long timeout_ms;
	PGconn *conn;
	struct arena *arena;
	enum db_mode mode;
	struct db_context context;
	bool open;        /* between db_begin() and the end */
	bool prologue;    /* BEGIN and the context are queued for this flight */
	bool commit_sent; /* COMMIT went out and its result is not known */
	bool committed;
	bool stale;        /* the server's prepared statements differ from ours */
	unsigned answered; /* results read in this transaction */
	struct db_error error;
	struct plan own[OWN__MAX];
	struct plan plans[SQL__MAX];
	struct plan shapes[SHAPES_MAX];
	uint64_t clock;
	struct pending pending[PENDING_MAX];
	unsigned head, tail;
	PGresult *slots[SLOTS_MAX];
	int nslots;
	int64_t retry_at_us;
	long backoff_ms;
	long waited_us;
	int64_t heard_us; /* when the server last answered */
};

/* Connect if needed; false and a DB_DOWN failure otherwise. */
bool db_wire_connect(struct db *);
void db_wire_close(struct db *);
/* Queue a prepared statement (and its preparation). False after a failure. */
bool db_wire_send(
    struct db *, struct plan *, int n, const char *const *values, enum pending_kind, int slot);
bool db_wire_sync(struct db *);
/* Ask for results without ending the transaction. */
bool db_wire_flush(struct db *);
/* Read results in order until pending entry `until` is done. */
bool db_wire_read(struct db *, unsigned until);
/* The connection still answers, as far as can be seen without a round trip. */
bool db_wire_alive(struct db *);

/* Record the first failure. */
void db_fail(struct db *, enum db_failure, const char *sqlstate, const char *message);
void db_fail_result(struct db *, const PGresult *, const char *statement);

#endif

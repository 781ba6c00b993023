/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire below db.c: connecting with a deadline and a back-off, preparing on
 * first use, and reading the pipeline's results in order without ever waiting
 * longer than the statement time-out allows.
 */
#include "store/db_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/util.h"

#define CONNECT_MS 800
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 1000
#define FRESH_US 20000 /* a server that answered so lately is not asked whether it is there */
#define GRACE_MS 2000  /* beyond the statement time-out, then the server is taken for dead */

char *(*db_rewrite_hook)(const char *sql);

static void
ignore_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static void
forget_plans(struct db *db)
{
	unsigned i;

	for (i = 0; i < OWN__MAX; i++)
		db->own[i].state = PLAN_NONE;
	for (i = 0; i < SQL__MAX; i++)
		db->plans[i].state = PLAN_NONE;
	for (i = 0; i < SHAPES_MAX; i++)
		db->shapes[i].state = PLAN_NONE;
}

void
db_wire_close(struct db *db)
{
	if (db->conn != NULL)
		PQfinish(db->conn);
	db->conn = NULL;
	db->head = db->tail = 0;
	db->prologue = false;
	forget_plans(db);
}

/* Full jitter, so that the workers of a host do not return in step. */
static void
back_off(struct db *db)
{
	uint32_t dice;

	random_bytes(&dice, sizeof(dice));
	db->backoff_ms = db->backoff_ms == 0 ? BACKOFF_MIN_MS : db->backoff_ms * 2;
	if (db->backoff_ms > BACKOFF_MAX_MS)
		db->backoff_ms = BACKOFF_MAX_MS;
	db->retry_at_us = mono_us() + (int64_t)(dice % (uint32_t)db->backoff_ms + 10) * 1000;
}

/* Wait for the descriptor; false when the deadline passes. */
static bool
wait_for(PGconn *conn, short events, int64_t deadline_us)
{
	struct pollfd p = { .fd = PQsocket(conn), .events = events };
	int64_t left;
	int n;

	for (;;) {
		left = (deadline_us - mono_us()) / 1000;
		if (left <= 0)
			return false;
		n = poll(&p, 1, (int)left);
		if (n > 0)
			return true;
		if (n == -1 && errno != EINTR)
			return false;
	}
}

static bool
finish_connect(PGconn *conn)
{
	int64_t deadline = mono_us() + CONNECT_MS * 1000;
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	while (state != PGRES_POLLING_OK) {
		if (state == PGRES_POLLING_FAILED || PQstatus(conn) == CONNECTION_BAD)
			return false;
		if (!wait_for(conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
			return false;
		state = PQconnectPoll(conn);
	}
	return true;
}

static PGconn *
start_connect(const struct db *db)
{
	char options[256];
	const char *keys[] = { "dbname", "options", "application_name", "keepalives_idle",
		"tcp_user_timeout", "connect_timeout", "client_encoding", NULL };
	const char *values[] = { db->url, options, db->name, "5", "5000", "2", "UTF8", NULL };

	snprintf(options, sizeof(options),
	    "-c statement_timeout=%ld -c lock_timeout=1000 "
	    "-c idle_in_transaction_session_timeout=5000 "
	    "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c jit=off",
	    db->timeout_ms);
	return PQconnectStartParams(keys, values, 1);
}

bool
db_wire_connect(struct db *db)
{
	if (db->conn != NULL)
		return true;
	if (mono_us() < db->retry_at_us) {
		db_fail(db, DB_DOWN, "08006", "PostgreSQL was away a moment ago");
		return false;
	}
	db->conn = start_connect(db);
	if (db->conn == NULL || !finish_connect(db->conn) || PQenterPipelineMode(db->conn) != 1) {
		log_warn("PostgreSQL: %s",
		    db->conn == NULL ? "out of memory" : PQerrorMessage(db->conn));
		db_wire_close(db);
		back_off(db);
		db_fail(db, DB_DOWN, "08001", "cannot connect to PostgreSQL");
		return false;
	}
	PQsetNoticeReceiver(db->conn, ignore_notice, NULL);
	PQsetnonblocking(db->conn, 1);
	forget_plans(db);
	db->backoff_ms = 0;
	metric_add(M_db_connects_total, 1);
	return true;
}

/*
 * A server that restarted has closed its end: seen here, before anything is
 * sent. Within FRESH_US it goes unseen; the transaction is then tried again.
 */
bool
db_wire_alive(struct db *db)
{
	struct pollfd p;

	if (db->conn == NULL)
		return false;
	if (mono_us() - db->heard_us < FRESH_US)
		return true;
	p = (struct pollfd){ .fd = PQsocket(db->conn), .events = POLLIN | POLLRDHUP };
	if (poll(&p, 1, 0) == 0)
		return true;
	return PQconsumeInput(db->conn) == 1 && PQstatus(db->conn) == CONNECTION_OK &&
	       (p.revents & (POLLHUP | POLLRDHUP | POLLERR)) == 0;
}

/*
 * A lost connection: whether the transaction may have happened depends on
 * whether its COMMIT had gone out.
 */
static void
lost(struct db *db, const char *why)
{
	log_warn("PostgreSQL: connection lost: %s", why);
	if (db->commit_sent)
		db_fail(db, DB_UNKNOWN, "08007", "connection lost while committing");
	else
		db_fail(db, DB_RETRY, "08006", "connection lost");
	db_wire_close(db);
}

static void
push(struct db *db, enum pending_kind kind, int slot, struct plan *plan)
{
	if (db->head == db->tail)
		db->head = db->tail = 0;
	db->pending[db->tail++] = (struct pending){ .kind = kind, .slot = slot, .plan = plan };
}

static const char *
plan_text(const struct plan *plan)
{
	return db_rewrite_hook == NULL ? plan->text : db_rewrite_hook(plan->text);
}

bool
db_wire_send(struct db *db, struct plan *plan, int n, const char *const *values,
    enum pending_kind kind, int slot)
{
	if (db->tail + 3 >= PENDING_MAX) {
		db_fail(db, DB_BUG, "54000", "too many statements in one flight");
		return false;
	}
	if (plan->state == PLAN_NONE) {
		if (PQsendPrepare(db->conn, plan->name, plan_text(plan), 0, NULL) != 1) {
			lost(db, PQerrorMessage(db->conn));
			return false;
		}
		plan->state = PLAN_SENT;
		push(db, PENDING_PREPARE, -1, plan);
	}
	if (PQsendQueryPrepared(db->conn, plan->name, n, values, NULL, NULL, 0) != 1) {
		lost(db, PQerrorMessage(db->conn));
		return false;
	}
	push(db, kind, slot, plan);
	return true;
}

/* Put everything on the wire; reads as it goes, so that neither side can block the other. */
static bool
push_out(struct db *db)
{
	int64_t deadline = mono_us() + (int64_t)(db->timeout_ms + GRACE_MS) * 1000;
	int left;

	while ((left = PQflush(db->conn)) == 1) {
		if (!wait_for(db->conn, POLLIN | POLLOUT, deadline) ||
		    PQconsumeInput(db->conn) != 1) {
			lost(db, "cannot send");
			return false;
		}
	}
	if (left == -1)
		lost(db, PQerrorMessage(db->conn));
	return left == 0;
}

bool
db_wire_sync(struct db *db)
{
	if (PQpipelineSync(db->conn) != 1) {
		lost(db, PQerrorMessage(db->conn));
		return false;
	}
	push(db, PENDING_SYNC, -1, NULL);
	return push_out(db);
}

bool
db_wire_flush(struct db *db)
{
	if (PQsendFlushRequest(db->conn) != 1) {
		lost(db, PQerrorMessage(db->conn));
		return false;
	}
	return push_out(db);
}

/* The next result or separator; false when the server is gone or silent. */
static bool
next_result(struct db *db, PGresult **res)
{
	int64_t deadline = mono_us() + (int64_t)(db->timeout_ms + GRACE_MS) * 1000;

	while (PQisBusy(db->conn)) {
		if (!wait_for(db->conn, POLLIN, deadline)) {
			lost(db, "no answer in time");
			return false;
		}
		if (PQconsumeInput(db->conn) != 1) {
			lost(db, PQerrorMessage(db->conn));
			return false;
		}
	}
	*res = PQgetResult(db->conn);
	return true;
}

static void
clear_result(void *res)
{
	PQclear(res);
}

static void
take_result(struct db *db, const struct pending *p, PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);
	bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	if (p->plan != NULL && p->kind == PENDING_PREPARE)
		p->plan->state = ok ? PLAN_READY : PLAN_NONE;
	if (status == PGRES_FATAL_ERROR)
		db_fail_result(db, res, p->plan == NULL ? "sync" : p->plan->name);
	if (p->kind == PENDING_COMMIT) {
		db->commit_sent = false;
		db->committed = ok && strcmp(PQcmdStatus(res), "COMMIT") == 0;
	}
	if (p->kind == PENDING_SLOT && ok)
		db->slots[p->slot] = res;
	arena_defer(db->arena, clear_result, res);
	db->answered++;
}

static bool
read_one(struct db *db)
{
	struct pending p = db->pending[db->head];
	PGresult *res, *end;

	if (!next_result(db, &res))
		return false;
	if (res == NULL) {
		lost(db, "answer out of step");
		return false;
	}
	if (p.kind == PENDING_SYNC) {
		bool in_step = PQresultStatus(res) == PGRES_PIPELINE_SYNC;

		PQclear(res);
		if (!in_step) {
			lost(db, "answer out of step");
			return false;
		}
	} else {
		take_result(db, &p, res);
		if (PQstatus(db->conn) != CONNECTION_OK || !next_result(db, &end)) {
			if (db->conn != NULL)
				lost(db, PQerrorMessage(db->conn));
			return false;
		}
	}
	db->head++;
	return true;
}

bool
db_wire_read(struct db *db, unsigned until)
{
	int64_t start = mono_us();
	bool ok = true;

	while (ok && db->head <= until && db->head < db->tail)
		ok = read_one(db);
	db->heard_us = mono_us();
	db->waited_us += (long)(db->heard_us - start);
	return ok;
}

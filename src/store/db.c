/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions over the pipelined connection of db_wire.c: what is queued,
 * when a flight ends. What failures mean is in db_error.c.
 */
#include "store/db.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fault.h"
#include "store/db_internal.h"

static const char *const own_text[OWN__MAX] = {
	[OWN_BEGIN] = "BEGIN",
	[OWN_COMMIT] = "COMMIT",
	[OWN_ROLLBACK] = "ROLLBACK",
	[OWN_ORG] = "SELECT set_config('app.org', $1, true)",
	[OWN_READER] =
	    "SELECT set_config('app.org', $1, true), set_config('app.actor_id', $2, true)",
	[OWN_CONTEXT] = "SELECT set_config('app.org', $1, true), "
			"set_config('app.actor_type', $2, true), "
			"set_config('app.actor_id', $3, true), "
			"set_config('app.address', $4, true), "
			"set_config('app.request_id', $5, true), "
			"set_config('app.suppress', $6, true)",
};

struct db *
db_new(const char *url, const char *application_name, long timeout_ms)
{
	struct db *db = xmalloc(sizeof(*db));
	unsigned i;

	db->url = xstrdup(url);
	db->name = xstrdup(application_name);
	db->timeout_ms = timeout_ms;
	for (i = 0; i < OWN__MAX; i++) {
		db->own[i].text = own_text[i];
		snprintf(db->own[i].name, sizeof(db->own[i].name), "o%u", i);
	}
	for (i = 0; i < SQL__MAX; i++) {
		db->plans[i].text = statements[i].text;
		snprintf(db->plans[i].name, sizeof(db->plans[i].name), "s%u", i);
	}
	for (i = 0; i < SHAPES_MAX; i++)
		snprintf(db->shapes[i].name, sizeof(db->shapes[i].name), "q%u", i);
	return db;
}

void
db_free(struct db *db)
{
	unsigned i;

	db_wire_close(db);
	for (i = 0; i < SHAPES_MAX; i++)
		free((char *)db->shapes[i].text);
	free((char *)db->url);
	free((char *)db->name);
	free(db);
}

void
db_begin(struct db *db, struct arena *arena, enum db_mode mode, const struct db_context *context)
{
	if (db->conn != NULL && (db->head != db->tail || !db_wire_alive(db)))
		db_wire_close(db);
	db->arena = arena;
	db->mode = mode;
	db->context = *context;
	db->error = (struct db_error){ .kind = DB_OK };
	db->nslots = 0;
	db->head = db->tail = 0;
	db->answered = 0;
	db->open = true;
	db->prologue = db->committed = db->commit_sent = false;
}

static const char *
or_empty(const char *value)
{
	return value == NULL ? "" : value;
}

/* What opens a flight: the organisation, and for a write BEGIN and who acts. */
static bool
prologue(struct db *db)
{
	const struct db_context *c = &db->context;
	const char *org = or_empty(c->org);

	if (db->prologue)
		return true;
	if (!db_wire_connect(db))
		return false;
	db->prologue = true;
	if (db->mode == DB_READ)
		return db_wire_send(
		    db, &db->own[OWN_READER], P(org, or_empty(c->actor_id)), PENDING_IGNORE, -1);
	return db_wire_send(db, &db->own[OWN_BEGIN], 0, NULL, PENDING_IGNORE, -1) &&
	       db_wire_send(db, &db->own[OWN_CONTEXT],
		   P(org, or_empty(c->actor_type), or_empty(c->actor_id), or_empty(c->address),
		       or_empty(c->request_id), or_empty(c->suppress)),
		   PENDING_IGNORE, -1);
}

static int
queue(struct db *db, struct plan *plan, int n, const char *const *values)
{
	int slot = db->nslots;

	if (db->error.kind != DB_OK || !prologue(db))
		return -1;
	if (slot == SLOTS_MAX) {
		db_fail(db, DB_BUG, "54000", "too many statements in one transaction");
		return -1;
	}
	db->slots[slot] = NULL;
	if (!db_wire_send(db, plan, n, values, PENDING_SLOT, slot))
		return -1;
	db->nslots++;
	return slot;
}

int
db_queue(struct db *db, enum sql_id id, int n, const char *const *values)
{
	return queue(db, &db->plans[id], n, values);
}

/* The plan of a composed text; the one longest unused makes room. */
static struct plan *
shape(struct db *db, const char *sql)
{
	struct plan *oldest = &db->shapes[0];
	unsigned i;

	for (i = 0; i < SHAPES_MAX; i++) {
		struct plan *s = &db->shapes[i];

		if (s->text != NULL && strcmp(s->text, sql) == 0) {
			s->used = ++db->clock;
			return s;
		}
		if (s->used < oldest->used)
			oldest = s;
	}
	if (oldest->state != PLAN_NONE) {
		static struct plan drop = { .name = "" };
		static char text[32];

		/* Unnamed, hence parsed anew each time. */
		snprintf(text, sizeof(text), "DEALLOCATE %s", oldest->name);
		drop.text = text;
		drop.state = PLAN_NONE;
		if (!prologue(db) || !db_wire_send(db, &drop, 0, NULL, PENDING_IGNORE, -1))
			return NULL;
	}
	free((char *)oldest->text);
	oldest->text = xstrdup(sql);
	oldest->state = PLAN_NONE;
	oldest->used = ++db->clock;
	return oldest;
}

int
db_queue_text(struct db *db, const char *sql, int n, const char *const *values)
{
	struct plan *plan;

	if (db->error.kind != DB_OK || (plan = shape(db, sql)) == NULL)
		return -1;
	return queue(db, plan, n, values);
}

int
db_mark(const struct db *db)
{
	return db->nslots;
}

void
db_reuse(struct db *db, int mark)
{
	if (db->head == db->tail) /* nothing is under way to a slot */
		db->nslots = mark;
}

const PGresult *
db_result(struct db *db, int slot)
{
	if (slot < 0)
		return NULL;
	if (db->error.kind != DB_OK && !db->committed)
		return NULL;
	if (db->slots[slot] == NULL && db->conn != NULL && db->head < db->tail) {
		if (db->mode == DB_READ) {
			db->prologue = false; /* the flight ends the implicit transaction */
			if (!db_wire_sync(db))
				return NULL;
		} else if (!db_wire_flush(db)) {
			return NULL;
		}
		db_wire_read(db, db->tail - 1);
	}
	return db->error.kind == DB_OK || db->committed ? db->slots[slot] : NULL;
}

const PGresult *
db_rows(struct db *db, enum sql_id id, int n, const char *const *values)
{
	return db_result(db, db_queue(db, id, n, values));
}

const PGresult *
db_row(struct db *db, enum sql_id id, int n, const char *const *values)
{
	const PGresult *res = db_rows(db, id, n, values);

	return res != NULL && PQntuples(res) > 0 ? res : NULL;
}

const char *
db_value(struct db *db, enum sql_id id, int n, const char *const *values)
{
	const PGresult *res = db_row(db, id, n, values);

	return res == NULL || PQgetisnull(res, 0, 0) ? NULL : PQgetvalue(res, 0, 0);
}

void
db_do(struct db *db, enum sql_id id, int n, const char *const *values)
{
	db_queue(db, id, n, values);
}

void
db_set_org(struct db *db, const char *org)
{
	db->context.org = org;
	if (db->prologue && db->error.kind == DB_OK)
		db_wire_send(db, &db->own[OWN_ORG], P(org), PENDING_IGNORE, -1);
}

/* Bring the connection back to rest after a failure inside a transaction. */
static void
settle(struct db *db)
{
	if (db->stale) {
		db->stale = false;
		db_wire_close(db);
	}
	if (db->conn == NULL)
		return;
	if (!db_wire_sync(db) || !db_wire_read(db, db->tail - 1))
		return;
	if (PQtransactionStatus(db->conn) == PQTRANS_IDLE)
		return;
	if (!db_wire_send(db, &db->own[OWN_ROLLBACK], 0, NULL, PENDING_IGNORE, -1) ||
	    !db_wire_sync(db) || !db_wire_read(db, db->tail - 1))
		return;
	if (PQtransactionStatus(db->conn) != PQTRANS_IDLE)
		db_wire_close(db);
}

bool
db_forgive_timeout(struct db *db)
{
	if (db->mode != DB_READ || db->error.kind != DB_TIMEOUT)
		return false;
	settle(db);
	db->error.kind = DB_OK;
	return true;
}

bool
db_commit(struct db *db)
{
	assert(db->open);
	if (db->error.kind == DB_OK && db->prologue) {
		if (db->mode == DB_WRITE) {
			db->commit_sent = true;
			db_wire_send(db, &db->own[OWN_COMMIT], 0, NULL, PENDING_COMMIT, -1);
		} else {
			db->committed = true; /* nothing to lose */
		}
		if (db->conn != NULL && db_wire_sync(db)) {
			if (db->mode == DB_WRITE)
				FAULT(commit_sent);
			db_wire_read(db, db->tail - 1);
		}
		db->commit_sent = false;
		if (db->error.kind == DB_OK && !db->committed)
			db_fail(db, DB_BUG, "25000", "COMMIT did not commit");
	} else if (db->error.kind == DB_OK) {
		db->committed = true; /* nothing was queued */
	}
	if (db->error.kind != DB_OK) {
		db->committed = false;
		settle(db);
	}
	db->open = false;
	return db->committed;
}

void
db_rollback(struct db *db)
{
	if (!db->open)
		return;
	if (db->prologue || db->head != db->tail)
		settle(db);
	db->open = false;
}

const char *
db_get(const PGresult *res, int row, const char *column)
{
	int i = PQfnumber(res, column);

	return i == -1 || PQgetisnull(res, row, i) ? NULL : PQgetvalue(res, row, i);
}

bool
db_failed(const struct db *db)
{
	return db->error.kind != DB_OK;
}

const struct db_error *
db_error(const struct db *db)
{
	return &db->error;
}

long
db_take_us(struct db *db)
{
	long us = db->waited_us;

	db->waited_us = 0;
	return us;
}

int
db_ping(struct db *db)
{
	struct arena *arena = arena_new();
	struct db_context nobody = { .org = "" };
	bool ok;

	db_begin(db, arena, DB_READ, &nobody);
	ok = db_result(db, db_queue_text(db, "SELECT 1", 0, NULL)) != NULL;
	db_commit(db);
	arena_free(arena);
	return ok ? 0 : -1;
}

PGconn *
db_connection(struct db *db)
{
	db->error.kind = DB_OK;
	return db_wire_connect(db) ? db->conn : NULL;
}

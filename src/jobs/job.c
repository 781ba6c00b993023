/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/job.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "store/db.h"

#define ATTEMPTS_MAX 5

static const struct db_context everybody = {
	.org = "", .actor_type = "system", .actor_id = "scheduler"
};

/* The row as it was claimed. */
struct claim {
	const char *org, *id, *kind, *token, *lease, *actor_type, *actor_id;
	long attempts;
};

static const struct job_kind *
find_kind(const char *word)
{
	const struct job_kind *k;

	for (k = job_kinds; k->kind != NULL; k++)
		if (strcmp(k->kind, word) == 0)
			return k;
	return NULL;
}

static bool
claim_one(struct db *db, struct arena *arena, struct claim *c)
{
	const PGresult *row;

	db_begin(db, arena, DB_WRITE, &everybody);
	row = db_row(db, SQL_JOB_CLAIM, P(arena_printf(arena, "%ld", conf.due_lease)));
	if (row != NULL)
		*c = (struct claim){ .org = db_get(row, 0, "org_id"),
			.id = db_get(row, 0, "job_id"),
			.kind = db_get(row, 0, "kind"),
			.token = db_get(row, 0, "token"),
			.lease = db_get(row, 0, "lease"),
			.actor_type = db_get(row, 0, "actor_type"),
			.actor_id = db_get(row, 0, "actor_id"),
			.attempts = strtol(db_get(row, 0, "attempts"), NULL, 10) };
	return db_commit(db) && row != NULL;
}

/* On the scheduler's own connection: the job's may be what failed. */
static void
give_up(struct db *db, struct arena *arena, const struct claim *c, const char *why)
{
	log_warn("job %s of %s: %s", c->id, c->org, why);
	db_begin(db, arena, DB_WRITE, &everybody);
	db_do(db, SQL_JOB_FAIL, P(c->org, c->id, c->token, why));
	db_commit(db);
}

static void
postpone(struct db *db, struct arena *arena, const struct claim *c)
{
	db_begin(db, arena, DB_WRITE, &everybody);
	db_do(db, SQL_JOB_POSTPONE, P(c->org, c->id, c->token));
	db_commit(db);
}

static struct json_object *
object(struct arena *arena, const PGresult *row, const char *column)
{
	const char *text = db_get(row, 0, column);
	struct json_error error;

	return json_parse(arena, text, strlen(text), &error);
}

static int64_t
integer(const PGresult *row, const char *column)
{
	return strtoll(db_get(row, 0, column), NULL, 10);
}

/* False when the row cannot be read: what is missing then must not be taken for "everything". */
static bool
load(struct job *job, const PGresult *row)
{
	job->spec = object(job->arena, row, "spec");
	job->cursor = object(job->arena, row, "cursor");
	job->result = object(job->arena, row, "result");
	job->total = integer(row, "total");
	job->done = integer(row, "done");
	job->failed = integer(row, "failed");
	job->cancelled = *db_get(row, 0, "cancel_requested") == 't';
	return job->spec != NULL && job->cursor != NULL && job->result != NULL;
}

static const char *
plain(struct json_object *object)
{
	return json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
}

/* In the step's own transaction: what it did and how far it came are one. */
static bool
save(struct job *job, enum job_outcome outcome)
{
	const char *state = outcome == JOB_MORE ? "running"
	                    : job->cancelled    ? "cancelled"
	                                        : "completed";

	db_do(job->db, SQL_JOB_SAVE,
	    P(job->org, job->id, state, plain(job->cursor), plain(job->result),
		arena_printf(job->arena, "%lld", (long long)job->total),
		arena_printf(job->arena, "%lld", (long long)job->done),
		arena_printf(job->arena, "%lld", (long long)job->failed)));
	return db_commit(job->db);
}

/* Why the transaction failed, for the job's creator; NULL when another try may help. */
static const char *
reason(struct arena *arena, struct db *db)
{
	const struct db_error *e = db_error(db);

	switch (e->kind) {
	case DB_RULE:
		return arena_printf(
		    arena, "%s: %s", e->message, e->detail == NULL ? "" : e->detail);
	case DB_BUG:
		return "The server made a mistake; its log has the details.";
	default:
		return NULL;
	}
}

/* One step. True when it is over and saved, or the claim is lost; else *why may say why not. */
static bool
run_step(struct db *app, struct arena *arena, const struct claim *c, const struct job_kind *kind,
    const char **why)
{
	const struct db_context context = { .org = c->org,
		.actor_type = c->actor_type,
		.actor_id = c->actor_id,
		.request_id = c->id,
		.suppress = kind->suppress };
	struct job job = { .org = c->org,
		.id = c->id,
		.kind = c->kind,
		.lease = c->lease,
		.db = app,
		.arena = arena };
	enum job_outcome outcome;
	const PGresult *row;

	db_begin(app, arena, DB_WRITE, &context);
	row = db_row(app, SQL_JOB_HOLD, P(c->org, c->id, c->token));
	if (row == NULL) {
		bool lost = !db_failed(app);

		db_rollback(app);
		return lost;
	}
	job.error = "What is stored of the job cannot be read.";
	outcome = JOB_FAILED;
	if (load(&job, row)) {
		job.error = NULL;
		outcome = kind->step(&job);
	}
	FAULT(job_stepped);
	if (outcome != JOB_FAILED && save(&job, outcome)) {
		FAULT(job_saved);
		return true;
	}
	*why = outcome == JOB_FAILED && job.error != NULL ? job.error : reason(arena, app);
	db_rollback(app);
	return false;
}

bool
jobs_run(struct db *db, struct db *app, struct arena *arena)
{
	const struct job_kind *kind;
	const char *why = NULL;
	struct claim c;

	if (!claim_one(db, arena, &c))
		return false;
	FAULT(job_claimed);
	kind = find_kind(c.kind);
	if (kind == NULL)
		give_up(db, arena, &c, "This version knows no such job.");
	else if (c.attempts > ATTEMPTS_MAX)
		give_up(db, arena, &c, "It was tried five times without an end.");
	else if (!run_step(app, arena, &c, kind, &why)) {
		if (why != NULL)
			give_up(db, arena, &c, why);
		else
			postpone(db, arena, &c);
	}
	return true;
}

static const struct db_context by_hand = { .actor_type = "system", .actor_id = "serviceosctl" };

const char *
job_take(struct db *db, struct arena *arena, const char *org, const char *id)
{
	struct db_context context = by_hand;
	const char *token;

	context.org = org;
	db_begin(db, arena, DB_WRITE, &context);
	token = db_value(db, SQL_JOB_TAKE, P(org, id));
	return db_commit(db) ? token : NULL;
}

bool
job_step(struct db *db, struct arena *arena, const char *org, const char *id, const char *token,
    const char **why)
{
	struct db_context context = by_hand;
	struct claim c = { .org = org,
		.id = id,
		.token = token,
		.actor_type = by_hand.actor_type,
		.actor_id = by_hand.actor_id };

	*why = NULL;
	context.org = org;
	db_begin(db, arena, DB_READ, &context);
	c.kind = db_value(db, SQL_JOB_KIND, P(org, id));
	if (!db_commit(db) || c.kind == NULL)
		return false;
	if (run_step(db, arena, &c, find_kind(c.kind), why))
		return true;
	if (*why != NULL) {
		db_begin(db, arena, DB_WRITE, &context);
		db_do(db, SQL_JOB_FAIL, P(org, id, token, *why));
		db_commit(db);
	}
	return false;
}

void
job_item(struct job *job, int64_t n, const char *item, const char *outcome, long line,
    const char *code, const char *message, const char *before)
{
	db_do(job->db, SQL_JOB_ITEM_PUT,
	    P(job->org, job->id, arena_printf(job->arena, "%lld", (long long)n), item, outcome,
		arena_printf(job->arena, "%ld", line), code, message, before));
}

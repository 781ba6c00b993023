/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_JOB_H
#define SERVICEOS_JOB_H

/*
 * Work that goes on after the reply: bulk jobs, imports, exports. The API
 * inserts a row into job; a scheduler claims it (SKIP LOCKED, lease, fencing
 * token) and calls the kind's step function again and again. Each step is one
 * transaction in the job's organisation, as the workers' role and therefore
 * under row-level security, with the job's creator as the actor. Progress and
 * cursor are saved in the step's own transaction, so a scheduler that dies
 * repeats nothing: the next one goes on from the last committed step.
 */

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct db;
struct json_object;

enum job_outcome {
	JOB_MORE, /* call again; the scheduler does other things in between */
	JOB_DONE,
	JOB_FAILED, /* what this step did is rolled back; job->error says why */
};

struct job {
	const char *org;
	const char *id;
	const char *kind;
	const char *lease;          /* of an import: shows import_batch() who works; or NULL */
	struct json_object *spec;   /* what the API wrote; read only */
	struct json_object *cursor; /* where the work stands; the step changes it. Never NULL */
	struct json_object *result; /* what GET shows at the end; the step fills it. Never NULL */
	int64_t total;              /* items in all; -1 unknown */
	int64_t done;               /* succeeded so far; the step adds */
	int64_t failed;             /* refused so far; the step adds */
	bool cancelled;             /* somebody asked to stop: tidy up and return JOB_DONE */
	const char *error;          /* with JOB_FAILED: a sentence for the caller */
	struct db *db;              /* open transaction */
	struct arena *arena;        /* until the step returns */
};

struct job_kind {
	const char *kind;
	enum job_outcome (*step)(struct job *);
	const char *suppress; /* of the change log: what its events do not start, or NULL */
};
/* All kinds; ends in .kind NULL. jobs/kinds.c. */
extern const struct job_kind job_kinds[];

/*
 * Write down what became of one item: outcome "done", "failed" or "skipped".
 * item, code, message and before (JSON for undo) may be NULL; line is 0 for none.
 */
void job_item(struct job *, int64_t n, const char *item, const char *outcome, long line,
    const char *code, const char *message, const char *before);

/*
 * Run one step of one job that is due. db is the scheduler's connection, app
 * the workers' role's. True when there was one: call again soon.
 */
bool jobs_run(struct db *db, struct db *app, struct arena *);

/*
 * A job that is run by hand: made with run_after infinity, it is due for no
 * scheduler. job_take() gives the token that job_step() needs, or NULL when it
 * is over, or another's. job_step() does one step; true when that is saved or
 * the job was taken away, else *why says why it failed, or is NULL when another
 * try may help.
 */
const char *job_take(struct db *, struct arena *, const char *org, const char *id);
bool job_step(struct db *, struct arena *, const char *org, const char *id, const char *token,
    const char **why);

#endif

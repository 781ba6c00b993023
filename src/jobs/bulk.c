/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk jobs. The tickets are those that existed when the job was made, in the
 * order of their ids; the cursor is the last one looked at. A change may well
 * take a ticket out of the condition: going by id, none is met twice or missed.
 */
#include "jobs/bulk.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/condition.h"
#include "store/db.h"

#define BATCH 100
#define FIRST_ID "00000000-0000-0000-0000-000000000000"

static const char *
text_of(struct json_object *object, const char *name, const char *otherwise)
{
	struct json_object *v;

	return json_object_object_get_ex(object, name, &v) ? json_object_get_string(v) : otherwise;
}

static int64_t
integer_of(struct json_object *object, const char *name, int64_t otherwise)
{
	struct json_object *v;

	return json_object_object_get_ex(object, name, &v) ? json_object_get_int64(v) : otherwise;
}

static const char *
decimal(struct job *job, int64_t n)
{
	return arena_printf(job->arena, "%lld", (long long)n);
}

/* Tickets from the cursor on: "SELECT <what> … <tail>" with the condition's values. */
static const PGresult *
select_tickets(struct job *job, const struct condition *c, const char *what, const char *tail)
{
	const char **values = arena_alloc(job->arena, ((size_t)c->nvalues + 3) * sizeof(*values));

	values[0] = job->org;
	values[1] = job->id;
	values[2] = text_of(job->cursor, "after", FIRST_ID);
	if (c->nvalues > 0)
		memcpy(values + 3, c->values, (size_t)c->nvalues * sizeof(*values));
	return db_result(job->db,
	    db_queue_text(job->db,
		arena_printf(job->arena,
		    "SELECT %s FROM ticket_v t WHERE t.org_id = $1 AND t.created_at <= (SELECT "
		    "j.created_at FROM job j WHERE j.org_id = $1 AND j.job_id = $2) AND "
		    "t.ticket_id > $3 AND t.status <> 'merged' AND %s %s",
		    what, c->sql, tail),
		c->nvalues + 3, values));
}

static enum job_outcome
undo_step(struct job *job)
{
	const PGresult *row;
	const char *last;

	if (job->cancelled)
		return JOB_DONE;
	row = db_row(job->db, SQL_BULK_UNDO,
	    P(job->org, job->id, decimal(job, integer_of(job->cursor, "n", 0))));
	if (row == NULL)
		return JOB_FAILED;
	json_object_object_add(job->result, "undone",
	    json_object_new_int64(integer_of(job->result, "undone", 0) +
				  strtoll(db_get(row, 0, "undone"), NULL, 10)));
	json_object_object_add(job->result, "skipped",
	    json_object_new_int64(integer_of(job->result, "skipped", 0) +
				  strtoll(db_get(row, 0, "skipped"), NULL, 10)));
	last = db_get(row, 0, "last_n");
	if (last == NULL)
		return JOB_DONE;
	json_object_object_add(job->cursor, "n", json_object_new_int64(strtoll(last, NULL, 10)));
	return JOB_MORE;
}

/* Change this batch and write down what became of each ticket. */
static enum job_outcome
change(struct job *job, const PGresult *tickets)
{
	const char *spec = json_object_to_json_string_ext(job->spec, JSON_C_TO_STRING_PLAIN);
	int i, n = PQntuples(tickets);
	const PGresult *row;
	struct buf ids;

	buf_init(&ids, job->arena, 4096);
	for (i = 0; i < n; i++)
		buf_array_item(&ids, PQgetvalue(tickets, i, 0));
	row = db_row(job->db, SQL_BULK_BATCH,
	    P(job->org, text_of(job->spec, "action", ""),
		arena_printf(job->arena, "{%s}", ids.data), spec));
	if (row == NULL)
		return JOB_FAILED;
	db_do(job->db, SQL_BULK_JOB_ITEMS,
	    P(job->org, job->id, decimal(job, job->done + job->failed + 1),
		db_get(row, 0, "results")));
	job->done += strtoll(db_get(row, 0, "succeeded"), NULL, 10);
	job->failed += strtoll(db_get(row, 0, "failed"), NULL, 10);
	json_object_object_add(
	    job->cursor, "after", json_object_new_string(PQgetvalue(tickets, n - 1, 0)));
	return JOB_MORE;
}

enum job_outcome
bulk_step(struct job *job)
{
	int64_t most = integer_of(job->spec, "max_items", INT64_MAX);
	int64_t left = most - job->done - job->failed;
	struct json_object *conditions;
	const PGresult *rows;
	struct condition c;

	if (strcmp(text_of(job->cursor, "undo", "false"), "true") == 0)
		return undo_step(job);
	json_object_object_get_ex(job->spec, "conditions", &conditions);
	if (!condition_compile(
		job->db, job->arena, job->org, conditions, 4, CONDITION_STORED, &c)) {
		job->error = c.message;
		return JOB_FAILED;
	}
	if (job->total == -1) {
		rows = select_tickets(job, &c, "count(*)", "");
		if (rows == NULL)
			return JOB_FAILED;
		job->total = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
		if (job->total > most)
			job->total = most;
	}
	rows = job->cancelled || left <= 0
	           ? NULL
	           : select_tickets(job, &c, "t.ticket_id",
			 arena_printf(job->arena, "ORDER BY t.ticket_id LIMIT %d",
			     left < BATCH ? (int)left : BATCH));
	if (db_failed(job->db))
		return JOB_FAILED;
	if (rows == NULL || PQntuples(rows) == 0)
		return JOB_DONE;
	return change(job, rows);
}

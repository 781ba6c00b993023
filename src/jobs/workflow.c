/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/workflow.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "jobs/rule.h"

#define EVENTS 20
#define TICKETS "100"

static struct db_context
in(const char *org)
{
	return (struct db_context){ .org = org, .actor_type = "system", .actor_id = "workflows" };
}

/* Whether the ticket fits, and the trace of each comparison as JSON; NULL when that cannot be said.
 */
static const char *
judge(
    struct due_work *w, const char *org, const char *ticket, const char *conditions, bool *matched)
{
	enum condition_verdict verdict;
	struct condition c;
	struct buf trace;

	*matched = false;
	if (!condition_load(w->app, w->arena, org, conditions, 3, CONDITION_STORED, &c))
		return c.code == NULL ? NULL : "[]"; /* it names a custom field that is gone */
	buf_init(&trace, w->arena, 256);
	verdict = condition_judge(w->app, w->arena, org, ticket, &c, &trace);
	if (verdict == CONDITION_FAILED)
		return NULL;
	*matched = verdict == CONDITION_HOLDS;
	return verdict == CONDITION_NO_TICKET ? "[]" : trace.data;
}

/* 'completed', 'stopped', …; NULL when the database failed. event and depth may be NULL. */
static const char *
run_one(struct due_work *w, const char *org, const char *workflow, const char *ticket,
    const char *event, const char *depth, const char *conditions)
{
	bool matched;
	const char *trace = judge(w, org, ticket, conditions, &matched);

	if (trace == NULL)
		return NULL;
	return db_value(w->app, SQL_WORKFLOW_RUN,
	    P(org, workflow, ticket, event, depth, matched ? "true" : "false", trace));
}

/* The event's workflows, each seeing what those before it did. */
static bool
run_event(struct due_work *w, const char *org, const char *event, const char *token)
{
	struct db_context context = in(org);
	const PGresult *list;
	const char *outcome;
	int i;

	db_begin(w->app, w->arena, DB_WRITE, &context);
	list = db_rows(w->app, SQL_WORKFLOW_OF_EVENT, P(org, event));
	for (i = 0; list != NULL && i < PQntuples(list); i++) {
		outcome =
		    run_one(w, org, db_get(list, i, "workflow_id"), db_get(list, i, "ticket_id"),
			event, db_get(list, i, "depth"), db_get(list, i, "conditions"));
		if (outcome == NULL || strcmp(outcome, "stopped") == 0)
			break;
	}
	FAULT(workflow_acted);
	db_do(w->app, SQL_DUE_DONE, P(org, "workflow", event, token));
	if (!db_commit(w->app))
		return false;
	FAULT(workflow_committed);
	return true;
}

static void
run(void *arg, const char *org, const PGresult *claimed)
{
	struct due_work *w = arg;
	int i;

	for (i = 0; i < PQntuples(claimed); i++)
		if (!run_event(w, org, PQgetvalue(claimed, i, 0), PQgetvalue(claimed, i, 1)))
			due_failed(w, org, "workflow", claimed, i);
	due_look(w->due, w->arena, org); /* an action may have made a job without an event */
}

struct due_kind
workflow_kind(struct due_work *w)
{
	return (struct due_kind){ .kind = "workflow", .batch = EVENTS, .run = run, .arg = w };
}

/* Tickets whose time has come, of those that fit: rows of ticket_id, since. */
static const PGresult *
timed_tickets(struct due_work *w, const char *org, const PGresult *list, int i)
{
	const char *field = db_get(list, i, "field"); /* one of the route's words */
	const char *before[] = { org, db_get(list, i, "workflow_id"), field,
		db_get(list, i, "minutes") };
	const char *condition;
	const PGresult *rows = NULL;
	struct db_context context = in(org);
	struct rule_set rule;

	db_begin(w->app, w->arena, DB_READ, &context);
	rule_set_init(&rule, w->arena, LENGTH(before), before);
	condition = rule_add(&rule, w->app, org, db_get(list, i, "conditions"), CONDITION_STORED);
	if (condition != NULL)
		rows = db_result(w->app,
		    db_queue_text(w->app,
			arena_printf(w->arena,
			    "SELECT t.ticket_id, workflow_since(t, $3) FROM ticket t WHERE t.org_id = $1 "
			    "AND t.status NOT IN ('closed', 'merged') AND t.deleted_at IS NULL "
			    "AND workflow_since(t, $3) <= now() - make_interval(mins => $4::int) AND %s "
			    "AND NOT EXISTS (SELECT 1 FROM workflow_fired f WHERE f.org_id = $1 AND "
			    "f.workflow_id = $2 AND f.ticket_id = t.ticket_id AND f.since = workflow_since(t, $3)) "
			    "ORDER BY t.ticket_id LIMIT " TICKETS,
			    condition),
			rule.nvalues, rule.values));
	db_commit(w->app);
	return rows;
}

/* Another scheduler that comes to the same ticket waits here, and then finds it done. */
static void
fire(struct due_work *w, const char *org, const PGresult *list, int i, const PGresult *tickets,
    int row)
{
	const char *workflow = db_get(list, i, "workflow_id"),
		   *ticket = PQgetvalue(tickets, row, 0);
	struct db_context context = in(org);

	db_begin(w->app, w->arena, DB_WRITE, &context);
	if (db_row(w->app, SQL_WORKFLOW_FIRED,
		P(org, workflow, ticket, PQgetvalue(tickets, row, 1))) != NULL) {
		run_one(w, org, workflow, ticket, NULL, "0", db_get(list, i, "conditions"));
		FAULT(timer_fired);
	}
	if (!db_commit(w->app))
		log_warn("workflow %s of %s on %s: %s", workflow, org, ticket,
		    db_error(w->app)->message);
}

bool
workflows_timed(struct due_work *w)
{
	static const struct db_context everybody = { .org = "", .actor_type = "system" };
	const PGresult *list, *tickets;
	bool more = false;
	int i, row;

	db_begin(w->db, w->arena, DB_READ, &everybody);
	list = db_rows(w->db, SQL_WORKFLOW_TIMED, 0, NULL);
	db_commit(w->db);
	for (i = 0; list != NULL && i < PQntuples(list); i++) {
		tickets = timed_tickets(w, db_get(list, i, "org_id"), list, i);
		for (row = 0; tickets != NULL && row < PQntuples(tickets); row++)
			fire(w, db_get(list, i, "org_id"), list, i, tickets, row);
		if (row > 0)
			due_look(w->due, w->arena, db_get(list, i, "org_id"));
		more = more || (tickets != NULL && PQntuples(tickets) == atoi(TICKETS));
	}
	return more;
}

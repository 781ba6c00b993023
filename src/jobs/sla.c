/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/sla.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/json.h"
#include "jobs/rule.h"
#include "store/condition.h"

#define RING_BATCH 500
#define APPLY_BATCH 50

static struct db_context
in(const char *org)
{
	return (struct db_context){ .org = org, .actor_type = "system", .actor_id = "sla" };
}

static bool
ring(struct due_work *s, const char *org, const PGresult *claimed, int row)
{
	struct db_context context = in(org);
	const char *fired;

	db_begin(s->app, s->arena, DB_WRITE, &context);
	fired = db_value(s->app, SQL_SLA_FIRE,
	    P(org, due_array(s->arena, claimed, row, 0), due_array(s->arena, claimed, row, 1)));
	if (fired != NULL)
		FAULT(sla_rung);
	if (!db_commit(s->app))
		return false;
	FAULT(sla_committed);
	return true;
}

/* All in one transaction; when that fails, one by one, so that a bad one stands alone. */
static void
together(struct due_work *s, const char *org, const char *kind, const PGresult *claimed,
    bool (*step)(struct due_work *, const char *org, const PGresult *claimed, int row))
{
	int i;

	if (step(s, org, claimed, -1))
		return;
	for (i = 0; i < PQntuples(claimed); i++)
		if (!step(s, org, claimed, i))
			due_failed(s, org, kind, claimed, i);
}

static void
run_rings(void *arg, const char *org, const PGresult *claimed)
{
	together(arg, org, "sla", claimed, ring);
}

/* The tickets with the policy that each comes under first: rows of ticket_id, position or null. */
static const PGresult *
match_policies(struct due_work *s, const char *org, const char *tickets, const PGresult *policies)
{
	const char *before[] = { org, tickets };
	struct rule_set rules;
	struct buf sql;
	int i;

	rule_set_init(&rules, s->arena, LENGTH(before), before);
	buf_init(&sql, s->arena, 1024);
	buf_str(&sql, "SELECT t.ticket_id, CASE WHEN false THEN 0");
	for (i = 0; i < PQntuples(policies); i++) {
		const char *condition =
		    rule_add(&rules, s->app, org, PQgetvalue(policies, i, 1), CONDITION_STORED);

		if (condition != NULL)
			buf_printf(&sql, " WHEN %s THEN %d", condition, i);
	}
	buf_str(&sql, " END FROM ticket t WHERE t.org_id = $1 AND t.ticket_id = ANY ($2::uuid[])");
	return db_result(s->app, db_queue_text(s->app, sql.data, rules.nvalues, rules.values));
}

static bool
apply(struct due_work *s, const char *org, const PGresult *claimed, int row)
{
	struct db_context context = in(org);
	const PGresult *policies, *matched;
	int i;

	db_begin(s->app, s->arena, DB_WRITE, &context);
	policies = db_rows(s->app, SQL_SLA_POLICIES, P(org));
	matched = policies == NULL
	              ? NULL
	              : match_policies(s, org, due_array(s->arena, claimed, row, 0), policies);
	for (i = 0; matched != NULL && i < PQntuples(matched); i++)
		db_do(s->app, SQL_SLA_APPLY,
		    P(org, PQgetvalue(matched, i, 0),
			PQgetisnull(matched, i, 1)
			    ? NULL
			    : PQgetvalue(policies, atoi(PQgetvalue(matched, i, 1)), 0)));
	for (i = row == -1 ? 0 : row; i < (row == -1 ? PQntuples(claimed) : row + 1); i++)
		db_do(s->app, SQL_DUE_DONE,
		    P(org, "sla_apply", PQgetvalue(claimed, i, 0), PQgetvalue(claimed, i, 1)));
	return db_commit(s->app);
}

static bool
recount(struct due_work *s, const char *org, const PGresult *claimed, int row)
{
	struct db_context context = in(org);
	int i;

	db_begin(s->app, s->arena, DB_WRITE, &context);
	for (i = row == -1 ? 0 : row; i < (row == -1 ? PQntuples(claimed) : row + 1); i++) {
		db_do(s->app, SQL_SLA_RECOUNT, P(org, PQgetvalue(claimed, i, 0)));
		db_do(s->app, SQL_DUE_DONE,
		    P(org, "sla_recount", PQgetvalue(claimed, i, 0), PQgetvalue(claimed, i, 1)));
	}
	return db_commit(s->app);
}

static void
run_applies(void *arg, const char *org, const PGresult *claimed)
{
	struct due_work *s = arg;

	together(s, org, "sla_apply", claimed, apply);
	due_look_lane(s->due, s->arena, "sla", org, "");
}

static void
run_recounts(void *arg, const char *org, const PGresult *claimed)
{
	struct due_work *s = arg;

	together(s, org, "sla_recount", claimed, recount);
	due_look_lane(s->due, s->arena, "sla", org, "");
}

struct due_kind
sla_kind(struct due_work *s)
{
	return (struct due_kind){ .kind = "sla", .batch = RING_BATCH, .run = run_rings, .arg = s };
}

struct due_kind
sla_apply_kind(struct due_work *s)
{
	return (struct due_kind){
		.kind = "sla_apply", .batch = APPLY_BATCH, .run = run_applies, .arg = s
	};
}

struct due_kind
sla_recount_kind(struct due_work *s)
{
	return (struct due_kind){
		.kind = "sla_recount", .batch = APPLY_BATCH, .run = run_recounts, .arg = s
	};
}

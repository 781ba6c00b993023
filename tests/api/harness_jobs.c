/* SPDX-License-Identifier: Apache-2.0 */
/* What the scheduler does, when a test says so. */
#include "harness_internal.h"

#include "base/conf.h"
#include "jobs/housekeeping.h"
#include "jobs/job.h"
#include "jobs/relay.h"
#include "jobs/sla.h"
#include "jobs/workflow.h"

void
relay(void)
{
	while (relay_run(scheduler, worker->redis, keep, NULL, NULL) > 0)
		;
	arena_reset(keep);
}

void
every_second_once(void)
{
	every_second(scheduler, keep);
	arena_reset(keep);
}

void
housekeeping(void)
{
	drop_expired(scheduler, keep);
	arena_reset(keep);
}

void
run_jobs(void)
{
	struct db *app = db_new(conf.db_url, "test-jobs", 15000);

	while (jobs_run(scheduler, app, keep))
		arena_reset(keep);
	arena_reset(keep);
	db_free(app);
}

/* Without Redis one object looks once; what was started may start something in turn. */
void
run_due(void)
{
	struct db *app = db_new(conf.db_url, "test-due", 15000);
	struct due_work work = { .app = app, .db = scheduler, .arena = keep };
	struct due_kind kinds[] = { sla_kind(&work), sla_apply_kind(&work), sla_recount_kind(&work),
		workflow_kind(&work), { .kind = NULL } };
	int i;

	work.due = due_new(scheduler, worker->redis, kinds);
	while (workflows_timed(&work))
		;
	for (i = 0; i < 8; i++) {
		relay();
		due_free(work.due);
		work.due = due_new(scheduler, worker->redis, kinds);
		due_run(work.due, keep);
		arena_reset(keep);
	}
	due_free(work.due);
	db_free(app);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* serviceosctl jobs: what is due, and what became of it, as the scheduler sees it. */
#include <stdio.h>

#include "base/arena.h"
#include "base/conf.h"
#include "serviceosctl.h"
#include "store/db.h"

static const struct db_context everybody = {
	.org = "", .actor_type = "system", .actor_id = "serviceosctl"
};

int
ctl_jobs(int argc, char **argv)
{
	struct db *db = db_new(conf.db_scheduler_url, "serviceosctl", 60000);
	struct arena *arena = arena_new();
	const PGresult *rows;
	int i, result = 1;

	db_begin(db, arena, DB_READ, &everybody);
	rows = db_rows(db, SQL_DUE_LIST, P(argc > 0 ? argv[0] : NULL, argc > 1 ? argv[1] : NULL));
	if (db_commit(db) && rows != NULL) {
		result = 0;
		printf("%-10s %-20s %-36s %-8s %-29s %3s %s\n", "KIND", "ORG", "ID", "STATE", "DUE",
		    "TRY", "ERROR");
		for (i = 0; i < PQntuples(rows); i++)
			printf("%-10s %-20s %-36s %-8s %-29s %3s %s\n", PQgetvalue(rows, i, 0),
			    PQgetvalue(rows, i, 1), PQgetvalue(rows, i, 2), PQgetvalue(rows, i, 3),
			    PQgetvalue(rows, i, 4), PQgetvalue(rows, i, 5), PQgetvalue(rows, i, 6));
	} else {
		fprintf(stderr, "serviceosctl: %s\n", db_error(db)->message);
	}
	db_free(db);
	arena_free(arena);
	return result;
}

/* On one job that nobody is working on. */
static int
change(enum sql_id sql, char **argv)
{
	struct db *db = db_new(conf.db_scheduler_url, "serviceosctl", 60000);
	struct arena *arena = arena_new();
	bool found;
	int result = 0;

	db_begin(db, arena, DB_WRITE, &everybody);
	found = db_row(db, sql, P(argv[0], argv[1])) != NULL;
	if (!db_commit(db)) {
		fprintf(stderr, "serviceosctl: %s\n", db_error(db)->message);
		result = 1;
	} else if (!found) {
		fprintf(stderr, "serviceosctl: there is no such job, or it is being worked on\n");
		result = 1;
	}
	db_free(db);
	arena_free(arena);
	return result;
}

int
ctl_jobs_retry(int argc, char **argv)
{
	(void)argc;
	return change(SQL_DUE_AGAIN, argv);
}

int
ctl_jobs_drop(int argc, char **argv)
{
	(void)argc;
	return change(SQL_DUE_DROP, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Imports as jobs: in batches, interrupted, gone on with, cancelled, by the command as well. */
#include "fixtures_imports.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/conf.h"
#include "jobs/job.h"

/* Start serviceosctl on a file of n tickets with further arguments; its pid. */
static pid_t
command_for(const char *org, int n, const char *more)
{
	const char *path = fmt("%s/many.ndjson", conf.state_dir);
	const char *program = getenv("SERVICEOSCTL");
	FILE *f = fopen(path, "we");
	pid_t pid;
	int i;

	for (i = 1; i <= n; i++)
		fprintf(f, "{\"title\":\"t%d\",\"external_id\":\"%d\"}\n", i, i);
	fclose(f);
	setenv("SERVICEOS_DB_ADMIN_URL",
	    fmt("host=%s dbname=%s user=serviceos_owner", getenv("SERVICEOS_TEST_PG"),
		sql_text("SELECT current_database()")),
	    1);
	pid = fork();
	if (pid != 0)
		return pid;
	execl("/bin/sh", "sh", "-c",
	    fmt("exec %s import %s %s %s >%s/out 2>&1",
		program == NULL ? "./serviceosctl" : program, org, path, more, conf.state_dir),
	    (char *)NULL);
	_exit(127);
}

static pid_t
command(int n, const char *more)
{
	return command_for(ORG, n, more);
}

/* What the last one printed. */
static const char *
printed(void)
{
	static char out[4096];
	FILE *f = fopen(fmt("%s/out", conf.state_dir), "re");

	out[fread(out, 1, sizeof(out) - 1, f)] = '\0';
	fclose(f);
	return out;
}

static int
ended(pid_t pid)
{
	int how;

	waitpid(pid, &how, 0);
	return WEXITSTATUS(how);
}

TEST(an_import_is_over_when_its_texts_are_found)
{
	static char file[200000];
	size_t len = 0;
	int i;

	for (i = 1; i <= 1100; i++)
		len += (size_t)snprintf(file + len, sizeof(file) - len,
		    "{\"title\":\"first%d\",\"external_id\":\"%d\",\"comments\":[{\"body\":\"second%d\"},"
		    "{\"body\":\"third%d\",\"internal\":true}]}\n",
		    i, i, i, i);
	call_raw("POST", "/api/imports", file, len, NDJSON);
	expect(202);
	run_jobs();
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(kind || ' ' || n, ', ' ORDER BY kind) FROM "
		"(SELECT kind, count(*) AS n FROM search_document WHERE kind <> 'customer' GROUP BY 1) x"),
	    "comment 1100, note 1100, ticket 1100");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM search_pending"), "0");
	for (i = 1; i <= 3; i++) {
		call("POST", "/api/v1/search",
		    fmt("{\"query\":\"%s777\"}", i == 1   ? "first"
						 : i == 2 ? "second"
							  : "third"));
		ck_assert_uint_eq(count("data"), 1);
	}
}
END

TEST(after_each_batch_another_scheduler_can_go_on)
{
	static char file[120000];
	struct db *app = db_new(conf.db_url, "t", 15000), *scheduler;
	struct arena *arena = arena_new();
	size_t len = 0;
	int i;

	scheduler = db_new(fmt("host=%s dbname=%s user=serviceos_scheduler",
			       getenv("SERVICEOS_TEST_PG"), sql_text("SELECT current_database()")),
	    "t", 15000);
	for (i = 1; i <= 1200; i++)
		len += (size_t)snprintf(file + len, sizeof(file) - len,
		    "{\"title\":\"t%d\",\"external_id\":\"%d\"}\n", i, i);
	call_raw("POST", "/api/imports", file, len, NDJSON);
	expect(202);
	ck_assert(jobs_run(scheduler, app, arena));
	call("GET", fmt("/api/imports/%s", text("import_id")), NULL);
	ck_assert_str_eq(text("state"), "running");
	ck_assert_int_eq(number("done"), 500);
	ck_assert_int_eq(number("percent"), 41);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket"), "500");
	db_free(app);
	db_free(scheduler);
	arena_free(arena);
	run_jobs();
	call("GET", fmt("/api/imports/%s", text("import_id")), NULL);
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("created"), 1200);
	ck_assert_str_eq(
	    sql_text("SELECT count(DISTINCT external_id) || ' ' || count(*) FROM ticket"),
	    "1200 1200");
	ck_assert_int_eq(
	    access(fmt("%s/imports/" ORG "/%s", conf.state_dir, text("import_id")), F_OK), -1);
}
END

TEST(the_command_imports_a_file_and_goes_on_where_it_was_interrupted)
{
	pid_t pid = command(6000, "");
	const char *id;
	int i;

	for (i = 0; i < 3000 && atoi(sql_text("SELECT COALESCE(max(done), 0) FROM job")) < 1000;
	     i++)
		usleep(10000);
	kill(pid, SIGINT);
	ck_assert_int_eq(ended(pid), 1);
	ck_assert_str_eq(sql_text("SELECT state FROM job"), "running");
	ck_assert_str_ne(sql_text("SELECT count(*) FROM ticket"), "6000");
	run_jobs(); /* it is no scheduler's business */
	ck_assert_str_eq(sql_text("SELECT state FROM job"), "running");
	id = sql_text("SELECT job_id FROM job");
	ck_assert_int_eq(ended(command(6000, fmt("--resume %s", id))), 0);
	ck_assert_str_eq(sql_text("SELECT state || done FROM job"), "completed6000");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket"), "6000");
	ck_assert_int_eq(ended(command(6000, fmt("--resume %s", id))), 1);
	ck_assert_int_eq(ended(command(3, "--dry-run --on-conflict update")), 0);
	ck_assert_str_eq(
	    sql_text("SELECT result ->> 'updated' FROM job WHERE job_id <> '%s'", id), "3");
	ck_assert_int_eq(ended(command(1, "--format csv")), 1);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM job WHERE state = 'failed'"), "1");
	ck_assert_int_eq(ended(command(1, "--on-conflict whatever")), 1);
	ck_assert_int_eq(ended(command(1, "--mapping '{\"a\":\"nowhere\"}'")), 1);
	ck_assert_ptr_nonnull(strstr(printed(), "--mapping.a: There is no such field"));
	ck_assert_int_eq(ended(command_for("org_zz", 1, "")), 1);
	ck_assert_str_eq(printed(), "serviceosctl: There is no organization org_zz.\n");
}
END

TEST(a_running_import_is_cancelled_and_an_ended_one_is_not)
{
	static const char file[] = "{\"title\":\"a\"}";
	const char *id;

	call_raw("POST", "/api/imports", file, strlen(file), NDJSON);
	expect(202);
	id = text("import_id");
	call("DELETE", fmt("/api/imports/%s", id), NULL);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/imports/%s", id), NULL);
	ck_assert_str_eq(text("state"), "cancelled");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket"), "0");
	call("DELETE", fmt("/api/imports/%s", id), NULL);
	expect_problem(409, "conflict");
	call("GET", "/api/imports?state=cancelled", NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(every_end_of_an_import_is_in_the_audit_log)
{
	static const char file[] = "{\"title\":\"a\"}";

	call_raw("POST", "/api/imports?dry_run=true", file, strlen(file), NDJSON);
	expect(202);
	run_jobs();
	ck_assert_str_eq(
	    sql_text(
		"SELECT concat_ws(' ', data ->> 'state', data ->> 'dry_run', data ->> 'created') "
		"FROM event WHERE topic = 'import.completed' AND NOT public"),
	    "completed true 1");
	call_raw("POST", "/api/imports", file, strlen(file), NDJSON);
	expect(202);
	sql("UPDATE job SET attempts = 5 WHERE job_id = '%s'", text("import_id"));
	run_jobs();
	ck_assert_str_eq(
	    sql_text("SELECT concat_ws(' ', data ->> 'state', data ->> 'dry_run') "
		     "FROM event WHERE topic = 'import.failed' AND audit AND NOT public"),
	    "failed false");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("imports_jobs");

	tcase_add_checked_fixture(c, imports_fresh, NULL);
	tcase_add_test(c, an_import_is_over_when_its_texts_are_found);
	tcase_add_test(c, every_end_of_an_import_is_in_the_audit_log);
	tcase_add_test(c, after_each_batch_another_scheduler_can_go_on);
	tcase_add_test(c, the_command_imports_a_file_and_goes_on_where_it_was_interrupted);
	tcase_add_test(c, a_running_import_is_cancelled_and_an_ended_one_is_not);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("imports_jobs", all);
}

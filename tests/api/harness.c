/* SPDX-License-Identifier: Apache-2.0 */
/* The harness starts and stops: a scratch database, two organisations, the worker, the cases. */
#include "harness_internal.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/prefork.h"
#include "store/numbers.h"
#include "store/schema.h"

char admin_key[64], other_key[64];
struct worker *worker;
PGconn *super;
struct arena *keep;
struct db *scheduler;

static char database[64];
static char state_dir[] = "/tmp/sos-state.XXXXXX";

static const char *
url(const char *user, const char *name)
{
	return fmt("host=%s dbname=%s user=%s", getenv("SERVICEOS_TEST_PG"), name, user);
}

/* One template per run of the suite, a copy per program. */
static void
create_database(const char *program)
{
	PGconn *conn = PQconnectdb(url("postgres", "postgres"));
	PGresult *res;

	if (PQstatus(conn) != CONNECTION_OK) {
		fprintf(stderr, "SERVICEOS_TEST_PG: %s", PQerrorMessage(conn));
		exit(77);
	}
	snprintf(database, sizeof(database), "t_%s_%d", program, (int)getpid());
	res = PQexec(conn, fmt("CREATE DATABASE %s OWNER serviceos_owner", database));
	if (PQresultStatus(res) != PGRES_COMMAND_OK) {
		fprintf(stderr, "%s", PQerrorMessage(conn));
		exit(1);
	}
	PQclear(res);
	PQfinish(conn);
}

static void
migrate(void)
{
	PGconn *conn = PQconnectdb(url("serviceos_owner", database));
	const char *error = "";

	if (schema_migrate(conn, &error) == -1) {
		fprintf(stderr, "migration: %s\n", error);
		exit(1);
	}
	PQfinish(conn);
}

static void
set_environment(void)
{
	setenv("SERVICEOS_DB_URL", url("serviceos_app", database), 1);
	setenv("SERVICEOS_JWT_SECRET", "a secret of the tests, 32 characters or more", 1);
	setenv("SERVICEOS_SECRET_KEY",
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 1);
	setenv("SERVICEOS_PLATFORM_TOKEN_SHA256",
	    "fa0b5ec4e4a7fc9ba3a5c2c5ab3e14c4a2b0a4d5f8d5c1a2b3c4d5e6f7a8b9c0", 0);
	setenv("SERVICEOS_RATE_GENERAL", "100000000", 0);
	setenv("SERVICEOS_RATE_AUTH", "100000000", 0);
	setenv("SERVICEOS_RATE_BULK", "100000000", 0);
	setenv("SERVICEOS_LOG_LEVEL", "error", 0);
	setenv("SERVICEOS_REDIS_URL", "unix:/nonexistent/redis.sock", 0);
	setenv("SERVICEOS_STATE_DIR", mkdtemp(state_dir), 0);
	setenv("SERVICEOS_SOCKET_DIR", getenv("SERVICEOS_STATE_DIR"), 1);
}

static void
make_org(const char *org, char *key)
{
	run_sql(fmt("BEGIN; SELECT set_config('app.org', '%s', true); "
		    "SELECT create_organization('%s', 'Test %s'); COMMIT",
		    org, org, org),
	    NULL);
	snprintf(key, 64, "%s", make_key(org, "admin"));
}

/* In the place of serviceos-stream: everybody gets a place. It ends with us. */
static void
stream_stand_in(void)
{
	const char *error;
	int listener = listen_unix(fmt("%s/stream.sock", conf.socket_dir), "", &error), fd;
	char end;

	if (listener == -1 || fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fcntl(listener, F_SETFL, 0);
	while ((fd = accept(listener, NULL, NULL)) != -1) {
		while (read(fd, &end, 1) == 1 && end != '\n')
			;
		(void)!write(fd, "ok\n", 3);
		close(fd);
	}
	_exit(0);
}

void
harness_start(const char *program)
{
	const char *error;

	log_open("test", LOG_ERROR);
	create_database(program);
	migrate();
	set_environment();
	if (conf_load(NULL, &error) == -1) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	log_open("test", (enum log_level)log_level_parse(conf.log_level));
	route_init();
	metrics_init(1, route_count());
	rate_init();
	redis_init();
	numbers_init();
	super = PQconnectdb(url("postgres", database));
	run_sql("SET client_min_messages = warning", NULL);
	keep = arena_new();
	worker = worker_new("test");
	scheduler = db_new(url("serviceos_scheduler", database), "test-scheduler", 10000);
	make_org(ORG, admin_key);
	make_org(OTHER, other_key);
	stream_stand_in();
	caller_reset();
}

static void
write_coverage(void)
{
	const char *path = getenv("SERVICEOS_TEST_COVERAGE");
	FILE *f = path == NULL ? NULL : fopen(path, "ae");
	unsigned i;

	if (f == NULL)
		return;
	for (i = 0; i < route_count(); i++)
		if (metric_route_ok(i) > 0)
			fprintf(f, "%s\n", route_name(i));
	fclose(f);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void
harness_stop(void)
{
	PGconn *conn;

	write_coverage();
	nftw(state_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	worker_free(worker);
	db_free(scheduler);
	PQfinish(super);
	conn = PQconnectdb(url("postgres", "postgres"));
	PQclear(PQexec(conn, fmt("DROP DATABASE IF EXISTS %s WITH (FORCE)", database)));
	PQfinish(conn);
}

int
harness_main(const char *program, TCase *(*cases[])(void))
{
	Suite *suite = suite_create(program);
	SRunner *runner;
	int failed, i;

	harness_start(program);
	for (i = 0; cases[i] != NULL; i++) {
		TCase *tc = cases[i]();

		tcase_add_checked_fixture(tc, caller_reset, NULL);
		tcase_set_timeout(tc, 60);
		suite_add_tcase(suite, tc);
	}
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	harness_stop();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

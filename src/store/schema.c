/* SPDX-License-Identifier: Apache-2.0 */
#include "store/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

#define TRIES 20

static char message[512];
static bool in_use; /* the last failure was another session's lock */

static int
refuse(const char **error, const char *what, const char *why)
{
	snprintf(message, sizeof(message), "%s: %s", what, why);
	*error = message;
	return -1;
}

static int
run(PGconn *conn, const char *what, const char *sql, const char **error)
{
	PGresult *res = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(res);
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	int result = 0;

	in_use = state != NULL && (strcmp(state, "40P01") == 0 || strcmp(state, "55P03") == 0);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
		result = refuse(error, what, PQerrorMessage(conn));
	PQclear(res);
	return result;
}

/* The first column of the first row, copied; "" for none. */
static int
ask(PGconn *conn, char *out, size_t size, const char *sql, const char *value)
{
	PGresult *res = PQexecParams(conn, sql, 1, NULL, &value, NULL, NULL, 0);
	int result = PQresultStatus(res) == PGRES_TUPLES_OK ? 0 : -1;

	out[0] = '\0';
	if (result == 0 && PQntuples(res) > 0 && !PQgetisnull(res, 0, 0))
		snprintf(out, size, "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	return result;
}

static int
number_of(const struct schema_file *f)
{
	return atoi(f->name);
}

int
schema_version(void)
{
	const struct schema_file *f;
	int newest = 0;

	for (f = schema_files; f->name != NULL; f++)
		if (f->kind == 'm' && number_of(f) > newest)
			newest = number_of(f);
	return newest;
}

int
schema_current(PGconn *conn)
{
	char text[32];

	if (ask(conn, text, sizeof(text), "SELECT to_regclass($1)::text", "schema_migration") == -1)
		return -1;
	if (text[0] == '\0')
		return 0;
	if (ask(conn, text, sizeof(text),
		"SELECT COALESCE(max(version), 0) FROM schema_migration WHERE name <> $1",
		"repeatable") == -1)
		return -1;
	return atoi(text);
}

static int
note(PGconn *conn, int version, const char *name, const char *checksum, const char **error)
{
	char number[16];
	const char *values[] = { number, name, checksum };
	PGresult *res;
	int result = 0;

	snprintf(number, sizeof(number), "%d", version);
	res = PQexecParams(conn,
	    "INSERT INTO schema_migration (version, name, checksum) VALUES ($1::int, $2, $3) "
	    "ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum, applied_at = now()",
	    3, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		result = refuse(error, name, PQerrorMessage(conn));
	PQclear(res);
	return result;
}

static int
apply(PGconn *conn, const struct schema_file *f, const char **error)
{
	char sum[65], applied[80], number[16];

	sha256_hex(sum, f->text, strlen(f->text));
	snprintf(number, sizeof(number), "%d", number_of(f));
	if (ask(conn, applied, sizeof(applied),
		"SELECT checksum FROM schema_migration WHERE version = $1::int", number) == -1)
		return refuse(error, f->name, PQerrorMessage(conn));
	if (applied[0] != '\0')
		return strcmp(applied, sum) == 0
		           ? 0
		           : refuse(error, f->name, "was edited after it had been applied");
	if (run(conn, f->name, "BEGIN", error) == -1 || run(conn, f->name, f->text, error) == -1 ||
	    note(conn, number_of(f), f->name, sum, error) == -1)
		return -1;
	log_info("migration %s applied", f->name);
	return run(conn, f->name, "COMMIT", error);
}

static void
repeatable_sum(char sum[65])
{
	const struct schema_file *f;
	char all[130];

	memset(sum, '0', 64);
	sum[64] = '\0';
	for (f = schema_files; f->name != NULL; f++) {
		if (f->kind == 'm')
			continue;
		memcpy(all, sum, 64);
		sha256_hex(all + 64, f->text, strlen(f->text));
		sha256_hex(sum, all, 128);
	}
}

/* Views first go, since a changed function or column order could not replace them. */
static int
apply_repeatable(PGconn *conn, const char **error)
{
	static const char drop[] =
	    "DO $$ DECLARE v text; BEGIN "
	    "FOR v IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
	    "WHERE n.nspname = 'public' AND c.relkind = 'v' "
	    "AND c.relowner = current_user::regrole LOOP "
	    "EXECUTE format('DROP VIEW IF EXISTS %I CASCADE', v); END LOOP; END $$";
	char sum[65], applied[80];
	const struct schema_file *f;

	repeatable_sum(sum);
	if (ask(conn, applied, sizeof(applied),
		"SELECT checksum FROM schema_migration WHERE name = $1", "repeatable") == -1)
		return refuse(error, "functions and views", PQerrorMessage(conn));
	if (strcmp(applied, sum) == 0)
		return 0;
	if (run(conn, "functions and views", "BEGIN", error) == -1 ||
	    run(conn, "views", drop, error) == -1)
		return -1;
	for (f = schema_files; f->name != NULL; f++)
		if (f->kind != 'm' && run(conn, f->name, f->text, error) == -1)
			return -1;
	if (note(conn, 0, "repeatable", sum, error) == -1)
		return -1;
	log_info("functions, views and grants applied");
	return run(conn, "functions and views", "COMMIT", error);
}

static int
apply_all(PGconn *conn, const char **error)
{
	const struct schema_file *f;

	for (f = schema_files; f->name != NULL; f++)
		if (f->kind == 'm' && apply(conn, f, error) == -1)
			return -1;
	return apply_repeatable(conn, error);
}

/*
 * Programs that go on meanwhile hold locks. A change that waits for one makes all
 * who come after it wait too, and the two may wait for each other: it waits two
 * seconds at most, and what was not done yet is tried again.
 */
int
schema_migrate(PGconn *conn, const char **error)
{
	int result, tries = 0;

	if (run(conn, "lock", "SELECT pg_advisory_lock(7330001)", error) == -1)
		return -1;
	result = run(conn, "schema_migration",
	    "SET client_min_messages = warning; SET lock_timeout = '2s'; "
	    "CREATE TABLE IF NOT EXISTS schema_migration (version int PRIMARY KEY, name text NOT NULL, "
	    "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
	    error);
	while (
	    result == 0 && (result = apply_all(conn, error)) == -1 && in_use && ++tries < TRIES) {
		log_warn("%s; again", *error);
		PQclear(PQexec(conn, "ROLLBACK"));
		sleep(1);
		result = 0;
	}
	PQclear(PQexec(conn, result == 0 ? "SELECT 1" : "ROLLBACK"));
	PQclear(PQexec(conn, "SELECT pg_advisory_unlock(7330001)"));
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* serviceosctl: migrations, organizations, keys and users, as the owner of the schema. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "auth/secret.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/util.h"
#include "http/openapi.h"
#include "http/route.h"
#include "serviceosctl.h"
#include "store/db.h"
#include "store/schema.h"

static struct arena *arena;
static struct db *db;

static int
complain(const char *what)
{
	fprintf(stderr, "serviceosctl: %s\n", what);
	return 1;
}

int
ctl_start(const char *conf_path)
{
	const char *error;

	if (conf_load(conf_path, &error) == -1) {
		complain(error);
		return -1;
	}
	arena = arena_new();
	db = db_new(conf.db_admin_url, "serviceosctl", 600000);
	return 0;
}

int
ctl_migrate(int argc, char **argv)
{
	PGconn *conn = PQconnectdb(conf.db_admin_url);
	const char *error;
	int before, result;

	(void)argc;
	(void)argv;
	if (PQstatus(conn) != CONNECTION_OK) {
		complain(PQerrorMessage(conn));
		PQfinish(conn);
		return 1;
	}
	before = schema_current(conn);
	result = schema_migrate(conn, &error);
	if (result == 0)
		printf("schema at %d (was %d)\n", schema_version(), before);
	else
		complain(error);
	PQfinish(conn);
	return result == 0 ? 0 : 1;
}

static void
begin(const char *org)
{
	struct db_context context = {
		.org = org, .actor_type = "system", .actor_id = "serviceosctl"
	};

	db_begin(db, arena, DB_WRITE, &context);
}

/* Commit; exit status and a sentence when that fails. */
static int
finish(void)
{
	const struct db_error *e;

	if (db_commit(db))
		return 0;
	e = db_error(db);
	fprintf(stderr, "serviceosctl: %s%s%s\n", e->message, e->detail == NULL ? "" : ": ",
	    e->detail == NULL ? "" : e->detail);
	return 1;
}

int
ctl_org_create(int argc, char **argv)
{
	(void)argc;
	begin(argv[0]);
	if (db_row(db, SQL_AUTH_ORGANIZATION, P(argv[0])) == NULL && !db_failed(db))
		db_do(db, SQL_ORGANIZATION_CREATE, P(argv[0], argv[1]));
	return finish();
}

int
ctl_org_limits(int argc, char **argv)
{
	const char *general = strcmp(argv[1], "-") == 0 ? NULL : argv[1];
	const char *bulk = strcmp(argv[2], "-") == 0 ? NULL : argv[2];
	const PGresult *row;

	(void)argc;
	begin(argv[0]);
	row = db_row(db, SQL_ORGANIZATION_LIMITS, P(argv[0], general, bulk));
	if (row == NULL && !db_failed(db)) {
		db_rollback(db);
		return complain("there is no such organization");
	}
	return finish();
}

/* "a,b" as the JSON array of the API. NULL for an unknown scope. */
static const char *
scopes_json(char *list)
{
	struct buf out;
	char *save = NULL, *word;

	buf_init(&out, arena, 128);
	for (word = strtok_r(list, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save)) {
		if (scope_parse(word) == S__MAX) {
			fprintf(stderr, "serviceosctl: there is no scope \"%s\"\n", word);
			return NULL;
		}
		buf_str(&out, out.len == 0 ? "[" : ",");
		buf_json_str(&out, word);
	}
	buf_char(&out, ']');
	return out.data;
}

int
ctl_key_create(int argc, char **argv)
{
	char secret[API_KEY_LENGTH + 1], hash[65], id[37];
	const char *scopes = scopes_json(argv[2]);
	struct buf body;

	if (scopes == NULL)
		return 1;
	buf_init(&body, arena, 256);
	buf_str(&body, "{\"name\":");
	buf_json_str(&body, argv[1]);
	buf_printf(&body, ",\"scopes\":%s,\"rate_general\":%s,\"rate_bulk\":%s}", scopes,
	    argc > 3 ? argv[3] : "null", argc > 4 ? argv[4] : "null");
	api_key_new(secret);
	sha256_hex(hash, secret, API_KEY_LENGTH);
	uuid7(id);
	begin(argv[0]);
	db_do(db, SQL_API_KEY_CREATE,
	    P(argv[0], id, body.data, arena_strndup(arena, secret, API_KEY_PREFIX_LENGTH), hash));
	if (finish() != 0)
		return 1;
	puts(secret);
	return 0;
}

int
ctl_key_revoke(int argc, char **argv)
{
	const PGresult *row;

	(void)argc;
	begin(argv[0]);
	row = db_row(db, SQL_API_KEY_REVOKE, P(argv[0], argv[1]));
	if (row == NULL && !db_failed(db)) {
		db_rollback(db);
		return complain("there is no such active key");
	}
	return finish();
}

int
ctl_user_create(int argc, char **argv)
{
	char password[1100] = "", id[37];
	const char *hash;
	struct buf body;

	(void)argc;
	if (fgets(password, sizeof(password), stdin) == NULL)
		return complain("the password is read from standard input");
	password[strcspn(password, "\n")] = '\0';
	if (strlen(password) < 8 || (hash = password_hash(arena, password)) == NULL)
		return complain("the password must have 8 to 1024 bytes");
	if (role_parse(argv[3]) == -1)
		return complain("the role must be admin, agent or viewer");
	buf_init(&body, arena, 256);
	buf_str(&body, "{\"email\":");
	buf_json_str(&body, argv[1]);
	buf_str(&body, ",\"name\":");
	buf_json_str(&body, argv[2]);
	buf_printf(&body, ",\"role\":\"%s\"}", argv[3]);
	uuid7(id);
	begin(argv[0]);
	db_do(db, SQL_USER_CREATE, P(argv[0], id, body.data, hash));
	if (finish() != 0)
		return 1;
	puts(id);
	return 0;
}

/* The planner must know what was loaded, or lists read whole organizations. */
static int
analyze(void)
{
	PGconn *conn = PQconnectdb(conf.db_admin_url);
	PGresult *res = PQexec(conn, "ANALYZE");
	bool fine = PQresultStatus(res) == PGRES_COMMAND_OK;

	PQclear(res);
	PQfinish(conn);
	return fine ? 0 : complain("the tables could not be analyzed");
}

int
ctl_demo(int argc, char **argv)
{
	static const char *const orgs[][2] = { { "org_123", "Example Ltd" },
		{ "org_northwind", "Northwind Traders" }, { "org_contoso", "Contoso Cloud" } };
	const char *count = argc > 0 ? argv[0] : "3000";
	unsigned i;

	for (i = 0; i < LENGTH(orgs); i++) {
		char *org = arena_strdup(arena, orgs[i][0]);

		if (ctl_org_create(2, (char *[]){ org, arena_strdup(arena, orgs[i][1]) }) != 0)
			return 1;
		begin(org);
		db_do(db, SQL_DEMO_LOAD, P(org, i == 0 ? count : "500"));
		if (finish() != 0)
			return 1;
		printf("%s: loaded\n", org);
	}
	return analyze();
}

int
ctl_openapi(int argc, char **argv)
{
	struct buf out;

	(void)argc;
	(void)argv;
	route_init();
	buf_init(&out, arena, 1 << 20);
	openapi_print(&out);
	puts(out.data);
	return 0;
}

int
ctl_check_config(int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "--defaults") == 0)
		conf_print_sample(stdout);
	else
		puts("the configuration is valid");
	return 0;
}

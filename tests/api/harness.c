/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <stdarg.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/secret.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/prefork.h"
#include "jobs/housekeeping.h"
#include "jobs/job.h"
#include "jobs/relay.h"
#include "jobs/sla.h"
#include "jobs/workflow.h"
#include "store/numbers.h"
#include "store/schema.h"

#define TURNS 64

struct caller caller;
char admin_key[64], other_key[64];
struct worker *worker;
int status;
const char *reply_body;
struct json_object *reply;

static char database[64];
static PGconn *super;
static struct http_reply out;
static struct arena *keep; /* what a test holds between calls */
static char state_dir[] = "/tmp/sos-state.XXXXXX";
static struct db *scheduler; /* the relay's connection */

static char *
turn(void)
{
	static char texts[TURNS][8192];
	static unsigned next;

	return texts[next++ % TURNS];
}

const char *
fmt(const char *format, ...)
{
	char *text_ = turn();
	va_list args;

	va_start(args, format);
	vsnprintf(text_, 8192, format, args);
	va_end(args);
	return text_;
}

static void
run_sql(const char *text_, char *value)
{
	PGresult *res = PQexec(super, text_);

	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
		fprintf(stderr, "%s\n%s", text_, PQerrorMessage(super));
		abort();
	}
	if (value != NULL)
		snprintf(value, 8192, "%s", PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
}

void
sql(const char *format, ...)
{
	char *text_ = turn();
	va_list args;

	va_start(args, format);
	vsnprintf(text_, 8192, format, args);
	va_end(args);
	run_sql(text_, NULL);
}

const char *
sql_text(const char *format, ...)
{
	char *text_ = turn(), *value = turn();
	va_list args;

	va_start(args, format);
	vsnprintf(text_, 8192, format, args);
	va_end(args);
	run_sql(text_, value);
	return value;
}

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

void
caller_reset(void)
{
	caller = (struct caller){ .key = admin_key, .address = "127.0.0.1" };
}

const char *
make_key(const char *org, const char *scopes)
{
	char secret[API_KEY_LENGTH + 1], hash[65], id[37];
	char *kept = turn();

	api_key_new(secret);
	sha256_hex(hash, secret, API_KEY_LENGTH);
	uuid7(id);
	sql("INSERT INTO api_key (org_id, key_id, name, prefix, secret_hash, scopes) "
	    "VALUES ('%s', '%s', 'test', 'sk_', '%s', '{%s}')",
	    org, id, hash, scopes);
	snprintf(kept, 64, "%s", secret);
	return kept;
}

static void
add(struct http_request *in, const char *name, const char *value)
{
	if (value != NULL)
		in->headers[in->nheaders++] = (struct http_header){ .name = name, .value = value };
}

/* "Name: value\n" lines, the name in lower case as the FastCGI side gives it. */
static void
add_lines(struct http_request *in, const char *lines)
{
	while (lines != NULL && *lines != '\0') {
		size_t name = strcspn(lines, ":"), line = strcspn(lines, "\n"), i;
		char *lower = arena_strndup(worker->arena, lines, name);

		for (i = 0; i < name; i++)
			if (lower[i] >= 'A' && lower[i] <= 'Z')
				lower[i] = (char)(lower[i] | 0x20);
		add(in, lower, arena_strndup(worker->arena, lines + name + 2, line - name - 2));
		lines += line + (lines[line] == '\n');
	}
}

static bool
type_of_field(const struct field *f, struct json_object *v)
{
	switch (f->type) {
	case T_INT:
		return json_object_is_type(v, json_type_int);
	case T_NUM:
		return json_object_is_type(v, json_type_int) ||
		       json_object_is_type(v, json_type_double);
	case T_BOOL:
		return json_object_is_type(v, json_type_boolean);
	case T_OBJECT:
		return json_object_is_type(v, json_type_object);
	case T_ANY:
		return true;
	case T_ID:
		return json_object_is_type(v, json_type_string) &&
		       uuid_valid(json_object_get_string(v));
	case T_TIME:
		return json_object_is_type(v, json_type_string) &&
		       time_valid(json_object_get_string(v));
	default:
		return json_object_is_type(v, json_type_string);
	}
}

static void
check_member(const struct field *f, struct json_object *v)
{
	size_t i;

	if (v == NULL && f->type != T_ANY) {
		ck_assert_msg((f->flags & F_NULL) != 0, "%s is null: %s", f->name, reply_body);
		return;
	}
	if ((f->flags & F_LIST) == 0) {
		ck_assert_msg(type_of_field(f, v), "%s has another type: %s", f->name, reply_body);
		return;
	}
	ck_assert_msg(json_object_is_type(v, json_type_array), "%s is no array", f->name);
	for (i = 0; i < json_object_array_length(v); i++)
		ck_assert_msg(type_of_field(f, json_object_array_get_idx(v, i)),
		    "an item of %s has another type: %s", f->name, reply_body);
}

static bool
is_include(const struct route *route, const char *name)
{
	const struct include *i;

	for (i = route->includes; i != NULL && i->name != NULL; i++)
		if (strcmp(i->name, name) == 0)
			return true;
	return false;
}

static void
check_object_schema(const struct route *route, struct json_object *o, bool all)
{
	const struct field *f;
	struct json_object *v;

	ck_assert_msg(json_object_is_type(o, json_type_object), "no object: %s", reply_body);
	for (f = route->reply->fields; f->name != NULL; f++) {
		if ((f->flags & F_OUT) == 0)
			continue;
		if (json_object_object_get_ex(o, f->name, &v))
			check_member(f, v);
		else
			ck_assert_msg(!all || (f->flags & F_OPT) != 0, "%s: %s is missing: %s",
			    route->id, f->name, reply_body);
	}
	json_object_object_foreach(o, key, member)
	{
		(void)member;
		for (f = route->reply->fields; f->name != NULL; f++)
			if ((f->flags & F_OUT) != 0 && strcmp(f->name, key) == 0)
				break;
		ck_assert_msg(f->name != NULL || is_include(route, key), "%s: %s is not declared",
		    route->id, key);
	}
}

/* Every 2xx reply of every test must be what the route declares. */
static void
check_reply_schema(const char *method, const char *path)
{
	struct route_match match;
	struct json_object *data;
	size_t i;
	bool all = caller.partial == false;

	if (status < 200 || status > 299 || status == 204 ||
	    !route_match(keep, method, path, &match) || match.route->reply == NULL)
		return;
	if (header("Content-Type") != NULL && strncmp(header("Content-Type"), "text/csv", 8) == 0)
		return;
	ck_assert_msg(reply != NULL, "%s: no JSON: %s", match.route->id, reply_body);
	if (match.route->list == NULL) {
		check_object_schema(match.route, reply, all);
		return;
	}
	ck_assert(json_object_object_get_ex(reply, "data", &data));
	ck_assert(json_object_object_get_ex(reply, "has_more", NULL));
	ck_assert(json_object_object_get_ex(reply, "next_cursor", NULL));
	for (i = 0; i < json_object_array_length(data); i++)
		check_object_schema(match.route, json_object_array_get_idx(data, i), all);
}

static void
dispatch(const char *method, const char *path, const void *body, size_t len, const char *type)
{
	struct http_request in = { .method = method, .address = caller.address };
	size_t cut = strcspn(path, "?");
	struct json_error error;

	if (reply != NULL)
		json_object_put(reply);
	reply = NULL;
	arena_reset(worker->arena);
	in.path = arena_strndup(worker->arena, path, cut);
	in.query = path[cut] == '?' ? path + cut + 1 : "";
	in.body = arena_strndup(worker->arena, body == NULL ? "" : body, len);
	in.body_len = len;
	in.too_large = (long)len > conf.body_max;
	add(&in, "x-api-key", caller.key);
	if (caller.bearer != NULL)
		add(&in, "authorization", arena_printf(worker->arena, "Bearer %s", caller.bearer));
	add(&in, "x-org-id", caller.org);
	add(&in, "x-actor-id", caller.actor);
	add(&in, "content-type", type);
	add_lines(&in, caller.headers);
	http_dispatch(worker, &in, &out);
	if (out.handoff != 0)
		close(out.handoff);
	status = out.status;
	reply_body = out.body.data;
	if (json_scan(out.body.data, out.body.len, &error) == 0)
		reply = json_tokener_parse(out.body.data);
	caller.partial = strstr(in.query, "fields=") != NULL;
	check_reply_schema(method, in.path);
}

void
call_raw(const char *method, const char *path, const void *body, size_t len, const char *type)
{
	dispatch(method, path, body, len, type);
}

void
call(const char *method, const char *path, const char *body)
{
	dispatch(method, path, body, body == NULL ? 0 : strlen(body),
	    body == NULL ? NULL : "application/json");
}

const char *
header(const char *name)
{
	const char *p = out.head.data;
	size_t len = strlen(name);
	char *value;

	for (; *p != '\0'; p += strcspn(p, "\n") + 1) {
		if (strncmp(p, name, len) != 0 || p[len] != ':')
			continue;
		value = turn();
		snprintf(value, 8192, "%.*s", (int)strcspn(p + len + 2, "\r"), p + len + 2);
		return value;
	}
	return NULL;
}

static bool
walk(const char *path, struct json_object **found)
{
	struct json_object *o = reply;
	char word[128];

	while (*path != '\0') {
		size_t len = strcspn(path, ".");

		snprintf(word, sizeof(word), "%.*s", (int)len, path);
		if (json_object_is_type(o, json_type_array)) {
			if (strtoul(word, NULL, 10) >= json_object_array_length(o))
				return false;
			o = json_object_array_get_idx(o, strtoul(word, NULL, 10));
		} else if (!json_object_object_get_ex(o, word, &o)) {
			return false;
		}
		path += len + (path[len] == '.');
	}
	*found = o;
	return true;
}

struct json_object *
at(const char *path)
{
	struct json_object *o = NULL;

	ck_assert_msg(reply != NULL, "no JSON in the reply: %d %s", status, reply_body);
	ck_assert_msg(walk(path, &o), "no member %s in %s", path, reply_body);
	return o;
}

const char *
text(const char *path)
{
	struct json_object *o = at(path);
	char *value = turn();

	snprintf(value, 8192, "%s", o == NULL ? "null" : json_object_get_string(o));
	return value;
}

long
number(const char *path)
{
	return (long)json_object_get_int64(at(path));
}

bool
has(const char *path)
{
	struct json_object *o;

	return reply != NULL && walk(path, &o);
}

size_t
count(const char *path)
{
	return json_object_array_length(at(path));
}

const char *
keep_id(const char *id)
{
	static char kept[64][40];
	static unsigned n;

	snprintf(kept[++n % LENGTH(kept)], sizeof(kept[0]), "%s", id);
	return kept[n % LENGTH(kept)];
}

void
expect_field(const char *field, const char *code)
{
	size_t i;

	ck_assert_msg(status == 422 || status == 409, "status %d: %s", status, reply_body);
	for (i = 0; has("errors") && i < count("errors"); i++)
		if (strcmp(text(fmt("errors.%zu.field", i)), field) == 0 &&
		    strcmp(text(fmt("errors.%zu.code", i)), code) == 0)
			return;
	ck_abort_msg("no error %s on field %s: %s", code, field, reply_body);
}

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
	struct due_kind kinds[] = { sla_kind(&work), sla_apply_kind(&work), workflow_kind(&work),
		{ .kind = NULL } };
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

const char *
make_ticket(const char *title)
{
	call("POST", "/api/tickets", fmt("{\"title\":\"%s\"}", title));
	expect(201);
	return text("ticket_id");
}

const char *
make_comment(const char *ticket_id, const char *body)
{
	call("POST", fmt("/api/tickets/%s/comments", ticket_id), fmt("{\"body\":\"%s\"}", body));
	expect(201);
	return text("comment_id");
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

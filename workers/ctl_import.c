/* SPDX-License-Identifier: Apache-2.0 */
/* serviceosctl import: the import job of the API, run here, on a file of any size. */
#include <getopt.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/util.h"
#include "http/import_target.h"
#include "jobs/job.h"
#include "serviceosctl.h"
#include "store/db.h"

#define BAR 30
#define TRIES 10

struct order {
	const char *org, *kind, *format, *conflict, *mapping, *id;
	char path[PATH_MAX];
	bool dry_run;
};

static volatile sig_atomic_t interrupted;

static void
interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static int
complain(const char *what)
{
	fprintf(stderr, "serviceosctl: %s\n", what);
	return 1;
}

static bool
one_of(const char *word, const char *a, const char *b, const char *c, const char *d)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0 ||
	       strcmp(word, d) == 0;
}

/* What is wrong with the order, or NULL. */
static const char *
check(const struct order *o)
{
	if (!one_of(o->kind, "tickets", "customers", "", ""))
		return "--kind is tickets or customers";
	if (!one_of(o->format, "ndjson", "csv", "zendesk", "freshdesk"))
		return "--format is ndjson, csv, zendesk or freshdesk";
	if (!one_of(o->conflict, "skip", "update", "", ""))
		return "--on-conflict is skip or update";
	if (o->id != NULL && !uuid_valid(o->id))
		return "--resume takes the id that was printed";
	return NULL;
}

/* False for an option that there is not, or without ORG and FILE. */
static bool
read_order(struct order *o, int argc, char **argv)
{
	static const struct option options[] = { { "kind", 1, NULL, 'k' },
		{ "format", 1, NULL, 'f' }, { "on-conflict", 1, NULL, 'c' },
		{ "mapping", 1, NULL, 'm' }, { "dry-run", 0, NULL, 'n' },
		{ "resume", 1, NULL, 'r' }, { NULL, 0, NULL, 0 } };
	const char *suffix;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			o->kind = optarg;
			break;
		case 'f':
			o->format = optarg;
			break;
		case 'c':
			o->conflict = optarg;
			break;
		case 'm':
			o->mapping = optarg;
			break;
		case 'r':
			o->id = optarg;
			break;
		case 'n':
			o->dry_run = true;
			break;
		default:
			return false;
		}
	}
	if (argc - optind != 2)
		return false;
	o->org = argv[optind];
	if (realpath(argv[optind + 1], o->path) == NULL) {
		perror(argv[optind + 1]);
		return false;
	}
	suffix = strrchr(o->path, '.');
	if (o->format == NULL)
		o->format = suffix != NULL && strcmp(suffix, ".csv") == 0 ? "csv" : "ndjson";
	return true;
}

static const char *
spec_of(struct arena *arena, const struct order *o)
{
	struct buf spec;

	buf_init(&spec, arena, 1024);
	buf_printf(&spec,
	    "{\"kind\":\"%s\",\"format\":\"%s\",\"on_conflict\":\"%s\",\"dry_run\":%s,\"mapping\":%s,"
	    "\"path\":",
	    o->kind, o->format, o->conflict, o->dry_run ? "true" : "false", o->mapping);
	buf_json_str(&spec, o->path);
	buf_char(&spec, '}');
	return spec.data;
}

/* What of the order only the database knows: NULL, or what is wrong with it. */
static const char *
look_up(struct db *db, struct arena *arena, const struct order *o)
{
	struct import_mapping_error e = { "", "", "" };
	bool known = db_row(db, SQL_ORGANIZATION_KNOWN, P(o->org)) != NULL, good = true;

	if (known && strcmp(o->mapping, "null") != 0)
		good = import_mapping_check(arena, strcmp(o->kind, "customers") == 0,
		    import_custom_types(db, arena, o->org), o->mapping, &e);
	if (db_failed(db))
		return db_error(db)->message;
	if (!known)
		return arena_printf(arena, "There is no organization %s.", o->org);
	return good ? NULL : arena_printf(arena, "--%s: %s", e.key, e.message);
}

static int
create(struct db *db, struct arena *arena, struct order *o)
{
	const struct db_context context = {
		.org = o->org, .actor_type = "system", .actor_id = "serviceosctl"
	};
	char *id = arena_alloc(arena, 37);
	const char *wrong;
	struct stat st;

	if (stat(o->path, &st) == -1 || !S_ISREG(st.st_mode))
		return complain("the file must be a plain one");
	uuid7(id);
	db_begin(db, arena, DB_WRITE, &context);
	wrong = look_up(db, arena, o);
	if (wrong != NULL) {
		db_rollback(db);
		return complain(wrong);
	}
	db_do(db, SQL_IMPORT_CREATE,
	    P(o->org, id, spec_of(arena, o), arena_printf(arena, "%lld", (long long)st.st_size)));
	db_do(db, SQL_IMPORT_BY_HAND, P(o->org, id));
	if (!db_commit(db))
		return complain(db_error(db)->message);
	o->id = id;
	printf("import %s\n", id);
	fflush(stdout);
	return 0;
}

/* The import's row as it stands. */
static const PGresult *
look(struct db *db, struct arena *arena, const struct order *o)
{
	const struct db_context context = { .org = o->org };
	const PGresult *row;

	db_begin(db, arena, DB_READ, &context);
	row = db_row(db, SQL_IMPORT_GET, P(o->org, o->id, "0"));
	db_commit(db);
	return row;
}

/* A bar that is drawn over itself on a terminal; elsewhere a line every five seconds. */
static void
show(const PGresult *row, int64_t start, bool terminal)
{
	static const char full[] = "##############################",
			  none[] = "..............................";
	static int64_t last;
	int percent = atoi(db_get(row, 0, "percent"));
	double seconds = (double)(mono_us() - start) / 1e6;
	long rows = atol(db_get(row, 0, "done"));

	if (!terminal && mono_us() - last < 5000000)
		return;
	last = mono_us();
	if (terminal)
		printf("\r[%.*s%.*s] ", percent * BAR / 100, full, BAR - percent * BAR / 100, none);
	printf("%3d %%, %ld rows, %.0f a second%s", percent, rows,
	    seconds > 0 ? (double)rows / seconds : 0, terminal ? "   " : "\n");
	fflush(stdout);
}

static int
report(const PGresult *row)
{
	const char *error = db_get(row, 0, "error");

	printf("%s: %s created, %s updated, %s skipped, %s failed\n", db_get(row, 0, "state"),
	    db_get(row, 0, "created"), db_get(row, 0, "updated"), db_get(row, 0, "skipped"),
	    db_get(row, 0, "failed"));
	if (strcmp(db_get(row, 0, "failed"), "0") != 0)
		printf("GET /api/imports/%s tells which rows failed and why\n",
		    db_get(row, 0, "import_id"));
	if (error != NULL)
		complain(error);
	return strcmp(db_get(row, 0, "state"), "completed") == 0 ? 0 : 1;
}

/* Step by step to the end; what another try may help is tried again, up to ten times. */
static int
run(struct db *db, struct arena *arena, struct arena *kept, struct order *o)
{
	const char *token = arena_strdup(kept, job_take(db, arena, o->org, o->id)), *why;
	int64_t start = mono_us();
	const PGresult *row;
	bool terminal = isatty(STDOUT_FILENO) != 0;
	int tries = 0;

	if (token == NULL)
		return complain("there is no such import to go on with");
	for (;;) {
		arena_reset(arena);
		if (job_step(db, arena, o->org, o->id, token, &why))
			tries = 0;
		else if (why != NULL)
			return complain(why);
		else if (++tries == TRIES)
			return complain("the database does not answer; go on later with --resume");
		else
			sleep(1);
		row = look(db, arena, o);
		if (row == NULL)
			continue;
		show(row, start, terminal);
		if (strcmp(db_get(row, 0, "state"), "running") != 0)
			break;
		if (interrupted) {
			printf(
			    "%sinterrupted; go on with --resume %s\n", terminal ? "\n" : "", o->id);
			return 1;
		}
	}
	if (terminal)
		putchar('\n');
	return report(row);
}

int
ctl_import(int argc, char **argv)
{
	struct order o = { .kind = "tickets", .conflict = "skip", .mapping = "null" };
	struct arena *arena, *kept;
	const char *wrong;
	struct db *db;
	int status;

	/* getopt wants the word before the arguments, which is the command's. */
	if (!read_order(&o, argc + 1, argv - 1))
		return 2;
	arena = arena_new();
	kept = arena_new();
	db = db_new(conf.db_admin_url, "serviceosctl", 600000);
	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);
	wrong = check(&o);
	status = wrong != NULL ? complain(wrong) : o.id == NULL ? create(db, kept, &o) : 0;
	if (status == 0)
		status = run(db, arena, kept, &o);
	db_free(db);
	arena_free(arena);
	arena_free(kept);
	return status;
}

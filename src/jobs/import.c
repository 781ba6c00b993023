/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports. A step reads a batch of rows from where the last one ended, and
 * writes it with one statement (sql/functions/57_imports.sql); how far it came
 * is saved with it, so that no row is taken twice or missed, whatever dies.
 */
#include "jobs/import.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/util.h"
#include "http/import_target.h"
#include "jobs/import_rows.h"
#include "store/db.h"
#include "store/files.h"

#define BATCH_ROWS 500
#define BATCH_BYTES 4194304

static const char *
spec_text(const struct job *job, const char *name)
{
	return json_object_get_string(json_object_object_get(job->spec, name));
}

static int64_t
integer(struct json_object *o, const char *name)
{
	return json_object_get_int64(json_object_object_get(o, name));
}

static void
set_integer(struct json_object *o, const char *name, int64_t n)
{
	json_object_object_add(o, name, json_object_new_int64(n));
}

static void
which_file(const struct job *job, char out[FILE_PATH])
{
	const char *path = spec_text(job, "path");

	if (path != NULL)
		snprintf(out, FILE_PATH, "%s", path);
	else
		file_path(out, "imports", job->org, job->id);
}

static void
close_file(void *file)
{
	fclose(file);
}

static const char *
open_file(struct import_batch *b)
{
	char path[FILE_PATH];
	struct stat st;

	which_file(b->job, path);
	b->in.file = fopen(path, "re");
	if (b->in.file == NULL)
		return arena_printf(b->job->arena, "The file is gone: %s.", strerror(errno));
	arena_defer(b->job->arena, close_file, b->in.file);
	if (fstat(fileno(b->in.file), &st) == 0)
		set_integer(b->job->result, "bytes_total", st.st_size);
	return NULL;
}

/* What other desks call their lists; what else stands beside them is no record. */
static const char *const lists_of_tickets[] = { "tickets", "helpdesk_tickets", "results", "data",
	NULL };
static const char *const lists_of_people[] = { "users", "contacts", "customers", "end_users",
	"results", "data", NULL };

static void
prepare_map(struct import_batch *b)
{
	struct job *job = b->job;
	const char *format = spec_text(job, "format");
	struct json_object *ignored;

	b->map.arena = job->arena;
	while (strcmp(import_formats[b->map.format], format) != 0)
		b->map.format++;
	b->map.customers = strcmp(spec_text(job, "kind"), "customers") == 0;
	b->map.mapping = json_object_object_get(job->spec, "mapping");
	b->map.types = import_custom_types(job->db, job->arena, job->org);
	if (!json_object_object_get_ex(job->result, "ignored", &ignored)) {
		ignored = json_object_new_object();
		json_object_object_add(job->result, "ignored", ignored);
	}
	b->map.ignored = ignored;
	if (b->map.mapping != NULL &&
	    !json_object_object_get_ex(job->cursor, "unseen", &b->map.unseen)) {
		json_object_deep_copy(b->map.mapping, &b->map.unseen, NULL);
		json_object_object_add(job->cursor, "unseen", b->map.unseen);
	}
	b->in.lists = b->map.customers ? lists_of_people : lists_of_tickets;
}

/* The columns of CSV are kept with the cursor: a later step does not see the header. */
static const char *
read_header(struct import_batch *b)
{
	struct json_object *columns;
	const char *twice;
	size_t i, n;

	if (!reader_csv(&b->in, b->job->arena) || b->in.problem != NULL)
		return "The first line must name the columns, in UTF-8.";
	twice = import_repeated_column(&b->in);
	if (twice != NULL)
		return arena_printf(b->job->arena, "Two columns have the name %s.",
		    utf8_cut(b->job->arena, twice, 80));
	columns = import_columns(&b->map, &b->in);
	json_object_object_add(b->job->cursor, "columns", json_object_get(columns));
	n = json_object_array_length(columns);
	for (i = 0; i < n; i++) {
		struct json_object *c = json_object_array_get_idx(columns, i);

		if (c != NULL &&
		    (b->map.customers || strcmp(json_object_get_string(c), "title") == 0))
			return NULL;
	}
	return b->map.customers ? "No column of the header is one of a customer."
	                        : "The header has no column for the title.";
}

static const char *
start(struct import_batch *b)
{
	const char *error;
	char text[2] = "";

	reader_start(&b->in);
	if (b->map.format != FORMAT_CSV)
		return NULL;
	reader_find_delimiter(&b->in);
	error = read_header(b);
	text[0] = b->in.delimiter;
	json_object_object_add(b->job->cursor, "delimiter", json_object_new_string(text));
	return error;
}

static void
go_on(struct import_batch *b)
{
	struct json_object *cursor = b->job->cursor;
	const char *delimiter = json_object_get_string(json_object_object_get(cursor, "delimiter"));

	b->in.offset = integer(cursor, "offset");
	b->in.line = integer(cursor, "line");
	b->in.array = json_object_get_boolean(json_object_object_get(cursor, "array"));
	b->in.wrapped = json_object_get_boolean(json_object_object_get(cursor, "wrapped"));
	b->in.delimiter = delimiter == NULL ? '\0' : *delimiter;
	reader_seek(&b->in);
}

static void
keep_place(struct import_batch *b)
{
	struct json_object *cursor = b->job->cursor;

	set_integer(cursor, "offset", b->in.offset);
	set_integer(cursor, "line", b->in.line);
	json_object_object_add(cursor, "array", json_object_new_boolean(b->in.array));
	json_object_object_add(cursor, "wrapped", json_object_new_boolean(b->in.wrapped));
	set_integer(b->job->result, "bytes_read", b->in.offset);
}

/* What the mapping names and the file does not have is told of as well. */
static void
end_file(struct import_batch *b)
{
	struct job *job = b->job;

	job->total = job->done + job->failed;
	json_object_object_add(job->cursor, "ended", json_object_new_boolean(true));
	if (b->map.unseen == NULL)
		return;
	json_object_object_foreach(b->map.unseen, name, ours)
	{
		(void)ours;
		map_ignore(&b->map, name);
	}
}

static void
read_batch(struct import_batch *b)
{
	struct arena *arena = b->job->arena;

	buf_init(&b->rows, arena, 65536);
	buf_init(&b->people, arena, 16384);
	buf_init(&b->refused, arena, 1024);
	while (b->n < BATCH_ROWS && b->rows.len < BATCH_BYTES) {
		b->ended = b->map.format == FORMAT_CSV ? !reader_csv(&b->in, arena)
		                                       : !reader_json(&b->in, arena);
		if (b->ended)
			break;
		b->n++;
		import_take(b);
	}
}

static void
count(struct job *job, const PGresult *row, const char *name)
{
	int64_t n = strtoll(db_get(row, 0, name), NULL, 10);

	set_integer(job->result, name, integer(job->result, name) + n);
	if (strcmp(name, "failed") == 0)
		job->failed += n;
	else
		job->done += n;
}

static bool
write_batch(struct import_batch *b)
{
	struct job *job = b->job;
	const PGresult *row;

	if (b->n == 0)
		return true;
	row = db_row(job->db, SQL_IMPORT_BATCH,
	    P(job->org, job->id, job->lease,
		json_object_to_json_string_ext(job->spec, JSON_C_TO_STRING_PLAIN),
		arena_printf(job->arena, "[%s]", b->rows.data),
		arena_printf(job->arena, "[%s]", b->people.data),
		arena_printf(job->arena, "[%s]", b->refused.data)));
	if (row == NULL)
		return false;
	count(job, row, "created");
	count(job, row, "updated");
	count(job, row, "skipped");
	count(job, row, "failed");
	return true;
}

/* What was uploaded is no longer needed; a file that serviceosctl was given is the operator's. */
static void
remove_file(const struct job *job)
{
	char path[FILE_PATH];

	if (spec_text(job, "path") != NULL)
		return;
	file_path(path, "imports", job->org, job->id);
	unlink(path);
}

/* It is over when its words are found. */
static enum job_outcome
finish(struct job *job)
{
	const char *more = db_value(job->db, SQL_SEARCH_KEEP_UP, P(job->org));

	if (more != NULL && *more == 't')
		return JOB_MORE;
	remove_file(job);
	return JOB_DONE;
}

enum job_outcome
import_step(struct job *job)
{
	struct import_batch *b = arena_alloc(job->arena, sizeof(*b));

	b->job = job;
	if (job->cancelled || json_object_object_get_ex(job->cursor, "ended", NULL))
		return finish(job);
	job->error = open_file(b);
	if (job->error != NULL)
		return JOB_FAILED;
	prepare_map(b);
	if (json_object_object_get_ex(job->cursor, "offset", NULL))
		go_on(b);
	else
		job->error = start(b);
	if (job->error != NULL)
		remove_file(job);
	if (job->error != NULL || db_failed(job->db))
		return JOB_FAILED;
	b->map.columns = json_object_object_get(job->cursor, "columns");
	read_batch(b);
	if (!write_batch(b))
		return JOB_FAILED;
	FAULT(import_written);
	keep_place(b);
	if (b->ended)
		end_file(b);
	return JOB_MORE;
}

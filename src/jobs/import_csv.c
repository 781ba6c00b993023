/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of CSV: which column is what, by the names that spreadsheets and other desks use. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/util.h"
#include "http/import_target.h"
#include "jobs/import_map.h"
#include "jobs/import_read.h"

static const struct map_word ticket_columns[] = { { "subject", "title" }, { "summary", "title" },
	{ "body", "description" }, { "state", "status" }, { "labels", "tags" },
	{ "requester_email", "requester.email" }, { "email", "requester.email" },
	{ "customer_email", "requester.email" }, { "contact_email", "requester.email" },
	{ "requester_name", "requester.name" }, { "customer_name", "requester.name" },
	{ "contact_name", "requester.name" }, { "full_name", "requester.name" },
	{ "requester_external_id", "requester.external_id" },
	{ "requester_id", "requester.external_id" }, { "assignee", "assignee_email" },
	{ "agent", "assignee_email" }, { "agent_email", "assignee_email" }, { "group", "team" },
	{ "created", "created_at" }, { "created_time", "created_at" }, { "updated", "updated_at" },
	{ "last_update_time", "updated_at" }, { "solved_at", "resolved_at" },
	{ "resolved_time", "resolved_at" }, { "closed_time", "closed_at" }, { "source", "channel" },
	{ "via", "channel" }, { NULL, NULL } };
/* What a cell of such a column is, it says itself. */
static const char *const open_columns[] = { "id", "ticket_id", "customer_id", "requester", NULL };
static const struct map_word customer_columns[] = { { "id", "external_id" },
	{ "full_name", "name" }, { "mobile", "phone" }, { "telephone", "phone" },
	{ "organization", "company" }, { "company_name", "company" }, { "created", "created_at" },
	{ "updated", "updated_at" }, { NULL, NULL } };
/* "Requester Email" is requester_email. */
static const char *
column_name(const struct import_map *m, const char *header)
{
	char *name = arena_strdup(m->arena, map_lower(m, header)), *p, *out = name;

	for (p = name; *p != '\0'; p++)
		if (isalnum((unsigned char)*p) || *p == '.' || (unsigned char)*p >= 0x80)
			*out++ = *p;
		else if (out > name && out[-1] != '_')
			*out++ = '_';
	while (out > name && out[-1] == '_')
		out--;
	*out = '\0';
	return name;
}

static bool
among(const char *const *words, const char *word)
{
	while (*words != NULL && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

static const char *
column_target(const struct import_map *m, const char *header, bool *mapped)
{
	const char *name = map_given(m, header), *ours;

	*mapped = name != NULL;
	if (*mapped)
		return import_target(m->arena, m->customers, m->types, name);
	name = column_name(m, header);
	ours = map_translate(m->customers ? customer_columns : ticket_columns, name);
	if (ours != NULL)
		name = ours;
	if (among(open_columns, name) && (!m->customers || strcmp(name, "requester") != 0))
		return name;
	return import_target(m->arena, m->customers, m->types, name);
}

/* One column for a field: that of the mapping, or the first. */
static bool
has_rival(const char *const *targets, const bool *mapped, unsigned n, unsigned i)
{
	unsigned j;

	for (j = 0; j < n; j++)
		if (j != i && targets[j] != NULL && strcmp(targets[j], targets[i]) == 0 &&
		    (mapped[j] == mapped[i] ? j < i : mapped[j]))
			return true;
	return false;
}

/* A table that names its tickets "Id" separates tags by blanks, which no tag of it has. */
static const char *
as_tags(const char *const *targets, unsigned n, const char *target)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (targets[i] != NULL && strcmp(targets[i], "id") == 0)
			return "tags_by_blanks";
	return target;
}

struct json_object *
import_columns(const struct import_map *m, const struct import_reader *in)
{
	struct json_object *list = map_array(m);
	const char *targets[COLUMNS_MAX], *target;
	bool mapped[COLUMNS_MAX];
	unsigned i;

	for (i = 0; i < in->nfields; i++)
		targets[i] = column_target(m, in->fields[i], &mapped[i]);
	for (i = 0; i < in->nfields; i++) {
		target = targets[i];
		if (target == NULL || has_rival(targets, mapped, in->nfields, i)) {
			map_ignore(m, in->fields[i]);
			json_object_array_add(list, NULL);
			continue;
		}
		if (strcmp(target, "tags") == 0)
			target = as_tags(targets, in->nfields, target);
		json_object_array_add(list, json_object_new_string(target));
	}
	return list;
}

const char *
import_repeated_column(const struct import_reader *in)
{
	unsigned i, j;

	for (i = 0; i < in->nfields; i++)
		for (j = 0; j < i; j++)
			if (*in->fields[i] != '\0' && strcasecmp(in->fields[i], in->fields[j]) == 0)
				return in->fields[i];
	return NULL;
}

bool
import_csv_too_long(const struct import_map *m, const struct import_reader *in)
{
	size_t i = json_object_array_length(m->columns);

	while (i < in->nfields && *in->fields[i] == '\0')
		i++;
	return i < in->nfields;
}

/* What our own export puts before a text that a spreadsheet would take for a formula. */
static const char *
without_guard(const char *text)
{
	return text[0] == '\'' && text[1] != '\0' && strchr("=+-@\t\r", text[1]) != NULL ? text + 1
	                                                                                 : text;
}

/* What desks write where there is nothing. */
static bool
is_nothing(const char *path, const char *text)
{
	static const char *const nobody[] = { "No Agent", "No Group", "Unassigned", NULL };

	if (strcmp(path, "title") == 0 || strcmp(path, "description") == 0)
		return *text == '\0';
	if (strcmp(path, "assignee_email") == 0 || strcmp(path, "team") == 0)
		return *text == '\0' || strcmp(text, "-") == 0 || among(nobody, text);
	return *text == '\0' || strcmp(text, "-") == 0;
}

/* What is no JSON stays a text, for the check to name. */
static void
put_object_text(
    const struct import_map *m, struct json_object *row, const char *path, const char *text)
{
	struct json_error error;
	struct json_object *v = json_parse(m->arena, text, strlen(text), &error);

	json_object_object_add(
	    row, path, v == NULL ? json_object_new_string(text) : json_object_get(v));
}

/* Another desk's id of a ticket is its number too; a column of either name has the last word. */
static void
put_id(const struct import_map *m, struct json_object *row, const char *text)
{
	if (map_get(row, "external_id") == NULL)
		map_put(m, row, "external_id", text);
	if (!m->customers && map_get(row, "number") == NULL && strlen(text) <= 11 &&
	    text[strspn(text, "0123456789")] == '\0' && *text != '0')
		map_put(m, row, "number", text);
}

static void
put_cell(const struct import_map *m, struct json_object *row, const char *path, const char *text)
{
	if (strcmp(path, "id") == 0 ||
	    ((strcmp(path, "ticket_id") == 0 || strcmp(path, "customer_id") == 0) &&
		!uuid_valid(text))) {
		put_id(m, row, text);
		return;
	}
	if (strcmp(path, "requester") == 0)
		path = "requester.email";
	/* Some desks write the requester's name in a column of this name. */
	if (strcmp(path, "requester.email") == 0 && strchr(text, '@') == NULL)
		path = "requester.name";
	if (strcmp(path, "tags_by_blanks") == 0)
		json_object_object_add(
		    row, "tags", map_words(text, strpbrk(text, ",;") == NULL ? " " : ",;"));
	else if (strcmp(path, "custom_fields") == 0 || strcmp(path, "attributes") == 0)
		put_object_text(m, row, path, text);
	else if (strncmp(path, "custom_fields.", 14) == 0)
		json_object_object_add(map_inner(row, "custom_fields"), path + 14,
		    map_custom_value(m, path + 14, text));
	else
		map_put(m, row, path, text);
}

struct json_object *
import_csv_row(const struct import_map *m, const struct import_reader *in)
{
	struct json_object *row = map_object(m);
	size_t i, n = json_object_array_length(m->columns);

	for (i = 0; i < n && i < in->nfields; i++) {
		struct json_object *column = json_object_array_get_idx(m->columns, i);
		const char *text = without_guard(in->fields[i]);

		if (column != NULL && !is_nothing(json_object_get_string(column), text))
			put_cell(m, row, json_object_get_string(column), text);
	}
	return row;
}

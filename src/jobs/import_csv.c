/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of CSV: which column is what, by the names that spreadsheets and other desks use. */
#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/util.h"
#include "jobs/import_map.h"
#include "jobs/import_read.h"

static const struct map_word ticket_columns[] = { { "id", "external_id" }, { "subject", "title" },
	{ "summary", "title" }, { "body", "description" }, { "state", "status" },
	{ "labels", "tags" }, { "requester", "requester.email" },
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
static const struct map_word customer_columns[] = { { "id", "external_id" },
	{ "full_name", "name" }, { "mobile", "phone" }, { "telephone", "phone" },
	{ "organization", "company" }, { "company_name", "company" }, { "created", "created_at" },
	{ "updated", "updated_at" }, { NULL, NULL } };
static const char *const ticket_names[] = { "ticket_id", "external_id", "number", "title",
	"description", "status", "priority", "tags", "channel", "required_skills",
	"requester.email", "requester.name", "requester.phone", "requester.external_id",
	"assignee_email", "team", "queue", "created_at", "updated_at", "resolved_at", "closed_at",
	"first_response_at", "last_customer_comment_at", "last_agent_comment_at", "reopened_count",
	"created_by", NULL };
static const char *const customer_names[] = { "customer_id", "external_id", "name", "email",
	"phone", "company", "created_at", "updated_at", NULL };

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

static const char *
column_target(const struct import_map *m, const char *header)
{
	const char *const *own = m->customers ? customer_names : ticket_names;
	const char *mapped = NULL, *name = column_name(m, header);
	struct json_object *v;

	if (m->mapping != NULL && json_object_object_get_ex(m->mapping, header, &v))
		mapped = json_object_get_string(v);
	if (mapped == NULL)
		mapped = map_translate(m->customers ? customer_columns : ticket_columns, name);
	if (mapped == NULL)
		mapped = name;
	if (strncmp(mapped, "cf.", 3) == 0)
		mapped = arena_printf(m->arena, "custom_fields.%s", mapped + 3);
	if (strncmp(mapped, m->customers ? "attributes." : "custom_fields.",
		m->customers ? 11 : 14) == 0)
		return mapped;
	if (strcmp(mapped, m->customers ? "attributes" : "custom_fields") == 0)
		return mapped; /* all of them as JSON, as our export has them */
	for (; *own != NULL; own++)
		if (strcmp(*own, mapped) == 0)
			return mapped;
	return NULL;
}

struct json_object *
import_columns(const struct import_map *m, const struct import_reader *in)
{
	struct json_object *list = map_array(m);
	unsigned i;

	for (i = 0; i < in->nfields; i++) {
		const char *target = column_target(m, in->fields[i]);

		json_object_array_add(list, target == NULL ? NULL : json_object_new_string(target));
		if (target == NULL && json_object_object_length(m->ignored) < 100)
			json_object_object_add(m->ignored, in->fields[i], NULL);
	}
	return list;
}

/* What our own export puts before a text that a spreadsheet would take for a formula. */
static const char *
without_guard(const char *text)
{
	return text[0] == '\'' && text[1] != '\0' && strchr("=+-@\t\r", text[1]) != NULL ? text + 1
	                                                                                 : text;
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

struct json_object *
import_csv_row(const struct import_map *m, const struct import_reader *in)
{
	struct json_object *row = map_object(m);
	size_t i, n = json_object_array_length(m->columns);

	for (i = 0; i < n && i < in->nfields; i++) {
		struct json_object *column = json_object_array_get_idx(m->columns, i);
		const char *text = without_guard(in->fields[i]), *path;

		if (column == NULL || *text == '\0')
			continue;
		path = json_object_get_string(column);
		/* An id that is not one of ours is another desk's. */
		if ((strcmp(path, "ticket_id") == 0 || strcmp(path, "customer_id") == 0) &&
		    !uuid_valid(text))
			path = "external_id";
		/* Some desks write the requester's name in a column of this name. */
		if (strcmp(path, "requester.email") == 0 && strchr(text, '@') == NULL)
			path = "requester.name";
		if (strcmp(path, "custom_fields") == 0 || strcmp(path, "attributes") == 0)
			put_object_text(m, row, path, text);
		else if (strncmp(path, "custom_fields.", 14) == 0)
			json_object_object_add(map_inner(row, "custom_fields"), path + 14,
			    map_custom_value(m, path + 14, text));
		else
			map_put(m, row, path, text);
	}
	return row;
}

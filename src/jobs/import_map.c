/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/import_map.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/util.h"
#include "jobs/import_read.h"

const char *const import_formats[] = { "ndjson", "csv", "zendesk", "freshdesk", NULL };

/* What other desks call the columns of their tables. */
static const struct import_word ticket_columns[] = { { "id", "external_id" },
	{ "subject", "title" }, { "summary", "title" }, { "body", "description" },
	{ "state", "status" }, { "labels", "tags" }, { "requester", "requester.email" },
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
static const struct import_word customer_columns[] = { { "id", "external_id" },
	{ "full_name", "name" }, { "mobile", "phone" }, { "telephone", "phone" },
	{ "organization", "company" }, { "company_name", "company" }, { "created", "created_at" },
	{ "updated", "updated_at" }, { NULL, NULL } };
static const char *const ticket_names[] = { "ticket_id", "external_id", "number", "title",
	"description", "status", "priority", "tags", "channel", "required_skills",
	"requester.email", "requester.name", "requester.phone", "requester.external_id",
	"assignee_email", "team", "queue", "created_at", "updated_at", "resolved_at", "closed_at",
	"first_response_at", "reopened_count", "created_by", NULL };
static const char *const customer_names[] = { "customer_id", "external_id", "name", "email",
	"phone", "company", "created_at", "updated_at", NULL };

static void
put_object(void *object)
{
	json_object_put(object);
}

struct json_object *
map_object(const struct import_map *m)
{
	struct json_object *o = json_object_new_object();

	arena_defer(m->arena, put_object, o);
	return o;
}

struct json_object *
map_array(const struct import_map *m)
{
	struct json_object *o = json_object_new_array();

	arena_defer(m->arena, put_object, o);
	return o;
}

struct json_object *
map_get(struct json_object *o, const char *path)
{
	char name[128];
	size_t len;

	while (o != NULL && *path != '\0') {
		len = strcspn(path, ".");
		if (len >= sizeof(name) || !json_object_is_type(o, json_type_object))
			return NULL;
		memcpy(name, path, len);
		name[len] = '\0';
		if (!json_object_object_get_ex(o, name, &o))
			return NULL;
		path += len + (path[len] == '.');
	}
	return o;
}

const char *
map_text(const struct import_map *m, struct json_object *o, const char *path)
{
	struct json_object *v = map_get(o, path);
	const char *text;

	if (v == NULL || json_object_is_type(v, json_type_object) ||
	    json_object_is_type(v, json_type_array))
		return NULL;
	text = json_object_get_string(v);
	return *text == '\0' ? NULL : arena_strdup(m->arena, text);
}

/* The object under "requester", made when it is not there. */
static struct json_object *
inner(struct json_object *row, const char *name)
{
	struct json_object *o;

	if (json_object_object_get_ex(row, name, &o))
		return o;
	o = json_object_new_object();
	json_object_object_add(row, name, o);
	return o;
}

void
map_put(const struct import_map *m, struct json_object *row, const char *path, const char *text)
{
	const char *dot = strchr(path, '.');

	if (text == NULL || *text == '\0')
		return;
	if (dot == NULL)
		json_object_object_add(row, path, map_value(m, path, text));
	else
		json_object_object_add(
		    inner(row, arena_strndup(m->arena, path, (size_t)(dot - path))), dot + 1,
		    map_value(m, dot + 1, text));
}

/* A text as a value of the custom field's type; what does not fit stays a text, for the check. */
static struct json_object *
custom_value(const struct import_map *m, const char *key, const char *text)
{
	const char *type = map_text(m, m->types, key);
	struct json_error error;
	struct json_object *v;

	if (type != NULL && strcmp(type, "number") == 0) {
		v = json_parse(m->arena, text, strlen(text), &error);
		if (json_object_is_type(v, json_type_int) ||
		    json_object_is_type(v, json_type_double))
			return json_object_get(v);
	} else if (type != NULL && strcmp(type, "boolean") == 0) {
		if (strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 ||
		    strcmp(text, "1") == 0)
			return json_object_new_boolean(true);
		if (strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0 ||
		    strcmp(text, "0") == 0)
			return json_object_new_boolean(false);
	} else if (type != NULL && strcmp(type, "multiselect") == 0) {
		return map_words(text, *text == '[' ? "[]\"," : ",;");
	}
	return json_object_new_string(text);
}

void
map_custom(const struct import_map *m, struct json_object *row, const char *name,
    struct json_object *value)
{
	const char *ours = m->mapping == NULL ? NULL : map_text(m, m->mapping, name);
	const char *key = ours == NULL                               ? name
	                  : strncmp(ours, "custom_fields.", 14) == 0 ? ours + 14
	                                                             : ours;

	if (value == NULL || (json_object_is_type(value, json_type_string) &&
				 *json_object_get_string(value) == '\0'))
		return;
	if (ours == NULL && !json_object_object_get_ex(m->types, name, NULL)) {
		if (json_object_object_length(m->ignored) < 100)
			json_object_object_add(m->ignored, name, NULL);
		return;
	}
	json_object_object_add(inner(row, "custom_fields"), key,
	    json_object_is_type(value, json_type_string)
		? custom_value(m, key, json_object_get_string(value))
		: json_object_get(value));
}

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
		if (strncmp(path, "custom_fields.", 14) == 0)
			json_object_object_add(inner(row, "custom_fields"), path + 14,
			    custom_value(m, path + 14, text));
		else
			map_put(m, row, path, text);
	}
	return row;
}

struct json_object *
import_object_row(const struct import_map *m, struct json_object *record)
{
	if (m->format == FORMAT_ZENDESK)
		return import_zendesk(m, record);
	if (m->format == FORMAT_FRESHDESK)
		return import_freshdesk(m, record);
	return record;
}

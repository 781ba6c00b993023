/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/import_map.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/util.h"
#include "http/import_target.h"
#include "jobs/import_read.h"

#define TITLE_MAX 500

const char *const import_formats[] = { "ndjson", "csv", "zendesk", "freshdesk", NULL };

/* What other desks call our words, and columns of their tables. */
static const struct map_word statuses[] = { { "hold", "on_hold" }, { "on-hold", "on_hold" },
	{ "on hold", "on_hold" }, { "solved", "resolved" }, { "merged", "closed" },
	{ "waiting on customer", "pending" }, { "waiting on third party", "on_hold" },
	{ "2", "open" }, { "3", "pending" }, { "4", "resolved" }, { "5", "closed" },
	{ "6", "pending" }, { "7", "on_hold" }, { NULL, NULL } };
static const struct map_word priorities[] = { { "medium", "normal" }, { "1", "low" },
	{ "2", "normal" }, { "3", "high" }, { "4", "urgent" }, { NULL, NULL } };
static const struct map_word channels[] = { { "voice", "phone" }, { "portal", "web" },
	{ "web_service", "api" }, { "mail", "email" }, { "1", "email" }, { "2", "web" },
	{ "3", "phone" }, { "7", "chat" }, { NULL, NULL } };
static const char *const our_channels[] = { "api", "web", "email", "chat", "phone", "import",
	"mcp" };

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

const char *
map_translate(const struct map_word *w, const char *text)
{
	for (; w->theirs != NULL; w++)
		if (strcasecmp(w->theirs, text) == 0)
			return w->ours;
	return NULL;
}

const char *
map_lower(const struct import_map *m, const char *text)
{
	char *out = arena_strdup(m->arena, text), *p;

	for (p = out; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

/* Words of another desk as ours; what is unknown stays, for the check to name. */
static const char *
our_word(const struct import_map *m, const char *name, const char *text)
{
	const struct map_word *w = strcmp(name, "status") == 0     ? statuses
	                           : strcmp(name, "priority") == 0 ? priorities
	                                                           : channels;
	const char *ours = map_translate(w, text);
	unsigned i;

	if (ours == NULL)
		ours = map_lower(m, text);
	if (w != channels)
		return ours;
	for (i = 0; i < LENGTH(our_channels); i++)
		if (strcmp(our_channels[i], ours) == 0)
			return ours;
	return "import";
}

/* "2024-01-31 10:00:00", with or without a zone, as RFC 3339; UTC where none is said. */
static const char *
our_time(const struct import_map *m, const char *text)
{
	size_t len = strlen(text);
	char *t;

	if (len < 10 || len > 40)
		return text;
	if (len == 10)
		return arena_printf(m->arena, "%sT00:00:00Z", text);
	t = arena_alloc(m->arena, len + 8);
	memcpy(t, text, len);
	t[10] = t[10] == ' ' ? 'T' : t[10];
	if (len == 16 || len == 19) {
		strcat(t, len == 16 ? ":00Z" : "Z");
	} else if (len > 20 && t[19] == ' ') { /* "… UTC", "… +0100", "… +01:00" */
		memmove(t + 19, t + 20, len - 19);
		if (strcasecmp(t + 19, "UTC") == 0 || strcasecmp(t + 19, "GMT") == 0)
			strcpy(t + 19, "Z");
	}
	len = strlen(t);
	if (len > 21 && (t[len - 3] == '+' || t[len - 3] == '-')) /* PostgreSQL's +00 */
		strcat(t, ":00");
	if (len == 24 && (t[19] == '+' || t[19] == '-') && strchr(t + 19, ':') == NULL) {
		memmove(t + 23, t + 22, 3);
		t[22] = ':';
	}
	return t;
}

/* Control characters would have the row refused; of a foreign text they are no loss. */
static const char *
clean(const struct import_map *m, const char *text, bool lines)
{
	char *out = arena_strdup(m->arena, text), *p;

	for (p = out; *p != '\0'; p++)
		if (((unsigned char)*p < ' ' &&
			!(lines && (*p == '\n' || *p == '\r' || *p == '\t'))) ||
		    *p == 0x7f)
			*p = ' ';
	return out;
}

/* A title has 500 characters at most: the rest of a longer one is cut, not the ticket. */
static const char *
our_title(const struct import_map *m, const char *text)
{
	const char *title = clean(m, text, false), *p = title;
	size_t n = 0;

	for (; *p != '\0'; p++)
		if (((unsigned char)*p & 0xc0) != 0x80 && ++n > TITLE_MAX)
			break;
	return arena_strndup(m->arena, title, (size_t)(p - title));
}

struct json_object *
map_words(const char *text, const char *separators)
{
	struct json_object *list = json_object_new_array();

	while (*text != '\0') {
		size_t len = strcspn(text, separators), from = 0, to = len;

		while (from < to && text[from] == ' ')
			from++;
		while (to > from && text[to - 1] == ' ')
			to--;
		if (to > from)
			json_object_array_add(
			    list, json_object_new_string_len(text + from, (int)(to - from)));
		text += len + (text[len] != '\0');
	}
	return list;
}

static struct json_object *
integer_or_text(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	return *end == '\0' && end - text < 16 ? json_object_new_int64(n)
	                                       : json_object_new_string(text);
}

/* The value in the form of the field with this name. */
static struct json_object *
our_value(const struct import_map *m, const char *name, const char *text)
{
	size_t len = strlen(name);

	if (strcmp(name, "tags") == 0 || strcmp(name, "required_skills") == 0)
		return map_words(clean(m, text, false), ",;");
	if (strcmp(name, "number") == 0 || strcmp(name, "reopened_count") == 0)
		return integer_or_text(text);
	if (len > 3 && strcmp(name + len - 3, "_at") == 0)
		return json_object_new_string(our_time(m, text));
	if (strcmp(name, "status") == 0 || strcmp(name, "priority") == 0 ||
	    strcmp(name, "channel") == 0)
		return json_object_new_string(our_word(m, name, text));
	if (strcmp(name, "title") == 0)
		return json_object_new_string(our_title(m, text));
	return json_object_new_string(
	    clean(m, text, strcmp(name, "description") == 0 || strcmp(name, "body") == 0));
}

/* The object under "requester", made when it is not there. */
struct json_object *
map_inner(struct json_object *row, const char *name)
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
		json_object_object_add(row, path, our_value(m, path, text));
	else
		json_object_object_add(
		    map_inner(row, arena_strndup(m->arena, path, (size_t)(dot - path))), dot + 1,
		    our_value(m, dot + 1, text));
}

/* A text as a value of the custom field's type; what does not fit stays a text, for the check. */
struct json_object *
map_custom_value(const struct import_map *m, const char *key, const char *text)
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
map_ignore(const struct import_map *m, const char *name)
{
	if (json_object_object_length(m->ignored) < 100)
		json_object_object_add(m->ignored, name, NULL);
}

const char *
map_given(const struct import_map *m, const char *theirs)
{
	struct json_object *ours;

	if (m->mapping == NULL || !json_object_object_get_ex(m->mapping, theirs, &ours))
		return NULL;
	json_object_object_del(m->unseen, theirs);
	return json_object_get_string(ours);
}

/* A value that is one already, or a text that is to become one. */
static void
place(const struct import_map *m, struct json_object *row, const char *path,
    struct json_object *value)
{
	const char *dot = strchr(path, '.');
	bool custom = strncmp(path, "custom_fields.", 14) == 0;

	if (value == NULL || (json_object_is_type(value, json_type_string) &&
				 *json_object_get_string(value) == '\0'))
		return;
	if (custom && json_object_is_type(value, json_type_string))
		json_object_object_add(map_inner(row, "custom_fields"), path + 14,
		    map_custom_value(m, path + 14, json_object_get_string(value)));
	else if (custom || strncmp(path, "attributes.", 11) == 0)
		json_object_object_add(map_inner(row, custom ? "custom_fields" : "attributes"),
		    dot + 1, json_object_get(value));
	else if (dot == NULL && (json_object_is_type(value, json_type_array) ||
				    json_object_is_type(value, json_type_object)))
		json_object_object_add(row, path, json_object_get(value));
	else
		map_put(m, row, path, map_text(m, value, ""));
}

void
map_custom(const struct import_map *m, struct json_object *row, const char *name,
    struct json_object *value)
{
	const char *ours = map_given(m, name);
	const char *path = import_target(m->arena, m->customers, m->types,
	    ours == NULL ? arena_printf(m->arena, "custom_fields.%s", name) : ours);

	if (path != NULL)
		place(m, row, path, value);
	else if (value != NULL)
		map_ignore(m, name);
}

void
map_members(const struct import_map *m, struct json_object *row, struct json_object *record)
{
	struct json_object *value;
	const char *path;

	if (m->mapping == NULL)
		return;
	json_object_object_foreach(m->mapping, theirs, ours)
	{
		if (!json_object_object_get_ex(record, theirs, &value))
			continue;
		json_object_object_del(m->unseen, theirs);
		path =
		    import_target(m->arena, m->customers, m->types, json_object_get_string(ours));
		json_object_get(value); /* it may be the row's own */
		if (row == record)
			json_object_object_del(row, theirs);
		if (path != NULL)
			place(m, row, path, value);
		json_object_put(value);
	}
}

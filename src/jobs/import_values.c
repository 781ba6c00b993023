/* SPDX-License-Identifier: Apache-2.0 */
/* Values of other desks in the form of our fields. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/util.h"
#include "jobs/import_map.h"

#define TITLE_MAX 500

/* What other desks call our words. */
static const struct import_word statuses[] = { { "hold", "on_hold" }, { "on-hold", "on_hold" },
	{ "on hold", "on_hold" }, { "solved", "resolved" }, { "merged", "closed" },
	{ "waiting on customer", "pending" }, { "waiting on third party", "on_hold" },
	{ "2", "open" }, { "3", "pending" }, { "4", "resolved" }, { "5", "closed" },
	{ NULL, NULL } };
static const struct import_word priorities[] = { { "medium", "normal" }, { "1", "low" },
	{ "2", "normal" }, { "3", "high" }, { "4", "urgent" }, { NULL, NULL } };
static const struct import_word channels[] = { { "voice", "phone" }, { "portal", "web" },
	{ "web_service", "api" }, { "mail", "email" }, { "1", "email" }, { "2", "web" },
	{ "3", "phone" }, { "7", "chat" }, { NULL, NULL } };
static const char *const our_channels[] = { "api", "web", "email", "chat", "phone", "import",
	"mcp" };

const char *
map_translate(const struct import_word *w, const char *text)
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
	const struct import_word *w = strcmp(name, "status") == 0     ? statuses
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
struct json_object *
map_value(const struct import_map *m, const char *name, const char *text)
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

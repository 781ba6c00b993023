/* SPDX-License-Identifier: Apache-2.0 */
/* The values of conditions: of the field's type, and times relative to now made absolute. */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/util.h"
#include "store/condition_table.h"

#define TEXT_MAX 1024
#define YEAR_1_MS INT64_C(-62135596800000)
#define YEAR_10000_MS INT64_C(253402300800000)

/* Seconds of "2d"; false when it is nothing of the kind. */
static bool
duration(const char *s, int64_t *seconds)
{
	static const char units[] = "smhdw";
	static const int64_t size[] = { 1, 60, 3600, 86400, 604800 };
	size_t digits = strspn(s, "0123456789");
	const char *unit;

	if (digits == 0 || digits > 6 || s[digits] == '\0' || s[digits + 1] != '\0')
		return false;
	unit = strchr(units, s[digits]);
	if (unit == NULL)
		return false;
	*seconds = strtol(s, NULL, 10) * size[unit - units];
	return true;
}

/* An instant as it is, or "now", "now-2d" made one; NULL for neither. */
static const char *
instant(struct arena *arena, const char *s)
{
	int64_t seconds = 0, ms;
	char *out;

	if (strncmp(s, "now", 3) != 0)
		return time_valid(s) ? s : NULL;
	if (s[3] != '\0' && ((s[3] != '+' && s[3] != '-') || !duration(s + 4, &seconds)))
		return NULL;
	ms = wall_ms() + (s[3] == '-' ? -seconds : seconds) * 1000;
	if (ms < YEAR_1_MS || ms >= YEAR_10000_MS) /* what has no four digits */
		return NULL;
	out = arena_alloc(arena, 25);
	time_iso(out, ms);
	return out;
}

static const char *
day(struct arena *arena, const char *s)
{
	if (strncmp(s, "now", 3) != 0) {
		if (strlen(s) != 10 || !time_valid(arena_printf(arena, "%sT00:00:00Z", s)))
			return NULL;
		return s;
	}
	s = instant(arena, s);
	return s == NULL ? NULL : arena_strndup(arena, s, 10);
}

static const char *
word(const char *const *w, const char *s)
{
	for (; *w != NULL; w++)
		if (strcmp(*w, s) == 0)
			return s;
	return NULL;
}

const char *
condition_value(struct arena *arena, enum condition_type wanted, const char *const *words,
    struct json_object *v)
{
	enum json_type type = json_object_get_type(v);
	const char *s = v == NULL ? "" : json_object_get_string(v);

	switch (wanted) {
	case CT_INTEGER:
		return type == json_type_int ? s : NULL;
	case CT_NUMBER:
		return type == json_type_int || type == json_type_double ? s : NULL;
	case CT_TRUTH:
	case CT_FLAG:
		return type == json_type_boolean ? s : NULL;
	default:
		break;
	}
	if (type != json_type_string)
		return NULL;
	switch (wanted) {
	case CT_WORD:
	case CT_LEVEL:
		return word(words, s);
	case CT_ID:
		return uuid_valid(s) ? s : NULL;
	case CT_TIME:
		return instant(arena, s);
	case CT_DATE:
		return day(arena, s);
	default:
		return utf8_length(s, strlen(s)) <= TEXT_MAX ? s : NULL;
	}
}

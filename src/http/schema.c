/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a JSON body against a field table. Pure but for the request's list of errors. */
#include "http/schema.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/conf.h"
#include "base/json.h"
#include "http/formats.h"

#define DEFAULT_ITEMS 100

static void check_value(struct req *, const char *, const struct field *, struct json_object *);

bool
field_used(const struct field *f, unsigned use)
{
	return (f->flags & use) != 0;
}

long
field_max(const struct field *f)
{
	if (f->max != 0)
		return f->max;
	switch (f->type) {
	case T_STR:
		return 255;
	case T_TEXT:
		return 65536;
	case T_TAG:
		return 64;
	case T_EMAIL:
		return 254;
	case T_DOMAIN:
		return 253;
	case T_URL:
		return 2048;
	case T_INT:
		return 2147483647;
	case T_OBJECT:
	case T_CONDITION:
		return 65536;
	default:
		return 0;
	}
}

static bool
is_blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

static void
check_length(struct req *r, const char *name, const struct field *f, const char *s, size_t len)
{
	long n = (long)utf8_length(s, len), max = field_max(f);

	if (n > max)
		fail_field(r, name, "too_long", "At most %ld characters; this has %ld.", max, n);
	else if (f->min > 0 && (n < f->min || is_blank(s)))
		fail_field(r, name, "too_short", "At least %ld character%s that %s not blank.",
		    f->min, f->min == 1 ? "" : "s", f->min == 1 ? "is" : "are");
	else if (has_control(s, len, f->type == T_TEXT))
		fail_field(r, name, "control_character", "Control characters are not allowed.");
}

static bool
in_words(const char *const *words, const char *s)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, s) == 0)
			return true;
	return false;
}

static int
fail_words(struct req *r, const char *name, const char *const *words)
{
	struct buf list;
	unsigned i;

	buf_init(&list, r->arena, 128);
	for (i = 0; words[i] != NULL; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : ", ", words[i]);
	return fail_field(r, name, "not_allowed", "One of: %s.", list.data);
}

static bool
is_number(const char *s)
{
	char *end;

	return *s != '\0' && s[strspn(s, "+-.0123456789eE")] == '\0' && isfinite(strtod(s, &end)) &&
	       *end == '\0';
}

bool
schema_text(struct req *r, const char *name, enum field_type type, const char *const *words,
    const char *value)
{
	char *end;

	switch (type) {
	case T_ENUM:
		if (!in_words(words, value))
			return fail_words(r, name, words) == 0;
		return true;
	case T_ID:
		return uuid_valid(value) || fail_field(r, name, "format", "Must be a UUID.") == 0;
	case T_TIME:
		return time_valid(value) ||
		       fail_field(r, name, "format",
			   "Must be an RFC 3339 date and time with a zone, such as "
			   "2026-06-13T10:00:00Z.") == 0;
	case T_DATE:
		return date_valid(value) ||
		       fail_field(r, name, "format", "Must be a date such as 2026-06-13.") == 0;
	case T_EMAIL:
		return email_valid(value) ||
		       fail_field(r, name, "format", "Must be an e-mail address.") == 0;
	case T_DOMAIN:
		return domain_valid(value) ||
		       fail_field(r, name, "format",
			   "Must be a domain such as example.com; other letters in their ASCII "
			   "form, xn--….") == 0;
	case T_URL:
		return url_valid(value) ||
		       fail_field(r, name, "format", "Must be an http or https address.") == 0;
	case T_TAG:
		return tag_valid(value) ||
		       fail_field(r, name, "format",
			   "Must be a tag: 1 to 64 characters, no comma, no blank at the ends.") ==
		           0;
	case T_INT:
		if (strlen(value) > 18 || *value == '\0' || strtol(value, &end, 10) == 0)
			return strcmp(value, "0") == 0 ||
			       fail_field(r, name, "type", "Must be an integer.") == 0;
		return *end == '\0' || fail_field(r, name, "type", "Must be an integer.") == 0;
	case T_NUM:
		return is_number(value) || fail_field(r, name, "type", "Must be a number.") == 0;
	case T_BOOL:
		return strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ||
		       fail_field(r, name, "type", "Must be true or false.") == 0;
	default:
		return strlen(value) <= 1024 ||
		       fail_field(r, name, "too_long", "At most 1024 bytes.") == 0;
	}
}

static void
check_string(struct req *r, const char *name, const struct field *f, struct json_object *v)
{
	const char *s = json_object_get_string(v);
	size_t len = (size_t)json_object_get_string_len(v);

	if (f->type == T_STR || f->type == T_TEXT) {
		check_length(r, name, f, s, len);
		return;
	}
	if (f->type == T_EMAIL || f->type == T_DOMAIN || f->type == T_URL) {
		if ((long)len > field_max(f)) {
			fail_field(r, name, "too_long", "At most %ld characters.", field_max(f));
			return;
		}
	}
	schema_text(r, name, f->type, f->words, s);
}

static void
check_number(struct req *r, const char *name, const struct field *f, struct json_object *v)
{
	double n = json_object_get_double(v);

	if (f->type == T_INT && !json_object_is_type(v, json_type_int))
		fail_field(r, name, "type", "Must be an integer.");
	else if (n < (double)f->min)
		fail_field(r, name, "too_small", "At least %ld.", f->min);
	else if (field_max(f) != 0 && n > (double)field_max(f))
		fail_field(r, name, "too_large", "At most %ld.", field_max(f));
}

static const char *
path_of(struct req *r, const char *parent, const char *name)
{
	return *parent == '\0' ? name : arena_printf(r->arena, "%s.%s", parent, name);
}

/* Members of an object: known ones are checked, the first unknown ones named. */
void
schema_members(struct req *r, const char *parent, const struct field *fields, unsigned use,
    struct json_object *object)
{
	const struct field *f;
	struct json_object *v;

	json_object_object_foreach(object, key, member)
	{
		(void)member;
		for (f = fields; f->name != NULL; f++)
			if (field_used(f, use) && strcmp(f->name, key) == 0)
				break;
		if (f->name == NULL)
			fail_field(r, path_of(r, parent, key), "unknown_field",
			    "There is no such field here.");
	}
	for (f = fields; f->name != NULL; f++) {
		if (!field_used(f, use))
			continue;
		if (json_object_object_get_ex(object, f->name, &v))
			check_value(r, path_of(r, parent, f->name), f, v);
		else if ((f->flags & F_REQ) != 0 && use != F_PATCH)
			fail_field(
			    r, path_of(r, parent, f->name), "required", "The field is required.");
	}
}

const struct field_error *
schema_problems(struct req *r, const struct field *fields, unsigned use, struct json_object *object)
{
	const struct field_error *found;

	schema_members(r, "", fields, use, object);
	found = r->fields;
	r->failed = false;
	r->fields = NULL;
	return found;
}

static void
check_object(struct req *r, const char *name, const struct field *f, struct json_object *v)
{
	if ((f->flags & F_ALONE) != 0)
		return;
	if (f->sub != NULL)
		schema_members(r, name, f->sub, (f->flags & F_PARTIAL) != 0 ? F_PATCH : F_BODY, v);
	else if ((long)strlen(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN)) >
		 field_max(f))
		fail_field(r, name, "too_long", "At most %ld bytes of JSON.", field_max(f));
	else
		schema_free(r, name, v);
}

static const char *
type_name(const struct field *f)
{
	switch (f->type) {
	case T_INT:
		return "an integer";
	case T_NUM:
		return "a number";
	case T_BOOL:
		return "true or false";
	case T_OBJECT:
	case T_CONDITION:
		return "an object";
	default:
		return "a string";
	}
}

static bool
type_fits(const struct field *f, enum json_type type)
{
	switch (f->type) {
	case T_INT:
	case T_NUM:
		return type == json_type_int || type == json_type_double;
	case T_BOOL:
		return type == json_type_boolean;
	case T_OBJECT:
	case T_CONDITION:
		return type == json_type_object;
	case T_ANY:
		return true;
	default:
		return type == json_type_string;
	}
}

static void
check_one(struct req *r, const char *name, const struct field *f, struct json_object *v)
{
	enum json_type type = json_object_get_type(v);

	if (!type_fits(f, type))
		fail_field(r, name, "type", "Must be %s.", type_name(f));
	else if (type == json_type_string)
		check_string(r, name, f, v);
	else if (f->type == T_INT || f->type == T_NUM)
		check_number(r, name, f, v);
	else if (f->type == T_OBJECT || f->type == T_CONDITION)
		check_object(r, name, f, v);
	else if (f->type == T_ANY)
		schema_free(r, name, v);
}

static void
check_array(struct req *r, const char *name, const struct field *f, struct json_object *v)
{
	size_t i, n = json_object_array_length(v);
	unsigned max = f->max_items == 0 ? DEFAULT_ITEMS : f->max_items;

	if (n > max) {
		fail_field(r, name, "too_many", "At most %u items; this has %zu.", max, n);
		return;
	}
	if (n == 0 && (f->flags & F_REQ) != 0)
		fail_field(r, name, "too_few", "At least one item.");
	for (i = 0; i < n; i++)
		check_one(r, arena_printf(r->arena, "%s[%zu]", name, i), f,
		    json_object_array_get_idx(v, i));
}

static void
check_value(struct req *r, const char *name, const struct field *f, struct json_object *v)
{
	if (v == NULL && f->type != T_ANY) {
		if ((f->flags & F_NULL) == 0)
			fail_field(r, name, "null", "The value must not be null.");
	} else if ((f->flags & F_LIST) == 0) {
		check_one(r, name, f, v);
	} else if (json_object_is_type(v, json_type_array)) {
		check_array(r, name, f, v);
	} else {
		fail_field(r, name, "type", "Must be an array.");
	}
}

static bool
media_type_fits(const char *type)
{
	return type == NULL || *type == '\0' || strncasecmp(type, "application/json", 16) == 0 ||
	       strncasecmp(type, "application/merge-patch+json", 28) == 0;
}

int
schema_body(struct req *r)
{
	struct json_error e;
	bool empty = r->in->body_len == 0;

	if (r->route->body == NULL || r->route->stream != NULL)
		return 0;
	if (!empty && !media_type_fits(http_header(r->in, "content-type")))
		return fail(r, E_MEDIA_TYPE);
	r->body_text = empty ? "{}" : r->in->body;
	r->body = json_parse(r->arena, r->body_text, empty ? 2 : r->in->body_len, &e);
	if (r->body == NULL && e.code != NULL)
		return fail_detail(r, E_INVALID_JSON, "Not valid at byte %zu%s%s: %s.", e.offset,
		    e.key[0] == '\0' ? "" : ", key ", e.key, e.code);
	if (!json_object_is_type(r->body, json_type_object))
		return fail_detail(r, E_INVALID_JSON, "The body must be a JSON object.");
	schema_members(
	    r, "", r->route->body, r->route->use == 0 ? F_CREATE : r->route->use, r->body);
	return r->failed ? -1 : 0;
}

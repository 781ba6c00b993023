/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and checking the query string against what the route takes. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "http/schema.h"

#define PARAMETERS_MAX 100

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at;

	if (c == '\0')
		return -1;
	at = strchr(digits, c | 0x20);
	return at == NULL ? -1 : (int)(at - digits);
}

/* application/x-www-form-urlencoded. NULL for a bad escape, NUL, or not UTF-8. */
static const char *
decode(struct arena *arena, const char *s, size_t len)
{
	char *out = arena_alloc(arena, len + 1);
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		int high, low;

		if (s[i] != '%') {
			out[n++] = s[i] == '+' ? ' ' : s[i];
			continue;
		}
		if (i + 2 >= len || (high = hex_digit(s[i + 1])) == -1 ||
		    (low = hex_digit(s[i + 2])) == -1 || high + low == 0)
			return NULL;
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	return utf8_valid(out, n) ? out : NULL;
}

static int
parse(struct req *r)
{
	struct query_value **end = &r->query;
	const char *p = r->in->query;
	unsigned n = 0;

	while (*p != '\0') {
		size_t len = strcspn(p, "&"), key = strcspn(p, "=&");
		struct query_value *q;

		if (len > 0) {
			if (++n > PARAMETERS_MAX)
				return fail_detail(r, E_BAD_REQUEST, "At most %d query parameters.",
				    PARAMETERS_MAX);
			q = arena_alloc(r->arena, sizeof(*q));
			q->name = decode(r->arena, p, key);
			q->value = key < len ? decode(r->arena, p + key + 1, len - key - 1) : "";
			if (q->name == NULL || q->value == NULL)
				return fail_detail(r, E_BAD_REQUEST,
				    "The query string has a bad escape or is not UTF-8.");
			*end = q;
			end = &q->next;
		}
		p += len + (p[len] == '&');
	}
	return 0;
}

static const struct filter *
find_filter(const struct filter *f, const char *name)
{
	for (; f != NULL && f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static const struct filter *
filter_of(const struct route *route, const char *name)
{
	const struct filter *f = find_filter(route->query, name);

	return f != NULL || route->list == NULL ? f : find_filter(route->list->filters, name);
}

/* Each of a comma list must be a word of the table. */
static void
check_includes(struct req *r, const char *value)
{
	while (*value != '\0') {
		size_t len = strcspn(value, ",");
		const char *word = arena_strndup(r->arena, value, len);
		const struct include *i;

		for (i = r->route->includes; i->name != NULL && strcmp(i->name, word) != 0; i++)
			;
		if (i->name == NULL)
			fail_field(r, "include", "not_allowed", "There is no include \"%s\".",
			    utf8_cut(r->arena, word, 64));
		value += len + (value[len] == ',');
	}
}

static void
check_fields(struct req *r, const char *value)
{
	while (*value != '\0') {
		size_t len = strcspn(value, ",");
		const char *word = arena_strndup(r->arena, value, len);
		const struct field *f;

		for (f = r->route->reply->fields; f->name != NULL; f++)
			if ((f->flags & F_OUT) != 0 && strcmp(f->name, word) == 0)
				break;
		if (f->name == NULL)
			fail_field(r, "fields", "not_allowed", "There is no field \"%s\".",
			    utf8_cut(r->arena, word, 64));
		value += len + (value[len] == ',');
	}
}

/* cf.<key>, in a list that has custom fields; whether there is such a field is seen later. */
static bool
is_custom(const struct req *r, const char *name)
{
	return r->route->list != NULL && r->route->list->custom && strncmp(name, "cf.", 3) == 0;
}

static void
check_sort(struct req *r, const char *value)
{
	const struct sort *s;

	if (is_custom(r, value + (*value == '-')))
		return;
	for (s = r->route->list->sorts; s->name != NULL; s++)
		if (strcmp(s->name, value + (*value == '-')) == 0)
			return;
	fail_field(r, "sort", "not_allowed", "The list cannot be sorted by this.");
}

static const char *const formats[] = { "json", "csv", NULL };

static bool
check_page(struct req *r, const struct query_value *q)
{
	if (strcmp(q->name, "limit") == 0) {
		long n = strtol(q->value, NULL, 10);

		if (schema_text(r, "limit", T_INT, NULL, q->value) && (n < 1 || n > 100))
			fail_field(r, "limit", "range", "Between 1 and 100.");
	} else if (strcmp(q->name, "include_total") == 0) {
		schema_text(r, q->name, T_BOOL, NULL, q->value);
	} else if (strcmp(q->name, "format") == 0 && r->route->list->csv) {
		schema_text(r, q->name, T_ENUM, formats, q->value);
	} else if (strcmp(q->name, "sort") == 0) {
		check_sort(r, q->value);
	} else {
		return strcmp(q->name, "cursor") == 0;
	}
	return true;
}

/* An id is the same in whatever case; a name is not. */
static const char *
actor(struct arena *arena, const char *value)
{
	char *id;
	size_t i;

	if (!uuid_valid(value))
		return value;
	id = arena_strdup(arena, value);
	for (i = 0; id[i] != '\0'; i++)
		id[i] = (char)tolower((unsigned char)id[i]);
	return id;
}

static void
check_parameter(struct req *r, struct query_value *q)
{
	const struct route *route = r->route;
	const struct filter *f = filter_of(route, q->name);

	if (f != NULL) {
		if (schema_text(r, q->name, f->type, f->words, q->value) && f->type == T_ACTOR)
			q->value = actor(r->arena, q->value);
		return;
	}
	if (is_custom(r, q->name)) {
		if (utf8_length(q->value, strlen(q->value)) > 200)
			fail_field(r, utf8_cut(r->arena, q->name, 80), "too_long",
			    "At most 200 characters.");
		return;
	}
	if (route->list != NULL && check_page(r, q))
		return;
	if (route->includes != NULL && strcmp(q->name, "include") == 0)
		check_includes(r, q->value);
	else if (route->reply != NULL && route->method == GET && strcmp(q->name, "fields") == 0)
		check_fields(r, q->value);
	else
		fail_field(r, q->name, "unknown_parameter",
		    "The operation takes no such query parameter.");
}

/* "status=open,pending" is the same as "status=open&status=pending"; so is each list whose words
 * have no comma. */
static void
split_lists(struct req *r)
{
	struct query_value *q;

	for (q = r->query; q != NULL; q = q->next) {
		const struct filter *f = filter_of(r->route, q->name);
		const char *comma = strchr(q->value, ',');
		struct query_value *rest;

		if (f == NULL || f->single || comma == NULL ||
		    (f->type != T_ENUM && f->type != T_ID && f->type != T_TAG && f->type != T_INT))
			continue;
		rest = arena_alloc(r->arena, sizeof(*rest));
		*rest =
		    (struct query_value){ .name = q->name, .value = comma + 1, .next = q->next };
		q->value = arena_strndup(r->arena, q->value, (size_t)(comma - q->value));
		q->next = rest;
	}
}

static bool
repeatable(const struct req *r, const struct query_value *q)
{
	const struct filter *f;

	if (is_custom(r, q->name))
		return true;
	f = filter_of(r->route, q->name);
	return f != NULL && !f->single;
}

int
schema_query(struct req *r)
{
	struct query_value *q;
	const struct query_value *other;

	if (parse(r) == -1)
		return -1;
	split_lists(r);
	for (q = r->query; q != NULL; q = q->next) {
		check_parameter(r, q);
		for (other = q->next; other != NULL; other = other->next)
			if (strcmp(q->name, other->name) == 0 && !repeatable(r, q))
				fail_field(r, q->name, "repeated", "The parameter is given twice.");
	}
	return r->failed ? -1 : 0;
}

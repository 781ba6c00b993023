/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the route of a method and a path. Patterns are cut into segments
 * once; a request compares segments, and a static segment beats a parameter.
 */
#include "http/route.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/util.h"

#define SEGMENTS_MAX 8
#define ROUTES_MAX 256

struct segment {
	const char *text;
	size_t len;
	bool parameter;
};

struct pattern {
	const struct route *route;
	const struct route_group *group;
	unsigned nsegments;
	struct segment segments[SEGMENTS_MAX];
	const char *params[ROUTE_ARGS_MAX + 1];
};

static struct pattern patterns[ROUTES_MAX];
static unsigned npatterns;

/* /api and /api/v1 (and /v1, which the login's address has) name the same things. */
static const char *
strip_prefix(const char *path)
{
	static const char *const prefixes[] = { "/api/v1/", "/api/", "/v1/" };
	unsigned i;

	for (i = 0; i < LENGTH(prefixes); i++)
		if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
			return path + strlen(prefixes[i]);
	return path + (*path == '/');
}

/* Number of segments, or 0 when there are too many. A trailing slash is ignored. */
static unsigned
cut(const char *path, struct segment *segments)
{
	unsigned n = 0;
	const char *p = strip_prefix(path);

	while (*p != '\0') {
		size_t len = strcspn(p, "/");

		if (n == SEGMENTS_MAX)
			return 0;
		segments[n++] = (struct segment){ .text = p, .len = len, .parameter = *p == ':' };
		p += len;
		if (*p == '/')
			p++;
	}
	return n;
}

static void
add(const struct route *route, const struct route_group *group)
{
	struct pattern *p = &patterns[npatterns++];
	unsigned i, n = 0;

	assert(npatterns <= ROUTES_MAX);
	p->route = route;
	p->group = group;
	p->nsegments = cut(route->path, p->segments);
	assert(p->nsegments > 0);
	for (i = 0; i < p->nsegments; i++) {
		const struct segment *s = &p->segments[i];
		char *name;

		if (!s->parameter || (s->len == 7 && memcmp(s->text, ":org_id", 7) == 0))
			continue;
		name = xmalloc(s->len);
		memcpy(name, s->text + 1, s->len - 1);
		assert(n < ROUTE_ARGS_MAX);
		p->params[n++] = name;
	}
}

void
route_init(void)
{
	const struct route_group *g;
	const struct route *r;

	if (npatterns > 0)
		return;
	for (g = route_groups; g->name != NULL; g++)
		for (r = g->routes; r->path != NULL; r++)
			add(r, g);
}

unsigned
route_count(void)
{
	return npatterns;
}

const struct route *
route_at(unsigned index)
{
	return patterns[index].route;
}

const struct route_group *
route_group_at(unsigned index)
{
	return patterns[index].group;
}

const char *const *
route_params(unsigned index)
{
	return patterns[index].params;
}

const char *
route_name(unsigned index)
{
	return index < npatterns ? patterns[index].route->id : "none";
}

const char *
method_word(enum method method)
{
	static const char *const words[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

	return words[method];
}

bool
route_writes(const struct route *route)
{
	return route->method != GET && (route->flags & R_READ) == 0;
}

bool
resource_versioned(const struct resource *shape)
{
	const struct field *f;

	for (f = shape->fields; f->name != NULL; f++)
		if (strcmp(f->name, "version") == 0)
			return true;
	return false;
}

static bool
fits(const struct pattern *p, const struct segment *segments, unsigned n)
{
	unsigned i;

	if (p->nsegments != n)
		return false;
	for (i = 0; i < n; i++)
		if (!p->segments[i].parameter &&
		    (p->segments[i].len != segments[i].len ||
			memcmp(p->segments[i].text, segments[i].text, segments[i].len) != 0))
			return false;
	return true;
}

/* The leftmost segment that is static in one and a parameter in the other decides. */
static bool
more_specific(const struct pattern *a, const struct pattern *b)
{
	unsigned i;

	for (i = 0; i < a->nsegments; i++)
		if (a->segments[i].parameter != b->segments[i].parameter)
			return b->segments[i].parameter;
	return false;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A percent-decoded segment; "" when it is not UTF-8 text, which matches nothing stored. */
static const char *
decode(struct arena *arena, const struct segment *s)
{
	char *out = arena_alloc(arena, s->len + 1);
	size_t i, n = 0;

	for (i = 0; i < s->len; i++) {
		int high, low;

		if (s->text[i] != '%') {
			out[n++] = s->text[i];
			continue;
		}
		if (i + 2 >= s->len || (high = hex_digit(s->text[i + 1])) == -1 ||
		    (low = hex_digit(s->text[i + 2])) == -1 || high + low == 0)
			return "";
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	return utf8_valid(out, n) ? out : "";
}

static void
fill(struct arena *arena, const struct pattern *p, const struct segment *segments,
    struct route_match *match)
{
	unsigned i;

	for (i = 0; i < p->nsegments; i++) {
		const char *value;

		if (!p->segments[i].parameter)
			continue;
		value = decode(arena, &segments[i]);
		if (p->segments[i].len == 7 && memcmp(p->segments[i].text, ":org_id", 7) == 0)
			match->org = value;
		else
			match->args[match->nargs++] = value;
	}
}

bool
route_match(struct arena *arena, const char *method, const char *path, struct route_match *match)
{
	struct segment segments[SEGMENTS_MAX];
	const struct pattern *best = NULL;
	unsigned i, n = cut(path, segments);

	*match = (struct route_match){ .route = NULL };
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (i = 0; i < npatterns && n > 0; i++) {
		const struct pattern *p = &patterns[i];

		if (!fits(p, segments, n))
			continue;
		match->allowed |= 1u << p->route->method;
		if (strcmp(method_word(p->route->method), method) == 0 &&
		    (best == NULL || more_specific(p, best)))
			best = p;
	}
	if (best == NULL)
		return false;
	match->route = best->route;
	match->index = (unsigned)(best - patterns);
	fill(arena, best, segments, match);
	return true;
}

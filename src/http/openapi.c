/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI 3.1 document, written from the routes. */
#include "http/openapi.h"

#include <string.h>

#include "base/conf.h"
#include "config.h"
#include "http/req.h"

static void
member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json_str(out, value);
}

static void
put_parameter(struct buf *out, const char *name, const char *in, bool required, const char *schema,
    const char *doc)
{
	if (out->data[out->len - 1] != '[')
		buf_char(out, ',');
	buf_printf(out, "{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,\"schema\":%s", name, in,
	    required ? "true" : "false", schema);
	member(out, "description", doc);
	buf_char(out, '}');
}

static void
put_path_parameters(struct buf *out, const struct route *route)
{
	const char *p = route->path;
	char name[64];
	size_t len;

	while ((p = strchr(p, ':')) != NULL) {
		p++;
		len = strcspn(p, "/");
		memcpy(name, p, len);
		name[len] = '\0';
		if (strcmp(name, "org_id") == 0)
			put_parameter(out, name, "path", true,
			    "{\"type\":\"string\",\"examples\":[\"org_123\"]}",
			    "The organization of the credential.");
		else if (len >= 2 && strcmp(name + len - 2, "id") == 0 &&
			 strcmp(name, "external_id") != 0 && strcmp(name, "agent_id") != 0)
			put_parameter(out, name, "path", true,
			    "{\"type\":\"string\",\"format\":\"uuid\"}", "Id.");
		else
			put_parameter(out, name, "path", true,
			    "{\"type\":\"string\",\"minLength\":1}", "Percent-encoded.");
	}
}

static void
put_filter(struct buf *out, const struct filter *f)
{
	struct field like = { .name = f->name, .type = f->type, .words = f->words, .doc = f->doc };
	struct buf schema;

	buf_init(&schema, out->arena, 256);
	if (!f->single)
		buf_str(&schema, "{\"type\":\"array\",\"items\":");
	openapi_field(&schema, &like, F_OUT);
	if (!f->single)
		buf_char(&schema, '}');
	put_parameter(out, f->name, "query", false, schema.data, f->doc);
}

static void
put_list_parameters(struct buf *out, const struct list *list)
{
	const struct filter *f;
	const struct sort *s;
	struct buf schema;

	for (f = list->filters; f != NULL && f->name != NULL; f++)
		put_filter(out, f);
	buf_init(&schema, out->arena, 256);
	buf_str(&schema, list->custom ? "{\"anyOf\":[" : "");
	buf_str(&schema, "{\"type\":\"string\",\"enum\":[");
	for (s = list->sorts; s->name != NULL; s++)
		buf_printf(
		    &schema, "%s\"%s\",\"-%s\"", s == list->sorts ? "" : ",", s->name, s->name);
	buf_str(&schema, "]}");
	if (list->custom)
		buf_str(&schema,
		    ",{\"type\":\"string\",\"pattern\":\"^-?cf\\\\.[a-z][a-z0-9_]{0,62}$\"}]}");
	put_parameter(out, "sort", "query", false, schema.data,
	    list->custom ? "Order; - for descending. cf.<key> for a custom field."
			 : "Order; - for descending.");
	put_parameter(out, "limit", "query", false,
	    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":50}",
	    "Items of a page.");
	put_parameter(out, "cursor", "query", false, "{\"type\":\"string\"}",
	    "next_cursor of the page before.");
	put_parameter(out, "include_total", "query", false, "{\"type\":\"boolean\"}",
	    "Count all items that match.");
	if (list->csv)
		put_parameter(out, "format", "query", false,
		    "{\"type\":\"string\",\"enum\":[\"json\",\"csv\"],\"default\":\"json\"}",
		    "csv: a table (text/csv) instead of JSON.");
}

static void
put_includes(struct buf *out, const struct include *i)
{
	struct buf doc;

	buf_init(&doc, out->arena, 256);
	buf_str(&doc, "Comma list of:");
	for (; i->name != NULL; i++)
		buf_printf(&doc, " %s (%s)", i->name, i->doc);
	put_parameter(out, "include", "query", false, "{\"type\":\"string\"}", doc.data);
}

static void
put_parameters(struct buf *out, const struct route *route)
{
	const struct filter *f;

	buf_str(out, ",\"parameters\":[");
	put_path_parameters(out, route);
	for (f = route->query; f != NULL && f->name != NULL; f++)
		put_filter(out, f);
	if (route->list != NULL)
		put_list_parameters(out, route->list);
	if (route->includes != NULL)
		put_includes(out, route->includes);
	if (route->method == GET && route->reply != NULL && (route->flags & R_PUBLIC) == 0)
		put_parameter(out, "fields", "query", false, "{\"type\":\"string\"}",
		    "Comma list of the members to show.");
	if ((route->flags & R_FILE) != 0)
		put_parameter(out, "Range", "header", false, "{\"type\":\"string\"}",
		    "Some of the file's bytes, such as bytes=0-1023.");
	if (route_writes(route) && (route->flags & R_PUBLIC) == 0)
		put_parameter(out, "Idempotency-Key", "header", false,
		    "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}",
		    "The same key and request give the stored reply for 24 hours.");
	if (route->method != GET && (route->flags & R_CREATE) == 0 &&
	    (route->on != NULL || (route->reply != NULL && resource_versioned(route->reply))))
		put_parameter(out, "If-Match", "header", false, "{\"type\":\"string\"}",
		    "ETag of the resource as it was read; 412 when it has changed.");
	buf_char(out, ']');
}

static void
put_body(struct buf *out, const struct route *route)
{
	unsigned use = route->use == 0 ? F_CREATE : route->use;
	const struct field *f;
	bool required = false;

	for (f = route->body; f->name != NULL; f++)
		required |=
		    use == F_CREATE && (f->flags & (F_CREATE | F_REQ)) == (F_CREATE | F_REQ);
	buf_printf(out,
	    ",\"requestBody\":{\"required\":%s,\"content\":{\"application/json\":{\"schema\":",
	    required ? "true" : "false");
	openapi_object(out, route->body, use, route->summary);
	buf_str(out, ",\"example\":");
	if (route->example != NULL)
		buf_str(out, route->example);
	else
		openapi_example(out, route->body, use);
	buf_str(out, "}}}");
}

/* Any bytes, or a form that has them. */
static void
put_file(struct buf *out, const struct route *route)
{
	const struct sample *s;

	buf_str(out, ",\"requestBody\":{\"required\":true,\"content\":{");
	for (s = route->takes; s != NULL && s->media != NULL; s++)
		buf_printf(out, "%s\"%s\":{\"schema\":%s,\"example\":%s}",
		    s == route->takes ? "" : ",", s->media, s->schema, s->example);
	if (route->takes == NULL)
		buf_str(out, "\"application/octet-stream\":{}");
	if ((route->flags & R_FORM) != 0)
		buf_str(out,
		    ",\"multipart/form-data\":{\"schema\":{\"type\":\"object\","
		    "\"required\":[\"file\"],\"additionalProperties\":false,\"properties\":{"
		    "\"file\":{\"type\":\"string\",\"format\":\"binary\","
		    "\"description\":\"The file; its filename is the name.\"}}}}");
	buf_str(out, "}}");
}

static void
put_operation(struct buf *out, const struct route *route, const struct route_group *group)
{
	static const char *const words[] = { "get", "post", "put", "patch", "delete" };

	buf_printf(out,
	    "\"%s\":{\"operationId\":\"%s\",\"tags\":[\"%s\"],\"summary\":", words[route->method],
	    route->id, group->name);
	buf_json_str(out, route->summary);
	member(out, "description", route->doc != NULL ? route->doc : route->summary);
	if ((route->flags & R_FILE) != 0)
		buf_printf(out,
		    ",\"security\":[{\"bearer\":[]},{\"apiKey\":[]},{\"signedLink\":[]}],"
		    "\"x-scope\":\"%s\"",
		    scope_word(route->scope));
	else if ((route->flags & R_PUBLIC) != 0)
		buf_str(out, ",\"security\":[]");
	else if ((route->flags & (R_ANY_SCOPE | R_PLATFORM)) == 0)
		buf_printf(out, ",\"x-scope\":\"%s\"", scope_word(route->scope));
	buf_printf(out, ",\"x-rate-limit-tier\":\"%s\"", tier_word(route->tier));
	put_parameters(out, route);
	if (route->body != NULL)
		put_body(out, route);
	if (route->stream != NULL)
		put_file(out, route);
	openapi_responses(out, route);
	buf_char(out, '}');
}

/* ":id" becomes "{id}". */
static void
put_path(struct buf *out, const char *path)
{
	size_t len;

	buf_char(out, '"');
	while (*path != '\0') {
		len = strcspn(path, ":");
		buf_add(out, path, len);
		path += len;
		if (*path == ':') {
			len = strcspn(++path, "/");
			buf_printf(out, "{%.*s}", (int)len, path);
			path += len;
		}
	}
	buf_str(out, "\":{");
}

/* Operations of one path stand together, wherever their routes are. */
static void
put_paths(struct buf *out)
{
	unsigned i, j, n = route_count();
	bool first_path = true;

	buf_str(out, ",\"paths\":{");
	for (i = 0; i < n; i++) {
		const char *path = route_at(i)->path;
		bool first = true;

		for (j = 0; j < i && strcmp(route_at(j)->path, path) != 0; j++)
			;
		if (j < i || (route_at(i)->flags & R_HIDDEN) != 0)
			continue;
		if (!first_path)
			buf_char(out, ',');
		first_path = false;
		put_path(out, path);
		for (j = i; j < n; j++) {
			if (strcmp(route_at(j)->path, path) != 0)
				continue;
			if (!first)
				buf_char(out, ',');
			first = false;
			put_operation(out, route_at(j), route_group_at(j));
		}
		buf_char(out, '}');
	}
	buf_char(out, '}');
}

/* What is sent to the URL of a webhook; the topics are those of the event. */
static void
put_webhooks(struct buf *out)
{
	buf_str(out,
	    ",\"webhooks\":{\"event\":{\"post\":{\"operationId\":\"webhooks.receive\",\"tags\":[\"Webhooks\"],"
	    "\"summary\":\"An event, as your endpoint receives it\",\"description\":\"Signed; see Create a webhook "
	    "subscription. Answer with any 2xx within 15 seconds.\",\"security\":[],\"parameters\":[");
	put_parameter(out, "X-ServiceOS-Signature", "header", true, "{\"type\":\"string\"}",
	    "t=<seconds since 1970>,v1=<hex HMAC-SHA256 of \"t.body\">");
	put_parameter(out, "webhook-id", "header", true,
	    "{\"type\":\"string\",\"format\":\"uuid\"}",
	    "The event's id: the same at every attempt.");
	put_parameter(out, "webhook-timestamp", "header", true, "{\"type\":\"string\"}",
	    "Seconds since 1970 of this attempt.");
	put_parameter(out, "webhook-signature", "header", true, "{\"type\":\"string\"}",
	    "As in Standard Webhooks 1.0: v1,<base64>.");
	buf_str(out,
	    "],\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\"$ref\":"
	    "\"#/components/schemas/Event\"}}}},\"responses\":{\"200\":{\"description\":\"Taken.\"},"
	    "\"4XX\":{\"description\":\"Tried again later; 410 disables the webhook.\"}}}}}");
}

static void
put_tags(struct buf *out)
{
	const struct route_group *g;

	buf_str(out, ",\"tags\":[");
	for (g = route_groups; g->name != NULL; g++) {
		buf_printf(out, "%s{\"name\":\"%s\",\"description\":", g == route_groups ? "" : ",",
		    g->name);
		buf_json_str(out, g->doc);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

void
openapi_print(struct buf *out)
{
	buf_str(out,
	    "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"ServiceOS Helpdesk API\","
	    "\"version\":\"" PACKAGE_VERSION
	    "\",\"summary\":\"A multi-tenant helpdesk over HTTP.\","
	    "\"description\":\"Every path also answers under the other prefix: /api/x and /api/v1/x are the same.\","
	    "\"license\":{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}},\"servers\":[{\"url\":");
	buf_json_str(out, "/");
	buf_str(out, "}],\"security\":[{\"bearer\":[]},{\"apiKey\":[]}]");
	put_tags(out);
	put_paths(out);
	put_webhooks(out);
	openapi_components(out);
	buf_char(out, '}');
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI document's responses of an operation. */
#include <string.h>

#include "http/openapi.h"
#include "http/req.h"

static int
success_status(const struct route *route)
{
	if (route->status != 0)
		return route->status;
	return (route->flags & R_CREATE) != 0 ? 201 : 200;
}

/* The reply as JSON: a resource, or a page of it. */
static void
put_reply(struct buf *out, const struct route *route)
{
	buf_str(out, "\"application/json\":{\"schema\":");
	if (route->list != NULL)
		buf_printf(out,
		    "{\"allOf\":[{\"$ref\":\"#/components/schemas/Page\"},"
		    "{\"type\":\"object\",\"properties\":{\"data\":{\"type\":\"array\","
		    "\"items\":{\"$ref\":\"#/components/schemas/%s\"}}}}]}",
		    route->reply->name);
	else
		buf_printf(out, "{\"$ref\":\"#/components/schemas/%s\"}", route->reply->name);
	buf_str(out, ",\"example\":");
	if (route->list != NULL)
		buf_str(out, "{\"data\":[");
	openapi_example(out, route->reply->fields, F_OUT);
	if (route->list != NULL)
		buf_str(out, "],\"has_more\":false,\"next_cursor\":null}");
	buf_char(out, '}');
	if (route->list != NULL && route->list->csv)
		buf_str(out, ",\"text/csv\":{\"schema\":{\"type\":\"string\"}}");
}

/* Each media type of a reply that is no JSON. */
static void
put_media(struct buf *out, const struct route *route)
{
	const char *format = (route->flags & R_FILE) != 0 ? ",\"format\":\"binary\"" : "";
	const char *p = route->media;
	size_t len;

	for (; *p != '\0'; p += len + (p[len] == ',')) {
		len = strcspn(p, ",");
		buf_printf(out, "%s\"%.*s\":{\"schema\":{\"type\":\"string\"%s}}",
		    p == route->media ? "" : ",", (int)len, p, format);
	}
}

static void
put_content(struct buf *out, const struct route *route)
{
	bool json = route->reply != NULL && success_status(route) != 204;

	if (route->media == NULL && !json)
		return;
	buf_str(out, ",\"content\":{");
	if (route->media != NULL)
		put_media(out, route);
	if (route->media != NULL && json)
		buf_char(out, ',');
	if (json)
		put_reply(out, route);
	buf_char(out, '}');
}

/* Some bytes of a file, or the answer that there are none such. */
static void
put_ranges(struct buf *out, const struct route *route)
{
	buf_str(out, ",\"206\":{\"description\":\"The bytes that Range named.\",\"headers\":{"
		     "\"Content-Range\":{\"$ref\":\"#/components/headers/ContentRange\"}},"
		     "\"content\":{");
	put_media(out, route);
	buf_str(out, "}},\"416\":{\"$ref\":\"#/components/responses/Range\"}");
}

static void
put_success(struct buf *out, const struct route *route)
{
	int status = success_status(route);

	buf_printf(out,
	    "\"%d\":{\"description\":\"%s\",\"headers\":{"
	    "\"X-RateLimit-Limit\":{\"$ref\":\"#/components/headers/RateLimitLimit\"},"
	    "\"X-RateLimit-Remaining\":{\"$ref\":\"#/components/headers/RateLimitRemaining\"},"
	    "\"X-RateLimit-Reset\":{\"$ref\":\"#/components/headers/RateLimitReset\"},"
	    "\"X-Request-Id\":{\"$ref\":\"#/components/headers/RequestId\"}%s}",
	    status,
	    status == 204   ? "Done."
	    : status == 201 ? "Created."
			    : "OK.",
	    route->list == NULL || !route->list->csv
		? ""
		: ",\"X-Next-Cursor\":{\"description\":\"With format=csv: the next page's cursor; "
		  "absent on the last.\",\"schema\":{\"type\":\"string\"}}");
	put_content(out, route);
	buf_char(out, '}');
}

void
openapi_responses(struct buf *out, const struct route *route)
{
	bool guarded = (route->flags & R_PUBLIC) == 0;
	/* Of the public ones, those whose signature or token is the credential. */
	bool link = !guarded && route->tier == TIER_GENERAL;

	buf_str(out, ",\"responses\":{");
	put_success(out, route);
	if ((route->flags & R_FILE) != 0)
		put_ranges(out, route);
	if ((route->flags & R_EMPTY) != 0)
		buf_str(out, ",\"204\":{\"description\":\"There is none.\"}");
	if (strstr(route->id, "upsert") != NULL)
		buf_str(out, ",\"201\":{\"$ref\":\"#/components/responses/Created\"}");
	buf_str(out, ",\"400\":{\"$ref\":\"#/components/responses/BadRequest\"}");
	if (guarded || link || route->tier == TIER_AUTH)
		buf_str(out, ",\"401\":{\"$ref\":\"#/components/responses/Unauthorized\"}");
	if (guarded || (route->flags & R_FILE) != 0)
		buf_str(out, ",\"403\":{\"$ref\":\"#/components/responses/Forbidden\"}");
	if (guarded || link)
		buf_str(out, ",\"404\":{\"$ref\":\"#/components/responses/NotFound\"}");
	if (route->method != GET || (route->flags & R_STALE) != 0)
		buf_str(out, ",\"409\":{\"$ref\":\"#/components/responses/Conflict\"}");
	if (route->method != GET)
		buf_str(out, ",\"412\":{\"$ref\":\"#/components/responses/PreconditionFailed\"},"
			     "\"413\":{\"$ref\":\"#/components/responses/TooLarge\"},"
			     "\"415\":{\"$ref\":\"#/components/responses/MediaType\"}");
	buf_str(out, ",\"422\":{\"$ref\":\"#/components/responses/Invalid\"},"
		     "\"429\":{\"$ref\":\"#/components/responses/RateLimited\"},"
		     "\"503\":{\"$ref\":\"#/components/responses/Unavailable\"}}");
}

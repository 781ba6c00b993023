/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI document's components: schemas of the resources, problems, headers, credentials. */
#include <string.h>

#include "base/conf.h"
#include "http/openapi.h"
#include "http/req.h"

static void
put_schemas(struct buf *out)
{
	unsigned i, j, n = route_count();
	const char *comma = "";

	buf_str(out, "\"schemas\":{");
	for (i = 0; i < n; i++) {
		const struct resource *shape = route_at(i)->reply;

		if (shape == NULL)
			continue;
		for (j = 0; j < i; j++)
			if (route_at(j)->reply != NULL &&
			    strcmp(route_at(j)->reply->name, shape->name) == 0)
				break;
		if (j < i)
			continue;
		buf_printf(out, "%s\"%s\":", comma, shape->name);
		openapi_object(out, shape->fields, F_OUT, shape->doc);
		comma = ",";
	}
	openapi_condition(out);
	buf_str(out,
	    ",\"Page\":{\"type\":\"object\",\"description\":\"A page of a list.\",\"required\":[\"data\",\"has_more\",\"next_cursor\"],"
	    "\"properties\":{\"data\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},\"has_more\":{\"type\":\"boolean\"},"
	    "\"next_cursor\":{\"type\":[\"string\",\"null\"]},\"total\":{\"type\":\"integer\"}}},"
	    "\"Problem\":{\"type\":\"object\",\"description\":\"RFC 9457.\",\"required\":[\"type\",\"title\",\"status\",\"code\",\"detail\",\"request_id\"],"
	    "\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
	    "\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},\"request_id\":{\"type\":\"string\"},"
	    "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"field\",\"code\",\"message\"],"
	    "\"properties\":{\"field\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}}}}}");
}

static void
put_problem(struct buf *out, const char *name, enum error error)
{
	const struct error_row *row = &error_table[error];

	buf_printf(out, "\"%s\":{\"description\":", name);
	buf_json_str(out, row->title);
	buf_printf(out,
	    ",\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"},"
	    "\"example\":{\"type\":\"%s/api-docs#/errors/%s\",\"title\":",
	    conf.base_url, row->code);
	buf_json_str(out, row->title);
	buf_printf(out, ",\"status\":%d,\"code\":\"%s\",\"detail\":", row->status, row->code);
	buf_json_str(out, row->title);
	buf_str(out, ",\"request_id\":\"5f3a\"}}}},");
}

void
openapi_components(struct buf *out)
{
	buf_str(out, ",\"components\":{");
	put_schemas(out);
	buf_str(out, ",\"responses\":{");
	put_problem(out, "BadRequest", E_BAD_REQUEST);
	put_problem(out, "Unauthorized", E_UNAUTHENTICATED);
	put_problem(out, "Forbidden", E_FORBIDDEN);
	put_problem(out, "NotFound", E_NOT_FOUND);
	put_problem(out, "Conflict", E_CONFLICT);
	put_problem(out, "PreconditionFailed", E_PRECONDITION);
	put_problem(out, "TooLarge", E_TOO_LARGE);
	put_problem(out, "MediaType", E_MEDIA_TYPE);
	put_problem(out, "Range", E_RANGE);
	put_problem(out, "Invalid", E_VALIDATION);
	put_problem(out, "RateLimited", E_RATE_LIMITED);
	put_problem(out, "Unavailable", E_UNAVAILABLE);
	buf_str(out,
	    "\"Created\":{\"description\":\"Created.\",\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}}},"
	    "\"headers\":{\"RateLimitLimit\":{\"description\":\"Requests of the window.\",\"schema\":{\"type\":\"integer\"}},"
	    "\"RateLimitRemaining\":{\"description\":\"Requests left in it.\",\"schema\":{\"type\":\"integer\"}},"
	    "\"RateLimitReset\":{\"description\":\"Seconds since 1970 when it ends.\",\"schema\":{\"type\":\"integer\"}},"
	    "\"ContentRange\":{\"description\":\"Which bytes of how many.\",\"schema\":{\"type\":\"string\"}},"
	    "\"RequestId\":{\"description\":\"The request's id, to quote in questions.\",\"schema\":{\"type\":\"string\"}}},"
	    "\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"},"
	    "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"},"
	    "\"signedLink\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"signature\","
	    "\"description\":\"With org and expires: the query of a download_url, which needs no credential.\"}}}");
}

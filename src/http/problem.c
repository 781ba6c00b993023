/* SPDX-License-Identifier: Apache-2.0 */
/* Failures as application/problem+json (RFC 9457), with a stable code. */
#include "http/problem.h"

#include <string.h>

#include "base/conf.h"

#define STREAM "text/event-stream"

static void
member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json_str(out, value);
}

void
problem_errors(struct buf *out, const struct field_error *e)
{
	const struct field_error *first = e;

	buf_char(out, '[');
	for (; e != NULL; e = e->next) {
		buf_str(out, e == first ? "{\"field\":" : ",{\"field\":");
		buf_json_str(out, e->field);
		member(out, "code", e->code);
		member(out, "message", e->message);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

/* Whether an EventSource asks for a stream that cannot be opened now. */
static bool
comes_back(const struct req *r)
{
	const char *accept = http_header(r->in, "accept");

	return r->status == 503 && r->route != NULL && r->route->media != NULL && accept != NULL &&
	       strcmp(r->route->media, STREAM) == 0 && strstr(accept, STREAM) != NULL;
}

void
problem_write(struct req *r)
{
	const struct error_row *row = &error_table[r->error];
	struct buf *out = &r->out->body;

	if (comes_back(r)) { /* it gives up for good at any status but 200 */
		r->out->status = 200;
		buf_init(out, r->arena, 64);
		buf_str(out, "retry: 3000\n\n");
		reply_header(r, "Content-Type", STREAM);
		return;
	}
	r->out->status = r->status;
	buf_init(out, r->arena, 512);
	buf_printf(out, "{\"type\":\"%s/api-docs#/errors/%s\",\"title\":", conf.base_url, r->code);
	buf_json_str(out, row->title);
	buf_printf(out, ",\"status\":%d", r->status);
	member(out, "code", r->code);
	member(out, "detail",
	    r->detail != NULL   ? r->detail
	    : r->fields != NULL ? r->fields->message
				: row->title);
	member(out, "request_id", r->request_id);
	if (r->fields != NULL) {
		buf_str(out, ",\"errors\":");
		problem_errors(out, r->fields);
	}
	buf_char(out, '}');
	reply_header(r, "Content-Type", "application/problem+json");
	if (r->status == 401)
		reply_header(r, "WWW-Authenticate", "Bearer, ApiKey");
	if (r->status == 503)
		reply_header(r, "Retry-After", "1");
	if (r->status == 405)
		reply_header(r, "Allow", problem_allow(r));
}

const char *
problem_allow(struct req *r)
{
	struct buf out;
	unsigned m;

	buf_init(&out, r->arena, 64);
	for (m = GET; m <= DELETE; m++)
		if ((r->match.allowed & 1u << m) != 0)
			buf_printf(
			    &out, "%s%s", out.len == 0 ? "" : ", ", method_word((enum method)m));
	return out.data;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: who calls, what is sent, and what many tests make and look for. */
#include "harness_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/secret.h"
#include "base/conf.h"
#include "base/json.h"

struct caller caller;
int status;
const char *reply_body;
struct json_object *reply;
struct http_reply out;

void
caller_reset(void)
{
	caller = (struct caller){ .key = admin_key, .address = "127.0.0.1" };
}

const char *
make_key(const char *org, const char *scopes)
{
	char secret[API_KEY_LENGTH + 1], hash[65], id[37];
	char *kept = turn();

	api_key_new(secret);
	sha256_hex(hash, secret, API_KEY_LENGTH);
	uuid7(id);
	sql("INSERT INTO api_key (org_id, key_id, name, prefix, secret_hash, scopes) "
	    "VALUES ('%s', '%s', 'test', 'sk_', '%s', '{%s}')",
	    org, id, hash, scopes);
	snprintf(kept, 64, "%s", secret);
	return kept;
}

static void
add(struct http_request *in, const char *name, const char *value)
{
	if (value != NULL)
		in->headers[in->nheaders++] = (struct http_header){ .name = name, .value = value };
}

/* "Name: value\n" lines, the name in lower case as the FastCGI side gives it. */
static void
add_lines(struct http_request *in, const char *lines)
{
	while (lines != NULL && *lines != '\0') {
		size_t name = strcspn(lines, ":"), line = strcspn(lines, "\n"), i;
		char *lower = arena_strndup(worker->arena, lines, name);

		for (i = 0; i < name; i++)
			if (lower[i] >= 'A' && lower[i] <= 'Z')
				lower[i] = (char)(lower[i] | 0x20);
		add(in, lower, arena_strndup(worker->arena, lines + name + 2, line - name - 2));
		lines += line + (lines[line] == '\n');
	}
}

static void
dispatch(const char *method, const char *path, const void *body, size_t len, const char *type)
{
	struct http_request in = { .method = method, .address = caller.address };
	size_t cut = strcspn(path, "?");
	struct json_error error;

	if (reply != NULL)
		json_object_put(reply);
	reply = NULL;
	arena_reset(worker->arena);
	in.path = arena_strndup(worker->arena, path, cut);
	in.query = path[cut] == '?' ? path + cut + 1 : "";
	in.body = arena_strndup(worker->arena, body == NULL ? "" : body, len);
	in.body_len = len;
	in.too_large = (long)len > conf.body_max;
	add(&in, "x-api-key", caller.key);
	if (caller.bearer != NULL)
		add(&in, "authorization", arena_printf(worker->arena, "Bearer %s", caller.bearer));
	add(&in, "x-org-id", caller.org);
	add(&in, "x-actor-id", caller.actor);
	add(&in, "content-type", type);
	add_lines(&in, caller.headers);
	http_dispatch(worker, &in, &out);
	if (out.handoff != 0)
		close(out.handoff);
	status = out.status;
	reply_body = out.body.data;
	/* How many keys there may be is a rule for requests. */
	if (json_scan(out.body.data, out.body.len, &error) == 0 ||
	    strcmp(error.code, "too_many_keys") == 0)
		reply = json_tokener_parse(out.body.data);
	caller.partial = strstr(in.query, "fields=") != NULL;
	check_reply_schema(method, in.path);
}

void
call_raw(const char *method, const char *path, const void *body, size_t len, const char *type)
{
	dispatch(method, path, body, len, type);
}

void
call(const char *method, const char *path, const char *body)
{
	dispatch(method, path, body, body == NULL ? 0 : strlen(body),
	    body == NULL ? NULL : "application/json");
}

static const char *
post(const char *path, const char *body, const char *id, int wanted)
{
	call("POST", path, body);
	expect(wanted);
	return keep_id(text(id));
}

const char *
make(const char *path, const char *body, const char *id)
{
	return post(path, body, id, 201);
}

const char *
make_job(const char *path, const char *body, const char *id)
{
	return post(path, body, id, 202);
}

const char *
make_ticket_of(const char *body)
{
	return make("/api/tickets", body, "ticket_id");
}

const char *
make_ticket(const char *title)
{
	return make_ticket_of(fmt("{\"title\":\"%s\"}", title));
}

const char *
make_comment(const char *ticket_id, const char *body)
{
	return make(fmt("/api/tickets/%s/comments", ticket_id), fmt("{\"body\":\"%s\"}", body),
	    "comment_id");
}

const char *
make_user(const char *name, const char *more)
{
	return make("/api/organizations/" ORG "/users",
	    fmt("{\"email\":\"%s@example.com\",\"name\":\"%s\"%s}", name, name, more), "user_id");
}

void
find(const char *members)
{
	call("POST", "/api/v1/search", fmt("{%s}", members));
	expect(200);
}

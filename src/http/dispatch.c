/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's way: route, credential, budget, scope, input, transaction,
 * handler, commit, reply. Everything that operations have in common is here,
 * so that a handler holds only its rule.
 */
#include <stdlib.h>
#include <string.h>

#include "base/network.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/authenticate.h"
#include "http/idempotency.h"
#include "http/multipart.h"
#include "http/prefork.h"
#include "http/problem.h"
#include "http/schema.h"
#include "http/transaction.h"
#include "http/usage.h"

/* The caller's request id when it is harmless, else the web server's, else a new one. */
static const char *
choose_request_id(struct req *r)
{
	const char *id = http_header(r->in, "x-request-id");
	char *made;

	if (id != NULL && strlen(id) >= 1 && strlen(id) <= 128 &&
	    id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ==
		'\0')
		return id;
	if (r->in->request_id != NULL && *r->in->request_id != '\0')
		return r->in->request_id;
	made = arena_alloc(r->arena, 37);
	uuid7(made);
	return made;
}

static bool
waited_too_long(const struct http_request *in)
{
	return conf.queue_timeout > 0 && in->received_ms > 0 &&
	       wall_ms() - in->received_ms > conf.queue_timeout;
}

long
http_stream_limit(struct arena *arena, const struct http_request *in)
{
	struct route_match match;

	if (!route_match(arena, in->method, in->path, &match) || match.route->stream == NULL)
		return 0;
	if ((match.route->flags & R_FORM) != 0 && multipart_is(http_header(in, "content-type")))
		return *match.route->stream + MULTIPART_PARTS * MULTIPART_HEAD;
	return *match.route->stream;
}

/* What the web server gave us can be refused before any work. */
static int
check_message(struct req *r)
{
	if (r->in->too_large) {
		long stream = http_stream_limit(r->arena, r->in);

		return fail_detail(
		    r, E_TOO_LARGE, "At most %ld bytes.", stream > 0 ? stream : conf.body_max);
	}
	if (r->in->malformed != NULL)
		return fail_detail(r, E_BAD_REQUEST, "%s", r->in->malformed);
	if (waited_too_long(r->in)) {
		metric_add(M_requests_shed_total, 1);
		return fail(r, E_OVERLOADED);
	}
	return 0;
}

static int
find_route(struct req *r)
{
	if (route_match(r->arena, r->in->method, r->in->path, &r->match)) {
		r->route = r->match.route;
		r->args = r->match.args;
		if (worker_slot != NULL)
			worker_slot->route = (int)r->match.index;
		return 0;
	}
	return fail(r, r->match.allowed != 0 ? E_METHOD_NOT_ALLOWED : E_NOT_FOUND);
}

static int
take_budget(struct req *r, enum tier tier, const char *who, long limit)
{
	r->rated = true;
	if (tier == TIER_NONE) {
		rate_peek(TIER_GENERAL, who, limit, &r->rate);
		return 0;
	}
	if (rate_take(r->worker->redis, tier, who, limit, &r->rate))
		return 0;
	metric_add(M_rate_limited_total, 1);
	return fail_detail(r, E_RATE_LIMITED, "The limit is %ld per %ld seconds; try again in %ld.",
	    r->rate.limit, tier_window(tier), r->rate.retry_after);
}

/* Without a credential the address is what is counted. */
static int
take_address_budget(struct req *r, enum tier tier)
{
	char address[64];

	network_client_key(address, r->in->address);
	return take_budget(
	    r, tier, address, tier == TIER_AUTH ? conf.rate_auth : conf.rate_general);
}

static int
take_principal_budget(struct req *r)
{
	const char *who = arena_printf(
	    r->arena, "%s:%s:%s", r->who.org, principal_actor_type(&r->who), r->who.actor);

	if (r->route->tier == TIER_BULK)
		return take_budget(r, TIER_BULK, who, r->who.rate_bulk);
	return take_budget(r, r->route->tier, who, r->who.rate_general);
}

static int
check_caller(struct req *r)
{
	const struct route *route = r->route;

	if ((route->flags & R_PUBLIC) != 0)
		return take_address_budget(r, route->tier);
	if (authenticate(r) == -1) {
		if (r->error == E_UNAUTHENTICATED) {
			r->failed = false;
			if (take_address_budget(r, TIER_GENERAL) == 0)
				fail(r, E_UNAUTHENTICATED);
		}
		return -1;
	}
	if (take_principal_budget(r) == -1)
		return -1;
	if ((route->flags & R_PLATFORM) != 0)
		return r->who.kind == WHO_PLATFORM ? 0 : fail(r, E_FORBIDDEN);
	if (r->who.kind == WHO_PLATFORM)
		return fail_detail(
		    r, E_FORBIDDEN, "The platform token creates organizations and nothing else.");
	if ((route->flags & R_ANY_SCOPE) == 0 && need_scope(r, route->scope) == -1)
		return -1;
	r->org = r->who.org;
	if (r->match.org != NULL && strcmp(r->match.org, r->org) != 0)
		return fail(r, E_NOT_FOUND);
	return 0;
}

/* Parameters named …id are UUIDs, except those that name things by the caller's own words. */
static int
check_ids(struct req *r)
{
	const char *const *params = route_params(r->match.index);
	unsigned i;

	for (i = 0; i < r->match.nargs; i++) {
		size_t len = strlen(params[i]);
		bool own_word =
		    strcmp(params[i], "external_id") == 0 || strcmp(params[i], "agent_id") == 0;

		if (!own_word && len >= 2 && strcmp(params[i] + len - 2, "id") == 0 &&
		    !uuid_valid(r->args[i]))
			return fail(r, E_NOT_FOUND);
		if (*r->args[i] == '\0')
			return fail(r, E_NOT_FOUND);
	}
	return 0;
}

static int
check_input(struct req *r)
{
	if (check_ids(r) == -1 || schema_query(r) == -1 || schema_body(r) == -1)
		return -1;
	if (http_header(r->in, "x-serviceos-suppress") != NULL && !principal_may(&r->who, S_IMPORT))
		return fail_detail(r, E_FORBIDDEN, "X-ServiceOS-Suppress needs the scope import.");
	return 0;
}

static void
put_rate_headers(struct req *r)
{
	buf_printf(&r->out->head,
	    "X-RateLimit-Limit: %ld\r\nX-RateLimit-Remaining: %ld\r\nX-RateLimit-Reset: %lld\r\n",
	    r->rate.limit, r->rate.remaining, (long long)r->rate.reset);
	if (r->failed && r->error == E_RATE_LIMITED)
		buf_printf(&r->out->head, "Retry-After: %ld\r\n", r->rate.retry_after);
}

/* Headers that belong to this exchange and not to a stored reply. */
static void
put_common_headers(struct req *r)
{
	reply_header(r, "X-Request-Id", r->request_id);
	if (!r->rated) {
		char address[64];

		network_client_key(address, r->in->address);
		rate_peek(TIER_GENERAL, address, conf.rate_general, &r->rate);
	}
	put_rate_headers(r);
	if (!r->send_file)
		reply_header(r, "Cache-Control", "no-store");
}

static void
account(struct req *r, int64_t start)
{
	long us = (long)(mono_us() - start);
	unsigned route = r->route == NULL ? route_count() : r->match.index;

	metric_add(M_requests_total, 1);
	metric_request(route, r->out->status, us);
	metric_set(M_arena_high_water_bytes, (int64_t)arena_high_water(r->arena));
	if (r->org != NULL)
		usage_count(r->org, r->who.actor, r->out->status >= 400);
	log_access(&(struct log_access){ .method = r->in->method,
	    .route = r->route == NULL ? NULL : r->route->path,
	    .org = r->org,
	    .principal = r->who.kind == WHO_NOBODY ? NULL : r->who.actor,
	    .address = r->in->address,
	    .code = r->failed ? r->code : NULL,
	    .status = r->out->status,
	    .bytes = (long)r->out->body.len,
	    .total_us = us,
	    .db_us = db_take_us(r->db),
	    .redis_us = redis_take_us(r->worker->redis) });
}

void
http_dispatch(struct worker *w, const struct http_request *in, struct http_reply *out)
{
	struct req *r = arena_alloc(w->arena, sizeof(*r));
	int64_t start = mono_us();

	*r = (struct req){ .worker = w,
		.arena = w->arena,
		.db = w->db,
		.in = in,
		.out = out,
		.reply_slot = -1,
		.exec_slot = -1 };
	out->handoff = 0;
	buf_init(&out->head, w->arena, 512);
	buf_init(&out->body, w->arena, 4096);
	r->request_id = choose_request_id(r);
	log_request(r->request_id);
	if (check_message(r) == 0 && find_route(r) == 0 && check_caller(r) == 0 &&
	    check_input(r) == 0)
		transaction_run(r);
	if (r->failed)
		problem_write(r);
	put_common_headers(r);
	account(r, start);
	log_request(NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What operators and documentation readers ask for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/metrics.h"
#include "http/openapi.h"
#include "http/prefork.h"
#include "http/req.h"
#include "store/schema.h"

/* clang-format off */
static const struct field health_fields[] = {
	{ "status",    T_STR,  F_OUT, .example = "\"ok\"", .doc = "Always ok: the process answers." },
	{ "timestamp", T_TIME, F_OUT, .example = "\"2026-06-13T22:26:14.052Z\"", .doc = "Now." },
	{ .name = NULL }
};
static const struct resource health = { "Health", "The process is alive.", NULL, "status", NULL, health_fields };
static const struct field ready_fields[] = {
	{ "status",     T_STR,  F_OUT, .example = "\"ready\"", .doc = "ready, or unavailable with status 503." },
	{ "postgres",   T_STR,  F_OUT, .example = "\"ok\"", .doc = "ok or down." },
	{ "redis",      T_STR,  F_OUT, .example = "\"ok\"", .doc = "ok or down; requests are served without it." },
	{ "migrations", T_STR,  F_OUT, .example = "\"ok\"", .doc = "ok, or what is missing." },
	{ "workers",    T_INT,  F_OUT, .example = "12", .doc = "Living workers of this host." },
	{ "timestamp",  T_TIME, F_OUT, .example = "\"2026-06-13T22:26:14.052Z\"", .doc = "Now." },
	{ .name = NULL }
};
static const struct resource ready = { "Readiness", "Whether requests can be served.", NULL, "status", NULL, ready_fields };
/* clang-format on */

static int
show_health(struct req *r)
{
	char now[25];

	time_iso(now, wall_ms());
	buf_printf(&r->out->body, "{\"status\":\"ok\",\"timestamp\":\"%s\"}", now);
	return reply_json(r, 200);
}

static unsigned
living_workers(void)
{
	unsigned i, n, alive = 0;
	const struct slot *slots = prefork_slots(&n);

	for (i = 0; i < n; i++)
		alive += slots[i].pid != 0 && slots[i].ready;
	return alive;
}

/* Version of the schema as this connection sees it; -1 when PostgreSQL is away. */
static int
schema_seen(struct req *r)
{
	struct db_context nobody = { .org = "" };
	const PGresult *res;

	db_begin(r->db, r->arena, DB_READ, &nobody);
	res = db_result(
	    r->db, db_queue_text(
		       r->db, "SELECT COALESCE(max(version), 0) FROM schema_migration", 0, NULL));
	db_commit(r->db);
	return res == NULL ? -1 : atoi(PQgetvalue(res, 0, 0));
}

static int
show_ready(struct req *r)
{
	struct buf *out = &r->out->body;
	int seen = schema_seen(r), expected = schema_version();
	bool fine = seen == expected;
	char now[25];

	time_iso(now, wall_ms());
	buf_printf(out, "{\"status\":\"%s\",\"postgres\":\"%s\",\"redis\":\"%s\",\"migrations\":",
	    fine ? "ready" : "unavailable", seen == -1 ? "down" : "ok",
	    redis_ping(r->worker->redis) == 0 ? "ok" : "down");
	if (seen == -1)
		buf_str(out, "\"unknown\"");
	else if (fine)
		buf_str(out, "\"ok\"");
	else
		buf_printf(out, "\"at %d, needs %d\"", seen, expected);
	buf_printf(out, ",\"workers\":%u,\"timestamp\":\"%s\"}", living_workers(), now);
	if (!fine)
		reply_header(r, "Retry-After", "1");
	return reply_json(r, fine ? 200 : 503);
}

/* The figures of another process come as a file that it writes. */
static void
add_file(struct buf *out, const char *name)
{
	char path[512], text[16384];
	FILE *in;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s.prom", conf.state_dir, name);
	in = fopen(path, "re");
	if (in == NULL)
		return;
	n = fread(text, 1, sizeof(text), in);
	fclose(in);
	buf_add(out, text, n);
}

static int
show_metrics(struct req *r)
{
	metrics_print(&r->out->body, route_name);
	buf_printf(&r->out->body, "# TYPE serviceos_workers gauge\nserviceos_workers %u\n",
	    living_workers());
	add_file(&r->out->body, "scheduler");
	add_file(&r->out->body, "stream");
	reply_header(r, "Content-Type", "text/plain; version=0.0.4");
	return reply_json(r, 200);
}

static int
show_openapi(struct req *r)
{
	openapi_print(&r->out->body);
	reply_header(r, "Content-Type", "application/json");
	return reply_json(r, 200);
}

/* nginx serves the page; a worker that is asked itself shows the way. */
static int
show_docs(struct req *r)
{
	buf_str(&r->out->body,
	    "<!doctype html><title>ServiceOS API</title>"
	    "<p>The interactive documentation is served by nginx at <a href=\"/api-docs/\">/api-docs/</a>; "
	    "the document itself is <a href=\"/api/openapi.json\">/api/openapi.json</a>.</p>");
	reply_header(r, "Content-Type", "text/html; charset=utf-8");
	return reply_json(r, 200);
}

/* clang-format off */
const struct route ops_routes[] = {
	{ GET, "/health", "ops.health", show_health, .tier = TIER_NONE, .flags = R_PUBLIC|R_OUTSIDE,
	    .reply = &health, .summary = "Liveness" },
	{ GET, "/ready", "ops.ready", show_ready, .tier = TIER_NONE, .flags = R_PUBLIC|R_OUTSIDE,
	    .reply = &ready, .summary = "Readiness", .doc = "PostgreSQL, Redis, migrations and workers; 503 while requests cannot be served." },
	{ GET, "/metrics", "ops.metrics", show_metrics, .tier = TIER_NONE, .flags = R_PUBLIC|R_OUTSIDE|R_RAW,
	    .summary = "Metrics", .doc = "Prometheus text format. The packaged nginx site lets only the host itself in." },
	{ GET, "/api-docs", "ops.docs", show_docs, .tier = TIER_NONE, .flags = R_PUBLIC|R_OUTSIDE|R_RAW,
	    .summary = "Interactive documentation" },
	{ GET, "/api/openapi.json", "ops.openapi", show_openapi, .tier = TIER_NONE, .flags = R_PUBLIC|R_OUTSIDE|R_RAW,
	    .summary = "This document" },
	{ .path = NULL }
};

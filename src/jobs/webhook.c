/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/webhook.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "http/signed.h"
#include "store/condition.h"
#include "store/outgoing.h"

#define RESPONSE_KEPT 4096

/* One transfer. It owns copies: the arena of a loop's turn does not outlive it. */
struct flight {
	struct outgoing *out;
	char org[64], webhook[40], delivery[40], token[24];
	char *body;
	struct flight *next;
};

struct webhooks {
	CURLM *multi;
	struct db *db, *app;
	struct arena *arena; /* of the scheduler, reset after each turn */
	struct flight *flights;
	int in_flight;
};

static const struct db_context everybody = {
	.org = "", .actor_type = "system", .actor_id = "webhooks"
};

struct webhooks *
webhooks_new(struct db *db, struct db *app, struct arena *arena)
{
	struct webhooks *w = xmalloc(sizeof(*w));

	curl_global_init(CURL_GLOBAL_DEFAULT);
	*w = (struct webhooks){ .multi = curl_multi_init(), .db = db, .app = app, .arena = arena };
	curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)WEBHOOKS_IN_FLIGHT);
	curl_multi_setopt(w->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return w;
}

static void
land(struct webhooks *w, struct flight *f)
{
	struct flight **p;

	for (p = &w->flights; *p != f; p = &(*p)->next)
		;
	*p = f->next;
	w->in_flight--;
	curl_multi_remove_handle(w->multi, f->out->curl);
	outgoing_free(f->out);
	free(f->body);
	free(f);
}

/* What is in flight is sent again by whoever finds its lease run out. */
void
webhooks_free(struct webhooks *w)
{
	while (w->flights != NULL)
		land(w, w->flights);
	curl_multi_cleanup(w->multi);
	free(w);
}

CURLM *
webhooks_multi(struct webhooks *w)
{
	return w->multi;
}

int
webhooks_in_flight(const struct webhooks *w)
{
	return w->in_flight;
}

static int
room(void *arg, const char *org, const char *lane)
{
	struct webhooks *w = arg;
	int n = WEBHOOKS_PER_ENDPOINT, all = WEBHOOKS_IN_FLIGHT - w->in_flight;
	struct flight *f;

	for (f = w->flights; f != NULL; f = f->next)
		if (strcmp(f->webhook, lane) == 0 && strcmp(f->org, org) == 0)
			n--;
	return n < all ? n : all;
}

/* Whether the endpoint wants the event, by the ticket as it is now. An error sends it. */
static bool
wanted(struct webhooks *w, struct arena *arena, const char *org, const PGresult *rows, int i)
{
	const struct db_context context = {
		.org = org, .actor_type = "system", .actor_id = "webhooks"
	};
	const char *text = db_get(rows, i, "conditions"), *ticket = db_get(rows, i, "ticket_id");
	const PGresult *found = NULL;
	struct json_error error;
	struct condition c;
	const char **values;

	if (text == NULL || ticket == NULL)
		return true;
	db_begin(w->app, arena, DB_READ, &context);
	if (condition_compile(w->app, arena, org, json_parse(arena, text, strlen(text), &error), 3,
		CONDITION_STORED, &c)) {
		values = arena_alloc(arena, ((size_t)c.nvalues + 2) * sizeof(*values));
		values[0] = org;
		values[1] = ticket;
		if (c.nvalues > 0)
			memcpy(values + 2, c.values, (size_t)c.nvalues * sizeof(*values));
		found = db_result(w->app,
		    db_queue_text(w->app,
			arena_printf(arena,
			    "SELECT 1 FROM ticket t WHERE t.org_id = $1 AND t.ticket_id = $2 AND %s",
			    c.sql),
			c.nvalues + 2, values));
	}
	db_commit(w->app);
	return found == NULL || PQntuples(found) > 0;
}

/* An outcome, in a transaction of its own: 'delivered', 'again', 'failed' or 'lost'. */
static void
finish(struct webhooks *w, struct arena *arena, const char *org, const char *delivery,
    const char *token, long status, long ms, const char *error, const char *response,
    long retry_after)
{
	db_begin(w->db, arena, DB_WRITE, &everybody);
	db_do(w->db, SQL_WEBHOOK_FINISH,
	    P(org, delivery, token, arena_printf(arena, "%ld", status),
		arena_printf(arena, "%ld", ms), error, response,
		arena_printf(arena, "%ld", retry_after)));
	db_commit(w->db);
}

static void
skip(struct webhooks *w, struct arena *arena, const char *org, const char *delivery,
    const char *token)
{
	db_begin(w->db, arena, DB_WRITE, &everybody);
	db_do(w->db, SQL_WEBHOOK_SKIP, P(org, delivery, token));
	db_commit(w->db);
}

static void
take_off(struct webhooks *w, const char *org, const PGresult *rows, int i, const char *token)
{
	const char *refusal = outgoing_refusal(db_get(rows, i, "url"));
	const char *delivery = db_get(rows, i, "delivery_id"),
		   *webhook = db_get(rows, i, "webhook_id");
	struct flight *f;

	if (refusal != NULL) {
		finish(w, w->arena, org, delivery, token, 0, 0, refusal, "", -1);
		return;
	}
	f = xmalloc(sizeof(*f));
	f->body = xstrdup(db_get(rows, i, "body"));
	f->out = outgoing_post(db_get(rows, i, "url"), f->body, strlen(f->body));
	snprintf(f->org, sizeof(f->org), "%s", org);
	snprintf(f->webhook, sizeof(f->webhook), "%s", webhook);
	snprintf(f->delivery, sizeof(f->delivery), "%s", delivery);
	snprintf(f->token, sizeof(f->token), "%s", token);
	f->next = w->flights;
	w->flights = f;
	w->in_flight++;
	if (!webhook_headers(f->out, w->arena, org, webhook, db_get(rows, i, "secret"),
		db_get(rows, i, "previous_secret"), db_get(rows, i, "event_id"), f->body)) {
		log_error("webhook %s of %s: its secret cannot be read; is secret_key another one?",
		    webhook, org);
		finish(
		    w, w->arena, org, delivery, token, 0, 0, "Its secret cannot be read.", "", -1);
		land(w, f);
		return;
	}
	curl_multi_add_handle(w->multi, f->out->curl);
}

static const char *
token_of(const PGresult *claimed, const char *delivery)
{
	int i;

	for (i = 0; i < PQntuples(claimed); i++)
		if (strcmp(PQgetvalue(claimed, i, 0), delivery) == 0)
			return PQgetvalue(claimed, i, 1);
	return NULL;
}

static void
run(void *arg, const char *org, const PGresult *claimed)
{
	struct webhooks *w = arg;
	const PGresult *rows;
	const char *token;
	struct buf ids;
	int i;

	buf_init(&ids, w->arena, 256);
	for (i = 0; i < PQntuples(claimed); i++)
		buf_array_item(&ids, PQgetvalue(claimed, i, 0));
	db_begin(w->db, w->arena, DB_READ, &everybody);
	rows = db_rows(w->db, SQL_WEBHOOK_LOAD, P(org, arena_printf(w->arena, "{%s}", ids.data)));
	if (!db_commit(w->db))
		return;
	for (i = 0; i < PQntuples(rows); i++) {
		token = token_of(claimed, db_get(rows, i, "delivery_id"));
		if (!wanted(w, w->arena, org, rows, i))
			skip(w, w->arena, org, db_get(rows, i, "delivery_id"), token);
		else
			take_off(w, org, rows, i, token);
	}
}

struct due_kind
webhooks_kind(struct webhooks *w)
{
	return (struct due_kind){ .kind = "webhook", .room = room, .run = run, .arg = w };
}

/* What is kept of a reply: its beginning, as far as it is text that PostgreSQL takes. */
static const char *
kept_reply(struct arena *arena, struct outgoing *o)
{
	const char *cut = utf8_cut(arena, o->reply, RESPONSE_KEPT);

	if (strlen(o->reply) != o->reply_len || !utf8_valid(cut, strlen(cut)))
		return "(not text)";
	return cut;
}

void
webhooks_step(struct webhooks *w, struct due *due, struct arena *arena)
{
	int running, left;
	CURLMsg *m;

	curl_multi_perform(w->multi, &running);
	while ((m = curl_multi_info_read(w->multi, &left)) != NULL) {
		char org[64], webhook[40];
		struct outgoing *o = NULL;
		const char *error;
		struct flight *f;
		long status;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &o);
		for (f = w->flights; f->out != o; f = f->next)
			;
		status = outgoing_result(o, m->data.result, &error);
		FAULT(webhook_answered);
		finish(w, arena, f->org, f->delivery, f->token, status, outgoing_ms(o), error,
		    o->blocked ? "" : kept_reply(arena, o), o->retry_after_s);
		FAULT(webhook_finished);
		memcpy(org, f->org, sizeof(org));
		memcpy(webhook, f->webhook, sizeof(webhook));
		land(w, f);
		due_look_lane(due, arena, "webhook", org, webhook);
	}
}

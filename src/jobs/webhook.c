/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/webhook.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/util.h"
#include "http/signed.h"
#include "store/condition.h"
#include "store/outgoing.h"

/* One transfer. It owns copies: the arena of a loop's turn does not outlive it. */
struct flight {
	struct transfer transfer; /* first: the transfer is the flight */
	struct webhooks *webhooks;
	struct outgoing *out;
	char org[64], webhook[40], delivery[40], token[24];
	char *body;
	struct flight *next;
};

struct webhooks {
	CURLM *multi;
	struct db *db, *app;
	struct due *due;     /* is told when an endpoint has room again */
	struct arena *arena; /* of the scheduler, reset after each turn */
	struct flight *flights;
	int in_flight;
};

static const struct db_context everybody = {
	.org = "", .actor_type = "system", .actor_id = "webhooks"
};

struct webhooks *
webhooks_new(CURLM *multi, struct db *db, struct db *app, struct arena *arena)
{
	struct webhooks *w = xmalloc(sizeof(*w));

	*w = (struct webhooks){ .multi = multi, .db = db, .app = app, .arena = arena };
	return w;
}

void
webhooks_tell(struct webhooks *w, struct due *due)
{
	w->due = due;
}

/* Its handle is off the multi. */
static void
land(struct webhooks *w, struct flight *f)
{
	struct flight **p;

	for (p = &w->flights; *p != f; p = &(*p)->next)
		;
	*p = f->next;
	w->in_flight--;
	outgoing_free(f->out);
	free(f->body);
	free(f);
}

/* What is in flight is sent again by whoever finds its lease run out. */
void
webhooks_free(struct webhooks *w)
{
	while (w->flights != NULL) {
		transfer_abort(w->multi, &w->flights->transfer);
		land(w, w->flights);
	}
	free(w);
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

/*
 * Whether the endpoint wants the event, by the ticket as it is now. Conditions
 * that do not hold any more want nothing; a failure of the database sends it.
 */
static bool
wanted(struct webhooks *w, struct arena *arena, const char *org, const PGresult *rows, int i)
{
	const struct db_context context = {
		.org = org, .actor_type = "system", .actor_id = "webhooks"
	};
	const char *text = db_get(rows, i, "conditions"), *ticket = db_get(rows, i, "ticket_id");
	const PGresult *found = NULL;
	struct condition c;
	const char **values;

	if (text == NULL || ticket == NULL)
		return true;
	db_begin(w->app, arena, DB_READ, &context);
	if (condition_load(w->app, arena, org, text, 3, CONDITION_STORED, &c)) {
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
	if (c.code != NULL)
		log_warn("webhook %s of %s wants no event: its conditions do not hold any more: %s",
		    db_get(rows, i, "webhook_id"), org, c.message);
	return c.code == NULL && (found == NULL || PQntuples(found) > 0);
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

/* Write down what it came to, and look for more for the endpoint. */
static void
landed(struct transfer *t, CURLcode result)
{
	struct flight *f = (struct flight *)t;
	struct webhooks *w = f->webhooks;
	const char *error, *org = arena_strdup(w->arena, f->org),
			   *webhook = arena_strdup(w->arena, f->webhook);
	long status = outgoing_result(f->out, result, &error);

	FAULT(webhook_answered);
	finish(w, w->arena, f->org, f->delivery, f->token, status, outgoing_ms(f->out), error,
	    f->out->blocked ? "" : outgoing_text(f->out, w->arena, "(not text)"),
	    f->out->retry_after_s);
	FAULT(webhook_finished);
	land(w, f);
	due_look_lane(w->due, w->arena, "webhook", org, webhook);
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
	f->webhooks = w;
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
	f->transfer = (struct transfer){ .curl = f->out->curl, .done = landed };
	transfer_start(w->multi, &f->transfer);
	FAULT(webhook_sent);
}

static void
run(void *arg, const char *org, const PGresult *claimed)
{
	struct webhooks *w = arg;
	const PGresult *rows;
	const char *token;
	int i;

	db_begin(w->db, w->arena, DB_READ, &everybody);
	rows = db_rows(w->db, SQL_WEBHOOK_LOAD, P(org, due_array(w->arena, claimed, -1, 0)));
	if (!db_commit(w->db))
		return;
	for (i = 0; i < PQntuples(rows); i++) {
		token = due_token(claimed, db_get(rows, i, "delivery_id"));
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

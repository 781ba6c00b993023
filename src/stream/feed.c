/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to streams. An organisation's page is read once and goes to all its
 * live streams; a stream that is behind has pages of its own, and only as its
 * reader takes them, so that catching up never fills its memory. A live one that
 * does not take a burst at once falls behind as well, and is not dropped for it.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/util.h"
#include "http/req.h"
#include "http/topics.h"
#include "store/db.h"
#include "stream/hub.h"

#define FEED_PAGE 50
#define BEHIND_PAGE 100
#define BEHIND_ROOM 16384 /* a stream with more pending waits with its next page */
#define AWAY_US 500000    /* after a failure PostgreSQL is left alone for so long */

static const PGresult *
ask(struct hub *h, enum sql_id sql, const char *org, int n, const char *const *values)
{
	struct db_context context = { .org = org };
	const PGresult *rows;

	if (mono_us() - h->db_failed_us < AWAY_US)
		return NULL;
	db_begin(h->db, h->arena, DB_READ, &context);
	rows = db_rows(h->db, sql, n, values);
	if (!db_commit(h->db))
		rows = NULL;
	if (rows == NULL)
		h->db_failed_us = mono_us();
	return rows;
}

bool
feed_bounds(struct hub *h, const char *org, int64_t *newest, int64_t *oldest)
{
	const PGresult *row = ask(h, SQL_STREAM_BOUNDS, org, P(org));

	if (row == NULL || PQntuples(row) == 0)
		return false;
	*newest = strtoll(PQgetvalue(row, 0, 0), NULL, 10);
	*oldest = strtoll(PQgetvalue(row, 0, 1), NULL, 10);
	return true;
}

static const PGresult *
page(struct hub *h, const char *org, int64_t after, int most)
{
	return ask(h, SQL_STREAM_PAGE, org,
	    P(org, arena_printf(h->arena, "%lld", (long long)after),
		arena_printf(h->arena, "%d", most)));
}

/* The event as in GET /api/v1/events. */
static void
put_event(struct buf *out, const PGresult *rows, int row)
{
	buf_printf(
	    out, "id: %s\nevent: %s\ndata: ", db_get(rows, row, "seq"), db_get(rows, row, "topic"));
	json_row(out, rows, row, NULL);
	buf_add(out, "\n\n", 2);
}

static bool
wants(const struct stream *s, const char *topic, const char *ticket)
{
	return topics_match(s->topics, topic) && words_match(s->tickets, ticket);
}

static int64_t
seq_of(const PGresult *rows, int row)
{
	return strtoll(db_get(rows, row, "seq"), NULL, 10);
}

static void
show_live(struct hub *h, struct org *o, const PGresult *rows, int row)
{
	const char *topic = db_get(rows, row, "topic"), *ticket = db_get(rows, row, "ticket_id");
	struct buf text = { .data = NULL };
	struct stream *s;

	o->seq = seq_of(rows, row);
	for (s = o->streams; s != NULL; s = s->next) {
		if (!s->live || s->seq >= o->seq)
			continue;
		if (s->pending_len - s->pending_at > BEHIND_ROOM) {
			s->live = false;
			h->nbehind++;
			continue;
		}
		if (wants(s, topic, ticket)) {
			if (text.data == NULL) {
				buf_init(&text, h->arena, 1024);
				put_event(&text, rows, row);
			}
			stream_send(h, s, text.data, text.len);
			FAULT(feed_half);
		}
		s->seq = o->seq;
	}
}

static void
feed_org(struct hub *h, struct org *o)
{
	const PGresult *rows = page(h, o->name, o->seq, FEED_PAGE);
	int i, n = rows == NULL ? 0 : PQntuples(rows);

	if (n > 0)
		FAULT(feed_read);
	for (i = 0; i < n; i++)
		show_live(h, o, rows, i);
	if (rows != NULL)
		o->dirty = n == FEED_PAGE;
	h->more |= n == FEED_PAGE;
	arena_reset(h->arena);
}

/* A page of its own; at the end of the sequence it is live. */
static void
catch_up(struct hub *h, struct stream *s)
{
	const PGresult *rows;
	struct buf text;
	int i, n;

	if (s->live || s->pending_len - s->pending_at > BEHIND_ROOM)
		return;
	rows = page(h, s->org->name, s->seq, BEHIND_PAGE);
	n = rows == NULL ? 0 : PQntuples(rows);
	if (n > 0)
		FAULT(page_read);
	for (i = 0; i < n && s->ended == NULL; i++) {
		if (s->pending_len - s->pending_at > BEHIND_ROOM)
			break;
		if (wants(s, db_get(rows, i, "topic"), db_get(rows, i, "ticket_id"))) {
			buf_init(&text, h->arena, 1024);
			put_event(&text, rows, i);
			stream_send(h, s, text.data, text.len);
			FAULT(page_half);
		}
		s->seq = seq_of(rows, i);
	}
	if (rows != NULL && i == n && n < BEHIND_PAGE) {
		s->live = true;
		s->seq = s->seq > s->org->seq ? s->seq : s->org->seq;
		h->nbehind--;
	}
	h->more |= n > 0 && !s->live && s->pending == NULL;
	arena_reset(h->arena);
}

void
feed_turn(struct hub *h)
{
	struct org *o;
	unsigned i;

	for (i = 0; i < ORG_BUCKETS; i++)
		for (o = h->orgs[i]; o != NULL; o = o->next)
			if (o->dirty)
				feed_org(h, o);
	if (h->nbehind > 0)
		each_stream(h, catch_up);
}

void
feed_live(struct hub *h, struct org *o, const char *text, size_t len)
{
	struct json_error error;
	struct json_object *all = json_parse(h->arena, text, len, &error);
	const char *topic, *ticket, *data;
	struct stream *s;
	struct buf out;

	if (!json_object_is_type(all, json_type_object))
		return;
	topic = json_object_get_string(json_object_object_get(all, "topic"));
	ticket = json_object_get_string(json_object_object_get(all, "ticket_id"));
	if (topic == NULL || !topic_pattern_valid(topic, strlen(topic)))
		return;
	data = json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN);
	buf_init(&out, h->arena, len + 128);
	buf_printf(&out, "event: %s\ndata: %s\n\n", topic, data);
	for (s = o->streams; s != NULL; s = s->next)
		if (wants(s, topic, ticket))
			stream_send(h, s, out.data, out.len);
}

/* With the place in the sequence, so that a stream of rare events resumes near its end. */
void
feed_keepalive(struct hub *h, struct stream *s)
{
	char now[25];
	const char *text;

	time_iso(now, wall_ms());
	text = arena_printf(h->arena,
	    "id: %lld\nevent: keepalive\ndata: {\"timestamp\":\"%s\"}\n\n", (long long)s->seq, now);
	stream_send(h, s, text, strlen(text));
}

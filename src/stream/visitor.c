/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that bring connections: see http/handoff.h for what is said. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "http/handoff.h"
#include "http/passport.h"
#include "stream/hub.h"

#define PATIENCE_US 15000000

static const char *
text(struct json_object *line, const char *name)
{
	const char *value = json_object_get_string(json_object_object_get(line, name));

	return value == NULL ? "" : value;
}

/* From where on: at the end, or behind the event that the client has seen. */
static bool
find_position(struct hub *h, struct stream *s, int64_t last, int64_t *newest)
{
	int64_t oldest;

	if (!feed_bounds(h, s->who.org, newest, &oldest))
		return false;
	s->seq = *newest;
	if (last == -2)
		return true;
	if (last < oldest - 1 || last > *newest)
		s->reset = true;
	else
		s->seq = last;
	return true;
}

/* "ok", "full" or "busy"; with "ok" the visitor has a place. */
static const char *
admit(struct hub *h, struct visitor *v, struct json_object *line)
{
	struct stream *s = xmalloc(sizeof(*s));
	int64_t last = json_object_get_int64(json_object_object_get(line, "last")), newest;
	struct org *o;

	if ((long)h->nstreams >= conf.stream_max || h->leaving ||
	    !passport_read(json_object_object_get(line, "who"), &s->who) ||
	    !find_position(h, s, last, &newest)) {
		stream_free(s);
		return "busy\n";
	}
	o = org_get(h, s->who.org);
	o->seats++;
	s->number = ++h->numbers;
	if (!seat_take(h, o, s->number)) {
		org_leave(h, o);
		stream_free(s);
		return "full\n";
	}
	FAULT(seat_taken);
	if (o->seq == -1)
		o->seq = newest; /* the first one here */
	s->org = o;
	s->address = xstrdup(text(line, "address"));
	s->topics = xstrdup(text(line, "topics"));
	s->tickets = xstrdup(text(line, "tickets"));
	v->place = s;
	return "ok\n";
}

static void
read_line(struct hub *h, struct visitor *v)
{
	ssize_t n =
	    recv(v->watch.fd, v->line + v->len, HANDOFF_LINE_MAX - 1 - v->len, MSG_DONTWAIT);
	struct json_object *line;
	struct json_error error;
	const char *answer = "busy\n";

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	v->len += n > 0 ? (size_t)n : 0;
	if (n <= 0 || v->len == HANDOFF_LINE_MAX - 1)
		v->done = true;
	if (v->done || v->line[v->len - 1] != '\n')
		return;
	line = json_parse(h->arena, v->line, v->len - 1, &error);
	if (line != NULL)
		answer = admit(h, v, line);
	h->refused += v->place == NULL;
	v->done = v->place == NULL;
	if (send(v->watch.fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		v->done = true;
	else if (v->place != NULL)
		FAULT(place_given);
	arena_reset(h->arena);
}

static void
say_reset(struct hub *h, struct stream *s)
{
	const char *out = arena_printf(h->arena,
	    "id: %lld\nevent: reset\ndata: {\"reason\":\"The events after the one given are not all kept.\","
	    "\"seq\":%lld}\n\n",
	    (long long)s->seq, (long long)s->seq);

	h->resets++;
	stream_send(h, s, out, strlen(out));
}

static void
take_connection(struct hub *h, struct visitor *v)
{
	struct stream *s = v->place;
	int64_t now = mono_us();
	uint32_t dice;

	v->done = true;
	s->watch.fd = handoff_take(v->watch.fd, &s->request_id);
	if (s->watch.fd == -1)
		return;
	v->place = NULL;
	FAULT(connection_taken);
	random_bytes(&dice, sizeof(dice));
	s->opened_us = s->progress_us = now;
	s->keepalive_us = now + conf.stream_keepalive * 1000000;
	s->recheck_us = now + conf.stream_recheck * (800000 + (long)(dice % 200000));
	s->next = s->org->streams;
	s->org->streams = s;
	s->live = s->seq >= s->org->seq;
	h->nstreams++;
	h->nbehind += !s->live;
	h->opened++;
	stream_open(h, s);
	if (s->reset)
		say_reset(h, s);
	arena_reset(h->arena);
}

void
visitor_handle(struct hub *h, struct visitor *v)
{
	if (v->done)
		return;
	if (v->place == NULL)
		read_line(h, v);
	else
		take_connection(h, v);
}

void
visitor_accept(struct hub *h)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct visitor *v;
	int fd = accept4(h->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd == -1)
		return;
	v = xmalloc(sizeof(*v));
	v->line = xmalloc(HANDOFF_LINE_MAX);
	v->watch = (struct watch){ .kind = WATCH_VISITOR, .fd = fd };
	v->until_us = mono_us() + PATIENCE_US;
	event.data.ptr = v;
	if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		v->done = true;
	v->next = h->visitors;
	h->visitors = v;
}

void
visitors_reap(struct hub *h)
{
	struct visitor **p = &h->visitors, *v;
	int64_t now = mono_us();

	while ((v = *p) != NULL) {
		if (!v->done && now < v->until_us) {
			p = &v->next;
			continue;
		}
		*p = v->next;
		if (v->place != NULL) {
			seat_leave(h, v->place->org, v->place->number);
			org_leave(h, v->place->org);
			stream_free(v->place);
		}
		close(v->watch.fd);
		free(v->line);
		free(v);
	}
}

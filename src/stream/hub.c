/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the stream process, and what it does by the clock. */
#include "stream/hub.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/util.h"
#include "http/passport.h"
#include "http/prefork.h"

#define TICK_US 100000
#define BEAT_US 10000000
#define FIGURES_US 2000000
#define RECHECKS_MAX 20 /* of a tick: 200 a second */

static void
recheck(struct hub *h, struct stream *s)
{
	enum standing standing;

	if (h->rechecks++ >= RECHECKS_MAX)
		return; /* next tick */
	standing = passport_check(h->db, h->arena, &s->who, s->address);
	s->recheck_us =
	    mono_us() + conf.stream_recheck * (standing == UNCERTAIN ? 100000 : 1000000);
	if (standing == FALLEN || (standing == STANDS && !principal_may(&s->who, S_TICKETS_READ))) {
		s->ended = "its credential counts no longer";
		h->revoked++;
	}
}

/* What is due for a stream. */
static void
look_after(struct hub *h, struct stream *s)
{
	int64_t now = mono_us();

	if (s->close_us != 0 && now >= s->close_us) {
		s->ended = "the process stops";
	} else if (s->pending != NULL && now - s->progress_us > conf.stream_stall * 1000000) {
		s->ended = "the reader takes nothing";
		h->stalled++;
	} else if (s->who.expires_ms != 0 && s->who.expires_ms <= wall_ms()) {
		s->ended = "its credential has expired";
		h->revoked++;
	} else if (now >= s->recheck_us) {
		recheck(h, s);
	}
	if (s->ended == NULL && now >= s->keepalive_us) {
		s->keepalive_us += conf.stream_keepalive * 1000000;
		if (s->pending == NULL)
			feed_keepalive(h, s);
	}
}

/* What waited for readers that are gone: a burst's memory is not kept for the next one. */
static void
give_back(struct hub *h)
{
	if (!h->slack)
		return;
	h->slack = false;
	malloc_trim(0);
}

static void
tick(struct hub *h)
{
	wake_turn(h);
	if (time_due(&h->tick_us, TICK_US)) {
		h->rechecks = 0;
		each_stream(h, look_after);
	}
	if (time_due(&h->beat_us, BEAT_US))
		seats_beat(h);
	if (time_due(&h->figures_us, FIGURES_US)) {
		figures_write(h);
		give_back(h);
	}
	arena_reset(h->arena);
}

/* Those that ended in this turn, now that nobody holds them. */
static void
reap(struct hub *h)
{
	struct org *o, *next;
	struct stream **p, *s;
	unsigned i;

	visitors_reap(h);
	for (i = 0; i < ORG_BUCKETS; i++)
		for (o = h->orgs[i]; o != NULL; o = next) {
			next = o->next;
			o->seats++; /* it stays while we walk it */
			for (p = &o->streams; (s = *p) != NULL;) {
				if (s->ended == NULL) {
					p = &s->next;
					continue;
				}
				*p = s->next;
				stream_close(h, s);
			}
			org_leave(h, o);
		}
	arena_reset(h->arena);
}

/* Each in its own time, so that they do not all come back at once. */
static void
spread(struct hub *h, struct stream *s)
{
	uint32_t dice;

	(void)h;
	random_bytes(&dice, sizeof(dice));
	s->close_us = mono_us() + 1 + (int64_t)(dice % 1000) * conf.stream_drain * 1000;
}

static void
leave(struct hub *h)
{
	if (h->leaving) { /* told twice */
		h->leave_us = 0;
		return;
	}
	h->leaving = true;
	h->leave_us = mono_us() + (conf.stream_drain + 1) * 1000000;
	notify_systemd("STOPPING=1");
	close(h->listener.fd); /* our successor may listen */
	each_stream(h, spread);
}

static void
handle(struct hub *h, const struct epoll_event *event)
{
	struct watch *w = event->data.ptr;
	char info[512];

	switch (w->kind) {
	case WATCH_LISTEN:
		visitor_accept(h);
		break;
	case WATCH_SIGNAL:
		if (read(w->fd, info, sizeof(info)) > 0)
			leave(h);
		break;
	case WATCH_REDIS:
		wake_read(h);
		break;
	case WATCH_VISITOR:
		visitor_handle(h, (struct visitor *)w);
		break;
	case WATCH_STREAM:
		stream_handle(h, (struct stream *)w, event->events);
		break;
	}
}

static void
watch(struct hub *h, struct watch *w)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = w };

	if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, w->fd, &event) == -1)
		fatal("epoll: %s", strerror(errno));
}

int
hub_run(struct hub *h, int listen_fd)
{
	struct epoll_event events[256];
	int i, n;

	h->listener = (struct watch){ .kind = WATCH_LISTEN, .fd = listen_fd };
	h->signals.kind = WATCH_SIGNAL;
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->db_failed_us = -10000000;
	watch(h, &h->listener);
	watch(h, &h->signals);
	seats_init(h);
	for (;;) {
		tick(h);
		h->more = false;
		feed_turn(h);
		reap(h);
		if (h->leaving && (h->nstreams == 0 || mono_us() > h->leave_us))
			return 0;
		n = epoll_wait(h->epoll, events, LENGTH(events), h->more ? 0 : 100);
		if (n == -1 && errno != EINTR) {
			log_error("epoll_wait: %s", strerror(errno));
			return 1;
		}
		for (i = 0; i < n; i++)
			handle(h, &events[i]);
	}
}

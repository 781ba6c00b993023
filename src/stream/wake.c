/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subscription. What it says is a hint: after each gap in it, every second
 * while Redis is away, and every ten seconds in any case, PostgreSQL is asked.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/util.h"
#include "store/redis.h"
#include "stream/hub.h"

#define EVENTS "serviceos:events:"
#define LIVE "serviceos:live:"
#define SECOND_US 1000000
#define SILENCE_US 3000000 /* a subscription that does not even answer a PING */
#define POLL_US 10000000

static void
all_dirty(struct hub *h)
{
	struct org *o;
	unsigned i;

	for (i = 0; i < ORG_BUCKETS; i++)
		for (o = h->orgs[i]; o != NULL; o = o->next)
			o->dirty = true;
}

static void
unsubscribe(struct hub *h)
{
	log_warn("the subscription to Redis is lost; looking every second");
	redisFree(h->subscribed); /* closing takes it out of the epoll set */
	h->subscribed = NULL;
}

static bool
say(struct hub *h, const char *command)
{
	int done = 0;

	return redisAppendCommand(h->subscribed, command) == REDIS_OK &&
	       redisBufferWrite(h->subscribed, &done) == REDIS_OK;
}

static void
subscribe(struct hub *h)
{
	struct timeval limit = { .tv_usec = 50000 };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &h->wake };

	h->subscribed = redis_connect_plain(conf.redis_url, limit);
	if (h->subscribed == NULL)
		return;
	h->wake = (struct watch){ .kind = WATCH_REDIS, .fd = h->subscribed->fd };
	h->heard_us = mono_us();
	if (!say(h, "PSUBSCRIBE " EVENTS "* " LIVE "*") ||
	    epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->wake.fd, &event) == -1) {
		unsubscribe(h);
		return;
	}
	all_dirty(h); /* what was published while we were deaf */
}

/* ["pmessage", pattern, channel, text]; all else is the answer to a command of ours. */
static void
note(struct hub *h, const redisReply *m)
{
	const char *channel;
	struct org *o;

	if (m->type != REDIS_REPLY_ARRAY || m->elements != 4 ||
	    m->element[2]->type != REDIS_REPLY_STRING || m->element[3]->type != REDIS_REPLY_STRING)
		return;
	channel = m->element[2]->str;
	if (strncmp(channel, EVENTS, strlen(EVENTS)) == 0) {
		o = org_find(h, channel + strlen(EVENTS));
		if (o != NULL && strtoll(m->element[3]->str, NULL, 10) > o->seq)
			o->dirty = true;
	} else if (strncmp(channel, LIVE, strlen(LIVE)) == 0) {
		o = org_find(h, channel + strlen(LIVE));
		if (o != NULL)
			feed_live(h, o, m->element[3]->str, m->element[3]->len);
	}
}

void
wake_read(struct hub *h)
{
	void *reply = NULL;
	int result;

	if (h->subscribed == NULL)
		return;
	h->heard_us = mono_us();
	if (redisBufferRead(h->subscribed) != REDIS_OK) {
		unsubscribe(h);
		return;
	}
	while ((result = redisGetReplyFromReader(h->subscribed, &reply)) == REDIS_OK &&
	       reply != NULL) {
		note(h, reply);
		freeReplyObject(reply);
	}
	if (result != REDIS_OK)
		unsubscribe(h);
	arena_reset(h->arena);
}

void
wake_turn(struct hub *h)
{
	int64_t now = mono_us();

	if (now >= h->subscribe_us) {
		h->subscribe_us = now + SECOND_US;
		if (h->subscribed != NULL && (now - h->heard_us > SILENCE_US || !say(h, "PING")))
			unsubscribe(h);
		if (h->subscribed == NULL)
			subscribe(h);
		if (h->subscribed == NULL)
			h->poll_us = now;
	}
	if (now >= h->poll_us) {
		h->poll_us = now + POLL_US;
		all_dirty(h);
	}
}

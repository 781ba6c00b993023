/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_HUB_H
#define SERVICEOS_HUB_H

/*
 * The stream process: thousands of connections in one epoll loop. A stream is
 * either live, when it has all that its organisation's feed has shown, or behind,
 * when it reads pages of its own from PostgreSQL until it is live. Redis only
 * says that there is something new; PostgreSQL says what.
 */

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/principal.h"
#include "base/buf.h"

struct db;
struct json_object;
struct redis;

/* What a descriptor in the epoll set is; the first member of what it belongs to. */
enum watched { WATCH_LISTEN, WATCH_SIGNAL, WATCH_REDIS, WATCH_VISITOR, WATCH_STREAM };
struct watch {
	enum watched kind;
	int fd;
};

struct stream {
	struct watch watch;
	int request_id;
	struct stream *next; /* of the same organisation */
	struct org *org;
	struct principal who;
	char *address, *topics, *tickets;
	unsigned long number; /* of its seat */
	int64_t seq;          /* all up to here has been sent, or was not wanted */
	bool live, reset;
	const char *ended; /* why; it goes at the end of the loop's turn */
	char *pending;     /* what the reader has not taken yet */
	size_t pending_len, pending_at, pending_cap;
	int64_t opened_us, progress_us, keepalive_us, recheck_us, close_us;
	long sent;
};

/* An organisation with streams here. */
struct org {
	struct org *next; /* of the same hash */
	char name[64];
	int64_t seq; /* the live streams have all up to here */
	bool dirty;  /* there may be more */
	bool seated; /* the seats of a process before us are gone */
	unsigned seats;
	struct stream *streams;
};

/* A worker that asks for a place, and gives the connection then. */
struct visitor {
	struct watch watch;
	struct visitor *next;
	struct stream *place; /* NULL until the line is read and a place is free */
	int64_t until_us;
	char *line;
	size_t len;
	bool done;
};

#define ORG_BUCKETS 1024

struct hub {
	int epoll;
	struct watch listener, signals, wake;
	struct db *db;
	struct redis *redis;
	struct arena *arena;
	struct org *orgs[ORG_BUCKETS];
	struct visitor *visitors;
	redisContext *subscribed; /* NULL while Redis is away */
	int64_t heard_us, subscribe_us, poll_us, tick_us, beat_us, figures_us, db_failed_us;
	char place[64]; /* of our seats in Redis: host and socket, then this process */
	unsigned long numbers;
	unsigned nstreams, nbehind, rechecks;
	bool more;  /* the next turn comes without waiting */
	bool slack; /* streams have gone for which something waited */
	bool leaving;
	int64_t leave_us;
	long opened, refused, sent, slow, stalled, revoked, resets;
};

/* Until SIGTERM, and until the streams have ended then. listen_fd: stream.sock. */
int hub_run(struct hub *, int listen_fd);

/* hub_org.c */
struct org *org_find(struct hub *, const char *name);
struct org *org_get(struct hub *, const char *name); /* made when there is none */
void org_leave(struct hub *, struct org *);          /* a seat less; nobody left: it goes */
/* Call for each stream; one that has ended is skipped. */
void each_stream(struct hub *, void (*fn)(struct hub *, struct stream *));

/* visitor.c */
void visitor_accept(struct hub *);
void visitor_handle(struct hub *, struct visitor *);
void visitors_reap(struct hub *);

/* seats.c: how many streams an organisation has, across processes and hosts. */
void seats_init(struct hub *);
bool seat_take(struct hub *, struct org *, unsigned long number);
void seat_leave(struct hub *, struct org *, unsigned long number);
void seats_beat(struct hub *);

/* wire.c: a connection to the web server. */
/* Its first words; the connection is ours from here on. */
void stream_open(struct hub *, struct stream *);
void stream_send(struct hub *, struct stream *, const char *text, size_t);
void stream_handle(struct hub *, struct stream *, unsigned events);
/* With the end of the reply when there is room for it; gives back all that it has. */
void stream_close(struct hub *, struct stream *);
void stream_free(struct stream *);

/* feed.c: events to streams. */
/* Where the organisation's sequence ends and begins; false while PostgreSQL is away. */
bool feed_bounds(struct hub *, const char *org, int64_t *newest, int64_t *oldest);
void feed_turn(struct hub *);
/* One that is not kept: {"topic":…, "ticket_id":…, "data":…}. */
void feed_live(struct hub *, struct org *, const char *text, size_t);
void feed_keepalive(struct hub *, struct stream *);

/* wake.c: Redis' word that there is something. */
void wake_turn(struct hub *);
void wake_read(struct hub *);

/* figures.c */
void figures_write(struct hub *);

#endif

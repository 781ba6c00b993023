/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a worker.
 *
 * Leaving takes care, because FastCGI has no "Connection: close": closing a
 * kept connection at the moment the web server writes the next request to it
 * would lose one that must not be repeated. So a leaving worker accepts nobody
 * new, serves on, and has the web server do the closing: it says something
 * that is not part of a reply (fcgi_hint_close()), on every quiet connection
 * and after each reply. nginx then drops the connection instead of keeping it;
 * a request that was just under way passes unharmed.
 */
#include "http/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/util.h"
#include "http/fcgi_request.h"
#include "http/handoff.h"
#include "http/prefork.h"
#include "http/req.h"

#define CONNECTIONS_MAX 1024
#define READ_TIMEOUT_S 2 /* the web server has the whole request before it sends the first byte */
#define WRITE_TIMEOUT_S 10
#define LEAVE_QUIET_MS 2000 /* a web server that does not take the hint has no more to say */
#define SPARE_S 5           /* after the master should have ended a worker, it ends itself */

struct connection {
	int fd;
	int request_id; /* of the last request */
	int64_t used_ms;
};

struct loop {
	struct worker *worker;
	struct slot *slot;
	int epoll;
	int listen_fd;
	struct connection connections[CONNECTIONS_MAX];
	unsigned nconnections;
	bool listening; /* the listening socket is in the epoll set */
	bool put_off;   /* a newcomer was left waiting in the last round */
	bool leaving;
	long left; /* requests until this worker asks to be replaced; -1 for never */
};

static volatile sig_atomic_t told_to_leave, busy, extended, reading_fd = -1;

static void
on_term(int sig)
{
	(void)sig;
	told_to_leave = 1;
}

/*
 * A request that does not come in time: libfcgi's read() ends, now or when it
 * is next called. A request that came has its own time after that; then the
 * master should have ended us, so there is none any more. One timer serves
 * both, set once a request: system calls are what a small reply costs.
 */
static void
on_alarm(int sig)
{
	int saved = errno;

	(void)sig;
	if (reading_fd != -1)
		shutdown(reading_fd, SHUT_RD);
	else if (busy && extended)
		_exit(1);
	if (busy) {
		extended = 1;
		alarm((unsigned)conf.request_timeout + SPARE_S - READ_TIMEOUT_S);
	}
	errno = saved;
}

/* libfcgi installs its own handlers when it is initialised, so ours come after. */
static void
take_signals(void)
{
	struct sigaction leave = { .sa_handler = on_term, .sa_flags = SA_RESTART };
	struct sigaction late = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	FCGX_Init();
	sigaction(SIGALRM, &late, NULL);
	sigaction(SIGTERM, &leave, NULL);
	sigaction(SIGINT, &ignore, NULL); /* the master tells us */
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGUSR1, &ignore, NULL);
}

/* A full worker leaves newcomers to the others. */
static void
listen_or_not(struct loop *l)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = l->listen_fd };
	bool want = !l->leaving && l->nconnections < CONNECTIONS_MAX;

	if (want != l->listening &&
	    epoll_ctl(l->epoll, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l->listen_fd, &event) == 0)
		l->listening = want;
}

static void
forget(struct loop *l, struct connection *c, bool close_it)
{
	if (close_it) /* closing takes it out of the epoll set as well */
		close(c->fd);
	*c = l->connections[--l->nconnections];
}

static void
accept_one(struct loop *l)
{
	struct timeval in = { .tv_sec = READ_TIMEOUT_S }, out = { .tv_sec = WRITE_TIMEOUT_S };
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP };
	int fd;

	if (l->nconnections == CONNECTIONS_MAX)
		return;
	fd = accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd == -1)
		return; /* another worker was faster */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &in, sizeof(in));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &out, sizeof(out));
	event.data.fd = fd;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == -1) {
		close(fd);
		return;
	}
	l->connections[l->nconnections++] =
	    (struct connection){ .fd = fd, .request_id = 1, .used_ms = mono_ms() };
}

/* The whole request, within its time. When it fails, libfcgi has closed the descriptor. */
static bool
read_request(struct arena *arena, FCGX_Request *fcgi, int fd, struct http_request *in)
{
	bool complete;

	FCGX_InitRequest(fcgi, -1, 0);
	fcgi->ipcFd = fd;
	fcgi->keepConnection = 1;
	fcgi->detached = 1; /* closing does not wait for the peer */
	reading_fd = fd;
	extended = 0;
	alarm(READ_TIMEOUT_S); /* not switched off after the request: the next one sets it anew */
	complete = FCGX_Accept_r(fcgi) == 0 && fcgi_read_request(arena, fcgi, in);
	reading_fd = -1;
	if (!complete)
		FCGX_Free(fcgi, 1);
	return complete;
}

/*
 * The connection becomes the stream process'. Its descriptor lives on there, so
 * closing ours would leave it in the epoll set: it is taken out first.
 */
static void
give_away(struct loop *l, struct connection *c, FCGX_Request *fcgi, const struct http_reply *out)
{
	if (fcgi_write_head(c->fd, fcgi->requestId, l->worker->arena, out)) {
		FAULT(stream_headed);
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		if (!handoff_give(out->handoff, c->fd, fcgi->requestId))
			log_warn("a connection could not be given to serviceos-stream: %s",
			    strerror(errno));
		FAULT(stream_given);
	}
	close(out->handoff);
	FCGX_Free(fcgi, 1);
}

/* One request on a readable connection. False when the connection is finished. */
static bool
serve_one(struct loop *l, struct connection *c)
{
	FCGX_Request fcgi;
	struct http_request in;
	struct http_reply out = { .handoff = 0 };
	bool keep = false;

	l->slot->busy_since_ms = mono_ms();
	busy = 1;
	if (read_request(l->worker->arena, &fcgi, c->fd, &in)) {
		c->request_id = fcgi.requestId;
		FAULT(request_read);
		http_dispatch(l->worker, &in, &out);
		if (in.read != NULL)
			fcgi_drain(&fcgi);
		if (out.handoff != 0) {
			give_away(l, c, &fcgi, &out);
		} else {
			keep = fcgi_write_reply(
				   c->fd, fcgi.requestId, l->worker->arena, &out, l->leaving) &&
			       fcgi.keepConnection;
			FCGX_Free(&fcgi, !keep);
			FAULT(replied);
		}
		l->slot->served++;
		if (l->left > 0 && --l->left == 0)
			l->slot->spent = 1;
	}
	arena_reset(l->worker->arena);
	busy = 0;
	l->slot->route = -1;
	l->slot->busy_since_ms = 0;
	return keep;
}

static struct connection *
find(struct loop *l, int fd)
{
	unsigned i;

	for (i = 0; i < l->nconnections; i++)
		if (l->connections[i].fd == fd)
			return &l->connections[i];
	return NULL;
}

static void
handle(struct loop *l, const struct epoll_event *event)
{
	struct connection *c = find(l, event->data.fd);

	if (c == NULL)
		return;
	if ((event->events & EPOLLIN) == 0) {
		forget(l, c, true);
		return;
	}
	if (serve_one(l, c))
		c->used_ms = mono_ms();
	else
		forget(l, c, false); /* libfcgi has closed it */
}

/*
 * Who is connected is served first. A newcomer taken in the same round would
 * have to wait for that, although another worker may be idle sooner. In the
 * next round it is taken in any case: those who ask all the time must not keep it out.
 */
static void
handle_all(struct loop *l, const struct epoll_event *events, int n)
{
	bool newcomer = false, served = false;
	int i;

	for (i = 0; i < n; i++) {
		if (events[i].data.fd == l->listen_fd) {
			newcomer = true;
		} else {
			handle(l, &events[i]);
			served = true;
		}
	}
	if (newcomer && (!served || l->put_off)) {
		accept_one(l);
		newcomer = false;
	}
	l->put_off = newcomer;
}

static void
start_leaving(struct loop *l)
{
	int64_t now = mono_ms();
	unsigned i;

	l->leaving = true;
	for (i = 0; i < l->nconnections; i++) {
		l->connections[i].used_ms = now;
		fcgi_hint_close(l->connections[i].fd, l->connections[i].request_id);
	}
}

/* Whether nobody is connected any more. */
static bool
left_alone(struct loop *l)
{
	int64_t now = mono_ms();
	unsigned i = 0;

	while (i < l->nconnections) {
		if (now - l->connections[i].used_ms >= LEAVE_QUIET_MS)
			forget(l, &l->connections[i], true);
		else
			i++;
	}
	return l->nconnections == 0;
}

static long
request_budget(void)
{
	uint32_t dice;

	if (conf.max_requests == 0)
		return -1;
	random_bytes(&dice, sizeof(dice));
	return conf.max_requests * (80 + (long)(dice % 41)) / 100;
}

static int
run(struct loop *l)
{
	struct epoll_event events[64];
	sigset_t term, before;
	int n;

	/* SIGTERM comes only while waiting, so that none is missed between look and wait. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	sigdelset(&before, SIGTERM);
	l->slot->ready = 1;
	for (;;) {
		n = epoll_pwait(l->epoll, events, LENGTH(events),
		    l->worker->ping_due || log_waiting() ? 5
		    : l->leaving                         ? 50
							 : 1000,
		    &before);
		if (n == -1 && errno != EINTR) {
			log_error("epoll_wait: %s", strerror(errno));
			return 1;
		}
		if (n == 0)
			log_flush();
		handle_all(l, events, n); /* none when a signal came: n is -1 */
		worker_tick(l->worker);
		if (!l->leaving && (l->slot->leave || told_to_leave))
			start_leaving(l);
		if (l->leaving && left_alone(l)) {
			log_flush();
			return 0;
		}
		listen_or_not(l);
	}
}

int
fcgi_serve(struct worker *worker, struct slot *slot, const struct pool *pool)
{
	static struct loop l;

	take_signals();
	l = (struct loop){ .worker = worker,
		.slot = slot,
		.listen_fd = pool->listen_fd,
		.left = request_budget() };
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	listen_or_not(&l);
	if (!l.listening) {
		log_error("epoll: %s", strerror(errno));
		return 1;
	}
	return run(&l);
}

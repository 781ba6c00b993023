/* SPDX-License-Identifier: Apache-2.0 */
#include "http/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "http/fcgi_request.h"
#include "http/prefork.h"
#include "http/req.h"

#define CONNECTIONS_MAX 1024
#define READ_TIMEOUT_S 2   /* the web server has the whole request before it sends the first byte */
#define WRITE_TIMEOUT_S 10
#define IDLE_LEAVE_MS 300  /* a leaving worker closes connections that were quiet for so long */

struct connection {
	int fd;
	int64_t used_ms;
};

struct loop {
	struct worker *worker;
	struct slot *slot;
	int epoll;
	int listen_fd;
	struct connection connections[CONNECTIONS_MAX];
	unsigned nconnections;
	long left; /* requests until this worker is replaced; -1 for no end */
};

static volatile sig_atomic_t told_to_leave;

static void
on_term(int sig)
{
	(void)sig;
	told_to_leave = 1;
}

/* libfcgi installs its own handlers when it is initialised, so ours come after. */
static void
take_signals(void)
{
	struct sigaction leave = { .sa_handler = on_term, .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	FCGX_Init();
	sigaction(SIGTERM, &leave, NULL);
	sigaction(SIGINT, &ignore, NULL); /* the master tells us */
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGUSR1, &ignore, NULL);
}

static int64_t
now_ms(void)
{
	return mono_us() / 1000;
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
	l->connections[l->nconnections++] = (struct connection){ .fd = fd, .used_ms = now_ms() };
}

/* One request on a readable connection. False when the connection is finished. */
static bool
serve_one(struct loop *l, int fd)
{
	FCGX_Request fcgi;
	struct http_request in;
	struct http_reply out;
	bool keep;

	FCGX_InitRequest(&fcgi, -1, 0);
	fcgi.ipcFd = fd;
	fcgi.keepConnection = 1;
	fcgi.detached = 1;
	l->slot->busy_since_ms = now_ms();
	if (FCGX_Accept_r(&fcgi) < 0) {
		/* Closed by libfcgi: the peer left, was silent, or spoke nonsense. */
		l->slot->busy_since_ms = 0;
		return false;
	}
	keep = fcgi_read_request(l->worker->arena, &fcgi, &in);
	if (keep) {
		http_dispatch(l->worker, &in, &out);
		keep = fcgi_write_reply(fd, fcgi.requestId, l->worker->arena, &out);
	}
	FCGX_Free(&fcgi, !keep);
	arena_reset(l->worker->arena);
	l->slot->route = -1;
	l->slot->served++;
	l->slot->busy_since_ms = 0;
	if (l->left > 0 && --l->left == 0)
		l->slot->leave = 1;
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
	struct connection *c;

	if (event->data.fd == l->listen_fd) {
		accept_one(l);
		return;
	}
	c = find(l, event->data.fd);
	if (c == NULL)
		return;
	if ((event->events & EPOLLIN) == 0) {
		forget(l, c, true);
		return;
	}
	if (serve_one(l, c->fd))
		c->used_ms = now_ms();
	else
		forget(l, c, false); /* libfcgi has closed it */
}

/*
 * Leaving: no new connections, but the kept ones are served until each has
 * been quiet for a while. Closing one at the moment the web server writes to
 * it would lose a request that must not be repeated.
 */
static bool
close_quiet(struct loop *l)
{
	int64_t now = now_ms();
	unsigned i = 0;

	while (i < l->nconnections) {
		if (now - l->connections[i].used_ms >= IDLE_LEAVE_MS)
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
	bool leaving = false;
	int i, n;

	l->slot->ready = 1;
	for (;;) {
		n = epoll_wait(l->epoll, events, LENGTH(events),
		    l->worker->ping_due || leaving ? 5 : 1000);
		if (n == -1 && errno != EINTR) {
			log_error("epoll_wait: %s", strerror(errno));
			return 1;
		}
		for (i = 0; i < n; i++)
			handle(l, &events[i]);
		worker_tick(l->worker);
		if (!leaving && (l->slot->leave || told_to_leave)) {
			leaving = true;
			epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->listen_fd, NULL);
		}
		if (leaving && close_quiet(l))
			return 0;
	}
}

int
fcgi_serve(struct worker *worker, struct slot *slot, const struct pool *pool)
{
	static struct loop l;
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };

	take_signals();
	l = (struct loop){ .worker = worker, .slot = slot, .listen_fd = pool->listen_fd,
		.left = request_budget() };
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = pool->listen_fd;
	if (l.epoll == -1 || epoll_ctl(l.epoll, EPOLL_CTL_ADD, pool->listen_fd, &event) == -1) {
		log_error("epoll: %s", strerror(errno));
		return 1;
	}
	return run(&l);
}

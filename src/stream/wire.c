/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream's connection: FastCGI records to the web server. What the kernel does
 * not take at once waits in memory of the stream's own, which is there only then.
 */
#include <errno.h>
#include <fastcgi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/util.h"
#include "http/fcgi_request.h"
#include "stream/hub.h"

#define PENDING_MAX 65536
#define PENDING_STEP 8192
#define SEND_BUFFER 16384 /* the kernel must not hide how far a reader is behind */
#define RECORD_MAX 65528

static void
listen_for(struct hub *h, struct stream *s, bool room)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | (room ? EPOLLOUT : 0),
		.data.ptr = s };

	epoll_ctl(h->epoll, EPOLL_CTL_MOD, s->watch.fd, &event);
}

static void
keep(struct hub *h, struct stream *s, const void *data, size_t len)
{
	size_t held = s->pending_len - s->pending_at;

	if (held == 0) {
		s->progress_us = mono_us();
		listen_for(h, s, true);
	}
	if (s->pending_at > 0) {
		memmove(s->pending, s->pending + s->pending_at, held);
		s->pending_len = held;
		s->pending_at = 0;
	}
	if (held + len > s->pending_cap) {
		s->pending_cap = (held + len + PENDING_STEP - 1) / PENDING_STEP * PENDING_STEP;
		s->pending = realloc(s->pending, s->pending_cap);
		if (s->pending == NULL)
			abort();
	}
	memcpy(s->pending + held, data, len);
	s->pending_len = held + len;
}

/* A record of at most RECORD_MAX bytes. */
static void
put(struct hub *h, struct stream *s, const char *text, size_t len)
{
	unsigned char header[FCGI_HEADER_LEN];
	struct iovec iov[2] = { { .iov_base = header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)text, .iov_len = len } };
	ssize_t done = 0;

	fcgi_record(header, FCGI_STDOUT, s->request_id, len);
	if (s->pending_len == s->pending_at) {
		done = writev(s->watch.fd, iov, 2);
		if (done == -1 && errno != EAGAIN && errno != EINTR) {
			s->ended = "the web server is gone";
			return;
		}
		if (done < 0)
			done = 0;
	}
	if ((size_t)done < sizeof(header))
		keep(h, s, header + done, sizeof(header) - (size_t)done);
	done -= done < (ssize_t)sizeof(header) ? done : (ssize_t)sizeof(header);
	if ((size_t)done < len)
		keep(h, s, text + done, len - (size_t)done);
}

void
stream_send(struct hub *h, struct stream *s, const char *text, size_t len)
{
	size_t piece;

	if (s->ended != NULL)
		return;
	if (s->pending_len - s->pending_at >= PENDING_MAX) {
		s->ended = "the reader is too slow";
		h->slow++;
		return;
	}
	for (; len > 0 && s->ended == NULL; text += piece, len -= piece) {
		piece = len > RECORD_MAX ? RECORD_MAX : len;
		put(h, s, text, piece);
	}
	s->sent++;
	h->sent++;
}

static void
write_pending(struct hub *h, struct stream *s)
{
	ssize_t done = send(s->watch.fd, s->pending + s->pending_at, s->pending_len - s->pending_at,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (done == -1) {
		if (errno != EAGAIN && errno != EINTR)
			s->ended = "the web server is gone";
		return;
	}
	s->progress_us = mono_us();
	s->pending_at += (size_t)done;
	if (s->pending_at < s->pending_len)
		return;
	free(s->pending);
	s->pending = NULL;
	s->pending_len = s->pending_at = s->pending_cap = 0;
	listen_for(h, s, false);
}

void
stream_handle(struct hub *h, struct stream *s, unsigned events)
{
	char rest[256];
	ssize_t n;

	if (s->ended != NULL)
		return;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0) {
		n = recv(s->watch.fd, rest, sizeof(rest), MSG_DONTWAIT);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
			s->ended = "the reader has left";
			return;
		}
	}
	if ((events & EPOLLOUT) != 0 && s->pending != NULL)
		write_pending(h, s);
}

void
stream_open(struct hub *h, struct stream *s)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = s };
	int size = SEND_BUFFER;
	const char *first;

	s->watch.kind = WATCH_STREAM;
	fcntl(s->watch.fd, F_SETFL, fcntl(s->watch.fd, F_GETFL) | O_NONBLOCK);
	setsockopt(s->watch.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, s->watch.fd, &event) == -1)
		s->ended = "it cannot be watched";
	/* The id without data is no event, but the place to resume from when there is none yet. */
	first = arena_printf(h->arena, "retry: 3000\nid: %lld\n\n", (long long)s->seq);
	stream_send(h, s, first, strlen(first));
}

/* A client that was told to come back only when our successor is there. */
static void
say_when(struct hub *h, struct stream *s)
{
	int64_t left = (h->leave_us - mono_us()) / 1000;
	uint32_t dice;
	const char *text;

	random_bytes(&dice, sizeof(dice));
	text = arena_printf(
	    h->arena, "retry: %lld\n\n", (long long)((left > 0 ? left : 0) + 1000 + dice % 2000));
	stream_send(h, s, text, strlen(text));
}

void
stream_free(struct stream *s)
{
	free(s->address);
	free(s->topics);
	free(s->tickets);
	free(s->pending);
	free(s);
}

void
stream_close(struct hub *h, struct stream *s)
{
	unsigned char end[3 * FCGI_HEADER_LEN] = { 0 };

	if (s->close_us != 0) {
		s->ended = NULL;
		say_when(h, s);
		s->ended = "the process stops";
	}
	log_info("a stream of %s ended after %lld s and %ld messages: %s", s->org->name,
	    (long long)((mono_us() - s->opened_us) / 1000000), s->sent, s->ended);
	if (s->pending == NULL) {
		fcgi_record(end, FCGI_STDOUT, s->request_id, 0);
		fcgi_record(end + FCGI_HEADER_LEN, FCGI_END_REQUEST, s->request_id, 8);
		(void)!send(s->watch.fd, end, sizeof(end), MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	h->slack |= s->pending != NULL;
	close(s->watch.fd);
	FAULT(stream_over);
	h->nstreams--;
	h->nbehind -= !s->live;
	seat_leave(h, s->org, s->number);
	org_leave(h, s->org);
	stream_free(s);
}

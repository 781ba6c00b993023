/* SPDX-License-Identifier: Apache-2.0 */
/* A web server's side of FastCGI, for the tests of the worker's side. */
#include "fcgi_wire.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"

#include <check.h>

#define WIRE_MAX (8 << 20)

char socket_path[128];
struct wire out;
char *params;
size_t params_len;
static char *text_buffer;

void
wire_setup(void)
{
	out.data = malloc(WIRE_MAX);
	params = malloc(WIRE_MAX);
	text_buffer = malloc(WIRE_MAX);
}

void
wire_teardown(void)
{
	free(out.data);
	free(params);
	free(text_buffer);
}

/* ---- composing records */

static void
put(const void *data, size_t len)
{
	ck_assert_uint_le(out.len + len, WIRE_MAX);
	memcpy(out.data + out.len, data, len);
	out.len += len;
}

static void
record(int type, int id, const void *data, size_t len, unsigned char padding)
{
	unsigned char header[8] = { 1, (unsigned char)type, (unsigned char)(id >> 8),
		(unsigned char)id, (unsigned char)(len >> 8), (unsigned char)len, padding, 0 };
	static const char nothing[256];

	put(header, sizeof(header));
	put(data, len);
	put(nothing, padding);
}

void
begin(int id, int role, int flags)
{
	unsigned char body[8] = { (unsigned char)(role >> 8), (unsigned char)role,
		(unsigned char)flags };

	record(FCGI_BEGIN_REQUEST, id, body, sizeof(body), 0);
}

static void
length(size_t n)
{
	if (n < 128) {
		params[params_len++] = (char)n;
		return;
	}
	params[params_len++] = (char)(0x80 | n >> 24);
	params[params_len++] = (char)(n >> 16);
	params[params_len++] = (char)(n >> 8);
	params[params_len++] = (char)n;
}

void
param(const char *name, const char *value)
{
	size_t n = strlen(name), v = strlen(value);

	length(n);
	length(v);
	memcpy(params + params_len, name, n);
	memcpy(params + params_len + n, value, v);
	params_len += n + v;
}

void
stream(int type, int id, const char *data, size_t len, size_t piece, unsigned char padding)
{
	size_t at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		record(type, id, data + at, n, padding);
	}
	record(type, id, "", 0, 0);
}

void
target(const char *method, const char *uri)
{
	out.len = params_len = 0;
	param("REQUEST_METHOD", method);
	param("REQUEST_URI", uri);
	param("REMOTE_ADDR", "192.0.2.7");
}

void
finish(const char *body, size_t len)
{
	begin(1, FCGI_RESPONDER, FCGI_KEEP_CONN);
	stream(FCGI_PARAMS, 1, params, params_len, 60000, 0);
	stream(FCGI_STDIN, 1, body, len, 60000, 0);
}

void
get(const char *uri)
{
	target("GET", uri);
	finish("", 0);
}

void
post(const char *uri, const char *body, size_t len)
{
	char text[24];

	target("POST", uri);
	snprintf(text, sizeof(text), "%zu", len);
	param("CONTENT_LENGTH", text);
	finish(body, len);
}

/* ---- talking to the worker */

int
dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

bool
say(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = send(fd, p, len, MSG_NOSIGNAL)) <= 0)
			return false;
	return true;
}

/* False at the end of the connection or after 8 s. */
static bool
hear(int fd, void *data, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char *at = data;
	ssize_t n;

	for (; len > 0; at += n, len -= (size_t)n)
		if (poll(&p, 1, 8000) != 1 || (n = read(fd, at, len)) <= 0)
			return false;
	return true;
}

int
hear_record(int fd, int *id, char *data, size_t *len)
{
	unsigned char h[8];
	char padding[256];

	if (!hear(fd, h, sizeof(h)))
		return -1;
	ck_assert_uint_eq(h[0], 1);
	*id = h[2] << 8 | h[3];
	*len = (size_t)(h[4] << 8 | h[5]);
	return hear(fd, data, *len) && hear(fd, padding, h[6]) ? h[1] : -1;
}

struct reply
reply(int fd)
{
	struct reply r = { .text = text_buffer };
	static char data[65536];
	size_t n;
	int type, id;

	while ((type = hear_record(fd, &id, data, &n)) != -1) {
		if (type == FCGI_STDOUT) {
			memcpy(r.text + r.len, data, n);
			r.len += n;
		} else if (type == FCGI_STDERR) {
			r.hint = true;
		} else if (type == FCGI_END_REQUEST) {
			r.complete = true;
			r.request_id = id;
			r.protocol_status = data[4];
			break;
		}
	}
	r.text[r.len] = '\0';
	return r;
}

struct reply
ask(int fd)
{
	ck_assert(say(fd, out.data, out.len));
	return reply(fd);
}

bool
told(const struct reply *r, const char *what)
{
	return r->complete && strstr(r->text, what) != NULL;
}

bool
closed_within(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t until = mono_ms() + ms;
	char rest[4096];

	while (mono_ms() < until && poll(&p, 1, (int)(until - mono_ms())) == 1)
		if (read(fd, rest, sizeof(rest)) <= 0)
			return true;
	return false;
}

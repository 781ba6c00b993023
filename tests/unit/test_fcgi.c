/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker as the web server sees it: raw FastCGI records over a unix socket.
 * The dispatcher is a stand-in that tells what it was given.
 */
#include "http/fcgi.h"

#include <errno.h>
#include <fastcgi.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/util.h"
#include "http/prefork.h"
#include "http/req.h"

#include <check.h> /* last: it has a macro named fail */

#define WIRE_MAX (8 << 20)
#define HINT_TYPE FCGI_STDERR

struct wire {
	unsigned char *data;
	size_t len;
};

struct reply {
	bool complete; /* END_REQUEST came */
	int request_id, protocol_status;
	char *text; /* STDOUT */
	size_t len;
	bool hint; /* an empty STDERR record came, too */
};

static struct slot *slot;
static char directory[64], socket_path[128];
static struct pool pool;
static pid_t worker_pid;
static struct wire out;
static char *params;
static size_t params_len;
static char *text_buffer;

/* ---- what the worker runs instead of the real dispatcher */

const char *
http_header(const struct http_request *in, const char *name)
{
	unsigned i;

	for (i = 0; i < in->nheaders; i++)
		if (strcmp(in->headers[i].name, name) == 0)
			return in->headers[i].value;
	return NULL;
}

void
worker_tick(struct worker *w)
{
	(void)w;
}

static void
nap(void)
{
	struct timespec t = { .tv_nsec = 2000000 };

	nanosleep(&t, NULL);
}

static unsigned long
sum(const char *data, size_t len)
{
	unsigned long h = 5381;
	size_t i;

	for (i = 0; i < len; i++)
		h = h * 33 + (unsigned char)data[i];
	return h;
}

static void
tell(const struct http_request *in, struct buf *b)
{
	unsigned i;

	buf_printf(b, "%s %s ? %s from %s id %s at %lld\n", in->method, in->path, in->query,
	    in->address, in->request_id == NULL ? "none" : in->request_id,
	    (long long)in->received_ms);
	buf_printf(b, "malformed: %s\n", in->malformed == NULL ? "no" : in->malformed);
	buf_printf(b, "too large: %s\n", in->too_large ? "yes" : "no");
	for (i = 0; i < in->nheaders; i++)
		buf_printf(b, "[%s: %s]\n", in->headers[i].name, in->headers[i].value);
	if (!in->too_large)
		buf_printf(b, "body %zu %lu\n", in->body_len, sum(in->body, in->body_len));
}

long
http_stream_limit(struct arena *arena, const struct http_request *in)
{
	(void)arena;
	(void)in;
	return 0;
}

void
http_dispatch(struct worker *w, const struct http_request *in, struct http_reply *reply)
{
	long n = atol(in->query), i;

	buf_init(&reply->head, w->arena, 64);
	buf_init(&reply->body, w->arena, 256);
	reply->status = 200;
	buf_str(&reply->head, "Content-Type: text/plain\r\n");
	if (strcmp(in->path, "/big") == 0) {
		for (i = 0; i < n; i++)
			buf_char(&reply->body, (char)('a' + i % 23));
	} else if (strcmp(in->path, "/stuck") == 0) {
		while (n == 0)
			nap();
	} else if (strcmp(in->path, "/none") == 0) {
		reply->status = 204;
	} else {
		tell(in, &reply->body);
	}
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

static void
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

static void
param(const char *name, const char *value)
{
	size_t n = strlen(name), v = strlen(value);

	length(n);
	length(v);
	memcpy(params + params_len, name, n);
	memcpy(params + params_len + n, value, v);
	params_len += n + v;
}

/* The stream in records of so many bytes, and its end. */
static void
stream(int type, int id, const char *data, size_t len, size_t piece, unsigned char padding)
{
	size_t at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		record(type, id, data + at, n, padding);
	}
	record(type, id, "", 0, 0);
}

static void
target(const char *method, const char *uri)
{
	out.len = params_len = 0;
	param("REQUEST_METHOD", method);
	param("REQUEST_URI", uri);
	param("REMOTE_ADDR", "192.0.2.7");
}

static void
finish(const char *body, size_t len)
{
	begin(1, FCGI_RESPONDER, FCGI_KEEP_CONN);
	stream(FCGI_PARAMS, 1, params, params_len, 60000, 0);
	stream(FCGI_STDIN, 1, body, len, 60000, 0);
}

static void
get(const char *uri)
{
	target("GET", uri);
	finish("", 0);
}

static void
post(const char *uri, const char *body, size_t len)
{
	char text[24];

	target("POST", uri);
	snprintf(text, sizeof(text), "%zu", len);
	param("CONTENT_LENGTH", text);
	finish(body, len);
}

/* ---- talking to the worker */

static int64_t
now_ms(void)
{
	return mono_us() / 1000;
}

static int
dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool
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

/* One record; its type, or -1. */
static int
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

static struct reply
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

static struct reply
ask(int fd)
{
	ck_assert(say(fd, out.data, out.len));
	return reply(fd);
}

static bool
told(const struct reply *r, const char *what)
{
	return r->complete && strstr(r->text, what) != NULL;
}

#define ASSERT_TOLD(r, what) ck_assert_msg(told(r, what), "no \"%s\" in: %s", what, (r)->text)

/* Whether the worker closes this connection within so many milliseconds, whatever it says first. */
static bool
closed_within(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t until = now_ms() + ms;
	char rest[4096];

	while (now_ms() < until && poll(&p, 1, (int)(until - now_ms())) == 1)
		if (read(fd, rest, sizeof(rest)) <= 0)
			return true;
	return false;
}

static void
assert_serving(void)
{
	int fd = dial();
	struct reply r;

	get("/alive");
	r = ask(fd);
	ASSERT_TOLD(&r, "GET /alive ");
	close(fd);
}

/* The count follows the reply. */
static void
assert_served(int64_t n)
{
	int64_t until = now_ms() + 1000;

	while ((slot->served != n || slot->busy_since_ms != 0) && now_ms() < until)
		nap();
	ck_assert_int_eq(slot->served, n);
	ck_assert_int_eq(slot->busy_since_ms, 0);
}

/* The exit status of the worker, -1 when it has not ended by then. */
static int
end_of_worker(int ms)
{
	int64_t until = now_ms() + ms;
	int status;

	while (now_ms() < until) {
		if (waitpid(worker_pid, &status, WNOHANG) == worker_pid) {
			worker_pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
		}
		nap();
	}
	return -1;
}

static void
start(void)
{
	struct worker worker = { .arena = NULL };
	int status;

	worker_pid = fork();
	ck_assert_int_ne(worker_pid, -1);
	if (worker_pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker.arena = arena_new();
	status = fcgi_serve(&worker, slot, &pool);
	arena_free(worker.arena);
	exit(status); /* with the leak check of a sanitizer */
}

static void
setup(void)
{
	struct rlimit files = { 4096, 4096 };
	const char *error;

	setrlimit(RLIMIT_NOFILE, &files);
	ck_assert_int_eq(conf_load(NULL, &error), 0);
	conf.body_max = 100000;
	conf.max_requests = 0;
	slot = mmap(NULL, sizeof(*slot), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	out.data = malloc(WIRE_MAX);
	params = malloc(WIRE_MAX);
	text_buffer = malloc(WIRE_MAX);
	strcpy(directory, "/tmp/test_fcgi.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/s", directory);
	pool = (struct pool){ .name = "fast", .workers = 1 };
	pool.listen_fd = listen_unix(socket_path, "", &error);
	ck_assert_msg(pool.listen_fd != -1, "%s", error);
	start();
}

static void
teardown(void)
{
	if (worker_pid > 0) {
		kill(worker_pid, SIGKILL);
		waitpid(worker_pid, NULL, 0);
	}
	unlink(socket_path);
	rmdir(directory);
	free(out.data);
	free(params);
	free(text_buffer);
}

/* ---- cases: what is passed on */

START_TEST(a_request_is_passed_on_as_it_came)
{
	int fd = dial();
	struct reply r;

	target("PATCH", "/v1/a%20b?x=1&y=a?b");
	param("REQUEST_ID", "abc");
	param("REQUEST_MSEC", "1718323200.123");
	param("HTTP_X_API_KEY", "key");
	param("HTTP_ACCEPT_LANGUAGE", "de, en");
	param("HTTP_PROXY", "");
	param("CONTENT_TYPE", "application/json");
	param("CONTENT_LENGTH", "5");
	param("HTTP_CONTENT_TYPE", "application/json");
	param("HTTP_CONTENT_LENGTH", "5");
	finish("hello", 5);
	r = ask(fd);
	ASSERT_TOLD(&r, "Status: 200 OK\r\n");
	ASSERT_TOLD(&r, "Content-Type: text/plain\r\n");
	ASSERT_TOLD(&r, "PATCH /v1/a%20b ? x=1&y=a?b from 192.0.2.7 id abc at 1718323200123\n");
	ASSERT_TOLD(&r, "malformed: no\ntoo large: no\n");
	ASSERT_TOLD(&r, "[x-api-key: key]\n[accept-language: de, en]\n[content-type: "
			"application/json]\n[content-length: 5]\nbody 5 ");
	ck_assert_ptr_null(strstr(r.text, "proxy"));
	close(fd);
}
END_TEST

START_TEST(a_time_that_is_none_is_left_out)
{
	static const char *const texts[] = { "", "nan", "-1", "1e300", "inf", "x" };
	struct reply r;
	unsigned i;
	int fd = dial();

	for (i = 0; i < LENGTH(texts); i++) {
		target("GET", "/");
		param("REQUEST_MSEC", texts[i]);
		finish("", 0);
		r = ask(fd);
		ASSERT_TOLD(&r, " at 0\n");
	}
	close(fd);
}
END_TEST

START_TEST(parameters_may_come_one_byte_a_record)
{
	char longer[1000];
	struct reply r;
	int fd = dial();

	memset(longer, 'v', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	target("GET", "/pieces");
	param("HTTP_LONG", longer);
	begin(1, FCGI_RESPONDER, FCGI_KEEP_CONN);
	stream(FCGI_PARAMS, 1, params, params_len, 1, 7);
	stream(FCGI_STDIN, 1, "", 0, 1, 0);
	r = ask(fd);
	ASSERT_TOLD(&r, "GET /pieces ");
	ASSERT_TOLD(&r, longer);
	close(fd);
}
END_TEST

START_TEST(a_body_may_come_in_pieces_of_any_size)
{
	static const size_t pieces[] = { 1, 7, 8184, 8192, 8193, 65535 };
	char body[20000], expected[64];
	struct reply r;
	unsigned i;
	int fd = dial();

	for (i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7);
	snprintf(expected, sizeof(expected), "body 20000 %lu\n", sum(body, sizeof(body)));
	for (i = 0; i < LENGTH(pieces); i++) {
		target("POST", "/");
		param("CONTENT_LENGTH", "20000");
		begin(1, FCGI_RESPONDER, FCGI_KEEP_CONN);
		stream(FCGI_PARAMS, 1, params, params_len, 60000, 0);
		stream(FCGI_STDIN, 1, body, sizeof(body), pieces[i], (unsigned char)(i * 50));
		r = ask(fd);
		ASSERT_TOLD(&r, expected);
	}
	close(fd);
}
END_TEST

START_TEST(a_message_cut_at_every_byte_is_the_same_message)
{
	struct reply r;
	size_t cut;
	int fd = dial();

	for (cut = 1; cut < 160; cut++) {
		post("/cut", "body", 4);
		ck_assert_uint_lt(cut, out.len);
		ck_assert(say(fd, out.data, cut));
		if (cut % 16 == 0) /* let the worker begin to read */
			nap();
		ck_assert(say(fd, out.data + cut, out.len - cut));
		r = reply(fd);
		ASSERT_TOLD(&r, "POST /cut ");
		ASSERT_TOLD(&r, "body 4 ");
		if (cut == out.len - 1)
			break;
	}
	close(fd);
}
END_TEST

START_TEST(a_kept_connection_serves_many_requests)
{
	struct reply r;
	int fd = dial(), i;
	char uri[32];

	for (i = 0; i < 200; i++) {
		snprintf(uri, sizeof(uri), "/n%d", i);
		if (i % 2 == 0)
			get(uri);
		else
			post(uri, "abc", 3);
		r = ask(fd);
		ASSERT_TOLD(&r, strcat(uri, " ?"));
		ck_assert_int_eq(r.request_id, 1);
		ck_assert(!r.hint);
	}
	assert_served(200);
	close(fd);
}
END_TEST

START_TEST(many_kept_connections_are_served_in_turn)
{
	int fds[50], round;
	struct reply r;
	unsigned i;

	for (i = 0; i < LENGTH(fds); i++)
		fds[i] = dial();
	get("/turn");
	for (round = 0; round < 3; round++) {
		for (i = 0; i < LENGTH(fds); i++)
			ck_assert(say(fds[i], out.data, out.len));
		for (i = 0; i < LENGTH(fds); i++) {
			r = reply(fds[i]);
			ASSERT_TOLD(&r, "GET /turn ");
		}
	}
	assert_served(150);
}
END_TEST

START_TEST(without_the_keep_flag_the_connection_ends_with_the_reply)
{
	int fd = dial();
	struct reply r;

	target("GET", "/once");
	begin(258, FCGI_RESPONDER, 0);
	stream(FCGI_PARAMS, 258, params, params_len, 60000, 0);
	stream(FCGI_STDIN, 258, "", 0, 1, 0);
	r = ask(fd);
	ASSERT_TOLD(&r, "GET /once ");
	ck_assert_int_eq(r.request_id, 258);
	ck_assert(closed_within(fd, 1000));
	close(fd);
	assert_serving();
}
END_TEST

/* ---- cases: what is refused */

START_TEST(headers_that_must_be_unique_are_refused_when_given_twice)
{
	static const char *const names[] = { "HTTP_AUTHORIZATION", "HTTP_X_API_KEY",
		"HTTP_X_ORG_ID", "HTTP_X_ACTOR_ID", "HTTP_X_ACTOR_TYPE", "CONTENT_LENGTH",
		"HTTP_HOST", "HTTP_IDEMPOTENCY_KEY", "HTTP_IF_MATCH" };
	struct reply r;
	unsigned i;
	int fd = dial();

	for (i = 0; i < LENGTH(names); i++) {
		target("POST", "/");
		param(names[i], "3");
		param("HTTP_BETWEEN", "x");
		param(names[i], "4");
		finish("abc", 3);
		r = ask(fd);
		ASSERT_TOLD(&r, "is given twice.");
	}
	target("GET", "/");
	param("HTTP_X-API_KEY", "a"); /* two spellings of one name */
	param("HTTP_x_api_key", "b");
	finish("", 0);
	r = ask(fd);
	ASSERT_TOLD(&r, "malformed: The header x-api-key is given twice.");
	target("GET", "/");
	param("HTTP_ACCEPT", "a");
	param("HTTP_ACCEPT", "b");
	finish("", 0);
	r = ask(fd);
	ASSERT_TOLD(&r, "malformed: no");
	close(fd);
}
END_TEST

START_TEST(a_hundred_headers_pass_and_one_more_does_not)
{
	struct reply r;
	char name[32];
	int fd = dial(), n, i;

	for (n = 100; n <= 101; n++) {
		target("GET", "/");
		for (i = 0; i < n; i++) {
			snprintf(name, sizeof(name), "HTTP_H%d", i);
			param(name, "v");
		}
		finish("", 0);
		r = ask(fd);
		ASSERT_TOLD(&r, n == 100 ? "malformed: no" : "malformed: More than 100 headers.");
	}
	close(fd);
}
END_TEST

START_TEST(headers_of_more_than_16_kib_are_refused)
{
	static char value[17000];
	struct reply r;
	int fd = dial();
	size_t n;

	for (n = 16000; n <= 16800; n += 800) {
		memset(value, 'v', n);
		value[n] = '\0';
		target("GET", "/");
		param("HTTP_LONG", value);
		param("HTTP_AUTHORIZATION", "Bearer x");
		finish("", 0);
		r = ask(fd);
		ASSERT_TOLD(&r,
		    n == 16000 ? "malformed: no" : "malformed: The headers have more than 16 KiB.");
	}
	close(fd);
}
END_TEST

START_TEST(a_body_that_is_not_as_long_as_declared_is_refused)
{
	static const char *const lengths[] = { "4", "2", "0", "-3", "+3", "3x", " 3", "0x3", "3,3",
		"" };
	struct reply r;
	unsigned i;
	int fd = dial();

	for (i = 0; i < LENGTH(lengths); i++) {
		target("POST", "/");
		param("CONTENT_LENGTH", lengths[i]);
		finish("abc", 3);
		r = ask(fd);
		ASSERT_TOLD(&r, "malformed: The body is not as long as Content-Length says.");
	}
	post("/", "abc", 3);
	r = ask(fd);
	ASSERT_TOLD(&r, "malformed: no");
	close(fd);
}
END_TEST

START_TEST(a_body_over_the_limit_is_read_off_but_not_kept)
{
	static char body[300001];
	struct reply r;
	int fd = dial();

	post("/", body, 100000);
	r = ask(fd);
	ASSERT_TOLD(&r, "too large: no\n");
	post("/", body, 100001);
	r = ask(fd);
	ASSERT_TOLD(&r, "too large: yes\n");
	post("/", body, sizeof(body));
	r = ask(fd);
	ASSERT_TOLD(&r, "too large: yes\n");
	target("POST", "/"); /* lying about it does not help */
	param("CONTENT_LENGTH", "3");
	finish(body, sizeof(body));
	r = ask(fd);
	ASSERT_TOLD(&r, "too large: yes\n");
	target("POST", "/");
	param("CONTENT_LENGTH", "999999999999999999999999");
	finish("abc", 3);
	r = ask(fd);
	ASSERT_TOLD(&r, "too large: yes\n");
	post("/", "abc", 3); /* and the connection is in step */
	r = ask(fd);
	ASSERT_TOLD(&r, "body 3 ");
	close(fd);
}
END_TEST

/* ---- cases: a peer that is not a web server */

static const struct {
	const char *what;
	size_t len;
	unsigned char bytes[40];
} nonsense[] = {
	{ "version 0", 16, { 0, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1 } },
	{ "version 2", 16, { 2, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1 } },
	{ "version 255", 8, { 255, 255, 255, 255, 255, 255, 255, 255 } },
	{ "HTTP", 18, "GET / HTTP/1.1\r\n\r\n" },
	{ "begin with request id 0", 16, { 1, 1, 0, 0, 0, 8, 0, 0, 0, 1, 1 } },
	{ "begin that is too short", 12, { 1, 1, 0, 1, 0, 4, 0, 0, 0, 1, 1 } },
	{ "begin that is too long", 17, { 1, 1, 0, 1, 0, 9, 0, 0, 0, 1, 1 } },
	{ "unknown role", 32,
	    { 1, 1, 0, 1, 0, 8, 0, 0, 0, 99, 1, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 0, 0, 0, 1, 5, 0, 1,
		0, 0, 0, 0 } },
	{ "body before parameters", 25,
	    { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 5, 0, 1, 0, 1, 0, 0, 'x' } },
	{ "abort of the request", 24,
	    { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 2, 0, 1, 0, 0, 0, 0 } },
	{ "name longer than the stream", 37,
	    { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 5, 0, 0, 50, 0, 'a',
		'b', 'c', 1, 4, 0, 1, 0, 0, 0, 0 } },
	{ "name of 2 GiB and value of 2 GiB", 40,
	    { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 8, 0, 0, 255, 255, 255,
		255, 255, 255, 255, 255, 1, 4, 0, 1, 0, 0, 0, 0 } },
	{ "lengths whose sum wraps to 0", 40,
	    { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 8, 0, 0, 255, 255, 255,
		255, 255, 255, 255, 253, 1, 4, 0, 1, 0, 0, 0, 0 } },
	{ "stream of a request never begun", 16, { 1, 4, 0, 9, 0, 0, 0, 0, 1, 5, 0, 9 } },
};

START_TEST(nonsense_ends_its_connection_and_nothing_else)
{
	unsigned i;
	int fd;

	for (i = 0; i < LENGTH(nonsense); i++) {
		fd = dial();
		ck_assert(say(fd, nonsense[i].bytes, nonsense[i].len));
		shutdown(fd, SHUT_WR); /* so that waiting for more is no excuse */
		ck_assert_msg(closed_within(fd, 1500), "still open after: %s", nonsense[i].what);
		close(fd);
		assert_serving();
	}
}
END_TEST

START_TEST(random_bytes_after_a_begin_do_no_harm)
{
	unsigned char bytes[512];
	int i, fd;

	srand(4711);
	for (i = 0; i < 300; i++) {
		unsigned n;

		for (n = 0; n < sizeof(bytes); n++)
			bytes[n] = rand() & 0x7f; /* libfcgi aborts of memory at 4 GiB lengths */
		get("/");
		memcpy(out.data + 16 + rand() % 40, bytes, 1 + (unsigned)rand() % 16);
		fd = dial();
		say(fd, out.data, out.len);
		say(fd, bytes, (unsigned)rand() % sizeof(bytes));
		close(fd);
	}
	assert_serving();
	ck_assert_int_eq(kill(worker_pid, 0), 0);
}
END_TEST

START_TEST(half_a_record_and_then_silence_frees_the_worker_after_its_time)
{
	int silent = dial();
	int64_t began = now_ms();

	get("/half");
	ck_assert(say(silent, out.data, 21));
	while (slot->busy_since_ms == 0 && now_ms() < began + 1000)
		nap();
	assert_serving(); /* waits until the silent one is given up */
	ck_assert_int_ge(now_ms() - began, 1800);
	ck_assert_int_lt(now_ms() - began, 3000);
	ck_assert(closed_within(silent, 100));
	close(silent);
}
END_TEST

START_TEST(a_byte_now_and_then_does_not_hold_the_worker_longer)
{
	struct timespec pause = { .tv_nsec = 100000000 };
	int slow = dial(), other = dial();
	int64_t began = now_ms();
	struct reply r;
	size_t i;
	bool heard = true;

	get("/other");
	for (i = 0; heard && i < 40; i++) {
		heard = say(slow, out.data + i, 1);
		if (i == 3) /* the worker reads the slow one by now */
			ck_assert(say(other, out.data, out.len));
		nanosleep(&pause, NULL);
	}
	ck_assert(!heard);
	r = reply(other);
	ASSERT_TOLD(&r, "GET /other ");
	ck_assert_int_lt(now_ms() - began, 3000);
	close(slow);
	close(other);
}
END_TEST

START_TEST(a_connection_that_says_nothing_holds_nobody)
{
	int idle[20];
	int64_t began = now_ms();
	unsigned i;

	for (i = 0; i < LENGTH(idle); i++)
		idle[i] = dial();
	assert_serving();
	ck_assert_int_lt(now_ms() - began, 1000);
	close(idle[0]);
	assert_serving();
}
END_TEST

START_TEST(a_second_request_beside_the_first_is_told_that_this_cannot_be)
{
	int fd = dial();
	struct reply r;

	target("GET", "/first");
	begin(1, FCGI_RESPONDER, FCGI_KEEP_CONN);
	begin(2, FCGI_RESPONDER, FCGI_KEEP_CONN);
	stream(FCGI_PARAMS, 1, params, params_len, 60000, 0);
	stream(FCGI_STDIN, 1, "", 0, 1, 0);
	r = ask(fd);
	ck_assert_int_eq(r.request_id, 2);
	ck_assert_int_eq(r.protocol_status, FCGI_CANT_MPX_CONN);
	r = reply(fd);
	ck_assert_int_eq(r.request_id, 1);
	ASSERT_TOLD(&r, "GET /first ");
	close(fd);
}
END_TEST

/* ---- cases: replies */

START_TEST(replies_of_any_size_arrive_whole)
{
	static const long sizes[] = { 0, 1, 65400, 65460, 65528, 65535, 65536, 131056, 5000000 };
	struct reply r;
	char uri[32], *body;
	unsigned i;
	long n;
	int fd = dial();

	for (i = 0; i < LENGTH(sizes); i++) {
		snprintf(uri, sizeof(uri), "/big?%ld", sizes[i]);
		get(uri);
		r = ask(fd);
		ck_assert(r.complete);
		body = strstr(r.text, "\r\n\r\n");
		ck_assert_ptr_nonnull(body);
		body += 4;
		ck_assert_int_eq((long)(r.len - (size_t)(body - r.text)), sizes[i]);
		for (n = 0; n < sizes[i] && body[n] == 'a' + n % 23; n++)
			;
		ck_assert_int_eq(n, sizes[i]);
	}
	close(fd);
}
END_TEST

START_TEST(every_size_around_a_record_arrives_whole)
{
	struct reply r;
	char uri[32], *body;
	long n;
	int fd = dial();

	for (n = 65528 - 100; n <= 65528 + 8; n++) { /* the head has about 70 bytes */
		snprintf(uri, sizeof(uri), "/big?%ld", n);
		get(uri);
		r = ask(fd);
		body = strstr(r.text, "\r\n\r\n");
		ck_assert_ptr_nonnull(body);
		ck_assert_int_eq((long)strlen(body + 4), n);
	}
	close(fd);
}
END_TEST

START_TEST(a_reply_without_content_has_no_length)
{
	struct reply r;
	int fd = dial();

	get("/none");
	r = ask(fd);
	ASSERT_TOLD(&r, "Status: 204 No Content\r\n");
	ck_assert_ptr_null(strstr(r.text, "Content-Length"));
	close(fd);
}
END_TEST

START_TEST(a_client_that_is_gone_costs_nothing)
{
	int i, fd;

	for (i = 0; i < 50; i++) {
		fd = dial();
		get(i % 2 == 0 ? "/" : "/big?3000000");
		ck_assert(say(fd, out.data, out.len));
		if (i % 3 == 0)
			shutdown(fd, SHUT_RD);
		close(fd);
	}
	assert_serving();
	ck_assert_int_eq(kill(worker_pid, 0), 0);
}
END_TEST

/* ---- cases: leaving */

START_TEST(a_leaving_worker_finishes_what_came_and_has_its_connections_closed)
{
	int idle = dial(), busy = dial(), id;
	char data[16];
	struct reply r;
	size_t n;

	get("/before");
	r = ask(idle);
	ck_assert(r.complete && !r.hint);
	r = ask(busy);
	ck_assert(r.complete && !r.hint);
	kill(worker_pid, SIGTERM);
	ck_assert_int_eq(hear_record(idle, &id, data, &n), HINT_TYPE);
	ck_assert_uint_eq(n, 0);
	get("/crossing"); /* sent before the hint is read, as it were */
	r = ask(busy);
	ck_assert(r.hint);
	ASSERT_TOLD(&r, "GET /crossing ");
	ck_assert_int_eq(hear_record(busy, &id, data, &n), HINT_TYPE); /* after the reply, too */
	ck_assert_int_eq(waitpid(worker_pid, NULL, WNOHANG), 0);
	close(idle);
	close(busy);
	ck_assert_int_eq(end_of_worker(1000), 0);
}
END_TEST

START_TEST(the_masters_flag_is_heard_without_a_signal)
{
	int fd;

	slot->leave = 1;
	ck_assert_int_eq(end_of_worker(2500), 0);
	fd = dial(); /* the socket is still there for the others */
	close(fd);
}
END_TEST

START_TEST(a_leaving_worker_takes_nobody_new)
{
	int kept = dial(), fresh, id;
	char data[16];
	struct reply r;
	size_t n;

	get("/");
	r = ask(kept);
	ck_assert(r.complete);
	kill(worker_pid, SIGTERM);
	ck_assert_int_eq(hear_record(kept, &id, data, &n), HINT_TYPE);
	fresh = dial();
	get("/fresh");
	ck_assert(say(fresh, out.data, out.len));
	close(kept);
	ck_assert_int_eq(end_of_worker(1000), 0);
	start(); /* the next one finds it in the queue */
	r = reply(fresh);
	ASSERT_TOLD(&r, "GET /fresh ");
	close(fresh);
}
END_TEST

START_TEST(a_quiet_connection_that_ignores_the_hint_is_closed)
{
	int fd = dial();
	int64_t began;
	struct reply r;

	get("/");
	r = ask(fd);
	ck_assert(r.complete);
	began = now_ms();
	kill(worker_pid, SIGTERM);
	ck_assert_int_eq(end_of_worker(4000), 0);
	ck_assert_int_ge(now_ms() - began, 1500);
	close(fd);
}
END_TEST

START_TEST(a_worker_that_has_served_its_number_says_so_and_serves_until_it_is_told_to_leave)
{
	int fd, n, spent_at = 0;
	struct reply r;

	kill(worker_pid, SIGKILL);
	waitpid(worker_pid, NULL, 0);
	conf.max_requests = 20;
	slot->served = 0;
	start();
	fd = dial();
	get("/");
	for (n = 1; n <= 100; n++) {
		r = ask(fd);
		ck_assert(r.complete && !r.hint);
		if (slot->spent && spent_at == 0)
			spent_at = n;
	}
	ck_assert_int_ge(spent_at, 16);
	ck_assert_int_le(spent_at, 25); /* it is set when the last reply is out already */
	ck_assert_int_eq(slot->leave, 0);
	slot->leave = 1;
	kill(worker_pid, SIGTERM);
	close(fd);
	ck_assert_int_eq(end_of_worker(1000), 0);
}
END_TEST

START_TEST(a_stuck_worker_whom_nobody_ends_ends_itself)
{
	int64_t began;
	int fd;

	kill(worker_pid, SIGKILL);
	waitpid(worker_pid, NULL, 0);
	conf.request_timeout = 0; /* plus the time that is the master's */
	start();
	fd = dial();
	began = now_ms();
	get("/stuck");
	ck_assert(say(fd, out.data, out.len));
	while (slot->busy_since_ms == 0 && now_ms() < began + 1000)
		nap();
	kill(worker_pid, SIGTERM); /* as the kernel does when the master dies */
	ck_assert_int_eq(end_of_worker(7000), 1);
	ck_assert_int_ge(now_ms() - began, 4000);
	close(fd);
}
END_TEST

START_TEST(a_full_worker_neither_spins_nor_forgets_those_who_wait)
{
	static int fds[1100];
	struct timespec before, after, pause = { .tv_nsec = 300000000 };
	struct reply r;
	clockid_t clock;
	unsigned i;

	for (i = 0; i < LENGTH(fds); i++)
		fds[i] = dial();
	get("/last");
	ck_assert(say(fds[1023], out.data, out.len)); /* the last that fits */
	r = reply(fds[1023]);
	ASSERT_TOLD(&r, "GET /last ");
	ck_assert(say(fds[1099], out.data, out.len));
	ck_assert_int_eq(clock_getcpuclockid(worker_pid, &clock), 0);
	clock_gettime(clock, &before);
	nanosleep(&pause, NULL); /* what is measured is that nothing happens */
	clock_gettime(clock, &after);
	ck_assert_int_lt(
	    (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000,
	    100);
	for (i = 0; i < 200; i++)
		close(fds[i]);
	r = reply(fds[1099]);
	ASSERT_TOLD(&r, "GET /last ");
}
END_TEST

static void
add_message_cases(TCase *t)
{
	tcase_add_test(t, a_request_is_passed_on_as_it_came);
	tcase_add_test(t, a_time_that_is_none_is_left_out);
	tcase_add_test(t, parameters_may_come_one_byte_a_record);
	tcase_add_test(t, a_body_may_come_in_pieces_of_any_size);
	tcase_add_test(t, a_message_cut_at_every_byte_is_the_same_message);
	tcase_add_test(t, a_kept_connection_serves_many_requests);
	tcase_add_test(t, many_kept_connections_are_served_in_turn);
	tcase_add_test(t, without_the_keep_flag_the_connection_ends_with_the_reply);
	tcase_add_test(t, headers_that_must_be_unique_are_refused_when_given_twice);
	tcase_add_test(t, a_hundred_headers_pass_and_one_more_does_not);
	tcase_add_test(t, headers_of_more_than_16_kib_are_refused);
	tcase_add_test(t, a_body_that_is_not_as_long_as_declared_is_refused);
	tcase_add_test(t, a_body_over_the_limit_is_read_off_but_not_kept);
	tcase_add_test(t, replies_of_any_size_arrive_whole);
	tcase_add_test(t, every_size_around_a_record_arrives_whole);
	tcase_add_test(t, a_reply_without_content_has_no_length);
}

static void
add_peer_cases(TCase *t)
{
	tcase_add_test(t, nonsense_ends_its_connection_and_nothing_else);
	tcase_add_test(t, random_bytes_after_a_begin_do_no_harm);
	tcase_add_test(t, half_a_record_and_then_silence_frees_the_worker_after_its_time);
	tcase_add_test(t, a_byte_now_and_then_does_not_hold_the_worker_longer);
	tcase_add_test(t, a_connection_that_says_nothing_holds_nobody);
	tcase_add_test(t, a_second_request_beside_the_first_is_told_that_this_cannot_be);
	tcase_add_test(t, a_client_that_is_gone_costs_nothing);
	tcase_add_test(t, a_leaving_worker_finishes_what_came_and_has_its_connections_closed);
	tcase_add_test(t, the_masters_flag_is_heard_without_a_signal);
	tcase_add_test(t, a_leaving_worker_takes_nobody_new);
	tcase_add_test(t, a_quiet_connection_that_ignores_the_hint_is_closed);
	tcase_add_test(
	    t, a_worker_that_has_served_its_number_says_so_and_serves_until_it_is_told_to_leave);
	tcase_add_test(t, a_stuck_worker_whom_nobody_ends_ends_itself);
	tcase_add_test(t, a_full_worker_neither_spins_nor_forgets_those_who_wait);
}

int
main(void)
{
	Suite *s = suite_create("fcgi");
	TCase *t = tcase_create("worker");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 20);
	tcase_add_checked_fixture(t, setup, teardown);
	add_message_cases(t);
	add_peer_cases(t);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

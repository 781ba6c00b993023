/* SPDX-License-Identifier: Apache-2.0 */
/* The worker of the FastCGI tests: its life, and what it runs instead of the dispatcher. */
#include "http/req.h" /* before check.h, which has a macro of the same name as our fail() */

#include "fcgi_worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/util.h"
#include "http/fcgi.h"
#include "run.h"

struct slot *slot;
pid_t worker_pid;
static char directory[64];
static struct pool pool;

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

void
nap(void)
{
	struct timespec t = { .tv_nsec = 2000000 };

	nanosleep(&t, NULL);
}

unsigned long
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

/* ---- its life */

void
assert_serving(void)
{
	int fd = dial();
	struct reply r;

	get("/alive");
	r = ask(fd);
	ASSERT_TOLD(&r, "GET /alive ");
	close(fd);
}

void
assert_served(int64_t n)
{
	int64_t until = mono_ms() + 1000;

	while ((slot->served != n || slot->busy_since_ms != 0) && mono_ms() < until)
		nap();
	ck_assert_int_eq(slot->served, n);
	ck_assert_int_eq(slot->busy_since_ms, 0);
}

int
end_of_worker(int ms)
{
	int64_t until = mono_ms() + ms;
	int status;

	while (mono_ms() < until) {
		if (waitpid(worker_pid, &status, WNOHANG) == worker_pid) {
			worker_pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
		}
		nap();
	}
	return -1;
}

void
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
	wire_setup();
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
	wire_teardown();
}

int
fcgi_main(const char *name, const TTest *const *tests)
{
	return run_cases(name, setup, teardown, CK_FORK_GETENV, 20, tests);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that are no web server: nonsense, silence and slowness end their connection alone. */
#include "fcgi_worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

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
	int64_t began = mono_ms();

	get("/half");
	ck_assert(say(silent, out.data, 21));
	while (slot->busy_since_ms == 0 && mono_ms() < began + 1000)
		nap();
	assert_serving(); /* waits until the silent one is given up */
	ck_assert_int_ge(mono_ms() - began, 1800);
	ck_assert_int_lt(mono_ms() - began, 3000);
	ck_assert(closed_within(silent, 100));
	close(silent);
}
END_TEST

START_TEST(a_byte_now_and_then_does_not_hold_the_worker_longer)
{
	struct timespec pause = { .tv_nsec = 100000000 };
	int slow = dial(), other = dial();
	int64_t began = mono_ms();
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
	ck_assert_int_lt(mono_ms() - began, 3000);
	close(slow);
	close(other);
}
END_TEST

START_TEST(a_connection_that_says_nothing_holds_nobody)
{
	int idle[20];
	int64_t began = mono_ms();
	unsigned i;

	for (i = 0; i < LENGTH(idle); i++)
		idle[i] = dial();
	assert_serving();
	ck_assert_int_lt(mono_ms() - began, 1000);
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

int
main(void)
{
	const TTest *const all[] = { nonsense_ends_its_connection_and_nothing_else,
		random_bytes_after_a_begin_do_no_harm,
		half_a_record_and_then_silence_frees_the_worker_after_its_time,
		a_byte_now_and_then_does_not_hold_the_worker_longer,
		a_connection_that_says_nothing_holds_nobody,
		a_second_request_beside_the_first_is_told_that_this_cannot_be, NULL };

	return fcgi_main("fcgi_peers", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a request over FastCGI, and of the connections that a worker holds. */
#include "fcgi_worker.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

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

int
main(void)
{
	const TTest *const all[] = { headers_that_must_be_unique_are_refused_when_given_twice,
		a_hundred_headers_pass_and_one_more_does_not,
		headers_of_more_than_16_kib_are_refused,
		a_body_that_is_not_as_long_as_declared_is_refused,
		a_body_over_the_limit_is_read_off_but_not_kept,
		a_full_worker_neither_spins_nor_forgets_those_who_wait, NULL };

	return fcgi_main("fcgi_limits", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Replies over FastCGI: whole at any size, and to a client that is gone. */
#include "fcgi_worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

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

int
main(void)
{
	const TTest *const all[] = { replies_of_any_size_arrive_whole,
		every_size_around_a_record_arrives_whole, a_reply_without_content_has_no_length,
		a_client_that_is_gone_costs_nothing, NULL };

	return fcgi_main("fcgi_replies", all);
}

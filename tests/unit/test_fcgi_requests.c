/* SPDX-License-Identifier: Apache-2.0 */
/* Requests over FastCGI: passed on as they came, however they are cut, and in turn. */
#include "fcgi_worker.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

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

int
main(void)
{
	const TTest *const all[] = { a_request_is_passed_on_as_it_came,
		a_time_that_is_none_is_left_out, parameters_may_come_one_byte_a_record,
		a_body_may_come_in_pieces_of_any_size,
		a_message_cut_at_every_byte_is_the_same_message,
		a_kept_connection_serves_many_requests, many_kept_connections_are_served_in_turn,
		without_the_keep_flag_the_connection_ends_with_the_reply, NULL };

	return fcgi_main("fcgi_requests", all);
}

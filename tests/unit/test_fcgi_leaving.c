/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that leaves: what came is answered, connections are closed, nobody new is taken. */
#include "fcgi_worker.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/util.h"

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
	began = mono_ms();
	kill(worker_pid, SIGTERM);
	ck_assert_int_eq(end_of_worker(4000), 0);
	ck_assert_int_ge(mono_ms() - began, 1500);
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
	began = mono_ms();
	get("/stuck");
	ck_assert(say(fd, out.data, out.len));
	while (slot->busy_since_ms == 0 && mono_ms() < began + 1000)
		nap();
	kill(worker_pid, SIGTERM); /* as the kernel does when the master dies */
	ck_assert_int_eq(end_of_worker(7000), 1);
	ck_assert_int_ge(mono_ms() - began, 4000);
	close(fd);
}
END_TEST

int
main(void)
{
	const TTest *const all[] = {
		a_leaving_worker_finishes_what_came_and_has_its_connections_closed,
		the_masters_flag_is_heard_without_a_signal, a_leaving_worker_takes_nobody_new,
		a_quiet_connection_that_ignores_the_hint_is_closed,
		a_worker_that_has_served_its_number_says_so_and_serves_until_it_is_told_to_leave,
		a_stuck_worker_whom_nobody_ends_ends_itself, NULL
	};

	return fcgi_main("fcgi_leaving", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that have served their number are replaced, one at a time, by one that is ready. */
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/metrics.h"
#include "http/prefork.h"
#include "master.h"

/* A master whose later workers do not get ready, and one worker that is spent. */
static int
start_and_spend(unsigned workers)
{
	int spent;

	shared->admitted = (int)workers;
	start_and_wait(workers);
	spent = answer(order('n'));
	ck_assert_int_gt(spent, 0);
	AWAIT(shared->pids[workers] != 0, 3000);
	return spent;
}

START_TEST(a_spent_worker_serves_until_its_successor_is_ready)
{
	int i, first = start_and_spend(1);

	for (i = 0; i < 20; i++)
		ck_assert_int_eq(answer(order('p')), first);
	ck_assert_int_eq(shared->births, 2);
	shared->admitted = 2;
	AWAIT(!alive(first), 3000);
	ck_assert_int_eq(answer(order('p')), shared->pids[1]);
	ck_assert_int_eq(shared->births, 2);
	ck_assert_int_eq(living_workers(), 1);
	ck_assert_int_eq(metric_sum(M_worker_replacements_total), 1);
	ck_assert_int_eq(metric_sum(M_worker_crashes_total), 0);
}
END_TEST

START_TEST(a_spent_worker_finishes_its_request_when_its_successor_is_ready)
{
	int fd, first = start_and_spend(1);

	fd = order('w');
	AWAIT(shared->waiting == 1, 2000);
	shared->admitted = 2;
	ck_assert_int_eq(answer(order('p')), shared->pids[1]);
	ck_assert_int_eq(send(fd, "!", 1, MSG_NOSIGNAL), 1);
	ck_assert_int_eq(answer(fd), first);
	AWAIT(!alive(first), 2000);
}
END_TEST

START_TEST(spent_workers_are_replaced_one_at_a_time)
{
	int i, n;

	shared->spent = 3;
	shared->admitted = 3;
	start(3);
	AWAIT(shared->ready, 3000);
	for (n = 4; n <= 6; n++) {
		AWAIT(shared->pids[n - 1] != 0, 3000);
		for (i = 0; i < 20; i++) /* the master could start another meanwhile */
			ck_assert_int_gt(answer(order('p')), 0);
		ck_assert_int_eq(shared->births, n);
		ck_assert_int_eq(living_workers(), 4);
		shared->admitted = n;
	}
	for (i = 0; i < 3; i++)
		AWAIT(!alive(shared->pids[i]), 3000);
	ck_assert_int_eq(shared->births, 6);
	ck_assert_int_eq(living_workers(), 3);
	ck_assert_int_eq(metric_sum(M_worker_replacements_total), 3);
}
END_TEST

START_TEST(the_next_ones_turn_is_when_the_one_before_has_gone)
{
	int fds[2], i;

	shared->spent = 2;
	shared->admitted = 2;
	start(2);
	AWAIT(shared->pids[2] != 0, 3000);
	for (i = 0; i < 2; i++)
		fds[i] = order('w');
	AWAIT(shared->waiting == 2, 2000);
	shared->admitted = BIRTHS; /* one of them is to leave now, and cannot yet */
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(answer(order('p')), shared->pids[2]);
		kill(master, SIGCHLD); /* have it look */
	}
	ck_assert_int_eq(shared->births, 3);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(send(fds[i], "!", 1, MSG_NOSIGNAL), 1);
		ck_assert_int_gt(answer(fds[i]), 0);
	}
	AWAIT(!alive(shared->pids[0]) && !alive(shared->pids[1]), 5000);
	ck_assert_int_eq(shared->births, 4);
	ck_assert_int_eq(living_workers(), 2);
}
END_TEST

START_TEST(replacements_refuse_no_client)
{
	int fd, refused = 0;

	shared->spent = 20;
	start(2);
	while (shared->births < 22) {
		fd = dial();
		if (fd == -1 || send(fd, "p", 1, MSG_NOSIGNAL) != 1 || answer(fd) == 0)
			refused++;
	}
	ck_assert_int_eq(refused, 0);
	AWAIT(living_workers() == 2, 3000);
	ck_assert_int_eq(shared->births, 22);
}
END_TEST

START_TEST(a_successor_that_never_gets_ready_leaves_the_spent_one_in_place)
{
	int first;

	ready_ms = 300;
	first = start_and_spend(1);
	AWAIT(!alive(shared->pids[1]), 3000);
	ck_assert_int_eq(answer(order('p')), first);
	ck_assert(logged("replacement given up"));
	ck_assert_int_eq(metric_sum(M_worker_crashes_total), 0);
	ck_assert_int_eq(metric_sum(M_worker_replacements_total), 0);
	shared->admitted = BIRTHS; /* the next attempt finds everything in order */
	AWAIT(!alive(first), 5000);
	ck_assert_int_gt(answer(order('p')), 0);
	ck_assert_int_eq(living_workers(), 1);
}
END_TEST

START_TEST(after_a_successor_that_dies_the_next_attempt_waits)
{
	int first;

	ready_ms = 1500;
	start_and_wait(1);
	first = shared->pids[0];
	shared->life = DIE_AT_BIRTH;
	ck_assert_int_eq(answer(order('n')), first);
	AWAIT(shared->births == 3 && shared->born_ms[2] != 0, 6000);
	ck_assert_int_ge(shared->born_ms[2] - shared->born_ms[1], 1500);
	ck_assert_int_eq(answer(order('p')), first);
	shared->life = SERVE;
	AWAIT(!alive(first), 5000);
	ck_assert_int_gt(answer(order('p')), 0);
}
END_TEST

START_TEST(a_reload_in_the_middle_of_a_replacement_leaves_the_right_number)
{
	int i;

	start_and_spend(3);
	kill(master, SIGHUP);
	AWAIT(!alive(shared->pids[3]), 3000); /* a reload replaces all of them, so it need not */
	shared->admitted = BIRTHS;
	for (i = 0; i < 3; i++)
		AWAIT(!alive(shared->pids[i]), 3000);
	ck_assert_int_eq(shared->births, 7);
	ck_assert_int_eq(living_workers(), 3);
	kill(master, SIGHUP);
	for (i = 4; i < 7; i++)
		AWAIT(!alive(shared->pids[i]), 3000);
	ck_assert_int_eq(shared->births, 10);
	ck_assert_int_eq(living_workers(), 3);
	ck_assert_int_eq(metric_sum(M_worker_replacements_total), 0);
	ck_assert_int_eq(metric_sum(M_worker_crashes_total), 0);
}
END_TEST

START_TEST(a_spent_worker_that_dies_is_not_replaced_twice)
{
	int spent = start_and_spend(2);

	kill(spent, SIGKILL);
	AWAIT(metric_sum(M_worker_crashes_total) == 1, 3000);
	shared->admitted = BIRTHS;
	AWAIT(answer(order('p')) == shared->pids[2], 3000);
	ck_assert_int_eq(shared->births, 3);
	ck_assert_int_eq(living_workers(), 2);
	kill(shared->pids[2], SIGKILL); /* it counts in full */
	AWAIT(shared->births == 4, 3000);
	AWAIT(living_workers() == 2, 3000);
}
END_TEST

START_TEST(a_spent_worker_that_dies_with_its_successor_is_replaced_once)
{
	int spent = start_and_spend(2);

	kill(master, SIGSTOP); /* so that it learns of both at once */
	kill(shared->pids[2], SIGKILL);
	kill(spent, SIGKILL);
	shared->admitted = BIRTHS;
	kill(master, SIGCONT);
	AWAIT(shared->births == 4, 3000);
	AWAIT(answer(order('p')) == shared->pids[3], 3000);
	ck_assert_int_eq(shared->births, 4);
	ck_assert_int_eq(living_workers(), 2);
}
END_TEST

START_TEST(term_is_heard_in_the_middle_of_a_replacement)
{
	start_and_spend(2);
	kill(master, SIGTERM);
	ck_assert_int_eq(end_of_master(3000), 0);
	ck_assert_int_eq(living_workers(), 0);
	ck_assert_int_eq(shared->births, 3);
	master = 0;
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { a_spent_worker_serves_until_its_successor_is_ready,
		a_spent_worker_finishes_its_request_when_its_successor_is_ready,
		spent_workers_are_replaced_one_at_a_time,
		the_next_ones_turn_is_when_the_one_before_has_gone, replacements_refuse_no_client,
		a_successor_that_never_gets_ready_leaves_the_spent_one_in_place,
		after_a_successor_that_dies_the_next_attempt_waits,
		a_reload_in_the_middle_of_a_replacement_leaves_the_right_number,
		a_spent_worker_that_dies_is_not_replaced_twice,
		a_spent_worker_that_dies_with_its_successor_is_replaced_once,
		term_is_heard_in_the_middle_of_a_replacement, NULL };

	return master_main("replace", all);
}

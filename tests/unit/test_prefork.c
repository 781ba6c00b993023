/* SPDX-License-Identifier: Apache-2.0 */
/* The master: crashes, reloads, deadlines, its end, and its sockets. */
#include "http/prefork.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/metrics.h"
#include "master.h"

START_TEST(a_crashed_worker_is_replaced_at_once_and_the_log_names_its_route)
{
	int64_t crashed_at;

	start_and_wait(2);
	crashed_at = mono_ms();
	ck_assert_int_eq(answer(order('c')), 0);
	AWAIT(shared->births == 3 && shared->born_ms[2] != 0, 2000);
	ck_assert_int_lt(shared->born_ms[2] - crashed_at, 500);
	AWAIT(logged("ended by signal 11 while answering stuck_route"), 1000);
	ck_assert_int_gt(answer(order('p')), 0);
	ck_assert_int_eq(metric_sum(M_worker_starts_total), 3);
	ck_assert_int_eq(metric_sum(M_worker_crashes_total), 1);
}
END_TEST

START_TEST(a_worker_that_ends_well_is_replaced_without_being_called_a_crash)
{
	int i;

	start_and_wait(1);
	for (i = 0; i < 5; i++) { /* young, but no crash: no back-off either */
		answer(order('x'));
		AWAIT(shared->births == i + 2, 1000);
	}
	ck_assert_int_gt(answer(order('p')), 0);
	ck_assert_int_eq(metric_sum(M_worker_crashes_total), 0);
	ck_assert(!logged("ended"));
}
END_TEST

START_TEST(a_crash_loop_backs_off_and_the_master_stays)
{
	int64_t first;
	int births;

	shared->life = DIE_AT_BIRTH;
	start(1);
	AWAIT(shared->births == 6 && shared->born_ms[5] != 0, 4000);
	/* at once, then after 100, 200, 400 and 800 ms */
	first = shared->born_ms[0];
	ck_assert_int_lt(shared->born_ms[1] - first, 400);
	ck_assert_int_ge(shared->born_ms[3] - shared->born_ms[2], 190);
	ck_assert_int_ge(shared->born_ms[4] - shared->born_ms[3], 390);
	ck_assert_int_ge(shared->born_ms[5] - shared->born_ms[4], 790);
	births = shared->births;
	ck_assert_int_eq(shared->ready, 0);
	shared->life = SERVE;
	AWAIT(shared->ready, 3000);
	ck_assert_int_eq(shared->births, births + 1);
	ck_assert_int_gt(answer(order('p')), 0);
	ck_assert(alive(master));
}
END_TEST

START_TEST(one_worker_in_a_crash_loop_does_not_hold_up_the_replacement_of_another)
{
	int i, before;

	start_and_wait(2);
	for (i = 0; i < 4; i++) { /* one of them, again and again */
		before = shared->births;
		kill(shared->pids[before - 1], SIGKILL);
		AWAIT(shared->births == before + 1 && shared->pids[before] != 0, 2000);
	}
	before = shared->births;
	kill(shared->pids[0], SIGKILL); /* the other, for the first time */
	AWAIT(shared->births == before + 1, 300);
}
END_TEST

START_TEST(term_finishes_the_request_under_way_and_refuses_no_answer)
{
	int fd, pid;

	start_and_wait(2);
	fd = order('w');
	AWAIT(shared->waiting == 1, 2000);
	kill(master, SIGTERM);
	AWAIT(living_workers() == 1 || (nap(), living_workers() == 1), 2000);
	ck_assert_int_eq(end_of_master(1), -1); /* it waits for the busy one */
	ck_assert_int_eq(send(fd, "!", 1, MSG_NOSIGNAL), 1);
	pid = answer(fd);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(end_of_master(2000), 0);
	ck_assert_int_eq(living_workers(), 0);
	ck_assert(logged("stopped"));
	master = 0;
}
END_TEST

START_TEST(hup_replaces_every_worker_and_refuses_no_client)
{
	int i, refused = 0, first[2];

	start_and_wait(2);
	first[0] = shared->pids[0];
	first[1] = shared->pids[1];
	for (i = 0; i < 400; i++) {
		int fd;

		if (i % 40 == 0)
			kill(master, SIGHUP);
		fd = dial();
		if (fd == -1 || send(fd, "p", 1, MSG_NOSIGNAL) != 1 || answer(fd) == 0)
			refused++;
	}
	ck_assert_int_eq(refused, 0);
	AWAIT(!alive(first[0]) && !alive(first[1]), 3000);
	ck_assert_int_ge(shared->reloads, 2);
}
END_TEST

START_TEST(reloads_in_quick_succession_leave_the_right_number_of_workers)
{
	int fd, i;

	start_and_wait(3);
	fd = order('w'); /* one of the first generation cannot leave yet */
	AWAIT(shared->waiting == 1, 2000);
	for (i = 0; i < 4; i++) {
		kill(master, SIGHUP);
		AWAIT(shared->births >= 6, 2000);
	}
	AWAIT(living_workers() == 4, 2000); /* the new three and the busy old one */
	ck_assert_int_eq(shared->births, 6);
	ck_assert_int_eq(send(fd, "!", 1, MSG_NOSIGNAL), 1);
	ck_assert_int_gt(answer(fd), 0);
	AWAIT(shared->births == 9, 2000); /* the reload that had to wait */
	AWAIT(living_workers() == 3, 2000);
}
END_TEST

START_TEST(a_refused_configuration_changes_nothing)
{
	int first;

	start_and_wait(1);
	first = shared->pids[0];
	shared->reload_result = -1;
	kill(master, SIGHUP);
	AWAIT(shared->reloads == 1, 1000);
	ck_assert_int_eq(answer(order('p')), first);
	ck_assert_int_eq(shared->births, 1);
}
END_TEST

START_TEST(a_new_generation_that_cannot_start_leaves_the_old_one_serving)
{
	int first;

	start_and_wait(1);
	first = shared->pids[0];
	shared->life = DIE_AT_BIRTH;
	kill(master, SIGHUP);
	AWAIT(logged("reload given up"), 3000);
	ck_assert_int_eq(answer(order('p')), first);
	shared->life = SERVE; /* the next reload finds everything in order */
	kill(master, SIGHUP);
	AWAIT(!alive(first), 3000);
	ck_assert_int_gt(answer(order('p')), 0);
}
END_TEST

START_TEST(term_is_heard_in_the_middle_of_a_reload)
{
	start_and_wait(1);
	shared->life = NEVER_READY;
	kill(master, SIGHUP);
	AWAIT(shared->births == 2, 1000);
	kill(master, SIGTERM);
	ck_assert_int_eq(end_of_master(3000), 0);
	ck_assert_int_eq(living_workers(), 0);
	master = 0;
}
END_TEST

START_TEST(nothing_outlives_a_master_that_was_killed)
{
	int i;

	start_and_wait(3);
	kill(master, SIGKILL);
	for (i = 0; i < 3; i++)
		AWAIT(!alive(shared->pids[i]), 2000);
	master = 0;
}
END_TEST

START_TEST(a_stuck_worker_is_killed_after_its_deadline)
{
	int64_t began;
	int first;

	start_and_wait(1);
	first = shared->pids[0];
	began = mono_ms();
	close(order('s')); /* it ignores SIGTERM */
	AWAIT(!(kill(first, 0) == 0), 6000);
	ck_assert_int_ge(mono_ms() - began, 2900);
	ck_assert(logged("has been answering stuck_route"));
	ck_assert_int_gt(answer(order('p')), 0);
	ck_assert_int_eq(metric_sum(M_worker_crashes_total), 1);
}
END_TEST

START_TEST(a_slow_worker_is_told_at_its_deadline_and_may_still_answer)
{
	int64_t began = mono_ms();
	int fd, first;

	start_and_wait(1);
	first = shared->pids[0];
	fd = order('t');
	ck_assert_int_eq(answer(fd), first);
	ck_assert_int_ge(mono_ms() - began, 900);
	AWAIT(shared->births == 2, 1000);
	ck_assert_int_eq(metric_sum(M_worker_crashes_total), 0);
}
END_TEST

START_TEST(systemd_hears_ready_when_all_are_ready_and_stopping_at_the_end)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 3 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[64] = "";
	ssize_t n;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", directory);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	setenv("WATCHDOG_USEC", "200000", 1);
	shared->life = LATE;
	start(2);
	while ((n = recv(fd, text, sizeof(text) - 1, 0)) > 0 && strncmp(text, "READY=1", 7) != 0)
		ck_assert_int_eq(strncmp(text, "WATCHDOG=1", 10), 0);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(shared->births, 2);
	do {
		memset(text, 0, sizeof(text));
		ck_assert_int_gt(recv(fd, text, sizeof(text) - 1, 0), 0);
	} while (strcmp(text, "WATCHDOG=1") != 0);
	kill(master, SIGTERM);
	do {
		memset(text, 0, sizeof(text));
		ck_assert_int_gt(recv(fd, text, sizeof(text) - 1, 0), 0);
	} while (strcmp(text, "STOPPING=1") != 0);
	ck_assert_int_eq(end_of_master(2000), 0);
	close(fd);
	unlink(address.sun_path);
	master = 0;
}
END_TEST

START_TEST(a_stale_socket_is_replaced_and_a_living_one_is_not)
{
	struct stat st;
	const char *error = NULL;
	int first = listen_unix(socket_path, "", &error), fd;

	ck_assert_int_ne(first, -1);
	ck_assert_int_eq(stat(socket_path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0660);
	ck_assert_int_ne(fcntl(first, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(first, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(listen_unix(socket_path, "", &error), -1);
	ck_assert_ptr_nonnull(strstr(error, "another server"));
	fd = dial(); /* the refusal has left it whole */
	ck_assert_int_ne(fd, -1);
	close(fd);
	close(first); /* as after a crash: the name is left */
	fd = listen_unix(socket_path, "", &error);
	ck_assert_int_ne(fd, -1);
	close(fd);
}
END_TEST

START_TEST(a_socket_whose_backlog_is_full_counts_as_living)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	const char *error = NULL;

	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	do
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(listen_unix(socket_path, "", &error), -1);
	ck_assert_ptr_nonnull(strstr(error, "another server"));
}
END_TEST

START_TEST(a_bad_path_or_group_is_refused_with_its_reason)
{
	char path[300];
	const char *error = NULL;

	memset(path, 'a', 150);
	path[150] = '\0';
	ck_assert_int_eq(listen_unix(path, "", &error), -1);
	ck_assert_ptr_nonnull(strstr(error, "socket path"));
	snprintf(path, sizeof(path), "%s/none/s", directory);
	ck_assert_int_eq(listen_unix(path, "", &error), -1);
	ck_assert_ptr_nonnull(strstr(error, "No such file"));
	ck_assert_int_eq(listen_unix(socket_path, "no-such-group", &error), -1);
	ck_assert_ptr_nonnull(strstr(error, "group"));
}
END_TEST

int
main(void)
{
	const TTest *const all[] = {
		a_crashed_worker_is_replaced_at_once_and_the_log_names_its_route,
		a_worker_that_ends_well_is_replaced_without_being_called_a_crash,
		a_crash_loop_backs_off_and_the_master_stays,
		one_worker_in_a_crash_loop_does_not_hold_up_the_replacement_of_another,
		term_finishes_the_request_under_way_and_refuses_no_answer,
		hup_replaces_every_worker_and_refuses_no_client,
		reloads_in_quick_succession_leave_the_right_number_of_workers,
		a_refused_configuration_changes_nothing,
		a_new_generation_that_cannot_start_leaves_the_old_one_serving,
		term_is_heard_in_the_middle_of_a_reload, nothing_outlives_a_master_that_was_killed,
		a_stuck_worker_is_killed_after_its_deadline,
		a_slow_worker_is_told_at_its_deadline_and_may_still_answer,
		systemd_hears_ready_when_all_are_ready_and_stopping_at_the_end,
		a_stale_socket_is_replaced_and_a_living_one_is_not,
		a_socket_whose_backlog_is_full_counts_as_living,
		a_bad_path_or_group_is_refused_with_its_reason, NULL
	};

	return master_main("prefork", all);
}

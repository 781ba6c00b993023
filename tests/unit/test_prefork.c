/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master from outside: a real one is forked for every case, its workers
 * do what the client's byte tells them, and what happened is read from shared
 * memory, from the sockets and from the process table.
 */
#include "http/prefork.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/util.h"

#define BIRTHS 256
#define STUCK_ROUTE 7

/* What a new worker does with its life. */
enum life { SERVE, DIE_AT_BIRTH, LATE, NEVER_READY };

struct shared {
	_Atomic int life;
	_Atomic int births;
	_Atomic int pids[BIRTHS];
	_Atomic int64_t born_ms[BIRTHS];
	_Atomic int reload_result;
	_Atomic int reloads;
	_Atomic int ready;
	_Atomic int waiting; /* workers that have begun a request of order 'w' */
};

static struct shared *shared;
static char directory[64], socket_path[128], log_path[128];
static pid_t master;
static struct prefork prefork;
static volatile sig_atomic_t term;

static int64_t
now_ms(void)
{
	return mono_us() / 1000;
}

static void
nap(void)
{
	struct timespec t = { .tv_nsec = 2000000 };

	nanosleep(&t, NULL);
}

#define AWAIT(condition, ms) \
	do { \
		int64_t until_ = now_ms() + (ms); \
		while (!(condition) && now_ms() < until_) \
			nap(); \
		ck_assert_msg((condition), "not within %d ms: %s", (ms), #condition); \
	} while (0)

/* ---- the worker */

static void
on_term(int sig)
{
	(void)sig;
	term = 1;
}

static void
stay_busy(struct slot *slot, bool stubborn)
{
	if (stubborn)
		signal(SIGTERM, SIG_IGN);
	slot->route = STUCK_ROUTE;
	slot->busy_since_ms = now_ms();
	while (stubborn || !term)
		nap();
	slot->busy_since_ms = 0;
}

/* One client: its byte is the order, the answer is our process id. */
static void
obey(struct slot *slot, int fd)
{
	char order = 0, text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)getpid());

	if (read(fd, &order, 1) == 1) {
		if (order == 'c') {
			slot->route = STUCK_ROUTE;
			raise(SIGSEGV);
		} else if (order == 'x') {
			_exit(0);
		} else if (order == 's') {
			stay_busy(slot, true);
		} else if (order == 't') {
			stay_busy(slot, false);
		} else if (order == 'w') { /* a request under way: finished by the second byte */
			slot->busy_since_ms = now_ms();
			shared->waiting++;
			while (read(fd, &order, 1) == -1 && errno == EINTR)
				;
			slot->busy_since_ms = 0;
		}
		if (write(fd, text, (size_t)n) != n)
			_exit(9);
	}
	close(fd);
}

static int
serve(struct slot *slot, int listen_fd)
{
	struct pollfd p = { .fd = listen_fd, .events = POLLIN };
	int fd;

	slot->ready = 1;
	while (!slot->leave && !term) {
		if (poll(&p, 1, 5) != 1)
			continue;
		fd = accept(listen_fd, NULL, NULL);
		if (fd != -1)
			obey(slot, fd);
	}
	return 0;
}

static int
work(struct slot *slot, const struct pool *pool, unsigned index)
{
	struct sigaction action = { .sa_handler = on_term, .sa_flags = SA_RESTART };
	int n = shared->births++;

	(void)index;
	signal(SIGSEGV, SIG_DFL); /* no sanitizer's report: the crash is wanted */
	if (n < BIRTHS) {
		shared->born_ms[n] = now_ms();
		shared->pids[n] = getpid();
	}
	if (shared->life == DIE_AT_BIRTH)
		return 3;
	if (shared->life == LATE)
		sleep(1);
	while (shared->life == NEVER_READY)
		nap();
	sigaction(SIGTERM, &action, NULL);
	return serve(slot, pool->listen_fd);
}

/* ---- the master */

static int
on_reload(void)
{
	shared->reloads++;
	return shared->reload_result;
}

static const char *
name_of_route(unsigned i)
{
	return i == STUCK_ROUTE ? "stuck_route" : "other_route";
}

static void
on_ready(void)
{
	shared->ready = 1;
}

static void
run_master(void)
{
	int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL); /* not libcheck's */
	signal(SIGINT, SIG_DFL);
	dup2(log, STDERR_FILENO);
	exit(prefork_run(&prefork));
}

static void
start(unsigned workers)
{
	prefork = (struct prefork){ .npools = 1,
		.request_timeout_s = 1,
		.work = work,
		.reload = on_reload,
		.route_name = name_of_route,
		.ready = on_ready };
	const char *error;
	int fd = listen_unix(socket_path, "", &error);

	ck_assert_msg(fd != -1, "%s", error);
	prefork.pools[0] = (struct pool){ .name = "fast", .listen_fd = fd, .workers = workers };
	metrics_init(workers * 2, 1);
	master = fork();
	ck_assert_int_ne(master, -1);
	if (master == 0)
		run_master();
	close(fd);
}

static void
start_and_wait(unsigned workers)
{
	start(workers);
	AWAIT(shared->ready, 3000);
	ck_assert_int_eq(shared->births, (int)workers);
}

/* ---- the client */

static int
dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, socket_path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
order(char what)
{
	int fd = dial();

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(send(fd, &what, 1, MSG_NOSIGNAL), 1);
	return fd;
}

/* The process id of the worker that answered, 0 when none did within 3 s. */
static int
answer(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[16] = "";
	ssize_t n = poll(&p, 1, 3000) == 1 ? read(fd, text, sizeof(text) - 1) : -1;

	close(fd);
	return n <= 0 ? 0 : atoi(text);
}

static bool
alive(int pid)
{
	while (waitpid(-1, NULL, WNOHANG) > 0) /* we are the reaper of orphans */
		;
	return kill(pid, 0) == 0;
}

static unsigned
living_workers(void)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < shared->births && i < BIRTHS; i++)
		n += shared->pids[i] != 0 && kill(shared->pids[i], 0) == 0;
	return n;
}

/* The exit status of the master, -1 when it does not end in time. */
static int
end_of_master(int ms)
{
	int64_t until = now_ms() + ms;
	int status;

	while (now_ms() < until) {
		if (waitpid(master, &status, WNOHANG) == master)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
		nap();
	}
	return -1;
}

static bool
logged(const char *text)
{
	static char log[65536];
	int fd = open(log_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, log, sizeof(log) - 1);

	close(fd);
	log[n < 0 ? 0 : n] = '\0';
	return strstr(log, text) != NULL;
}

static void
setup(void)
{
	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	strcpy(directory, "/tmp/test_prefork.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/s", directory);
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	master = 0;
}

static void
teardown(void)
{
	int i;

	if (master > 0)
		kill(master, SIGKILL);
	for (i = 0; i < shared->births && i < BIRTHS; i++)
		if (shared->pids[i] > 1)
			kill(shared->pids[i], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	unlink(socket_path);
	unlink(log_path);
	rmdir(directory);
	munmap(shared, sizeof(*shared));
}

/* ---- cases */

START_TEST(a_crashed_worker_is_replaced_at_once_and_the_log_names_its_route)
{
	int64_t crashed_at;

	start_and_wait(2);
	crashed_at = now_ms();
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
	began = now_ms();
	close(order('s')); /* it ignores SIGTERM */
	AWAIT(!(kill(first, 0) == 0), 6000);
	ck_assert_int_ge(now_ms() - began, 2900);
	ck_assert(logged("has been answering stuck_route"));
	ck_assert_int_gt(answer(order('p')), 0);
	ck_assert_int_eq(metric_sum(M_worker_crashes_total), 1);
}
END_TEST

START_TEST(a_slow_worker_is_told_at_its_deadline_and_may_still_answer)
{
	int64_t began = now_ms();
	int fd, first;

	start_and_wait(1);
	first = shared->pids[0];
	fd = order('t');
	ck_assert_int_eq(answer(fd), first);
	ck_assert_int_ge(now_ms() - began, 900);
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

static Suite *
suite(void)
{
	Suite *s = suite_create("prefork");
	TCase *t = tcase_create("master");

	tcase_set_timeout(t, 20);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_crashed_worker_is_replaced_at_once_and_the_log_names_its_route);
	tcase_add_test(t, a_worker_that_ends_well_is_replaced_without_being_called_a_crash);
	tcase_add_test(t, a_crash_loop_backs_off_and_the_master_stays);
	tcase_add_test(t, one_worker_in_a_crash_loop_does_not_hold_up_the_replacement_of_another);
	tcase_add_test(t, term_finishes_the_request_under_way_and_refuses_no_answer);
	tcase_add_test(t, hup_replaces_every_worker_and_refuses_no_client);
	tcase_add_test(t, reloads_in_quick_succession_leave_the_right_number_of_workers);
	tcase_add_test(t, a_refused_configuration_changes_nothing);
	tcase_add_test(t, a_new_generation_that_cannot_start_leaves_the_old_one_serving);
	tcase_add_test(t, term_is_heard_in_the_middle_of_a_reload);
	tcase_add_test(t, nothing_outlives_a_master_that_was_killed);
	tcase_add_test(t, a_stuck_worker_is_killed_after_its_deadline);
	tcase_add_test(t, a_slow_worker_is_told_at_its_deadline_and_may_still_answer);
	tcase_add_test(t, systemd_hears_ready_when_all_are_ready_and_stopping_at_the_end);
	tcase_add_test(t, a_stale_socket_is_replaced_and_a_living_one_is_not);
	tcase_add_test(t, a_socket_whose_backlog_is_full_counts_as_living);
	tcase_add_test(t, a_bad_path_or_group_is_refused_with_its_reason);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

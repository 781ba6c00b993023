/* SPDX-License-Identifier: Apache-2.0 */
#include "master.h"

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
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/metrics.h"
#include "http/prefork.h"
#include "run.h"

struct shared *shared;
char directory[64], socket_path[128];
pid_t master;
long ready_ms;

static char log_path[128];
static struct prefork prefork;
static volatile sig_atomic_t term;

void
nap(void)
{
	struct timespec t = { .tv_nsec = 2000000 };

	nanosleep(&t, NULL);
}

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
	slot->busy_since_ms = mono_ms();
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
		} else if (order == 'n') { /* the last of its number of requests */
			slot->spent = 1;
		} else if (order == 'w') { /* a request under way: finished by the second byte */
			slot->busy_since_ms = mono_ms();
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
		shared->born_ms[n] = mono_ms();
		shared->pids[n] = getpid();
	}
	if (shared->life == DIE_AT_BIRTH)
		return 3;
	if (shared->life == LATE)
		sleep(1);
	while (shared->life == NEVER_READY || n >= shared->admitted)
		nap();
	slot->spent = n < shared->spent;
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

void
start(unsigned workers)
{
	prefork = (struct prefork){ .npools = 1,
		.request_timeout_s = 1,
		.ready_ms = ready_ms,
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

void
start_and_wait(unsigned workers)
{
	start(workers);
	AWAIT(shared->ready, 3000);
	ck_assert_int_eq(shared->births, (int)workers);
}

/* ---- the client */

int
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

int
order(char what)
{
	int fd = dial();

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(send(fd, &what, 1, MSG_NOSIGNAL), 1);
	return fd;
}

int
answer(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[16] = "";
	ssize_t n = poll(&p, 1, 3000) == 1 ? read(fd, text, sizeof(text) - 1) : -1;

	close(fd);
	return n <= 0 ? 0 : atoi(text);
}

bool
alive(int pid)
{
	while (waitpid(-1, NULL, WNOHANG) > 0) /* we are the reaper of orphans */
		;
	return kill(pid, 0) == 0;
}

unsigned
living_workers(void)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < shared->births && i < BIRTHS; i++)
		n += shared->pids[i] != 0 && kill(shared->pids[i], 0) == 0;
	return n;
}

int
end_of_master(int ms)
{
	int64_t until = mono_ms() + ms;
	int status;

	while (mono_ms() < until) {
		if (waitpid(master, &status, WNOHANG) == master)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
		nap();
	}
	return -1;
}

bool
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
	shared->admitted = BIRTHS;
	ready_ms = 10000;
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

int
master_main(const char *name, const TTest *const *tests)
{
	return run_cases(name, setup, teardown, CK_FORK_GETENV, 20, tests);
}

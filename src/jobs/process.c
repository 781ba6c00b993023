/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/util.h"
#include "jobs/housekeeping.h"
#include "jobs/job.h"
#include "store/db.h"

#define LEARN_US 10000000

static void
poke(int fd)
{
	static const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one)); /* full: it will come and look */
}

static bool
poked(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n);
}

/* Until something may have happened, or a second is over. False when it is time to leave. */
static bool
wait_for_jobs(const struct job_process *p, int signals, bool busy)
{
	struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
		{ .fd = p->wake, .events = POLLIN } };

	poll(fds, 2, busy ? 0 : 1000);
	(void)poked(p->wake);
	return (fds[0].revents & POLLIN) == 0;
}

static int
serve(const struct job_process *p)
{
	struct arena *arena = arena_new();
	struct db *db = db_new(conf.db_scheduler_url, "serviceos-scheduler", conf.db_timeout * 5);
	struct db *app = db_new(conf.db_url, "serviceos-scheduler", conf.db_timeout * 5);
	bool busy = true;
	int64_t learn_us = 0;
	sigset_t set;
	int signals;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	while (wait_for_jobs(p, signals, busy)) {
		busy = jobs_run(db, app, arena);
		if (busy)
			poke(p->news);
		else if (time_due(&learn_us, LEARN_US) && learn_words(db, arena))
			learn_us = 0; /* there may be more */
		arena_reset(arena);
	}
	db_free(db);
	db_free(app);
	arena_free(arena);
	close(signals);
	return 0;
}

bool
job_process_start(struct job_process *p)
{
	pid_t parent = getpid();

	p->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	p->news = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->wake == -1 || p->news == -1)
		return false;
	p->pid = fork();
	if (p->pid != 0)
		return p->pid != -1;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) /* it was faster */
		_exit(0);
	exit(serve(p));
}

void
job_process_wake(const struct job_process *p)
{
	poke(p->wake);
}

bool
job_process_news(const struct job_process *p)
{
	return poked(p->news);
}

void
job_process_end(const struct job_process *p)
{
	kill(p->pid, SIGTERM);
	while (waitpid(p->pid, NULL, 0) == -1 && errno == EINTR)
		;
	close(p->wake);
	close(p->news);
}

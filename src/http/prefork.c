/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master: one loop around sigtimedwait(). Signals stay blocked, so none is
 * lost between looking and waiting; the scoreboard is looked at once a second.
 */
#include "http/prefork.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/util.h"

#define SLOTS_MAX 1024
#define YOUNG_MS 5000      /* dying younger than this counts as a crash loop */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
#define READY_MS 10000     /* a new generation may take this long */
#define DRAIN_MS 30000
#define KILL_AFTER_MS 2000

/* The master's own notes on a slot. */
struct note {
	int64_t respawn_at; /* monotonic ms; 0 when not dead */
	int64_t term_at;
	bool old; /* of the generation that is leaving */
};

struct slot *worker_slot;

static struct slot *slots;
static unsigned nslots; /* twice the workers: two generations side by side */
static struct note notes[SLOTS_MAX];
static int64_t backoff_ms;
static struct prefork *config;
static sigset_t wanted, original;
static bool announced;

const struct slot *
prefork_slots(unsigned *count)
{
	*count = nslots;
	return slots;
}

static int64_t
now_ms(void)
{
	return mono_us() / 1000;
}

static void
child(unsigned index, int pool, pid_t master)
{
	struct rlimit no_core = { 0, 0 };

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != master)
		_exit(0); /* it died before we asked to be told */
	setrlimit(RLIMIT_CORE, &no_core);
	worker_slot = &slots[index];
	metrics_slot(index + 1);
	sigprocmask(SIG_SETMASK, &original, NULL);
	_exit(config->work(worker_slot, &config->pools[pool], index));
}

static void
spawn(unsigned index, int pool)
{
	struct slot *s = &slots[index];
	pid_t master = getpid(), pid;

	s->busy_since_ms = 0;
	s->route = -1;
	s->served = 0;
	s->leave = 0;
	s->ready = 0;
	s->pool = pool;
	s->born_ms = now_ms();
	notes[index] = (struct note){ .respawn_at = 0 };
	pid = fork();
	if (pid == 0)
		child(index, pool, master);
	if (pid == -1) {
		log_error("fork: %s", strerror(errno));
		notes[index].respawn_at = now_ms() + BACKOFF_MAX_MS;
		return;
	}
	s->pid = pid;
	metric_add(M_worker_starts_total, 1);
}

static void
note_crash(const struct slot *s, int status)
{
	const char *route = s->route >= 0 && config->route_name != NULL ?
	    config->route_name((unsigned)s->route) :
	    "none";

	metric_add(M_worker_crashes_total, 1);
	if (WIFSIGNALED(status))
		log_error("worker %d ended by signal %d while answering %s", s->pid,
		    WTERMSIG(status), route);
	else
		log_error("worker %d ended with status %d", s->pid, WEXITSTATUS(status));
}

/* At once after a normal end or a first crash; later and later in a crash loop. */
static int64_t
respawn_time(const struct slot *s, bool crashed)
{
	int64_t now = now_ms();

	if (!crashed || now - s->born_ms >= YOUNG_MS) {
		backoff_ms = 0;
		return now;
	}
	if (backoff_ms == 0) {
		backoff_ms = BACKOFF_MIN_MS;
		return now;
	}
	backoff_ms = backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff_ms * 2;
	return now + backoff_ms;
}

static void
reap(bool draining)
{
	int status;
	unsigned i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		bool crashed = WIFSIGNALED(status) || WEXITSTATUS(status) != 0;

		for (i = 0; i < nslots && slots[i].pid != pid; i++)
			;
		if (i == nslots)
			continue;
		if (crashed && !draining && notes[i].term_at == 0)
			note_crash(&slots[i], status);
		else if (crashed && !draining)
			metric_add(M_worker_crashes_total, 1);
		slots[i].pid = 0;
		slots[i].busy_since_ms = 0;
		if (!draining && !notes[i].old)
			notes[i].respawn_at = respawn_time(&slots[i], crashed);
	}
}

static void
respawn(void)
{
	int64_t now = now_ms();
	unsigned i;

	for (i = 0; i < nslots; i++)
		if (notes[i].respawn_at != 0 && notes[i].respawn_at <= now)
			spawn(i, slots[i].pool);
}

/* A worker that answers one request for too long is told to end, then made to. */
static void
enforce_deadlines(void)
{
	int64_t now = now_ms(), limit = config->request_timeout_s * 1000;
	unsigned i;

	for (i = 0; i < nslots; i++) {
		int64_t since = slots[i].busy_since_ms;

		if (slots[i].pid == 0 || since == 0 || now - since < limit)
			continue;
		if (notes[i].term_at == 0) {
			log_error("worker %d has been answering %s for %lld ms: ended", slots[i].pid,
			    slots[i].route >= 0 && config->route_name != NULL ?
				config->route_name((unsigned)slots[i].route) :
				"none",
			    (long long)(now - since));
			notes[i].term_at = now;
			kill(slots[i].pid, SIGTERM);
		} else if (now - notes[i].term_at >= KILL_AFTER_MS) {
			kill(slots[i].pid, SIGKILL);
		}
	}
}

static bool
all_ready(void)
{
	unsigned i;

	for (i = 0; i < nslots; i++)
		if ((slots[i].pid != 0 && !notes[i].old && !slots[i].ready) ||
		    notes[i].respawn_at != 0)
			return false;
	return true;
}

static unsigned
alive(void)
{
	unsigned i, n = 0;

	for (i = 0; i < nslots; i++)
		n += slots[i].pid != 0;
	return n;
}

static int
wait_signal(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	return sigtimedwait(&wanted, NULL, &t);
}

static unsigned
free_slot(void)
{
	unsigned i;

	for (i = 0; i < nslots; i++)
		if (slots[i].pid == 0 && notes[i].respawn_at == 0)
			return i;
	return nslots;
}

static void
start_generation(void)
{
	unsigned p, w, i;

	for (p = 0; p < config->npools; p++)
		for (w = 0; w < config->pools[p].workers; w++)
			if ((i = free_slot()) < nslots)
				spawn(i, (int)p);
}

/* New workers first; the sockets stay open throughout, so that nobody is refused. */
static void
reload(void)
{
	int64_t deadline = now_ms() + READY_MS;
	unsigned i;

	if (config->reload != NULL && config->reload() == -1)
		return;
	for (i = 0; i < nslots; i++)
		if (slots[i].pid != 0 || notes[i].respawn_at != 0) {
			notes[i].old = true;
			notes[i].respawn_at = 0;
		}
	start_generation();
	while (!all_ready() && now_ms() < deadline)
		if (wait_signal(20) == SIGCHLD)
			reap(false);
	for (i = 0; i < nslots; i++)
		if (slots[i].pid != 0 && notes[i].old)
			slots[i].leave = 1;
	log_info("reloaded");
}

static int
drain(void)
{
	int64_t deadline = now_ms() + DRAIN_MS;
	unsigned i;

	notify_systemd("STOPPING=1");
	for (i = 0; i < nslots; i++)
		if (slots[i].pid != 0)
			slots[i].leave = 1;
	while (alive() > 0 && now_ms() < deadline)
		if (wait_signal(50) == SIGCHLD)
			reap(true);
	for (i = 0; i < nslots; i++)
		if (slots[i].pid != 0)
			kill(slots[i].pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	log_info("stopped");
	return 0;
}

static long
next_wait(void)
{
	int64_t now = now_ms(), wait = 1000;
	unsigned i;

	if (!announced)
		return 20;
	for (i = 0; i < nslots; i++)
		if (notes[i].respawn_at != 0 && notes[i].respawn_at - now < wait)
			wait = notes[i].respawn_at - now;
	return wait < 1 ? 1 : (long)wait;
}

static void
watchdog(void)
{
	static int64_t last;

	if (getenv("WATCHDOG_USEC") == NULL || now_ms() - last < 2000)
		return;
	last = now_ms();
	notify_systemd("WATCHDOG=1");
}

static void
prepare(void)
{
	static const int signals[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT };
	unsigned i, total = 0;

	for (i = 0; i < config->npools; i++)
		total += config->pools[i].workers;
	nslots = total * 2;
	if (nslots > SLOTS_MAX)
		fatal("at most %d workers", SLOTS_MAX / 2);
	slots = mmap(NULL, nslots * sizeof(*slots), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (slots == MAP_FAILED)
		fatal("cannot map the scoreboard: %s", strerror(errno));
	sigemptyset(&wanted);
	for (i = 0; i < LENGTH(signals); i++)
		sigaddset(&wanted, signals[i]);
	sigprocmask(SIG_BLOCK, &wanted, &original);
}

int
prefork_run(struct prefork *p)
{
	int sig;

	config = p;
	prepare();
	start_generation();
	for (;;) {
		sig = wait_signal(next_wait());
		if (sig == SIGTERM || sig == SIGINT)
			return drain();
		if (sig == SIGHUP)
			reload();
		reap(false);
		respawn();
		enforce_deadlines();
		watchdog();
		if (!announced && all_ready()) {
			announced = true;
			notify_systemd("READY=1");
			if (config->ready != NULL)
				config->ready();
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Slots in shared memory, and what only the master knows about each. */
#include "http/scoreboard.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/util.h"
#include "http/prefork.h"

#define SLOTS_MAX 1024
#define YOUNG_MS 5000 /* dying younger than this counts as a crash loop */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
#define LEAVE_MS 30000 /* from being told to leave to SIGKILL */
#define KILL_AFTER_MS 2000

struct note {
	int64_t respawn_at; /* monotonic ms; 0 when no replacement is due */
	int64_t backoff_ms; /* wait before the next replacement in a crash loop */
	int64_t term_at;    /* told to end at the deadline of its request */
	int64_t leave_at;   /* told to leave */
	bool old;           /* not of the current generation: not replaced when it ends */
};

struct slot *worker_slot;

static struct slot *slots;
static unsigned nslots; /* twice the workers: two generations side by side */
static struct note notes[SLOTS_MAX];
static struct prefork *config;

const struct slot *
prefork_slots(unsigned *count)
{
	*count = nslots;
	return slots;
}

void
board_init(struct prefork *p)
{
	unsigned i, total = 0;

	config = p;
	for (i = 0; i < p->npools; i++) {
		if (p->pools[i].workers < 1 || p->pools[i].workers > SLOTS_MAX / 2)
			fatal("pool %s: needs 1 to %d workers", p->pools[i].name, SLOTS_MAX / 2);
		total += p->pools[i].workers;
	}
	nslots = total * 2;
	if (nslots > SLOTS_MAX)
		fatal("at most %d workers in all", SLOTS_MAX / 2);
	slots = mmap(NULL, nslots * sizeof(*slots), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (slots == MAP_FAILED)
		fatal("cannot map the scoreboard: %s", strerror(errno));
}

static void
child(unsigned index, int pool, pid_t master)
{
	struct rlimit no_core = { 0, 0 };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != master)
		_exit(0); /* it died before we asked to be told */
	setrlimit(RLIMIT_CORE, &no_core);
	worker_slot = &slots[index];
	metrics_slot(index + 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
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
	s->spent = 0;
	s->pool = pool;
	s->born_ms = mono_ms();
	notes[index] = (struct note){ .backoff_ms = notes[index].backoff_ms };
	pid = fork();
	if (pid == 0)
		child(index, pool, master);
	if (pid == -1) {
		log_error("fork: %s", strerror(errno));
		notes[index].respawn_at = mono_ms() + BACKOFF_MAX_MS;
		return;
	}
	s->pid = pid;
	metric_add(M_worker_starts_total, 1);
}

static bool
taken(unsigned i)
{
	return slots[i].pid != 0 || notes[i].respawn_at != 0;
}

void
board_fill(void)
{
	unsigned have[POOLS_MAX] = { 0 }, i, p;

	for (i = 0; i < nslots; i++)
		if (taken(i) && !notes[i].old)
			have[slots[i].pool]++;
	for (i = 0, p = 0; p < config->npools; p++)
		for (; have[p] < config->pools[p].workers && i < nslots; i++) {
			if (taken(i))
				continue;
			notes[i].backoff_ms = 0;
			spawn(i, (int)p);
			have[p]++;
		}
}

static const char *
route_of(const struct slot *s)
{
	return s->route >= 0 && config->route_name != NULL ? config->route_name((unsigned)s->route)
	                                                   : "none";
}

static void
note_crash(const struct slot *s, int status)
{
	if (WIFSIGNALED(status))
		log_error("worker %d ended by signal %d while answering %s", s->pid,
		    WTERMSIG(status), route_of(s));
	else
		log_error("worker %d ended with status %d while answering %s", s->pid,
		    WEXITSTATUS(status), route_of(s));
}

/* At once after a normal end or a first crash; later and later in a crash loop. */
static int64_t
respawn_time(const struct slot *s, struct note *n, bool crashed)
{
	int64_t now = mono_ms(), wait;

	if (!crashed || now - s->born_ms >= YOUNG_MS) {
		n->backoff_ms = 0;
		return now;
	}
	wait = n->backoff_ms;
	n->backoff_ms = wait == 0                   ? BACKOFF_MIN_MS
	                : wait * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS
	                                            : wait * 2;
	return now + wait;
}

/* Whoever was told to leave before it could hear of it ends by the signal. */
static bool
has_crashed(const struct note *n, int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) != SIGTERM || n->leave_at == 0;
	return WEXITSTATUS(status) != 0;
}

void
board_reap(bool draining)
{
	int status;
	unsigned i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		bool crashed;

		for (i = 0; i < nslots && slots[i].pid != pid; i++)
			;
		if (i == nslots)
			continue;
		crashed = has_crashed(&notes[i], status);
		if (crashed && !draining) {
			metric_add(M_worker_crashes_total, 1);
			if (notes[i].term_at == 0) /* else it is in the log */
				note_crash(&slots[i], status);
		}
		slots[i].pid = 0;
		slots[i].ready = 0;
		slots[i].busy_since_ms = 0;
		if (!draining && !notes[i].old)
			notes[i].respawn_at = respawn_time(&slots[i], &notes[i], crashed);
	}
}

void
board_respawn(void)
{
	int64_t now = mono_ms();
	unsigned i;

	for (i = 0; i < nslots; i++)
		if (notes[i].respawn_at != 0 && notes[i].respawn_at <= now)
			spawn(i, slots[i].pool);
}

/* First told, so that a worker that is only slow can still answer; then made to. */
static void
enforce_deadline(const struct slot *s, struct note *n, int64_t now)
{
	int64_t since = s->busy_since_ms;

	if (since == 0 || now - since < config->request_timeout_s * 1000)
		return;
	if (n->term_at == 0) {
		log_error("worker %d has been answering %s for %lld ms: ended", s->pid, route_of(s),
		    (long long)(now - since));
		n->term_at = now;
		kill(s->pid, SIGTERM);
	} else if (now - n->term_at >= KILL_AFTER_MS) {
		kill(s->pid, SIGKILL);
	}
}

void
board_enforce(void)
{
	int64_t now = mono_ms();
	unsigned i;

	for (i = 0; i < nslots; i++) {
		if (slots[i].pid == 0)
			continue;
		enforce_deadline(&slots[i], &notes[i], now);
		if (notes[i].leave_at != 0 && now - notes[i].leave_at >= LEAVE_MS)
			kill(slots[i].pid, SIGKILL);
	}
}

long
board_next(long most)
{
	int64_t now = mono_ms(), wait = most;
	unsigned i;

	for (i = 0; i < nslots; i++)
		if (notes[i].respawn_at != 0 && notes[i].respawn_at - now < wait)
			wait = notes[i].respawn_at - now;
	return wait < 1 ? 1 : (long)wait;
}

bool
board_ready(void)
{
	unsigned i;

	for (i = 0; i < nslots; i++)
		if (taken(i) && !notes[i].old && !slots[i].ready)
			return false;
	return true;
}

bool
board_failing(void)
{
	unsigned i;

	for (i = 0; i < nslots; i++)
		if (taken(i) && !notes[i].old && notes[i].backoff_ms > BACKOFF_MIN_MS)
			return true;
	return false;
}

unsigned
board_alive(void)
{
	unsigned i, n = 0;

	for (i = 0; i < nslots; i++)
		n += slots[i].pid != 0;
	return n;
}

unsigned
board_alive_old(void)
{
	unsigned i, n = 0;

	for (i = 0; i < nslots; i++)
		n += slots[i].pid != 0 && notes[i].old;
	return n;
}

void
board_turn(void)
{
	unsigned i;

	for (i = 0; i < nslots; i++) {
		notes[i].old = slots[i].pid != 0;
		notes[i].respawn_at = 0;
	}
}

void
board_turn_back(void)
{
	unsigned i;

	for (i = 0; i < nslots; i++) {
		notes[i].old = slots[i].pid != 0 && !notes[i].old;
		notes[i].respawn_at = 0;
	}
}

int
board_spent(int after)
{
	unsigned i, n;

	for (n = 1; n <= nslots; n++) {
		i = ((unsigned)after + n) % nslots;
		if (slots[i].pid != 0 && slots[i].spent && !notes[i].old)
			return (int)i;
	}
	return -1;
}

int
board_add(int beside)
{
	unsigned i;

	for (i = 0; i < nslots && taken(i); i++)
		;
	if (i == nslots)
		return -1;
	notes[i].backoff_ms = 0;
	spawn(i, slots[beside].pool);
	notes[i].respawn_at = 0; /* a fork that failed is not made up for */
	notes[i].old = slots[i].pid != 0;
	return slots[i].pid == 0 ? -1 : (int)i;
}

void
board_exchange(int worker, int added)
{
	notes[added].old = false;
	notes[worker].old = slots[worker].pid != 0;
	notes[worker].respawn_at = 0; /* if it died meanwhile, that is made up for */
}

void
board_dismiss(bool everyone)
{
	int64_t now = mono_ms();
	unsigned i;

	for (i = 0; i < nslots; i++) {
		if (slots[i].pid == 0 || (!everyone && !notes[i].old))
			continue;
		notes[i].leave_at = now;
		slots[i].leave = 1;
		kill(slots[i].pid, SIGTERM); /* wakes one that waits, ends one that is not ready */
	}
}

void
board_kill_all(void)
{
	unsigned i;

	for (i = 0; i < nslots; i++)
		if (slots[i].pid != 0)
			kill(slots[i].pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

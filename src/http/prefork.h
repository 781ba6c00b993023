/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_PREFORK_H
#define SERVICEOS_PREFORK_H

/*
 * A master that keeps pools of workers alive. It does no I/O besides its
 * scoreboard: one sigtimedwait loop. HUP reloads (new workers first, then the
 * old ones leave between requests; if the new ones do not come up, the old
 * ones stay), TERM and INT drain, a crash is replaced, a crash loop backs off
 * from 0.1 to 10 s. A worker that has served its number is replaced as a
 * reload does it, one worker at a time.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define POOLS_MAX 4

struct pool {
	const char *name; /* "fast" */
	int listen_fd;    /* non-blocking, listening; opened before prefork_run() */
	unsigned workers;
};

/* One per worker, in shared memory. Written by the worker, read by the master. */
struct slot {
	_Atomic int pid;
	_Atomic int64_t busy_since_ms; /* 0 while idle (monotonic milliseconds) */
	_Atomic int route;             /* index of the route being answered, or -1 */
	_Atomic int64_t served;
	_Atomic int leave; /* set by the master, which also sends SIGTERM: go between requests */
	_Atomic int ready; /* set by the worker once it is warm and accepts */
	_Atomic int spent; /* set by the worker: it has served its number and may be replaced */
	int pool;
	int64_t born_ms;
};

struct prefork {
	struct pool pools[POOLS_MAX];
	unsigned npools;
	long request_timeout_s;
	long ready_ms; /* so long may new workers take, before those they are to replace stay */
	/* Runs in the child until slot->leave or SIGTERM; its return value is the exit status. */
	int (*work)(struct slot *, const struct pool *, unsigned index);
	/* On SIGHUP, in the master: 0 to go on with new workers, -1 to change nothing. */
	int (*reload)(void);
	/* Name of a route for the log line of a crash. */
	const char *(*route_name)(unsigned);
	/* Once, when every worker is ready; may be NULL. */
	void (*ready)(void);
};

/* Returns when drained: the exit status of the process. */
int prefork_run(struct prefork *);
/* This process' slot, or NULL in the master and in tests. */
extern struct slot *worker_slot;
/* Slots of all workers, for /ready and /metrics. */
const struct slot *prefork_slots(unsigned *count);
/* A listening unix socket with mode 0660 and the group (or ""); replaces a stale one. */
int listen_unix(const char *path, const char *group, const char **error);
/* sd_notify(3) without the library: "READY=1", "STOPPING=1", "WATCHDOG=1". */
void notify_systemd(const char *state);

#endif

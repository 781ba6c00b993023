/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_MASTER_H
#define SERVICEOS_TEST_MASTER_H

/*
 * A master to look at from outside: a real one is forked for every case, its
 * workers do what the client's byte tells them, and what happened is read from
 * shared memory, from the sockets and from the process table.
 */

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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
	_Atomic int waiting;  /* workers that have begun a request of order 'w' */
	_Atomic int spent;    /* so many of the first have served their number at birth */
	_Atomic int admitted; /* so many of the first may get ready */
};

extern struct shared *shared;
extern char directory[64], socket_path[128];
extern pid_t master;
extern long ready_ms; /* of the master that is started next */

void nap(void);

#define AWAIT(condition, ms) \
	do { \
		int64_t until_ = mono_ms() + (ms); \
		bool met_; \
		while (!(met_ = (condition)) && mono_ms() < until_) \
			nap(); \
		ck_assert_msg(met_, "not within %d ms: %s", (ms), #condition); \
	} while (0)

/* A master with one pool of so many workers; the second waits until they serve. */
void start(unsigned workers);
void start_and_wait(unsigned workers);
/* The exit status of the master, -1 when it does not end in time. */
int end_of_master(int ms);

/* A connection, or -1; one with an order sent; the process id of who answered, 0 for nobody. */
int dial(void);
int order(char what);
int answer(int fd);

bool alive(int pid);
unsigned living_workers(void);
/* Whether the master or a worker has logged this. */
bool logged(const char *text);

/* Around each case, and main()'s work; the list of cases ends with NULL. */
int master_main(const char *name, const TTest *const *tests);

#endif

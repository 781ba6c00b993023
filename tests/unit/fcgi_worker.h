/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FCGI_WORKER_H
#define SERVICEOS_TEST_FCGI_WORKER_H

/*
 * A worker as the web server sees it: raw FastCGI records over a unix socket.
 * The dispatcher is a stand-in that tells what it was given:
 *
 *	/big?N	N bytes
 *	/stuck	nothing, ever
 *	/none	204
 *	else	the request, its headers, length and sum() of its body
 */

#include "fcgi_wire.h"

#include <sys/types.h>

#include "http/prefork.h"

#include <check.h> /* last: it has a macro named fail */

extern struct slot *slot; /* the worker's */
extern pid_t worker_pid;

/* Start a worker in the place of one that has ended; each case begins with one. */
void start(void);
/* The exit status of the worker, -1 when it has not ended by then. */
int end_of_worker(int ms);
void assert_serving(void);
/* The count follows the reply. */
void assert_served(int64_t n);

/* Two milliseconds. */
void nap(void);
unsigned long sum(const char *data, size_t len);

/* Run the cases, each in a process with a worker of its own, and return main()'s value. */
int fcgi_main(const char *name, const TTest *const *tests);

#endif

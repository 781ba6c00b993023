/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_JOB_PROCESS_H
#define SERVICEOS_JOB_PROCESS_H

/*
 * Bulk jobs, imports and exports run in a process of their own beside the
 * scheduler's clock, and so does learning words: a step may take half a second, and no
 * alarm waits for it. The two share their fate: each ends when the other does.
 */

#include <stdbool.h>
#include <sys/types.h>

struct job_process {
	pid_t pid;
	int wake; /* eventfds: to it, */
	int news; /* and from it */
};

/* Fork it. Before connections, which two processes cannot share. False with errno. */
bool job_process_start(struct job_process *);
/* There may be a job. */
void job_process_wake(const struct job_process *);
/* Whether a step was done since the last time: it may have left events. */
bool job_process_news(const struct job_process *);
/* Let it finish its step and leave. */
void job_process_end(const struct job_process *);

#endif

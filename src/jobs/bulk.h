/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_BULK_H
#define SERVICEOS_BULK_H

#include "jobs/job.h"

/* One batch of a bulk job: a change to the next 100 tickets that match, or its undoing. */
enum job_outcome bulk_step(struct job *);

#endif

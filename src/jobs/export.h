/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_EXPORT_H
#define SERVICEOS_EXPORT_H

#include "jobs/job.h"

/* The next thousand rows of an export, appended to its file. */
enum job_outcome export_step(struct job *);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_IMPORT_H
#define SERVICEOS_IMPORT_H

#include "jobs/job.h"

/*
 * One batch of an import. spec: kind, format, dry_run, on_conflict, mapping,
 * and path where the file is not the uploaded one (state_dir/imports). The
 * cursor holds how far the file was read, the result what became of the rows.
 */
enum job_outcome import_step(struct job *);

#endif

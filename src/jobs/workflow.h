/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_WORKFLOW_H
#define SERVICEOS_WORKFLOW_H

/*
 * Workflows. A due job of kind "workflow" is one event; all workflows that it
 * starts run in their order in one transaction with the end of the job, so that
 * each runs once. Time triggers are looked at once a minute.
 */

#include "store/due.h"

struct due_kind workflow_kind(struct due_work *);
/* True when there was as much as one pass does: call again soon. */
bool workflows_timed(struct due_work *);

#endif

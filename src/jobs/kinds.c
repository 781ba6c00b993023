/* SPDX-License-Identifier: Apache-2.0 */
/* All kinds of background jobs. */
#include <stddef.h>

#include "jobs/bulk.h"
#include "jobs/export.h"
#include "jobs/import.h"
#include "jobs/job.h"

const struct job_kind job_kinds[] = {
	{ "bulk", bulk_step, NULL },
	{ "export", export_step, NULL },
	{ "import", import_step, "notifications,webhooks,workflows,sla" },
	{ .kind = NULL },
};

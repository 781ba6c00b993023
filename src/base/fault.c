/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#ifdef SERVICEOS_FAULTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static const char *const names[] = {
/* clang-format off */
#undef FAULT
#define FAULT(name, text) #name,
#include "base/fault.def"
#undef FAULT
	/* clang-format on */
};

void
fault_reach(enum fault at)
{
	static long left = -1;
	const char *wanted = getenv("SERVICEOS_FAULT");
	size_t len = strlen(names[at]);

	if (wanted == NULL || strncmp(wanted, names[at], len) != 0 || wanted[len] != ':')
		return;
	if (left == -1)
		left = strtol(wanted + len + 1, NULL, 10);
	if (--left > 0)
		return;
	log_warn("fault %s: this process kills itself", names[at]);
	kill(getpid(), SIGKILL);
}
#endif

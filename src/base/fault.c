/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#ifdef SERVICEOS_FAULTS
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"

static const char *const names[] = {
/* clang-format off */
#undef FAULT
#define FAULT(name, programs, text) #name,
#include "base/fault.def"
#undef FAULT
	/* clang-format on */
};

/* Whether this visit is the last one. */
static bool
take_visit(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	bool last;

	if (fd == -1)
		return false;
	if (flock(fd, LOCK_EX) == -1 || fstat(fd, &st) == -1)
		st.st_size = 0;
	last = st.st_size == 1 && st.st_nlink > 0;
	if (last)
		unlink(path);
	if (st.st_size > 0)
		(void)!ftruncate(fd, st.st_size - 1);
	close(fd);
	return last;
}

void
fault_reach(enum fault at)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/fault/%s.%s", conf.state_dir,
	    program_invocation_short_name, names[at]);
	if (!take_visit(path))
		return;
	log_warn("fault %s: this process kills itself", names[at]);
	kill(getpid(), SIGKILL);
}
#endif

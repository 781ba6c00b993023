/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_FAULT_H
#define SERVICEOS_FAULT_H

/*
 * Places at which a process of a test build (--enable-faults) kills itself. The
 * file state_dir/fault/PROGRAM.NAME has a byte for each visit that is left; every
 * visit takes one, and who takes the last removes the file and dies. So it
 * happens once, to one of any number of workers, and while they run. In any
 * other build FAULT() is nothing.
 */

#ifdef SERVICEOS_FAULTS
enum fault {
#define FAULT(name, programs, text) FAULT_##name,
#include "base/fault.def"
#undef FAULT
	FAULT__MAX
};
void fault_reach(enum fault);
#define FAULT(name) fault_reach(FAULT_##name)
#else
#define FAULT(name) ((void)0)
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_FAULT_H
#define SERVICEOS_FAULT_H

/*
 * Places at which a process of a test build (--enable-faults) kills itself:
 * SERVICEOS_FAULT=name:n does so at the n-th time that it comes by. In any
 * other build FAULT() is nothing.
 */

#ifdef SERVICEOS_FAULTS
enum fault {
#define FAULT(name, text) FAULT_##name,
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

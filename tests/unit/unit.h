/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_UNIT_H
#define SERVICEOS_TEST_UNIT_H

/* What the small unit tests share: one arena per case, and main()'s work. */

#include "base/arena.h"
#include "run.h"

static struct arena *arena;

static void
unit_setup(void)
{
	arena = arena_new();
}

static void
unit_teardown(void)
{
	arena_free(arena);
}

/* Run the cases in this process and return main()'s value. */
static int
unit_main(const char *name, const TTest *const *tests)
{
	return run_cases(name, unit_setup, unit_teardown, CK_NOFORK, 60, tests);
}

#endif

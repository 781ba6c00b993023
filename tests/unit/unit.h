/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_UNIT_H
#define SERVICEOS_TEST_UNIT_H

/* What the small unit tests share: one arena per case, and main()'s work. */

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"

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
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, unit_setup, unit_teardown);
	tcase_set_timeout(tc, 60);
	for (; *tests != NULL; tests++)
		tcase_add_test(tc, *tests);
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif

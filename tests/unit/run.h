/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_RUN_H
#define SERVICEOS_TEST_RUN_H

/* main()'s work in the unit tests. */

#include <check.h>
#include <stdlib.h>

/* Run the cases between setup and teardown and return main()'s value. */
static inline int
run_cases(const char *name, void (*setup)(void), void (*teardown)(void), enum fork_status fork,
    double timeout, const TTest *const *tests)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, timeout);
	for (; *tests != NULL; tests++)
		tcase_add_test(tc, *tests);
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(runner, fork);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif

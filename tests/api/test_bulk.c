/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

TEST(nothing_yet)
{
	ck_assert_int_eq(1, 1);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("test_bulk");

	tcase_add_checked_fixture(c, caller_reset, NULL);
	tcase_add_test(c, nothing_yet);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("bulk", all);
}

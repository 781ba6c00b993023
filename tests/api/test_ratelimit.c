/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits: told in every reply, and 429 beyond them. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

TEST(every_reply_has_the_rate_limit_headers)
{
	static const char *const paths[] = { "/health", "/api/tickets", "/api/tickets/x",
		"/nowhere" };
	unsigned i;

	for (i = 0; i < LENGTH(paths); i++) {
		call("GET", paths[i], NULL);
		ck_assert_ptr_nonnull(header("X-RateLimit-Limit"));
		ck_assert_ptr_nonnull(header("X-RateLimit-Remaining"));
		ck_assert_ptr_nonnull(header("X-RateLimit-Reset"));
	}
}
END

TEST(a_key_beyond_its_own_limit_is_429_with_retry_after)
{
	char key[64];
	int i;

	snprintf(key, sizeof(key), "%s", make_key(ORG, "read:tickets"));
	sql("UPDATE api_key SET rate_general = 3 WHERE secret_hash = encode(sha256('%s'), 'hex')",
	    key);
	caller.key = key;
	for (i = 2; i >= 0; i--) {
		call("GET", "/api/tickets", NULL);
		expect(200);
		ck_assert_str_eq(header("X-RateLimit-Remaining"), fmt("%d", i));
	}
	call("GET", "/api/tickets", NULL);
	expect_problem(429, "rate_limited");
	ck_assert_int_ge(atoi(header("Retry-After")), 1);
	ck_assert_str_eq(header("X-RateLimit-Limit"), "3");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("ratelimit");

	tcase_add_test(c, every_reply_has_the_rate_limit_headers);
	tcase_add_test(c, a_key_beyond_its_own_limit_is_429_with_retry_after);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("ratelimit", all);
}

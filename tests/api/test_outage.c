/* SPDX-License-Identifier: Apache-2.0 */
/* Without PostgreSQL: the answer is 503 at once, and all is well when it is back. */
#include "harness.h"

#include "base/util.h"
#include "store/numbers.h"

/*
 * The worker has a connection that can be lost, and numbers in hand, which are
 * leased by one, by two and by four.
 */
static void
connected(void)
{
	int i;

	caller_reset();
	for (i = 0; i < 4; i++)
		make_ticket("before");
}

static void
cut_connections(void)
{
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'serviceos_app' AND datname = current_database()");
}

TEST(without_postgresql_the_answer_is_503_at_once_and_it_recovers)
{
	struct db *good = worker->db, *bad = db_new("host=/nonexistent dbname=x user=x", "x", 1000);
	int64_t start = mono_us();

	worker->db = bad;
	call("GET", "/health", NULL);
	expect(200);
	call("GET", "/api/tickets", NULL);
	expect_problem(503, "unavailable");
	ck_assert_str_eq(header("Retry-After"), "1");
	call("POST", "/api/tickets", "{\"title\":\"x\"}");
	expect(503);
	ck_assert_int_lt(mono_us() - start, 1000000);
	worker->db = good;
	db_free(bad);
	cut_connections();
	call("POST", "/api/tickets", "{\"title\":\"after\"}");
	expect(201);
}
END

TEST(a_connection_lost_while_numbers_are_leased_is_not_the_callers_fault)
{
	numbers_forget(ORG);
	cut_connections();
	call("POST", "/api/tickets", "{\"title\":\"after\"}");
	expect(201);
	numbers_forget(ORG);
	cut_connections();
	call("POST", "/api/bulk/tickets", "{\"tickets\":[{\"title\":\"a\"},{\"title\":\"b\"}]}");
	expect(200);
	ck_assert_int_eq(number("succeeded"), 2);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("outage");

	tcase_add_checked_fixture(c, connected, NULL);
	tcase_add_test(c, without_postgresql_the_answer_is_503_at_once_and_it_recovers);
	tcase_add_test(c, a_connection_lost_while_numbers_are_leased_is_not_the_callers_fault);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("outage", all);
}

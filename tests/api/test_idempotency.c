/* SPDX-License-Identifier: Apache-2.0 */
/* Safe retries: a request with an Idempotency-Key is answered the same again, and done once. */
#include "harness.h"

TEST(a_repeated_request_gives_the_stored_reply)
{
	const char *id, *body;

	caller.headers = "Idempotency-Key: retry-1\n";
	call("POST", "/api/tickets", "{\"title\":\"once\"}");
	expect(201);
	id = text("ticket_id");
	body = fmt("%s", reply_body);
	call("POST", "/api/tickets", "{\"title\":\"once\"}");
	expect(201);
	ck_assert_str_eq(text("ticket_id"), id);
	ck_assert_str_eq(reply_body, body);
	ck_assert_str_eq(header("Idempotency-Replayed"), "true");
	ck_assert_str_eq(header("ETag"), "\"v1\"");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket WHERE title = 'once'"), "1");
	call("POST", "/api/tickets", "{\"title\":\"twice\"}");
	expect_problem(422, "idempotency_key_reused");
}
END

TEST(a_refused_request_is_not_stored_and_may_be_repeated)
{
	caller.headers = "Idempotency-Key: retry-2\n";
	call("POST", "/api/tickets", "{\"title\":\"\"}");
	expect(422);
	call("POST", "/api/tickets", "{\"title\":\"better\"}");
	expect(201);
}
END

TEST(a_request_in_flight_is_409)
{
	const char *hash;

	caller.headers = "Idempotency-Key: flight\n";
	call("POST", "/api/tickets", "{\"title\":\"a\"}");
	expect(201);
	hash = sql_text("SELECT key_hash FROM idempotency_key ORDER BY created_at DESC LIMIT 1");
	sql("DELETE FROM idempotency_key WHERE key_hash = '%s'", hash);
	sql("SELECT pg_advisory_lock(hashtextextended('" ORG ":%s', 0))", hash);
	call("POST", "/api/tickets", "{\"title\":\"a\"}");
	sql("SELECT pg_advisory_unlock_all()");
	expect_problem(409, "idempotency_in_flight");
}
END

TEST(the_stored_secret_of_a_new_key_is_sealed)
{
	const char *key;

	caller.headers = "Idempotency-Key: key-1\n";
	call("POST", "/api/organizations/" ORG "/api-keys",
	    "{\"name\":\"k\",\"scopes\":[\"read:tickets\"]}");
	expect(201);
	key = text("key");
	call("POST", "/api/organizations/" ORG "/api-keys",
	    "{\"name\":\"k\",\"scopes\":[\"read:tickets\"]}");
	ck_assert_str_eq(text("key"), key);
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM idempotency_key WHERE body LIKE '%%%s%%'", key), "0");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("idempotency");

	tcase_add_test(c, a_repeated_request_gives_the_stored_reply);
	tcase_add_test(c, a_refused_request_is_not_stored_and_may_be_repeated);
	tcase_add_test(c, a_request_in_flight_is_409);
	tcase_add_test(c, the_stored_secret_of_a_new_key_is_sealed);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("idempotency", all);
}

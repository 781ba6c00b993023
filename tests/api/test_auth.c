/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call, and logging in. */
#include "harness.h"

#include <string.h>

#include "base/conf.h"

static const char *
make_agent(const char *name)
{
	return make_user(name, ",\"role\":\"agent\",\"password\":\"correct horse\"");
}

static const char *
log_in(const char *email)
{
	caller.key = NULL;
	call("POST", "/api/v1/auth/login",
	    fmt("{\"email\":\"%s\",\"password\":\"correct horse\"}", email));
	expect(200);
	return text("access_token");
}

TEST(a_request_without_a_credential_is_401)
{
	caller.key = NULL;
	call("GET", "/api/tickets", NULL);
	expect_problem(401, "unauthenticated");
	ck_assert_ptr_nonnull(header("WWW-Authenticate"));
}
END

TEST(a_key_with_a_wrong_checksum_is_401)
{
	char key[64];

	memcpy(key, admin_key, sizeof(key));
	key[10] = key[10] == 'a' ? 'b' : 'a';
	caller.key = key;
	call("GET", "/api/tickets", NULL);
	expect(401);
}
END

TEST(a_key_is_refused_beyond_its_scopes_by_name)
{
	caller.key = make_key(ORG, "read:tickets");
	call("GET", "/api/tickets", NULL);
	expect(200);
	call("POST", "/api/tickets", "{\"title\":\"x\"}");
	expect_problem(403, "insufficient_scope");
	ck_assert_ptr_nonnull(strstr(text("detail"), "write:tickets"));
}
END

TEST(the_org_header_must_be_the_credentials_own)
{
	caller.org = ORG;
	call("GET", "/api/tickets", NULL);
	expect(200);
	caller.org = OTHER;
	call("GET", "/api/tickets", NULL);
	expect_problem(403, "organization_mismatch");
	caller.org = "org_unknown";
	call("GET", "/api/tickets", NULL);
	expect_problem(403, "organization_mismatch");
}
END

TEST(legacy_headers_are_refused_unless_configured)
{
	caller.key = NULL;
	caller.org = ORG;
	caller.actor = "admin";
	call("GET", "/api/tickets", NULL);
	expect(401);
	conf.legacy_headers = "trusted";
	call("GET", "/api/tickets", NULL);
	expect(200);
	caller.address = "192.0.2.7";
	call("GET", "/api/tickets", NULL);
	expect(401);
	conf.legacy_headers = "off";
}
END

TEST(a_revoked_key_stops_working)
{
	const char *id, *key;

	id = make("/api/organizations/" ORG "/api-keys",
	    "{\"name\":\"short\",\"scopes\":[\"read:tickets\"]}", "key_id");
	key = text("key");
	call("DELETE", fmt("/api/organizations/" ORG "/api-keys/%s", id), NULL);
	expect(204);
	caller.key = key;
	call("GET", "/api/tickets", NULL);
	expect(401);
}
END

TEST(a_rotated_keys_old_secret_works_for_the_grace_time)
{
	const char *id, *old, *fresh;

	id = make("/api/organizations/" ORG "/api-keys",
	    "{\"name\":\"turns\",\"scopes\":[\"read:tickets\"]}", "key_id");
	old = text("key");
	call("POST", fmt("/api/organizations/" ORG "/api-keys/%s/rotate", id),
	    "{\"grace_seconds\":60}");
	expect(200);
	fresh = text("key");
	caller.key = old;
	call("GET", "/api/tickets", NULL);
	expect(200);
	caller.key = fresh;
	call("GET", "/api/tickets", NULL);
	expect(200);
	caller_reset();
	call("POST", fmt("/api/organizations/" ORG "/api-keys/%s/rotate", id),
	    "{\"grace_seconds\":0}");
	expect(200);
	caller.key = old;
	call("GET", "/api/tickets", NULL);
	ck_assert_int_eq(status, 200); /* within the second that a worker trusts it */
	sql("UPDATE api_key SET previous_expires_at = now() - interval '1 hour' WHERE key_id = '%s'",
	    id);
}
END

TEST(a_key_cannot_hand_on_scopes_it_lacks)
{
	caller.key = make_key(ORG, "manage:keys,read:tickets");
	call("POST", "/api/organizations/" ORG "/api-keys",
	    "{\"name\":\"more\",\"scopes\":[\"read:tickets\",\"write:tickets\"]}");
	expect_field("scopes", "not_allowed");
}
END

TEST(a_key_with_an_address_list_works_only_from_there)
{
	const char *key;

	call("POST", "/api/organizations/" ORG "/api-keys",
	    "{\"name\":\"here\",\"scopes\":[\"read:tickets\"],\"allowed_ips\":[\"192.0.2.0/24\"]}");
	expect(201);
	key = text("key");
	caller.key = key;
	call("GET", "/api/tickets", NULL);
	expect(401);
	caller.address = "192.0.2.9";
	call("GET", "/api/tickets", NULL);
	expect(200);
}
END

TEST(login_gives_a_token_that_knows_its_user)
{
	const char *id = make_agent("login"), *token = log_in("LOGIN@example.com");

	caller.bearer = token;
	call("GET", "/api/v1/auth/me", NULL);
	expect(200);
	ck_assert_str_eq(text("user.user_id"), id);
	ck_assert_str_eq(text("auth_method"), "jwt");
	call("GET", "/api/tickets", NULL);
	expect(200);
	call("POST", "/api/organizations/" ORG "/api-keys",
	    "{\"name\":\"x\",\"scopes\":[\"admin\"]}");
	expect(403);
}
END

TEST(a_wrong_password_and_an_unknown_address_look_the_same)
{
	const char *first;

	make_agent("wrong");
	caller.key = NULL;
	call("POST", "/api/v1/auth/login",
	    "{\"email\":\"wrong@example.com\",\"password\":\"nope\"}");
	expect_problem(401, "invalid_credentials");
	first = text("detail");
	call("POST", "/api/v1/auth/login",
	    "{\"email\":\"nobody@example.com\",\"password\":\"nope\"}");
	expect_problem(401, "invalid_credentials");
	ck_assert_str_eq(first, text("detail"));
}
END

TEST(a_refresh_token_works_once_and_its_reuse_ends_the_session)
{
	const char *first, *second, *token;

	make_agent("refresh");
	log_in("refresh@example.com");
	first = text("refresh_token");
	call("POST", "/api/v1/auth/refresh", fmt("{\"refresh_token\":\"%s\"}", first));
	expect(200);
	second = text("refresh_token");
	token = text("access_token");
	ck_assert_str_ne(first, second);
	call("POST", "/api/v1/auth/refresh", fmt("{\"refresh_token\":\"%s\"}", first));
	expect(401);
	call("POST", "/api/v1/auth/refresh", fmt("{\"refresh_token\":\"%s\"}", second));
	expect(401);
	caller.bearer = token;
	call("GET", "/api/tickets", NULL);
	expect(401);
}
END

TEST(logging_out_ends_the_token)
{
	const char *token;

	make_agent("logout");
	token = log_in("logout@example.com");
	caller.bearer = token;
	call("POST", "/v1/auth/logout", NULL);
	expect(204);
	sql("SELECT pg_sleep(1.05)"); /* a worker trusts what it has checked for a second */
	call("GET", "/api/tickets", NULL);
	expect(401);
}
END

TEST(a_deactivated_user_cannot_log_in)
{
	const char *id = make_agent("gone");

	call("DELETE", fmt("/api/organizations/" ORG "/users/%s", id), NULL);
	expect(204);
	caller.key = NULL;
	call("POST", "/api/v1/auth/login",
	    "{\"email\":\"gone@example.com\",\"password\":\"correct horse\"}");
	expect(401);
}
END

TEST(credentials_of_two_organizations_are_refused)
{
	const char *token;

	make_agent("two");
	token = log_in("two@example.com");
	caller.bearer = token;
	caller.key = other_key;
	call("GET", "/api/tickets", NULL);
	expect(401);
}
END

TEST(secrets_are_not_in_the_database_in_clear)
{
	const char *key;

	call("POST", "/api/organizations/" ORG "/api-keys",
	    "{\"name\":\"hidden\",\"scopes\":[\"read:tickets\"]}");
	key = text("key");
	make_agent("hidden");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM api_key k WHERE k::text LIKE '%%%s%%'", key), "0");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM event e WHERE e::text LIKE '%%%s%%'", key), "0");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM app_user u WHERE u::text LIKE '%%correct horse%%'"),
	    "0");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM event e WHERE e::text LIKE '%%$y$%%'"), "0");
}
END

    static TCase *
    cases(void)
{
	TCase *tc = tcase_create("auth");

	tcase_add_test(tc, a_request_without_a_credential_is_401);
	tcase_add_test(tc, a_key_with_a_wrong_checksum_is_401);
	tcase_add_test(tc, a_key_is_refused_beyond_its_scopes_by_name);
	tcase_add_test(tc, the_org_header_must_be_the_credentials_own);
	tcase_add_test(tc, legacy_headers_are_refused_unless_configured);
	tcase_add_test(tc, a_revoked_key_stops_working);
	tcase_add_test(tc, a_rotated_keys_old_secret_works_for_the_grace_time);
	tcase_add_test(tc, a_key_cannot_hand_on_scopes_it_lacks);
	tcase_add_test(tc, a_key_with_an_address_list_works_only_from_there);
	tcase_add_test(tc, login_gives_a_token_that_knows_its_user);
	tcase_add_test(tc, a_wrong_password_and_an_unknown_address_look_the_same);
	tcase_add_test(tc, a_refresh_token_works_once_and_its_reuse_ends_the_session);
	tcase_add_test(tc, logging_out_ends_the_token);
	tcase_add_test(tc, a_deactivated_user_cannot_log_in);
	tcase_add_test(tc, credentials_of_two_organizations_are_refused);
	tcase_add_test(tc, secrets_are_not_in_the_database_in_clear);
	return tc;
}

int
main(void)
{
	return harness_main("auth", (TCase * (*[])(void)){ cases, NULL });
}

/* SPDX-License-Identifier: Apache-2.0 */
/* API keys, passwords, sealing, scopes, addresses. */
#include <stdio.h>
#include <string.h>

#include "base/network.h"
#include "auth/principal.h"
#include "auth/secret.h"
#include "base/conf.h"
#include "base/util.h"
#include "unit.h"

START_TEST(a_key_is_valid_and_any_single_typo_is_not)
{
	char key[API_KEY_LENGTH + 1], other[API_KEY_LENGTH + 1];
	int i;

	api_key_new(key);
	api_key_new(other);
	ck_assert_str_ne(key, other);
	ck_assert(api_key_valid(key));
	for (i = 0; i < API_KEY_LENGTH; i++) {
		memcpy(other, key, sizeof(key));
		other[i] = key[i] == 'x' ? 'y' : 'x';
		ck_assert_msg(!api_key_valid(other), "position %d", i);
	}
	key[API_KEY_LENGTH - 1] = '\0';
	ck_assert(!api_key_valid(key));
	ck_assert(!api_key_valid(""));
	ck_assert(!api_key_valid("sk_"));
}
END_TEST

START_TEST(a_password_matches_its_hash_alone)
{
	char *hash = password_hash(arena, "correct horse");

	ck_assert_int_eq(strncmp(hash, "$y$", 3), 0);
	ck_assert(password_check("correct horse", hash));
	ck_assert(!password_check("correct horsf", hash));
	ck_assert(!password_check("", hash));
	ck_assert(!password_check("correct horse", NULL));
	ck_assert(!password_check("correct horse", "nonsense"));
	ck_assert_str_ne(hash, password_hash(arena, "correct horse"));
}
END_TEST

START_TEST(an_unknown_user_costs_a_hash_too)
{
	int64_t start, known, unknown;
	char *hash = password_hash(arena, "x");

	password_check("x", NULL); /* makes the dummy */
	start = mono_us();
	password_check("y", hash);
	known = mono_us() - start;
	start = mono_us();
	password_check("y", NULL);
	unknown = mono_us() - start;
	ck_assert_int_gt(unknown, known / 10);
}
END_TEST

START_TEST(what_is_sealed_opens_only_unaltered_and_in_its_context)
{
	size_t len, i;
	char *sealed = seal(arena, "secret\0text", 11, "org_1:row_1"), *copy;

	ck_assert_int_eq(memcmp(unseal(arena, sealed, "org_1:row_1", &len), "secret\0text", 11), 0);
	ck_assert_uint_eq(len, 11);
	ck_assert_ptr_null(unseal(arena, sealed, "org_1:row_2", &len));
	for (i = 0; i < strlen(sealed); i++) {
		copy = arena_strdup(arena, sealed);
		copy[i] = copy[i] == 'A' ? 'B' : 'A';
		ck_assert_ptr_null(unseal(arena, copy, "org_1:row_1", &len));
	}
	ck_assert_ptr_null(unseal(arena, "", "", &len));
	ck_assert_ptr_null(unseal(arena, "v1.", "", &len));
	ck_assert_str_ne(sealed, seal(arena, "secret\0text", 11, "org_1:row_1"));
}
END_TEST

START_TEST(nothing_is_sealed_without_a_key)
{
	const char *kept = conf.secret_key;

	conf.secret_key = "";
	ck_assert_ptr_null(seal(arena, "x", 1, ""));
	conf.secret_key = kept;
}
END_TEST

START_TEST(admin_includes_every_scope_and_the_others_only_themselves)
{
	struct principal who = { .scopes = SCOPE_BIT(S_ADMIN) };
	unsigned i, k;

	for (i = 0; i < S__MAX; i++) {
		ck_assert(principal_may(&who, (enum scope)i));
		ck_assert_uint_eq(scope_parse(scope_word((enum scope)i)), i);
	}
	for (i = 0; i < S_ADMIN; i++) {
		who.scopes = SCOPE_BIT(i);
		for (k = 0; k < S__MAX; k++)
			ck_assert(principal_may(&who, (enum scope)k) == (i == k));
	}
	ck_assert_uint_eq(scope_parse("read:everything"), S__MAX);
	ck_assert_uint_eq(scope_parse(""), S__MAX);
}
END_TEST

START_TEST(each_role_has_all_that_the_lesser_one_has)
{
	ck_assert_uint_eq(role_scopes(ROLE_VIEWER) & ~role_scopes(ROLE_AGENT), 0);
	ck_assert_uint_eq(role_scopes(ROLE_AGENT) & ~role_scopes(ROLE_ADMIN), 0);
	ck_assert_uint_eq(role_scopes(ROLE_AGENT) & SCOPE_BIT(S_ADMIN), 0);
	ck_assert_uint_eq(role_scopes(ROLE_VIEWER) & SCOPE_BIT(S_TICKETS_WRITE), 0);
	ck_assert_int_eq(role_parse("owner"), -1);
}
END_TEST

START_TEST(addresses_are_in_the_ranges_that_cover_them)
{
	ck_assert(network_contains("127.0.0.0/8 ::1/128", "127.9.9.9"));
	ck_assert(network_contains("127.0.0.0/8 ::1/128", "::1"));
	ck_assert(network_contains("127.0.0.0/8", "::ffff:127.0.0.1"));
	ck_assert(network_contains("10.0.0.1,192.0.2.0/25", "192.0.2.127"));
	ck_assert(!network_contains("10.0.0.1,192.0.2.0/25", "192.0.2.128"));
	ck_assert(network_contains("2001:db8::/33", "2001:db8:7fff::1"));
	ck_assert(!network_contains("2001:db8::/33", "2001:db8:8000::1"));
	ck_assert(network_contains("0.0.0.0/0", "8.8.8.8"));
	ck_assert(!network_contains("0.0.0.0/0", "2001::1"));
	ck_assert(!network_contains("", "127.0.0.1"));
	ck_assert(!network_contains("0.0.0.0/0", "127.1"));
	ck_assert(!network_contains("0.0.0.0/0", ""));
	ck_assert(!network_contains("0.0.0.0/0", NULL));
	ck_assert(!network_contains("10.0.0.0/x", "10.0.0.1"));
	ck_assert(network_list_valid("10.0.0.0/8, ::/0 192.0.2.1"));
	ck_assert(!network_list_valid("10.0.0.0/33"));
	ck_assert(!network_list_valid("::/129"));
	ck_assert(!network_list_valid("localhost"));
	ck_assert(!network_list_valid("10.0.0.0/"));
}
END_TEST

START_TEST(clients_are_counted_by_address_or_network)
{
	char key[64];

	network_client_key(key, "192.0.2.1");
	ck_assert_str_eq(key, "192.0.2.1");
	network_client_key(key, "2001:db8:1:2:3:4:5:6");
	ck_assert_str_eq(key, "2001:db8:1:2::/64");
	network_client_key(key, "::ffff:192.0.2.1");
	ck_assert_str_eq(key, "192.0.2.1");
	network_client_key(key, "nonsense");
	ck_assert_str_eq(key, "unknown");
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { a_key_is_valid_and_any_single_typo_is_not,
		a_password_matches_its_hash_alone, an_unknown_user_costs_a_hash_too,
		what_is_sealed_opens_only_unaltered_and_in_its_context,
		nothing_is_sealed_without_a_key,
		admin_includes_every_scope_and_the_others_only_themselves,
		each_role_has_all_that_the_lesser_one_has,
		addresses_are_in_the_ranges_that_cover_them,
		clients_are_counted_by_address_or_network, NULL };
	const char *error;

	setenv("SERVICEOS_SECRET_KEY",
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 1);
	if (conf_load(NULL, &error) == -1)
		abort();
	return unit_main("credentials", all);
}

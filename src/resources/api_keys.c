/* SPDX-License-Identifier: Apache-2.0 */
/* API keys: credentials of programs. The secret is shown once and kept as a hash. */
#include "http/req.h"

#include <stdlib.h>
#include <string.h>

#include "base/network.h"
#include "auth/secret.h"

#define GRACE_DEFAULT 86400

/* clang-format off */
static const char *const scopes[] = {
#define SCOPE(name, word, role, text) word,
#include "auth/scopes.def"
#undef SCOPE
	NULL
};
static const char *const status[] = { "active", "expired", "revoked", NULL };
static const struct field key_fields[] = {
	{ "key_id",       T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "key",          T_STR,  F_OUT|F_OPT, .example = "\"sk_…\"", .doc = "The secret; only in the reply that makes it." },
	{ "org_id",       T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "name",         T_STR,  F_CREATE|F_REQ|F_PATCH|F_OUT, 1, 255, .example = "\"My App\"", .doc = "What it is for." },
	{ "prefix",       T_STR,  F_OUT, .example = "\"sk_4fXw91aQ\"", .doc = "Its first characters, to tell keys apart." },
	{ "scopes",       T_ENUM, F_CREATE|F_REQ|F_PATCH|F_OUT|F_LIST, .words = scopes, .example = "[\"read:tickets\",\"write:tickets\"]", .doc = "What it may do; nothing that the caller may not." },
	{ "allowed_ips",  T_STR,  F_CREATE|F_PATCH|F_OUT|F_LIST, 1, 64, .example = "[]", .doc = "Addresses and CIDR ranges that may use it; empty for any." },
	{ "rate_general", T_INT,  F_CREATE|F_PATCH|F_OUT|F_NULL, .max = 2147483647, .example = "null", .doc = "Its own limit per hour; null for the organization's." },
	{ "rate_bulk",    T_INT,  F_CREATE|F_PATCH|F_OUT|F_NULL, .max = 2147483647, .example = "null", .doc = "Its own limit of bulk requests per minute." },
	{ "status",       T_ENUM, F_OUT, .words = status, .example = "\"active\"", .doc = "Whether it works." },
	{ "expires_at",   T_TIME, F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "\"2030-01-01T00:00:00Z\"", .doc = "When it ends; null for never." },
	{ "revoked_at",   T_TIME, F_OUT|F_NULL, .example = "null", .doc = "When it was revoked." },
	{ "previous_expires_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Until when the secret before the last rotation works." },
	{ "last_used_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Last use, to within half a minute." },
	{ "created_by",   T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who made it." },
	{ "version",      T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",   T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",   T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct field rotate[] = {
	{ "grace_seconds", T_INT, F_BODY, 0, 2592000, .example = "86400", .doc = "How long the old secret keeps working; a day unless given." },
	{ .name = NULL }
};
static const struct resource api_key = { "ApiKey", "A credential for a program.", "api_key_v", "key_id", NULL, key_fields };
static const struct filter by[] = {
	{ "status", T_ENUM, "t.status = $?", status, "Status; repeatable." },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list keys = { by, sorts, NULL, false };
/* clang-format on */

/* Nobody hands on what he does not have. */
static int
check_scopes(struct req *r)
{
	struct json_object *list = body_get(r, "scopes");
	size_t i, n = list == NULL ? 0 : json_object_array_length(list);

	for (i = 0; i < n; i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(list, i));

		if (!principal_may(&r->who, scope_parse(word)))
			return fail_field(r, "scopes", "not_allowed",
			    "The caller does not have %s itself.", word);
	}
	return 0;
}

static int
check_addresses(struct req *r)
{
	struct json_object *list = body_get(r, "allowed_ips");
	size_t i, n = list == NULL ? 0 : json_object_array_length(list);

	for (i = 0; i < n; i++)
		if (!network_list_valid(json_object_get_string(json_object_array_get_idx(list, i))))
			return fail_field(r, "allowed_ips", "format",
			    "Must be addresses or ranges such as 192.0.2.0/24.");
	return 0;
}

static const char *
prefix_of(struct req *r, const char *secret)
{
	return arena_strndup(r->arena, secret, API_KEY_PREFIX_LENGTH);
}

static int
create(struct req *r)
{
	char secret[API_KEY_LENGTH + 1], hash[65];

	if (check_scopes(r) == -1 || check_addresses(r) == -1)
		return -1;
	api_key_new(secret);
	sha256_hex(hash, secret, API_KEY_LENGTH);
	db_do(r->db, SQL_API_KEY_CREATE,
	    P(r->org, r->new_id, r->body_text, prefix_of(r, secret), hash));
	return reply_with(r, 201, &api_key, r->new_id, "key", secret);
}

static int
update(struct req *r)
{
	if (check_scopes(r) == -1 || check_addresses(r) == -1)
		return -1;
	return api_exec(r);
}

static int
rotate_key(struct req *r)
{
	char secret[API_KEY_LENGTH + 1], hash[65];
	const char *grace =
	    arena_printf(r->arena, "%lld", (long long)body_int(r, "grace_seconds", GRACE_DEFAULT));

	api_key_new(secret);
	sha256_hex(hash, secret, API_KEY_LENGTH);
	if (db_row(r->db, SQL_API_KEY_ROTATE,
		P(r->org, r->args[0], grace, hash, prefix_of(r, secret))) == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	return reply_with(r, 200, &api_key, r->args[0], "key", secret);
}

/* clang-format off */
const struct route api_key_routes[] = {
	{ POST, "/api/organizations/:org_id/api-keys", "apiKeys.create", create, S_KEYS_MANAGE, .flags = R_CREATE|R_SECRET,
	    .body = key_fields, .reply = &api_key, .summary = "Create an API key",
	    .doc = "Save the key: it is shown only once.",
	    .example = "{\"name\":\"My App\",\"scopes\":[\"read:tickets\",\"write:tickets\"]}" },
	{ GET, "/api/organizations/:org_id/api-keys", "apiKeys.list", api_list, S_KEYS_MANAGE,
	    .reply = &api_key, .list = &keys, .summary = "List API keys" },
	{ PATCH, "/api/organizations/:org_id/api-keys/:id", "apiKeys.update", update, S_KEYS_MANAGE,
	    .body = key_fields, .use = F_PATCH, .reply = &api_key, .exec = SQL_API_KEY_PATCH, .summary = "Update an API key",
	    .example = "{\"name\":\"My other app\"}" },
	{ POST, "/api/organizations/:org_id/api-keys/:id/rotate", "apiKeys.rotate", rotate_key, S_KEYS_MANAGE, .flags = R_SECRET,
	    .body = rotate, .reply = &api_key, .summary = "Rotate an API key", .doc = "A new secret; the old one works for the grace time." },
	{ DELETE, "/api/organizations/:org_id/api-keys/:id", "apiKeys.revoke", api_exec, S_KEYS_MANAGE,
	    .on = &api_key, .exec = SQL_API_KEY_REVOKE, .status = 204, .summary = "Revoke an API key", .doc = "At once; within a second everywhere." },
	{ .path = NULL }
};

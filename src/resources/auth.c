/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging in with a password, and the tokens that come of it. These routes
 * make their own transactions: they begin without an organization.
 */
#include "auth/token.h"

#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/conf.h"
#include "http/req.h"

/* clang-format off */
static const struct field login[] = {
	{ "email",    T_EMAIL, F_BODY|F_REQ, .example = "\"grace@example.com\"", .doc = "E-mail address of the user." },
	{ "password", T_STR,   F_BODY|F_REQ, 1, 1024, .example = "\"correct horse battery\"", .doc = "The password." },
	{ "org_id",   T_STR,   F_BODY, 1, 63, .example = "\"org_123\"", .doc = "Needed only when the address is known in several organizations." },
	{ .name = NULL }
};
static const struct field refresh[] = {
	{ "refresh_token", T_STR, F_BODY|F_REQ, 1, 200, .example = "\"rt_…\"", .doc = "The refresh token of the last reply." },
	{ .name = NULL }
};
static const struct field no_body[] = { { .name = NULL } };

static const struct field token_fields[] = {
	{ "access_token",  T_STR, F_OUT, .example = "\"eyJ…\"", .doc = "For `Authorization: Bearer`." },
	{ "token_type",    T_STR, F_OUT, .example = "\"Bearer\"", .doc = "Always Bearer." },
	{ "expires_in",    T_INT, F_OUT, .example = "900", .doc = "Seconds until the access token ends." },
	{ "refresh_token", T_STR, F_OUT, .example = "\"rt_…\"", .doc = "For one refresh; the next reply has a new one." },
	{ "org_id",        T_STR, F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "user_id",       T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The user." },
	{ "role",          T_STR, F_OUT, .example = "\"agent\"", .doc = "admin, agent or viewer." },
	{ .name = NULL }
};
static const struct resource tokens = { "Tokens", "An access token and the means to renew it.", NULL, "user_id", NULL, token_fields };

static const struct field me_fields[] = {
	{ "auth_method",  T_STR, F_OUT, .example = "\"api_key\"", .doc = "jwt, api_key, legacy or platform." },
	{ "actor_id",     T_STR, F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "User id, key id, or the legacy actor." },
	{ "org_id",       T_STR, F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "organization", T_STR, F_OUT, .example = "\"Example Ltd\"", .doc = "Its name." },
	{ "user",         T_OBJECT, F_OUT|F_NULL, .example = "null", .doc = "The user behind it; null for a key." },
	{ "role",         T_STR, F_OUT, .example = "\"agent\"", .doc = "admin, agent or viewer." },
	{ "scopes",       T_STR, F_OUT|F_LIST, .example = "[\"read:tickets\"]", .doc = "What the credential may do." },
	{ "rate_limits",  T_OBJECT, F_OUT, .example = "{}", .doc = "Limits and what is left of them, by tier." },
	{ .name = NULL }
};
static const struct resource me = { "Me", "Who the caller is.", NULL, "actor_id", NULL, me_fields };
/* clang-format on */

static void
begin(struct req *r, const char *org, const char *user)
{
	struct db_context context = { .org = org,
		.actor_type = "user",
		.actor_id = user,
		.address = r->in->address,
		.request_id = r->request_id };

	db_begin(r->db, r->arena, DB_WRITE, &context);
}

static int
done(struct req *r)
{
	return db_commit(r->db) ? 0 : fail_db(r);
}

static int
reply_tokens(struct req *r, const char *org, const char *user, const char *session,
    const char *role, const char *refresh_token)
{
	struct buf *out = &r->out->body;
	const char *token = token_issue(r->arena, user, org, session, role, conf.jwt_ttl);

	if (token == NULL)
		return fail_detail(r, E_UNAVAILABLE, "Password login is not configured.");
	buf_str(out, "{\"access_token\":");
	buf_json_str(out, token);
	buf_printf(
	    out, ",\"token_type\":\"Bearer\",\"expires_in\":%ld,\"refresh_token\":", conf.jwt_ttl);
	buf_json_str(out, refresh_token);
	buf_printf(out, ",\"org_id\":\"%s\",\"user_id\":\"%s\",\"role\":\"%s\"}", org, user, role);
	return reply_json(r, 200);
}

static const char *
hash_of(struct req *r, const char *secret)
{
	char *hash = arena_alloc(r->arena, 65);

	sha256_hex(hash, secret, strlen(secret));
	return hash;
}

/* A session for a user whose password was right. */
static int
open_session(struct req *r, const char *org, const PGresult *user)
{
	char *session = arena_alloc(r->arena, 37);
	const char *secret = opaque_token(r->arena, "rt"), *id = db_get(user, 0, "user_id");

	uuid7(session);
	begin(r, org, id);
	db_do(r->db, SQL_SESSION_CREATE,
	    P(org, session, id, hash_of(r, secret), r->in->address,
		arena_printf(r->arena, "%ld", conf.refresh_ttl)));
	db_do(r->db, SQL_LOGIN_DONE, P(org, id));
	if (done(r) == -1)
		return -1;
	return reply_tokens(r, org, id, session, db_get(user, 0, "role"), secret);
}

/* The organization named, or the only one that knows the address; "" when unclear. */
static const char *
find_org(struct req *r)
{
	const char *named = body_str(r, "org_id");
	const PGresult *orgs;
	char *lower = arena_strdup(r->arena, body_str(r, "email")), *p;

	if (named != NULL)
		return named;
	for (p = lower; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	begin(r, "", "");
	orgs = db_rows(r->db, SQL_LOGIN_ORGS, P(hash_of(r, lower)));
	db_rollback(r->db);
	if (orgs == NULL) {
		fail_db(r);
		return NULL;
	}
	if (PQntuples(orgs) > 1) {
		fail_field(
		    r, "org_id", "required", "The address is known in several organizations.");
		return NULL;
	}
	return PQntuples(orgs) == 1 ? arena_strdup(r->arena, PQgetvalue(orgs, 0, 0)) : "";
}

static int
log_in(struct req *r)
{
	const char *org = find_org(r), *hash;
	const PGresult *user;

	if (org == NULL)
		return -1;
	begin(r, org, "");
	user = db_rows(r->db, SQL_LOGIN_USER, P(org, body_str(r, "email")));
	db_rollback(r->db);
	if (user == NULL)
		return fail_db(r);
	hash = PQntuples(user) == 0 ? NULL : db_get(user, 0, "password_hash");
	/* An unknown address costs a check too, so that time does not tell. */
	if (!password_check(body_str(r, "password"), hash))
		return fail(r, E_INVALID_CREDENTIALS);
	return open_session(r, org, user);
}

/* A refresh token works once. The one before it coming back means that it was stolen. */
static int
refresh_tokens(struct req *r)
{
	const char *digest = hash_of(r, body_str(r, "refresh_token"));
	const char *secret = opaque_token(r->arena, "rt"), *org, *session;
	const PGresult *row;

	begin(r, "", "");
	db_do(r->db, SQL_SESSION_FIND, P(digest));
	row = db_rows(r->db, SQL_SESSION_GET, P(digest));
	if (row == NULL || PQntuples(row) == 0) {
		fail_db(r);
		db_rollback(r->db);
		return fail(r, E_UNAUTHENTICATED);
	}
	org = db_get(row, 0, "org_id");
	session = db_get(row, 0, "session_id");
	if (*db_get(row, 0, "current") != 't') {
		db_do(r->db, SQL_SESSION_REVOKE, P(org, session));
		return done(r) == -1
		           ? -1
		           : fail_detail(r, E_UNAUTHENTICATED,
				 "The refresh token was used before; the session is ended.");
	}
	db_do(r->db, SQL_SESSION_ROTATE,
	    P(org, session, hash_of(r, secret), arena_printf(r->arena, "%ld", conf.refresh_ttl)));
	if (done(r) == -1)
		return -1;
	return reply_tokens(
	    r, org, db_get(row, 0, "user_id"), session, db_get(row, 0, "role"), secret);
}

static int
log_out(struct req *r)
{
	if (r->who.session_id[0] == '\0')
		return fail_detail(r, E_CONFLICT, "Only a token of ours can be logged out.");
	db_do(r->db, SQL_SESSION_REVOKE, P(r->org, r->who.session_id));
	return reply_empty(r);
}

static void
put_limits(struct req *r, struct buf *out)
{
	const char *who =
	    arena_printf(r->arena, "%s:%s:%s", r->org, principal_actor_type(&r->who), r->who.actor);
	struct rate general = r->rate, bulk;

	rate_peek(TIER_BULK, who, r->who.rate_bulk, &bulk);
	buf_printf(out,
	    ",\"rate_limits\":{\"general\":{\"limit\":%ld,\"remaining\":%ld,\"reset\":%lld},"
	    "\"bulk\":{\"limit\":%ld,\"remaining\":%ld,\"reset\":%lld}}}",
	    general.limit, general.remaining, (long long)general.reset, bulk.limit, bulk.remaining,
	    (long long)bulk.reset);
}

static int
who_am_i(struct req *r)
{
	struct buf *out = &r->out->body;
	const PGresult *row = db_row(r->db, SQL_ME, P(r->org, r->who.user_id));
	unsigned i, n = 0;

	if (row == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	buf_printf(out, "{\"auth_method\":\"%s\",\"actor_id\":", principal_method(&r->who));
	buf_json_str(out, r->who.actor);
	buf_printf(out, ",\"org_id\":\"%s\",\"organization\":", r->org);
	buf_json_str(out, db_get(row, 0, "organization"));
	buf_str(out, ",\"user\":");
	if (db_get(row, 0, "user_id") == NULL)
		buf_str(out, "null");
	else
		json_row(out, row, 0, NULL);
	buf_printf(out, ",\"role\":\"%s\",\"scopes\":[", role_word(r->who.role));
	for (i = 0; i < S__MAX; i++)
		if (principal_may(&r->who, (enum scope)i))
			buf_printf(out, "%s\"%s\"", n++ == 0 ? "" : ",", scope_word((enum scope)i));
	buf_char(out, ']');
	put_limits(r, out);
	return reply_json(r, 200);
}

/* clang-format off */
const struct route auth_routes[] = {
	{ POST, "/api/v1/auth/login", "auth.login", log_in, .tier = TIER_AUTH, .flags = R_PUBLIC,
	    .body = login, .reply = &tokens, .summary = "Log in", .doc = "E-mail address and password for a token. Also at /v1/auth/login.",
	    .example = "{\"email\":\"grace@example.com\",\"password\":\"correct horse battery\"}" },
	{ POST, "/api/v1/auth/refresh", "auth.refresh", refresh_tokens, .tier = TIER_AUTH, .flags = R_PUBLIC,
	    .body = refresh, .reply = &tokens, .summary = "Renew the token", .doc = "Each refresh token works once; using one twice ends the session." },
	{ POST, "/api/v1/auth/logout", "auth.logout", log_out, .flags = R_ANY_SCOPE,
	    .body = no_body, .status = 204, .summary = "Log out", .doc = "Ends the session of the token; within a second everywhere." },
	{ GET, "/api/v1/auth/me", "auth.me", who_am_i, .flags = R_ANY_SCOPE,
	    .reply = &me, .summary = "Who am I" },
	{ .path = NULL }
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls: credentials of a request to a principal. */
#include "http/authenticate.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/network.h"
#include "auth/secret.h"
#include "auth/token.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/passport.h"

#define CACHE_SIZE 4096     /* entries, direct-mapped */
#define FRESH_MS 1000       /* until the database is asked again: the longest a revoked key works */
#define SIGNATURE_MS 300000 /* until a token's signature is checked again */

struct entry {
	char digest[65];
	struct principal who;
	char allowed_ips[512];
	int64_t fresh_until;
	int64_t signed_until;
};

void *
auth_cache_new(void)
{
	return xmalloc(CACHE_SIZE * sizeof(struct entry));
}

static struct entry *
cache_slot(struct req *r, const char *digest)
{
	struct entry *cache = r->worker->auth_cache;
	char part[9];

	memcpy(part, digest, 8);
	part[8] = '\0';
	return &cache[strtoul(part, NULL, 16) % CACHE_SIZE];
}

static int
refuse(struct req *r, const char *why)
{
	log_info("authentication refused: %s", why);
	metric_add(M_auth_failures_total, 1);
	return fail(r, E_UNAUTHENTICATED);
}

/* A transaction of its own, before the request's; false when the database failed. */
static bool
ask(struct req *r, const char *org)
{
	struct db_context context = { .org = org };

	db_begin(r->db, r->arena, DB_READ, &context);
	return true;
}

static long
limit_of(const char *own, const char *org, long otherwise)
{
	const char *text = own != NULL ? own : org;

	return text == NULL ? otherwise : strtol(text, NULL, 10);
}

static void
set_limits(struct principal *who, const PGresult *row)
{
	who->rate_general = limit_of(
	    db_get(row, 0, "rate_general"), db_get(row, 0, "org_rate_general"), conf.rate_general);
	who->rate_bulk =
	    limit_of(db_get(row, 0, "rate_bulk"), db_get(row, 0, "org_rate_bulk"), conf.rate_bulk);
}

/* Copy a column that must fit; the tables limit their lengths. */
static void
copy(char *out, size_t size, const char *value)
{
	size_t len = value == NULL ? 0 : strlen(value);

	if (len >= size)
		len = size - 1;
	if (len > 0)
		memcpy(out, value, len);
	out[len] = '\0';
}

static int64_t
column_ms(const PGresult *row, const char *name)
{
	const char *text = db_get(row, 0, name);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

/* From the directory to the key's organisation, then the key itself: one flight. */
static int
load_key(struct req *r, const char *digest, struct entry *e)
{
	const PGresult *row;
	int slot;

	ask(r, "");
	db_do(r->db, SQL_AUTH_DIRECTORY, P("api_key", digest));
	slot = db_queue(r->db, SQL_AUTH_KEY, P(digest));
	row = db_result(r->db, slot);
	db_commit(r->db);
	if (row == NULL)
		return fail_db(r);
	if (PQntuples(row) == 0)
		return refuse(r, "API key unknown, expired or revoked");
	e->who = (struct principal){ .kind = WHO_API_KEY, .role = ROLE_AGENT };
	copy(e->who.org, sizeof(e->who.org), db_get(row, 0, "org_id"));
	copy(e->who.actor, sizeof(e->who.actor), db_get(row, 0, "key_id"));
	copy(e->allowed_ips, sizeof(e->allowed_ips), db_get(row, 0, "allowed_ips"));
	e->who.scopes = scopes_parse(r->arena, db_get(row, 0, "scopes"));
	e->who.expires_ms = column_ms(row, "expires_ms");
	set_limits(&e->who, row);
	return 0;
}

static int
use_entry(struct req *r, const struct entry *e)
{
	if (e->allowed_ips[0] != '\0' && !network_contains(e->allowed_ips, r->in->address))
		return refuse(r, "address not in the key's list");
	r->who = e->who;
	return 0;
}

static int
by_key(struct req *r, const char *key)
{
	char digest[65];
	struct entry *e;

	if (!api_key_valid(key))
		return refuse(r, "API key malformed");
	sha256_hex(digest, key, strlen(key));
	e = cache_slot(r, digest);
	if (strcmp(e->digest, digest) == 0 && wall_ms() < e->fresh_until &&
	    (e->who.expires_ms == 0 || wall_ms() < e->who.expires_ms)) {
		metric_add(M_auth_cache_hits_total, 1);
		return use_entry(r, e);
	}
	e->digest[0] = '\0';
	if (load_key(r, digest, e) == -1)
		return -1;
	memcpy(e->digest, digest, sizeof(digest));
	e->fresh_until = wall_ms() + FRESH_MS;
	return use_entry(r, e);
}

/* The user behind verified claims, or for a foreign issuer the claims alone. */
static int
load_claims(struct req *r, const struct token_claims *claims, struct entry *e)
{
	const PGresult *row;
	const char *role, *user;
	int parsed;

	ask(r, claims->org);
	row = db_rows(r->db, SQL_AUTH_USER,
	    P(claims->org, claims->subject, claims->own ? claims->session : NULL,
		claims->own ? "true" : "false"));
	db_commit(r->db);
	if (row == NULL)
		return fail_db(r);
	if (PQntuples(row) == 0)
		return refuse(r, "user, session or organization unknown or ended");
	user = db_get(row, 0, "user_id");
	role = user != NULL ? db_get(row, 0, "role") : claims->role;
	parsed = role == NULL ? ROLE_VIEWER : role_parse(role);
	e->who = (struct principal){ .kind = WHO_USER };
	e->who.role = parsed < 0 ? ROLE_VIEWER : (enum role)parsed;
	e->who.scopes = role_scopes(e->who.role);
	e->who.expires_ms = claims->expires * 1000;
	copy(e->who.org, sizeof(e->who.org), claims->org);
	copy(e->who.actor, sizeof(e->who.actor), user != NULL ? user : claims->subject);
	copy(e->who.user_id, sizeof(e->who.user_id), user);
	copy(e->who.session_id, sizeof(e->who.session_id), claims->own ? claims->session : NULL);
	e->allowed_ips[0] = '\0';
	set_limits(&e->who, row);
	return 0;
}

static int
by_token(struct req *r, const char *token)
{
	char digest[65];
	struct token_claims claims;
	const char *why = "";
	struct entry *e;
	int64_t now = wall_ms();

	sha256_hex(digest, token, strlen(token));
	e = cache_slot(r, digest);
	if (strcmp(e->digest, digest) == 0 && now < e->fresh_until && now < e->who.expires_ms) {
		metric_add(M_auth_cache_hits_total, 1);
		return use_entry(r, e);
	}
	e->digest[0] = '\0';
	if (token_verify(r->arena, token, now / 1000, &claims, &why) == -1)
		return refuse(r, why);
	if (load_claims(r, &claims, e) == -1)
		return -1;
	memcpy(e->digest, digest, sizeof(digest));
	e->fresh_until = now + FRESH_MS;
	return use_entry(r, e);
}

static bool
is_platform_token(const char *token)
{
	char digest[65];

	if (conf.platform_token_sha256[0] == '\0')
		return false;
	sha256_hex(digest, token, strlen(token));
	return strlen(conf.platform_token_sha256) == 64 &&
	       CRYPTO_memcmp(digest, conf.platform_token_sha256, 64) == 0;
}

static int
by_bearer(struct req *r, const char *header)
{
	const char *token;

	if (strncasecmp(header, "Bearer ", 7) != 0)
		return refuse(r, "Authorization is not a Bearer token");
	token = header + 7 + strspn(header + 7, " ");
	if (is_platform_token(token)) {
		r->who = (struct principal){ .kind = WHO_PLATFORM,
			.rate_general = conf.rate_general,
			.rate_bulk = conf.rate_bulk };
		copy(r->who.actor, sizeof(r->who.actor), "platform");
		return 0;
	}
	return strncmp(token, "sk_", 3) == 0 ? by_key(r, token) : by_token(r, token);
}

/* No secret at all: only from trusted networks, and only when configured. */
static int
by_legacy(struct req *r, const char *org)
{
	const char *actor = http_header(r->in, "x-actor-id");
	const PGresult *row;

	if (strcmp(conf.legacy_headers, "trusted") != 0 ||
	    !network_contains(conf.trusted_networks, r->in->address))
		return refuse(r, "legacy headers are not accepted from here");
	ask(r, org);
	row = db_rows(r->db, SQL_AUTH_ORGANIZATION, P(org));
	db_commit(r->db);
	if (row == NULL)
		return fail_db(r);
	if (PQntuples(row) == 0)
		return refuse(r, "no such organization");
	r->who = (struct principal){
		.kind = WHO_LEGACY, .role = ROLE_ADMIN, .scopes = SCOPE_BIT(S_ADMIN)
	};
	copy(r->who.org, sizeof(r->who.org), org);
	copy(r->who.actor, sizeof(r->who.actor), actor == NULL ? "legacy" : actor);
	set_limits(&r->who, row);
	return 0;
}

/* The value of ?token=, where the route takes one; such a token needs no decoding. */
static const char *
query_token(struct req *r)
{
	const char *p = r->in->query;

	if ((r->route->flags & R_TOKEN) == 0)
		return NULL;
	for (; *p != '\0'; p += strcspn(p, "&"), p += *p == '&')
		if (strncmp(p, "token=", 6) == 0)
			return arena_strndup(r->arena, p + 6, strcspn(p + 6, "&"));
	return NULL;
}

/* The token stands for the credential that it was made with, which must still count. */
static int
by_stream_token(struct req *r, const char *token)
{
	struct principal who;
	enum standing standing;

	if (!stream_token_read(r->arena, token, &who))
		return refuse(r, "stream token unknown or expired");
	standing = passport_check(r->db, r->arena, &who, r->in->address);
	if (standing == UNCERTAIN)
		return fail_db(r);
	if (standing == FALLEN)
		return refuse(r, "the credential behind a stream token counts no longer");
	r->who = who;
	return 0;
}

int
authenticate(struct req *r)
{
	const char *bearer = http_header(r->in, "authorization");
	const char *key = http_header(r->in, "x-api-key");
	const char *org = http_header(r->in, "x-org-id");
	char first[sizeof(r->who.org)];

	if (bearer == NULL && key == NULL && query_token(r) != NULL)
		return by_stream_token(r, query_token(r));
	if (bearer == NULL && key == NULL)
		return org == NULL ? fail(r, E_UNAUTHENTICATED) : by_legacy(r, org);
	if (bearer != NULL && by_bearer(r, bearer) == -1)
		return -1;
	if (bearer != NULL && key != NULL) {
		struct principal who = r->who;

		memcpy(first, r->who.org, sizeof(first));
		if (by_key(r, key) == -1)
			return -1;
		if (strcmp(first, r->who.org) != 0)
			return refuse(r, "two credentials of different organizations");
		r->who = who;
	} else if (key != NULL && by_key(r, key) == -1) {
		return -1;
	}
	if (org != NULL && r->who.kind != WHO_PLATFORM && strcmp(org, r->who.org) != 0)
		return fail(r, E_ORG_MISMATCH);
	return 0;
}

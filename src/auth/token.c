/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing and verifying. libcjose imports keys and checks signatures; which
 * key and which algorithm are decided here, from our key list alone.
 */
#include "auth/token.h"

#include <cjose/cjose.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jwks.h"
#include "base/arena.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/util.h"

#define TOKEN_MAX 8192
#define CLAIMS_MAX 32
#define LEEWAY_S 60

static int
refuse(const char **why, const char *reason)
{
	*why = reason;
	return -1;
}

static void
release_jws(void *jws)
{
	cjose_jws_release(jws);
}

static void
release_json(void *object)
{
	json_object_put(object);
}

static struct json_object *
claims_of(const char *user_id, const char *org, const char *session, const char *role, long ttl)
{
	struct json_object *o = json_object_new_object();
	int64_t now = wall_ms() / 1000;
	char id[37];

	uuid7(id);
	json_object_object_add(o, "iss", json_object_new_string(conf.jwt_issuer));
	json_object_object_add(o, "aud", json_object_new_string(conf.jwt_audience));
	json_object_object_add(o, "sub", json_object_new_string(user_id));
	json_object_object_add(o, "org_id", json_object_new_string(org));
	json_object_object_add(o, "sid", json_object_new_string(session));
	json_object_object_add(o, "role", json_object_new_string(role));
	json_object_object_add(o, "iat", json_object_new_int64(now));
	json_object_object_add(o, "exp", json_object_new_int64(now + ttl));
	json_object_object_add(o, "jti", json_object_new_string(id));
	return o;
}

char *
token_issue(struct arena *arena, const char *user_id, const char *org, const char *session,
    const char *role, long ttl)
{
	struct json_object *claims;
	const char *text, *out = NULL;
	cjose_header_t *header;
	cjose_jws_t *jws;
	cjose_jwk_t *key;
	cjose_err err;

	if (conf.jwt_secret[0] == '\0' || (key = jwks_own_key()) == NULL)
		return NULL;
	claims = claims_of(user_id, org, session, role, ttl);
	arena_defer(arena, release_json, claims);
	text = json_object_to_json_string_ext(claims, JSON_C_TO_STRING_PLAIN);
	header = cjose_header_new(&err);
	if (header == NULL || !cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_HS256, &err) ||
	    !cjose_header_set(header, CJOSE_HDR_KID, "own", &err))
		abort();
	jws = cjose_jws_sign(key, header, (const uint8_t *)text, strlen(text), &err);
	cjose_header_release(header);
	if (jws == NULL)
		return NULL;
	arena_defer(arena, release_jws, jws);
	return cjose_jws_export(jws, &out, &err) ? arena_strdup(arena, out) : NULL;
}

/* One part of the token as a JSON object of strict form. */
static struct json_object *
part(struct arena *arena, const char *text, size_t len)
{
	struct json_object *object;
	struct json_error error;
	unsigned char *raw;
	long n = base64url_decode(arena, text, len, &raw);

	if (n <= 0)
		return NULL;
	object = json_parse(arena, (const char *)raw, (size_t)n, &error);
	return json_object_is_type(object, json_type_object) ? object : NULL;
}

static const char *
string_of(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* -1 absent, -2 not an integer. */
static int64_t
time_of(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value))
		return -1;
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return -2;
	return json_object_get_int64(value);
}

static bool
audience_fits(struct json_object *claims, const char *ours)
{
	struct json_object *aud, *item;
	size_t i;

	if (!json_object_object_get_ex(claims, "aud", &aud))
		return false;
	if (json_object_is_type(aud, json_type_string))
		return strcmp(json_object_get_string(aud), ours) == 0;
	if (!json_object_is_type(aud, json_type_array))
		return false;
	for (i = 0; i < json_object_array_length(aud); i++) {
		item = json_object_array_get_idx(aud, i);
		if (json_object_is_type(item, json_type_string) &&
		    strcmp(json_object_get_string(item), ours) == 0)
			return true;
	}
	return false;
}

static bool
org_valid(const char *org)
{
	size_t len = org == NULL ? 0 : strlen(org);

	return len >= 1 && len <= 63 && org[0] != '_' && org[0] != '-' &&
	       org[strspn(org, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static const char *
or_else(const char *value, const char *otherwise)
{
	return value[0] != '\0' ? value : otherwise;
}

/* Header parameters that would let the token choose how it is checked. */
static bool
header_harmless(struct json_object *header)
{
	static const char *const refused[] = { "crit", "jku", "jwk", "x5u", "x5c", "x5t", "b64",
		"zip", "enc" };
	unsigned i;

	for (i = 0; i < LENGTH(refused); i++)
		if (json_object_object_get_ex(header, refused[i], NULL))
			return false;
	return true;
}

static int
check_claims(
    struct json_object *o, bool own, int64_t now, struct token_claims *claims, const char **why)
{
	const char *issuer = own ? conf.jwt_issuer : or_else(conf.jwks_issuer, conf.jwt_issuer);
	const char *audience =
	    own ? conf.jwt_audience : or_else(conf.jwks_audience, conf.jwt_audience);
	int64_t not_before = time_of(o, "nbf"), issued = time_of(o, "iat");
	const char *iss = string_of(o, "iss");

	if (json_object_object_length(o) > CLAIMS_MAX)
		return refuse(why, "token has too many claims");
	claims->expires = time_of(o, "exp");
	if (claims->expires < 0 || claims->expires <= now)
		return refuse(why, "token has no valid exp or is over");
	if (not_before == -2 || not_before > now + LEEWAY_S || issued == -2 ||
	    issued > now + LEEWAY_S)
		return refuse(why, "token is not valid yet");
	if (iss == NULL || strcmp(iss, issuer) != 0)
		return refuse(why, "token is of another issuer");
	if (!audience_fits(o, audience))
		return refuse(why, "token is for another audience");
	claims->own = own;
	claims->subject = string_of(o, "sub");
	claims->org = string_of(o, own ? "org_id" : conf.jwks_org_claim);
	claims->session = string_of(o, "sid");
	claims->role = string_of(o, "role");
	claims->scope = string_of(o, "scope");
	if (claims->subject == NULL || claims->subject[0] == '\0' || strlen(claims->subject) > 127)
		return refuse(why, "token has no subject");
	if (!org_valid(claims->org))
		return refuse(why, "token names no organization");
	if (own && claims->session == NULL)
		return refuse(why, "token names no session");
	return 0;
}

static bool
signature_valid(struct arena *arena, const char *jwt, const struct jwks_key *key)
{
	cjose_err err;
	cjose_jws_t *jws = cjose_jws_import(jwt, strlen(jwt), &err);

	if (jws == NULL)
		return false;
	arena_defer(arena, release_jws, jws);
	return cjose_jws_verify(jws, key->jwk, &err);
}

int
token_verify(struct arena *arena, const char *jwt, int64_t now, struct token_claims *claims,
    const char **why)
{
	const char *first = strchr(jwt, '.');
	const char *second = first == NULL ? NULL : strchr(first + 1, '.');
	struct json_object *header, *payload;
	const char *alg, *kid;
	const struct jwks_key *key;
	unsigned char *signature;
	long len;

	if (strlen(jwt) > TOKEN_MAX || second == NULL || strchr(second + 1, '.') != NULL)
		return refuse(why, "token malformed");
	header = part(arena, jwt, (size_t)(first - jwt));
	payload = part(arena, first + 1, (size_t)(second - first - 1));
	len = base64url_decode(arena, second + 1, strlen(second + 1), &signature);
	if (header == NULL || payload == NULL || len <= 0)
		return refuse(why, "token malformed");
	if (!header_harmless(header))
		return refuse(why, "token has a header parameter that is not accepted");
	alg = string_of(header, "alg");
	kid = string_of(header, "kid");
	token_reload();
	key = jwks_find(kid);
	if (key == NULL || alg == NULL || strcmp(alg, key->alg) != 0)
		return refuse(why, "token is of no key we know");
	if (strcmp(key->alg, "ES256") == 0 && len != 64)
		return refuse(why, "token signature malformed");
	if (!signature_valid(arena, jwt, key))
		return refuse(why, "token signature wrong");
	return check_claims(payload, key->own, now, claims, why);
}

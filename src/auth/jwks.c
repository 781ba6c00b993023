/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/jwks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/token.h"
#include "base/arena.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"

#define KEYS_MAX 32
#define FILE_MAX 262144
#define CHECK_US 1000000

struct file {
	char path[512];
	struct timespec changed;
	off_t size;
	bool present;
};

static struct jwks_key keys[KEYS_MAX];
static unsigned nkeys;
static struct jwks_key own;
static char own_secret[1024];
static struct file files[2];
static int64_t checked_us;

cjose_jwk_t *
jwks_own_key(void)
{
	cjose_err err;

	if (conf.jwt_secret == NULL || conf.jwt_secret[0] == '\0')
		return NULL;
	if (own.jwk != NULL && strcmp(own_secret, conf.jwt_secret) == 0)
		return own.jwk;
	if (own.jwk != NULL)
		cjose_jwk_release(own.jwk);
	own = (struct jwks_key){ .kid = "own", .alg = "HS256", .own = true };
	snprintf(own_secret, sizeof(own_secret), "%s", conf.jwt_secret);
	own.jwk = cjose_jwk_create_oct_spec(
	    (const uint8_t *)conf.jwt_secret, strlen(conf.jwt_secret), &err);
	return own.jwk;
}

const struct jwks_key *
jwks_find(const char *kid)
{
	unsigned i;

	if (kid != NULL && strcmp(kid, "own") == 0)
		return jwks_own_key() == NULL ? NULL : &own;
	if (kid == NULL)
		return nkeys == 1 ? &keys[0] : NULL;
	for (i = 0; i < nkeys; i++)
		if (strcmp(keys[i].kid, kid) == 0)
			return &keys[i];
	return NULL;
}

static const char *
member(struct json_object *o, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(o, name, &value) &&
	               json_object_is_type(value, json_type_string)
	           ? json_object_get_string(value)
	           : "";
}

/* The algorithm follows from the kind of key, never from a token. NULL: not for us. */
static const char *
alg_of(struct json_object *o)
{
	const char *kty = member(o, "kty"), *alg = member(o, "alg"), *use = member(o, "use");
	const char *ours = strcmp(kty, "RSA") == 0 ? "RS256"
	                   : strcmp(kty, "EC") == 0 && strcmp(member(o, "crv"), "P-256") == 0
	                       ? "ES256"
	                       : NULL;

	if (ours == NULL || (*use != '\0' && strcmp(use, "sig") != 0) ||
	    (*alg != '\0' && strcmp(alg, ours) != 0))
		return NULL;
	return ours;
}

/* 2048 bits are 342 characters of base64url. */
static bool
long_enough(struct json_object *o)
{
	return strcmp(member(o, "kty"), "RSA") != 0 || strlen(member(o, "n")) >= 342;
}

static unsigned
import_set(struct arena *arena, const char *text, size_t len, struct jwks_key *out, unsigned room)
{
	struct json_object *set, *list, *o;
	struct json_error error;
	unsigned n = 0;
	size_t i;

	set = json_parse(arena, text, len, &error);
	if (!json_object_is_type(set, json_type_object) ||
	    !json_object_object_get_ex(set, "keys", &list) ||
	    !json_object_is_type(list, json_type_array))
		return 0;
	for (i = 0; i < json_object_array_length(list) && n < room; i++) {
		const char *alg, *key;
		cjose_err err;

		o = json_object_array_get_idx(list, i);
		if (!json_object_is_type(o, json_type_object) || (alg = alg_of(o)) == NULL ||
		    !long_enough(o) || strcmp(member(o, "kid"), "own") == 0)
			continue;
		key = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
		out[n] = (struct jwks_key){ .alg = alg };
		snprintf(out[n].kid, sizeof(out[n].kid), "%s", member(o, "kid"));
		out[n].jwk = cjose_jwk_import(key, strlen(key), &err);
		n += out[n].jwk != NULL;
	}
	return n;
}

/* 1 when it differs from the last time, and then remembers it. */
static int
changed(struct file *f, const char *path)
{
	struct stat st;
	bool present = *path != '\0' && stat(path, &st) == 0;

	if (!present)
		memset(&st, 0, sizeof(st));
	if (strcmp(f->path, path) == 0 && f->present == present && f->size == st.st_size &&
	    f->changed.tv_sec == st.st_mtim.tv_sec && f->changed.tv_nsec == st.st_mtim.tv_nsec)
		return 0;
	snprintf(f->path, sizeof(f->path), "%s", path);
	f->present = present;
	f->size = st.st_size;
	f->changed = st.st_mtim;
	return 1;
}

static unsigned
read_set(struct arena *arena, const struct file *f, struct jwks_key *out, unsigned room)
{
	char *text;
	size_t len;
	FILE *in;

	if (!f->present || (in = fopen(f->path, "re")) == NULL)
		return 0;
	text = arena_alloc(arena, FILE_MAX + 1);
	len = fread(text, 1, FILE_MAX, in);
	fclose(in);
	return import_set(arena, text, len, out, room);
}

void
token_reload(void)
{
	char fetched[512];
	struct jwks_key fresh[KEYS_MAX];
	struct arena *arena;
	unsigned n = 0, i;
	int differs;

	if (checked_us != 0 && mono_us() - checked_us < CHECK_US)
		return;
	checked_us = mono_us();
	snprintf(fetched, sizeof(fetched), "%s/jwks.json", conf.state_dir);
	differs = changed(&files[0], conf.jwks_file) | changed(&files[1], fetched);
	if (!differs)
		return;
	arena = arena_new();
	for (i = 0; i < LENGTH(files); i++)
		n += read_set(arena, &files[i], fresh + n, KEYS_MAX - n);
	arena_free(arena);
	if (n == 0 && (files[0].present || files[1].present)) {
		log_warn("the key set has no usable key; the last good one stays");
		return;
	}
	for (i = 0; i < nkeys; i++)
		cjose_jwk_release(keys[i].jwk);
	memcpy(keys, fresh, n * sizeof(keys[0]));
	nkeys = n;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/util.h"

#define PREFIX "whsec_"
#define PREFIX_LEN 6

static char *
base64(struct arena *arena, const unsigned char *data, size_t len)
{
	char *out = arena_alloc(arena, len / 3 * 4 + 5);

	EVP_EncodeBlock((unsigned char *)out, data, (int)len);
	return out;
}

char *
webhook_secret_new(struct arena *arena)
{
	unsigned char raw[32];

	random_bytes(raw, sizeof(raw));
	return arena_printf(arena, PREFIX "%s", base64(arena, raw, sizeof(raw)));
}

/* The bytes that Standard Webhooks takes for the key. */
static size_t
standard_key(struct arena *arena, const char *secret, const unsigned char **key)
{
	size_t len = strlen(secret), pad;
	unsigned char *raw;
	int n;

	*key = (const unsigned char *)secret;
	if (strncmp(secret, PREFIX, PREFIX_LEN) != 0)
		return len;
	raw = arena_alloc(arena, len);
	len -= PREFIX_LEN;
	n = EVP_DecodeBlock(raw, (const unsigned char *)secret + PREFIX_LEN, (int)len);
	if (n < 0 || len < 4)
		return strlen(secret);
	pad = (size_t)(secret[PREFIX_LEN + len - 1] == '=') +
	      (size_t)(secret[PREFIX_LEN + len - 2] == '=');
	*key = raw;
	return (size_t)n - pad;
}

static void
sign_with(struct arena *arena, const char *secret, const char *id, const char *t, const char *body,
    size_t len, struct buf *ours, struct buf *standard)
{
	unsigned char mac[32];
	const unsigned char *key;
	char hex[65];
	struct buf text;
	size_t key_len;

	buf_init(&text, arena, len + 128);
	buf_printf(&text, "%s.", t);
	buf_add(&text, body, len);
	HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)text.data, text.len, mac,
	    NULL);
	hex_encode(hex, mac, sizeof(mac));
	buf_printf(ours, ",v1=%s", hex);

	buf_init(&text, arena, len + 128);
	buf_printf(&text, "%s.%s.", id, t);
	buf_add(&text, body, len);
	key_len = standard_key(arena, secret, &key);
	HMAC(EVP_sha256(), key, (int)key_len, (unsigned char *)text.data, text.len, mac, NULL);
	buf_printf(
	    standard, "%sv1,%s", standard->len == 0 ? "" : " ", base64(arena, mac, sizeof(mac)));
}

struct webhook_signature
webhook_sign(struct arena *arena, const char *secret, const char *previous, const char *id,
    int64_t at, const char *body, size_t len)
{
	const char *t = arena_printf(arena, "%lld", (long long)at);
	struct buf ours, standard;

	buf_init(&ours, arena, 256);
	buf_init(&standard, arena, 256);
	buf_printf(&ours, "t=%s", t);
	sign_with(arena, secret, id, t, body, len, &ours, &standard);
	if (previous != NULL)
		sign_with(arena, previous, id, t, body, len, &ours, &standard);
	return (struct webhook_signature){ .serviceos = ours.data, .standard = standard.data };
}

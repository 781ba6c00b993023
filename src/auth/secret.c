/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/secret.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/util.h"

#define KEY_DIGITS 43 /* 62^43 > 2^256 */
#define CRC_DIGITS 6
#define PASSWORD_MAX 1024
#define YESCRYPT_COST 6
#define NONCE 12
#define TAG 16

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* CRC-32 of IEEE 802.3, bit by bit: 43 bytes once per request are not worth a table. */
static uint32_t
crc32_of(const char *s, size_t len)
{
	uint32_t crc = 0xffffffff;
	size_t i;
	int bit;

	for (i = 0; i < len; i++) {
		crc ^= (unsigned char)s[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void
put_crc(char *out, const char *digits)
{
	uint32_t crc = crc32_of(digits, KEY_DIGITS);
	int i;

	for (i = CRC_DIGITS - 1; i >= 0; i--) {
		out[i] = base62[crc % 62];
		crc /= 62;
	}
}

/* One base62 digit without bias: 248 = 4 * 62. */
static char
random_digit(void)
{
	unsigned char b;

	do
		random_bytes(&b, 1);
	while (b >= 248);
	return base62[b % 62];
}

void
api_key_new(char out[API_KEY_LENGTH + 1])
{
	int i;

	memcpy(out, "sk_", 3);
	for (i = 0; i < KEY_DIGITS; i++)
		out[3 + i] = random_digit();
	put_crc(out + 3 + KEY_DIGITS, out + 3);
	out[API_KEY_LENGTH] = '\0';
}

bool
api_key_valid(const char *key)
{
	char crc[CRC_DIGITS];

	if (strlen(key) != API_KEY_LENGTH || memcmp(key, "sk_", 3) != 0 ||
	    strspn(key + 3, base62) != API_KEY_LENGTH - 3)
		return false;
	put_crc(crc, key + 3);
	return memcmp(crc, key + 3 + KEY_DIGITS, CRC_DIGITS) == 0;
}

char *
opaque_token(struct arena *arena, const char *prefix)
{
	unsigned char raw[32];
	char *token;

	random_bytes(raw, sizeof(raw));
	token = arena_printf(arena, "%s_%s", prefix, base64url_encode(arena, raw, sizeof(raw)));
	explicit_bzero(raw, sizeof(raw));
	return token;
}

/* crypt_data holds the password and is 32 KiB: on the heap, and wiped. */
static bool
run_crypt(const char *password, const char *setting, char out[CRYPT_OUTPUT_SIZE])
{
	struct crypt_data *data = xmalloc(sizeof(*data));
	char *hash = crypt_rn(password, setting, data, sizeof(*data));
	bool ok = hash != NULL && hash[0] != '*';

	if (ok)
		memcpy(out, hash, strlen(hash) + 1);
	explicit_bzero(data, sizeof(*data));
	free(data);
	return ok;
}

char *
password_hash(struct arena *arena, const char *password)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], out[CRYPT_OUTPUT_SIZE];

	if (strlen(password) > PASSWORD_MAX ||
	    crypt_gensalt_rn("$y$", YESCRYPT_COST, NULL, 0, setting, sizeof(setting)) == NULL ||
	    !run_crypt(password, setting, out)) {
		log_error("crypt: %s", strerror(errno));
		return NULL;
	}
	return arena_strdup(arena, out);
}

bool
password_check(const char *password, const char *hash)
{
	/* A hash of nothing anybody knows, so that an unknown user costs the same. */
	static char dummy[CRYPT_OUTPUT_SIZE];
	char out[CRYPT_OUTPUT_SIZE];
	bool known = hash != NULL;

	if (strlen(password) > PASSWORD_MAX)
		return false;
	if (!known && dummy[0] == '\0') {
		struct arena *arena = arena_new();
		char *made = password_hash(arena, opaque_token(arena, "x"));

		if (made != NULL)
			memcpy(dummy, made, strlen(made) + 1);
		arena_free(arena);
	}
	if (!run_crypt(password, known ? hash : dummy, out))
		return false;
	return known && strlen(out) == strlen(hash) && CRYPTO_memcmp(out, hash, strlen(out)) == 0;
}

static bool
master_key(unsigned char key[32])
{
	unsigned i;
	char pair[3] = "";

	if (conf.secret_key == NULL || strlen(conf.secret_key) != 64)
		return false;
	for (i = 0; i < 32; i++) {
		memcpy(pair, conf.secret_key + (size_t)i * 2, 2);
		key[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return true;
}

char *
seal(struct arena *arena, const char *text, size_t len, const char *context)
{
	unsigned char key[32], *box = arena_alloc(arena, NONCE + len + TAG);
	EVP_CIPHER_CTX *c;
	int n;
	bool ok;

	if (!master_key(key) || len > INT32_MAX / 2)
		return NULL;
	random_bytes(box, NONCE);
	c = EVP_CIPHER_CTX_new();
	ok = EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, box) == 1 &&
	     EVP_EncryptUpdate(c, NULL, &n, (const unsigned char *)context, (int)strlen(context)) ==
	         1 &&
	     EVP_EncryptUpdate(c, box + NONCE, &n, (const unsigned char *)text, (int)len) == 1 &&
	     EVP_EncryptFinal_ex(c, box + NONCE + n, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, box + NONCE + len) == 1;
	EVP_CIPHER_CTX_free(c);
	explicit_bzero(key, sizeof(key));
	if (!ok)
		return NULL;
	return arena_printf(arena, "v1.%s", base64url_encode(arena, box, NONCE + len + TAG));
}

char *
unseal(struct arena *arena, const char *sealed, const char *context, size_t *len)
{
	unsigned char key[32], *box;
	EVP_CIPHER_CTX *c;
	char *out;
	long size;
	int n;
	bool ok;

	if (strncmp(sealed, "v1.", 3) != 0 || !master_key(key))
		return NULL;
	size = base64url_decode(arena, sealed + 3, strlen(sealed + 3), &box);
	if (size < NONCE + TAG)
		return NULL;
	*len = (size_t)size - NONCE - TAG;
	out = arena_alloc(arena, *len + 1);
	c = EVP_CIPHER_CTX_new();
	ok = EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, box) == 1 &&
	     EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)context, (int)strlen(context)) ==
	         1 &&
	     EVP_DecryptUpdate(c, (unsigned char *)out, &n, box + NONCE, (int)*len) == 1 &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, box + size - TAG) == 1 &&
	     EVP_DecryptFinal_ex(c, (unsigned char *)out + n, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	explicit_bzero(key, sizeof(key));
	return ok ? out : NULL;
}

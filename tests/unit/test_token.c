/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that somebody forged, and the good ones beside them. */
#include "auth/token.h"

#include <cjose/cjose.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/util.h"
#include "unit.h"

#define NOW 1800000000
#define SECRET "0123456789abcdef0123456789abcdef"
#define CLAIMS(more) \
	"{\"iss\":\"serviceos\",\"aud\":\"serviceos\",\"sub\":\"u1\",\"org_id\":\"org_1\",\"sid\":\"s1\"," more
#define GOOD CLAIMS("\"exp\":1800000100}")
#define HEADER "{\"alg\":\"HS256\",\"kid\":\"own\"}"

static EVP_PKEY *rsa, *ec;
static char directory[] = "/tmp/serviceos-token-XXXXXX";
static const char *why;

static const char *
encode(const void *data, size_t len)
{
	return base64url_encode(arena, data, len);
}

static const char *
text_part(const char *text)
{
	return encode(text, strlen(text));
}

/* header.payload.HMAC-SHA256 with this key. */
static const char *
hmac_with(const char *header, const char *payload, const void *key, size_t len)
{
	char *input = arena_printf(arena, "%s.%s", text_part(header), text_part(payload));
	unsigned char mac[32];
	unsigned n;

	HMAC(EVP_sha256(), key, (int)len, (unsigned char *)input, strlen(input), mac, &n);
	return arena_printf(arena, "%s.%s", input, encode(mac, n));
}

static const char *
own(const char *header, const char *payload)
{
	return hmac_with(header, payload, SECRET, strlen(SECRET));
}

static const char *
by_key(EVP_PKEY *key, const char *header, const char *payload)
{
	char *input = arena_printf(arena, "%s.%s", text_part(header), text_part(payload));
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char signature[512], raw[64];
	size_t n = sizeof(signature);

	EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key);
	EVP_DigestSign(c, signature, &n, (unsigned char *)input, strlen(input));
	EVP_MD_CTX_free(c);
	if (EVP_PKEY_base_id(key) == EVP_PKEY_EC) {
		const unsigned char *p = signature;
		ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);

		BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
		BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
		ECDSA_SIG_free(sig);
		return arena_printf(arena, "%s.%s", input, encode(raw, 64));
	}
	return arena_printf(arena, "%s.%s", input, encode(signature, n));
}

static const char *
number(EVP_PKEY *key, const char *name)
{
	unsigned char raw[512];
	BIGNUM *n = NULL;
	const char *text;

	EVP_PKEY_get_bn_param(key, name, &n);
	text = encode(raw, (size_t)BN_bn2bin(n, raw));
	BN_free(n);
	return text;
}

static const char *
coordinate(EVP_PKEY *key, const char *name)
{
	unsigned char raw[32];
	BIGNUM *n = NULL;

	EVP_PKEY_get_bn_param(key, name, &n);
	BN_bn2binpad(n, raw, 32);
	BN_free(n);
	return encode(raw, 32);
}

/* Write the key set that the verifier reads; each time with another size. */
static void
publish(const char *keys)
{
	static int spaces;
	FILE *out = fopen(conf.jwks_file, "w");

	fprintf(out, "{\"keys\":[%s]}%*s\n", keys, ++spaces, "");
	fclose(out);
}

static const char *
rsa_key(const char *kid, const char *more)
{
	return arena_printf(arena, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"AQAB\"%s}",
	    kid, number(rsa, "n"), more);
}

static int
verify(const char *token)
{
	struct token_claims claims;

	return token_verify(arena, token, NOW, &claims, &why);
}

START_TEST(a_token_of_ours_is_taken)
{
	struct token_claims claims;
	const char *token = token_issue(arena, "u1", "org_1", "s1", "agent", 60);

	ck_assert_int_eq(token_verify(arena, token, wall_ms() / 1000, &claims, &why), 0);
	ck_assert_str_eq(claims.subject, "u1");
	ck_assert_str_eq(claims.org, "org_1");
	ck_assert_str_eq(claims.session, "s1");
	ck_assert(claims.own);
	ck_assert_int_eq(token_verify(arena, token, wall_ms() / 1000 + 61, &claims, &why), -1);
	ck_assert_int_eq(verify(own(HEADER, GOOD)), 0);
	ck_assert_int_eq(
	    verify(own(HEADER, CLAIMS("\"aud\":[\"x\",\"serviceos\"],\"exp\":1800000100}"))), -1);
}
END_TEST

START_TEST(every_forged_claim_is_refused)
{
	static const char *const payloads[] = {
		"{}", "[]", "\"x\"", "", CLAIMS("\"x\":1}"), CLAIMS("\"exp\":1799999999}"),
		CLAIMS("\"exp\":1800000000}"), CLAIMS("\"exp\":1800000100.5}"),
		CLAIMS("\"exp\":\"1800000100\"}"), CLAIMS("\"exp\":1e400}"), CLAIMS("\"exp\":-1}"),
		CLAIMS("\"exp\":null}"), CLAIMS("\"exp\":9223372036854775808}"),
		CLAIMS("\"exp\":1800000100,\"nbf\":1800000061}"),
		CLAIMS("\"exp\":1800000100,\"nbf\":\"0\"}"),
		CLAIMS("\"exp\":1800000100,\"iat\":1800000061}"),
		CLAIMS("\"exp\":1800000100,\"exp\":1900000000}"),
		CLAIMS("\"exp\":1800000100,\"sub\":\"u2\"}"),
		"{\"iss\":\"serviceos/\",\"aud\":\"serviceos\",\"sub\":\"u\",\"org_id\":\"o\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"other\",\"aud\":\"serviceos\",\"sub\":\"u\",\"org_id\":\"o\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"aud\":\"serviceos\",\"sub\":\"u\",\"org_id\":\"o\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"serviceos\",\"aud\":\"other\",\"sub\":\"u\",\"org_id\":\"o\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"serviceos\",\"aud\":[\"a\",1],\"sub\":\"u\",\"org_id\":\"o\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"serviceos\",\"aud\":{},\"sub\":\"u\",\"org_id\":\"o\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"serviceos\",\"sub\":\"u\",\"org_id\":\"o\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"serviceos\",\"aud\":\"serviceos\",\"sub\":\"\",\"org_id\":\"o\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"serviceos\",\"aud\":\"serviceos\",\"sub\":7,\"org_id\":\"o\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"serviceos\",\"aud\":\"serviceos\",\"sub\":\"u\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"serviceos\",\"aud\":\"serviceos\",\"sub\":\"u\",\"org_id\":\"O'1\",\"sid\":\"s\",\"exp\":1800000100}",
		"{\"iss\":\"serviceos\",\"aud\":\"serviceos\",\"sub\":\"u\",\"org_id\":\"o\",\"exp\":1800000100}"
	};
	unsigned i;

	for (i = 0; i < LENGTH(payloads); i++)
		ck_assert_msg(verify(own(HEADER, payloads[i])) == -1, "%s", payloads[i]);
}
END_TEST

START_TEST(no_header_chooses_how_it_is_checked)
{
	static const char *const headers[] = { "{\"alg\":\"none\",\"kid\":\"own\"}",
		"{\"alg\":\"None\",\"kid\":\"own\"}", "{\"alg\":\"\",\"kid\":\"own\"}",
		"{\"kid\":\"own\"}", "{\"alg\":\"HS384\",\"kid\":\"own\"}",
		"{\"alg\":\"HS512\",\"kid\":\"own\"}", "{\"alg\":\"hs256\",\"kid\":\"own\"}",
		"{\"alg\":[\"HS256\"],\"kid\":\"own\"}",
		"{\"alg\":\"HS256\",\"alg\":\"none\",\"kid\":\"own\"}",
		"{\"alg\":\"HS256\\u0000\",\"kid\":\"own\"}", "{\"alg\":\"HS256\"}",
		"{\"alg\":\"HS256\",\"kid\":\"other\"}",
		"{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}",
		"{\"alg\":\"HS256\",\"kid\":\"' OR 1=1\"}", "{\"alg\":\"HS256\",\"kid\":7}",
		"{\"alg\":\"HS256\",\"kid\":\"own\",\"crit\":[\"x\"]}",
		"{\"alg\":\"HS256\",\"kid\":\"own\",\"b64\":false}",
		"{\"alg\":\"HS256\",\"kid\":\"own\",\"jku\":\"https://x\"}",
		"{\"alg\":\"HS256\",\"kid\":\"own\",\"jwk\":{}}",
		"{\"alg\":\"HS256\",\"kid\":\"own\",\"x5u\":\"https://x\"}",
		"{\"alg\":\"HS256\",\"kid\":\"own\",\"x5c\":[]}",
		"{\"alg\":\"HS256\",\"kid\":\"own\",\"zip\":\"DEF\"}",
		"{\"alg\":\"RS256\",\"kid\":\"own\"}", "[]", "null" };
	unsigned i;

	for (i = 0; i < LENGTH(headers); i++)
		ck_assert_msg(verify(own(headers[i], GOOD)) == -1, "%s", headers[i]);
}
END_TEST

START_TEST(every_malformed_token_is_refused)
{
	const char *good = own(HEADER, GOOD);
	const char *const bad[] = { "", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d.e",
		arena_printf(arena, "%s.x", good), arena_printf(arena, "%s=", good),
		arena_printf(arena, " %s", good), arena_printf(arena, "%s\n", good),
		arena_printf(arena, "%.*s", (int)strlen(good) - 2, good),
		arena_printf(arena, "x%s", good),
		arena_printf(arena, "%s.%s.", text_part(HEADER), text_part(GOOD)),
		hmac_with(HEADER, GOOD, "", 0), hmac_with(HEADER, GOOD, "wrong", 5) };
	char *big = arena_alloc(arena, 10000);
	unsigned i;

	for (i = 0; i < LENGTH(bad); i++)
		ck_assert_msg(verify(bad[i]) == -1, "%s", bad[i]);
	memset(big, 'a', 9000);
	ck_assert_int_eq(verify(big), -1);
}
END_TEST

START_TEST(keys_of_the_set_verify_with_their_own_algorithm_only)
{
	const char *ec_key = arena_printf(arena,
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e1\",\"x\":\"%s\",\"y\":\"%s\"}",
	    coordinate(ec, "qx"), coordinate(ec, "qy"));
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long len;

	publish(arena_printf(arena, "%s,%s", rsa_key("r1", ""), ec_key));
	usleep(1050000); /* the files are looked at once a second */
	ck_assert_int_eq(verify(by_key(rsa, "{\"alg\":\"RS256\",\"kid\":\"r1\"}", GOOD)), 0);
	ck_assert_int_eq(verify(by_key(ec, "{\"alg\":\"ES256\",\"kid\":\"e1\"}", GOOD)), 0);
	ck_assert_int_eq(verify(by_key(rsa, "{\"alg\":\"PS256\",\"kid\":\"r1\"}", GOOD)), -1);
	ck_assert_int_eq(verify(by_key(ec, "{\"alg\":\"ES256\",\"kid\":\"r1\"}", GOOD)), -1);
	ck_assert_int_eq(verify(by_key(rsa, "{\"alg\":\"RS256\"}", GOOD)), -1);
	ck_assert_int_eq(verify(by_key(rsa, "{\"alg\":\"RS256\",\"kid\":\"r2\"}", GOOD)), -1);
	/* The public key as an HMAC secret, in every form one might think of. */
	PEM_write_bio_PUBKEY(bio, rsa);
	len = BIO_get_mem_data(bio, &pem);
	ck_assert_int_eq(
	    verify(hmac_with("{\"alg\":\"HS256\",\"kid\":\"r1\"}", GOOD, pem, (size_t)len)), -1);
	ck_assert_int_eq(
	    verify(hmac_with("{\"alg\":\"RS256\",\"kid\":\"r1\"}", GOOD, pem, (size_t)len)), -1);
	BIO_free(bio);
	ck_assert_int_eq(
	    verify(arena_printf(arena, "%s.%s.%s", text_part("{\"alg\":\"ES256\",\"kid\":\"e1\"}"),
		text_part(GOOD), encode((char[64]){ 0 }, 64))),
	    -1);
	ck_assert_int_eq(
	    verify(arena_printf(arena, "%s.%s.%s", text_part("{\"alg\":\"ES256\",\"kid\":\"e1\"}"),
		text_part(GOOD), encode((char[63]){ 1 }, 63))),
	    -1);
}
END_TEST

START_TEST(a_rotated_set_is_taken_and_a_broken_one_is_not)
{
	publish(rsa_key("r9", ",\"use\":\"sig\",\"alg\":\"RS256\""));
	usleep(1050000);
	ck_assert_int_eq(verify(by_key(rsa, "{\"alg\":\"RS256\",\"kid\":\"r9\"}", GOOD)), 0);
	ck_assert_int_eq(verify(by_key(rsa, "{\"alg\":\"RS256\",\"kid\":\"r1\"}", GOOD)), -1);
	publish(
	    "{\"kty\":\"oct\",\"kid\":\"own\",\"k\":\"AAAA\"},{\"kty\":\"RSA\",\"kid\":\"short\",\"n\":\"AQAB\",\"e\":\"AQAB\"}");
	usleep(1050000);
	ck_assert_int_eq(verify(by_key(rsa, "{\"alg\":\"RS256\",\"kid\":\"r9\"}", GOOD)), 0);
}
END_TEST

static void
prepare(void)
{
	static char set[64];
	const char *error;

	if (mkdtemp(directory) == NULL)
		abort();
	snprintf(set, sizeof(set), "%s/set.json", directory);
	setenv("SERVICEOS_JWT_SECRET", SECRET, 1);
	setenv("SERVICEOS_JWKS_FILE", set, 1);
	setenv("SERVICEOS_STATE_DIR", directory, 1);
	if (conf_load(NULL, &error) == -1)
		abort();
	rsa = EVP_RSA_gen(2048);
	ec = EVP_EC_gen("P-256");
}

int
main(void)
{
	const TTest *const all[] = { a_token_of_ours_is_taken, every_forged_claim_is_refused,
		no_header_chooses_how_it_is_checked, every_malformed_token_is_refused,
		keys_of_the_set_verify_with_their_own_algorithm_only,
		a_rotated_set_is_taken_and_a_broken_one_is_not, NULL };
	int result;

	prepare();
	result = unit_main("token", all);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	unlink(conf.jwks_file);
	rmdir(directory);
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/reply_token.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/util.h"

#define TICKET_DIGITS 26 /* of 16 bytes */
#define MAC_DIGITS 16    /* of 10 bytes */

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";

static void
encode(char *out, const unsigned char *in, size_t len)
{
	unsigned bits = 0, have = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (have += 8; have >= 5; have -= 5)
			*out++ = base32[bits >> (have - 5) & 31];
	}
	if (have > 0)
		*out++ = base32[bits << (5 - have) & 31];
	*out = '\0';
}

/* False for a digit that is none, or for bits behind the last byte. */
static bool
decode(unsigned char *out, size_t len, const char *in)
{
	unsigned bits = 0, have = 0;
	const char *digit;

	for (; *in != '\0'; in++) {
		digit = strchr(base32, *in);
		if (digit == NULL)
			return false;
		bits = bits << 5 | (unsigned)(digit - base32);
		have += 5;
		if (have >= 8 && len-- > 0)
			*out++ = (unsigned char)(bits >> (have -= 8));
	}
	return len == 0 && (bits & ((1U << have) - 1)) == 0;
}

static void
ticket_bytes(unsigned char out[16], const char *ticket)
{
	char pair[3] = "";
	int i;

	for (i = 0; i < 16; i++, ticket += 2) {
		ticket += *ticket == '-';
		memcpy(pair, ticket, 2);
		out[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
}

static void
ticket_text(char out[37], const unsigned char in[16])
{
	char hex[33];

	hex_encode(hex, in, 16);
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static const char *
lower(struct arena *arena, const char *text)
{
	char *out = arena_strdup(arena, text), *p;

	for (p = out; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

/* The whole token. */
static const char *
token_of(struct arena *arena, const char *org, const char *ticket, const char *agent)
{
	const char *key = arena_printf(arena, "reply address:%s", conf.secret_key),
		   *text = arena_printf(
		       arena, "%s\n%s\n%s", org, ticket, agent == NULL ? "" : lower(arena, agent));
	char id[TICKET_DIGITS + 1], mac[MAC_DIGITS + 1];
	unsigned char raw[32], bytes[16];

	HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text, strlen(text), raw,
	    NULL);
	ticket_bytes(bytes, ticket);
	encode(id, bytes, sizeof(bytes));
	encode(mac, raw, 10);
	return arena_printf(arena, "%c%s%s", agent == NULL ? 'c' : 'a', id, mac);
}

const char *
reply_token_address(struct arena *arena, const char *address, const char *org, const char *ticket,
    const char *agent)
{
	const char *at = strchr(address, '@');

	if (conf.secret_key[0] == '\0' || at == NULL || at == address ||
	    at - address > REPLY_LOCAL_MAX)
		return NULL;
	return arena_printf(arena, "%.*s+%s%s", (int)(at - address), address,
	    token_of(arena, org, lower(arena, ticket), agent), at);
}

enum reply_token
reply_token_read(
    struct arena *arena, const char *address, const char *org, const char *sender, char *ticket)
{
	const char *at = strchr(address, '@'), *token, *right;
	unsigned char bytes[16];
	bool agent;

	if (conf.secret_key[0] == '\0' || at == NULL || at - address < REPLY_TOKEN_LENGTH + 1 ||
	    at[-REPLY_TOKEN_LENGTH - 1] != '+')
		return REPLY_NONE;
	token = lower(arena, arena_strndup(arena, at - REPLY_TOKEN_LENGTH, REPLY_TOKEN_LENGTH));
	agent = *token == 'a';
	if (!decode(bytes, 16, arena_strndup(arena, token + 1, TICKET_DIGITS)))
		return REPLY_NONE;
	ticket_text(ticket, bytes);
	right = token_of(arena, org, ticket, agent ? sender : NULL);
	if (CRYPTO_memcmp(token, right, REPLY_TOKEN_LENGTH) != 0)
		return REPLY_NONE;
	return agent ? REPLY_AGENT : REPLY_CUSTOMER;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "http/link.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/conf.h"
#include "http/authenticate.h"

#define LINK_SECONDS 3600

/* Hex, or NULL without a key. */
static const char *
sign(struct req *r, const char *org, const char *path, const char *expires)
{
	const char *key = arena_printf(r->arena, "signed link:%s", conf.secret_key);
	const char *text = arena_printf(r->arena, "%s\n%s\n%s", org, path, expires);
	char *out = arena_alloc(r->arena, 65);
	unsigned char raw[32];

	if (conf.secret_key[0] == '\0')
		return NULL;
	HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text, strlen(text), raw,
	    NULL);
	hex_encode(out, raw, sizeof(raw));
	return out;
}

const char *
link_make(struct req *r, const char *path)
{
	const char *expires =
	    arena_printf(r->arena, "%lld", (long long)(wall_ms() / 1000 + LINK_SECONDS));
	const char *signature = sign(r, r->org, path, expires);

	if (signature == NULL)
		return NULL;
	return arena_printf(r->arena, "%s%s?org=%s&expires=%s&signature=%s", conf.base_url, path,
	    r->org, expires, signature);
}

static int
check_credential(struct req *r, enum scope scope)
{
	if (authenticate(r) == -1 || need_scope(r, scope) == -1)
		return -1;
	r->org = r->who.org;
	return 0;
}

int
link_check(struct req *r, const char *path, enum scope scope)
{
	const char *org = query_get(r, "org"), *expires = query_get(r, "expires");
	const char *signature = query_get(r, "signature"), *right;

	if (signature == NULL)
		return check_credential(r, scope);
	right = org == NULL || expires == NULL ? NULL : sign(r, org, path, expires);
	if (right == NULL || strlen(signature) != strlen(right) ||
	    CRYPTO_memcmp(signature, right, strlen(right)) != 0 ||
	    strtoll(expires, NULL, 10) < wall_ms() / 1000)
		return fail_detail(r, E_UNAUTHENTICATED, "The link is not valid, or no longer.");
	r->org = org;
	return 0;
}

void
link_put_row(struct req *r, const PGresult *row, const char *url)
{
	struct buf *out = &r->out->body;

	json_row(out, row, 0, NULL);
	out->len--; /* reopen the object */
	buf_str(out, ",\"download_url\":");
	if (url == NULL)
		buf_str(out, "null");
	else
		buf_json_str(out, url);
	buf_char(out, '}');
}

/* RFC 6266: a name of ASCII for old clients, and the whole one percent-encoded (RFC 8187). */
static const char *
disposition(struct req *r, const char *name, bool inline_)
{
	struct buf out;
	const char *p;

	buf_init(&out, r->arena, 256);
	buf_printf(&out, "%s; filename=\"", inline_ ? "inline" : "attachment");
	for (p = name; *p != '\0'; p++)
		buf_char(&out, *p >= 0x20 && *p < 0x7f && strchr("\"\\;%", *p) == NULL ? *p : '_');
	buf_str(&out, "\"; filename*=UTF-8''");
	for (p = name; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    strchr("-._~", c) != NULL)
			buf_char(&out, *p);
		else
			buf_printf(&out, "%%%02X", c);
	}
	return out.data;
}

/* Digits; false without any, or for a number beyond all sizes. */
static bool
number(const char **p, uint64_t *n)
{
	const char *from = *p;

	for (*n = 0; **p >= '0' && **p <= '9'; (*p)++) {
		if (*n > INT64_MAX / 10)
			return false;
		*n = *n * 10 + (uint64_t)(**p - '0');
	}
	return *p > from;
}

/* One of a list such as "0-99,200-,-5"; false when it is malformed. */
static bool
one_range(const char **p, uint64_t size, bool *some)
{
	uint64_t first = 0, last = size;
	bool suffix;

	*p += strspn(*p, " ");
	suffix = **p == '-';
	if (!suffix && !number(p, &first))
		return false;
	*p += strspn(*p, " ");
	if (*(*p)++ != '-')
		return false;
	*p += strspn(*p, " ");
	if ((suffix || (**p != ',' && **p != '\0')) && !number(p, &last))
		return false;
	*p += strspn(*p, " ");
	*some = *some || (suffix ? last > 0 : first < size && first <= last);
	return **p == ',' || **p == '\0';
}

/* Whether the file has some of the bytes, as nginx will see it. */
static bool
has_range(const char *list, uint64_t size)
{
	bool some = false;

	do
		if (!one_range(&list, size, &some))
			return false;
	while (*list++ == ',');
	return some;
}

/*
 * What nginx would do with a range that the file does not have is done here: it would
 * keep the file's own headers for its refusal. Of If-Range it knows more.
 */
static int
check_range(struct req *r, uint64_t size)
{
	const char *range = http_header(r->in, "range");

	if (range == NULL || strncasecmp(range, "bytes=", 6) != 0 ||
	    http_header(r->in, "if-range") != NULL || has_range(range + 6, size))
		return 0;
	reply_header(
	    r, "Content-Range", arena_printf(r->arena, "bytes */%llu", (unsigned long long)size));
	return fail_detail(r, E_RANGE, "The file has %llu bytes.", (unsigned long long)size);
}

/* The name is nginx' to say, with the file: for a refusal it would keep Content-Disposition. */
int
link_send_file(
    struct req *r, const char *file, uint64_t size, const char *type, const char *name, bool show)
{
	if (check_range(r, size) == -1)
		return -1;
	reply_header(r, "X-Accel-Redirect", arena_printf(r->arena, "/_state/%s", file));
	reply_header(r, "Content-Type", type);
	reply_header(r, "X-File-Disposition", disposition(r, name, show));
	r->send_file = true;
	return reply_json(r, 200);
}

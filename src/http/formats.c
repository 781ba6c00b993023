/* SPDX-License-Identifier: Apache-2.0 */
#include "http/formats.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/util.h"

bool
has_control(const char *s, size_t len, bool lines)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == 0x7f || (c < 0x20 && !(lines && (c == '\n' || c == '\r' || c == '\t'))))
			return true;
	}
	return false;
}

bool
email_valid(const char *s)
{
	const char *at = strchr(s, '@');
	const char *p;

	if (at == NULL || at == s || at - s > 64 || strchr(at + 1, '@') != NULL)
		return false;
	for (p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p == 0x7f || strchr("\"(),:;<>[]\\", *p) != NULL)
			return false;
	return strchr(at + 1, '.') != NULL && at[1] != '.' && p[-1] != '.' &&
	       strstr(at, "..") == NULL;
}

bool
domain_valid(const char *s)
{
	int labels;
	size_t n;

	for (labels = 1;; labels++) {
		n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
		if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-')
			return false;
		if (s[n] != '.')
			return s[n] == '\0' && labels > 1;
		s += n + 1;
	}
}

bool
url_valid(const char *s)
{
	const char *host = strncasecmp(s, "https://", 8) == 0  ? s + 8
	                   : strncasecmp(s, "http://", 7) == 0 ? s + 7
	                                                       : NULL;

	return host != NULL && *host != '\0' && strchr("/?#:@", *host) == NULL &&
	       strpbrk(s, " \t\r\n\\\"<>") == NULL && !has_control(s, strlen(s), false);
}

bool
date_valid(const char *s)
{
	char full[32];

	if (strlen(s) != 10)
		return false;
	snprintf(full, sizeof(full), "%sT00:00:00Z", s);
	return time_valid(full);
}

bool
tag_valid(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && utf8_length(s, len) <= 64 && s[0] != ' ' && s[len - 1] != ' ' &&
	       strchr(s, ',') == NULL && !has_control(s, len, false);
}

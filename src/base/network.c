/* SPDX-License-Identifier: Apache-2.0 */
#include "base/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t,"

struct address {
	unsigned char raw[16];
	unsigned bits; /* 32 or 128 */
};

static bool
parse(const char *text, struct address *a)
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (inet_pton(AF_INET, text, a->raw) == 1) {
		a->bits = 32;
		return true;
	}
	if (inet_pton(AF_INET6, text, a->raw) != 1)
		return false;
	a->bits = 128;
	if (memcmp(a->raw, mapped, sizeof(mapped)) == 0) {
		memmove(a->raw, a->raw + 12, 4);
		a->bits = 32;
	}
	return true;
}

/* "10.0.0.0/8" or a single address, of `len` characters. */
static bool
parse_range(const char *text, size_t len, struct address *a, unsigned *prefix)
{
	char copy[64], *slash, *end;
	long n;

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	if (!parse(copy, a))
		return false;
	*prefix = a->bits;
	if (slash == NULL)
		return true;
	n = strtol(slash + 1, &end, 10);
	if (end == slash + 1 || *end != '\0' || n < 0 || n > (long)a->bits)
		return false;
	*prefix = (unsigned)n;
	return true;
}

static bool
covers(const struct address *range, unsigned prefix, const struct address *a)
{
	unsigned bytes = prefix / 8, rest = prefix % 8;

	if (range->bits != a->bits || memcmp(range->raw, a->raw, bytes) != 0)
		return false;
	return rest == 0 || ((range->raw[bytes] ^ a->raw[bytes]) >> (8 - rest)) == 0;
}

bool
network_list_valid(const char *ranges)
{
	struct address a;
	unsigned prefix;
	size_t len;

	for (ranges += strspn(ranges, BLANKS); *ranges != '\0'; ranges += strspn(ranges, BLANKS)) {
		len = strcspn(ranges, BLANKS);
		if (!parse_range(ranges, len, &a, &prefix))
			return false;
		ranges += len;
	}
	return true;
}

bool
network_contains(const char *ranges, const char *address)
{
	struct address a, range;
	unsigned prefix;
	size_t len;

	if (address == NULL || !parse(address, &a))
		return false;
	for (ranges += strspn(ranges, BLANKS); *ranges != '\0'; ranges += strspn(ranges, BLANKS)) {
		len = strcspn(ranges, BLANKS);
		if (parse_range(ranges, len, &range, &prefix) && covers(&range, prefix, &a))
			return true;
		ranges += len;
	}
	return false;
}

void
network_client_key(char out[64], const char *address)
{
	struct address a;
	char text[INET6_ADDRSTRLEN];

	if (address == NULL || !parse(address, &a)) {
		snprintf(out, 64, "unknown");
		return;
	}
	if (a.bits == 32) {
		inet_ntop(AF_INET, a.raw, text, sizeof(text));
		snprintf(out, 64, "%s", text);
		return;
	}
	memset(a.raw + 8, 0, 8);
	inet_ntop(AF_INET6, a.raw, text, sizeof(text));
	snprintf(out, 64, "%s/64", text);
}

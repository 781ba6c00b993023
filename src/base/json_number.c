/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define EXPONENT_MAX 10000

/* The digits of a number, its point taken out: 0.25e1 is 025, with the point behind two of them. */
struct decimal {
	char digits[400];
	long n, point, scale; /* scale: digits behind the point, as numeric keeps them */
	bool negative;
};

static bool
take_apart(const char *literal, struct decimal *d)
{
	const char *p = literal;
	long exponent = 0, fraction = 0;
	bool behind = false;

	*d = (struct decimal){ .negative = *p == '-' };
	for (p += d->negative; *p != '\0' && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			behind = true;
			continue;
		}
		if (d->n == (long)sizeof(d->digits))
			return false;
		d->digits[d->n++] = *p;
		fraction += behind;
	}
	if (*p != '\0')
		exponent = strtol(p + 1, NULL, 10);
	if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
		return false;
	d->point = d->n - fraction + exponent;
	d->scale = fraction > exponent ? fraction - exponent : 0;
	return true;
}

bool
json_number_returns(const char *literal)
{
	struct decimal d;
	char copy[32];
	long zeros = 0, whole;

	if (!take_apart(literal, &d))
		return false;
	while (zeros < d.n && d.digits[zeros] == '0')
		zeros++;
	whole = zeros == d.n || d.point <= zeros ? 1 : d.point - zeros;
	if (d.scale > 0)
		return d.negative + whole + 1 + d.scale <= JSON_MAX_NUMBER;
	if (zeros == d.n)
		return true;
	if (whole > 19)
		return false;
	copy[0] = d.negative ? '-' : '+';
	memset(copy + 1, '0', (size_t)whole);
	memcpy(copy + 1, d.digits + zeros, (size_t)(d.n - zeros));
	copy[whole + 1] = '\0';
	errno = 0;
	(void)strtoll(copy, NULL, 10);
	return errno != ERANGE;
}

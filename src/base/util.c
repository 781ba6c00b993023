/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/arena.h"

int64_t
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
mono_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
mono_ms(void)
{
	return mono_us() / 1000;
}

bool
time_due(int64_t *next, int64_t interval_us)
{
	int64_t now = mono_us();

	if (now < *next)
		return false;
	*next = now + interval_us;
	return true;
}

void
time_iso(char out[25], int64_t ms)
{
	int64_t part = (ms % 1000 + 1000) % 1000; /* also before 1970 */
	time_t seconds = (time_t)((ms - part) / 1000);
	struct tm tm;
	char text[64];

	gmtime_r(&seconds, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)part);
	memcpy(out, text, 24);
	out[24] = '\0';
}

/* n digits at *p as a number, moving on; -1 when they are not digits. */
static int
digits(const char **p, int n)
{
	int value = 0;

	while (n-- > 0) {
		if (**p < '0' || **p > '9')
			return -1;
		value = value * 10 + *(*p)++ - '0';
	}
	return value;
}

static int
days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool
zone_valid(const char *p)
{
	int hour, minute;

	if (*p == 'Z' || *p == 'z')
		return p[1] == '\0';
	if (*p != '+' && *p != '-')
		return false;
	p++;
	hour = digits(&p, 2);
	if (hour < 0 || hour > 15 || *p++ != ':')
		return false;
	minute = digits(&p, 2);
	return minute >= 0 && minute <= 59 && *p == '\0';
}

bool
time_valid(const char *p)
{
	int year = digits(&p, 4), month, day, part, n;
	static const int max[] = { 23, 59, 59 };
	int i;

	if (year < 1 || *p++ != '-' || (month = digits(&p, 2)) < 1 || month > 12 || *p++ != '-')
		return false;
	day = digits(&p, 2);
	if (day < 1 || day > days_in(year, month) || (*p != 'T' && *p != 't'))
		return false;
	for (i = 0; i < 3; i++) {
		if (i > 0 && *p != ':')
			return false;
		p++;
		part = digits(&p, 2);
		if (part < 0 || part > max[i])
			return false;
	}
	if (*p == '.') {
		for (n = 0, p++; *p >= '0' && *p <= '9'; p++)
			n++;
		if (n < 1 || n > 9)
			return false;
	}
	return zone_valid(p);
}

int64_t
time_ms(const char *s)
{
	struct tm t = { .tm_year = atoi(s) - 1900,
		.tm_mon = atoi(s + 5) - 1,
		.tm_mday = atoi(s + 8),
		.tm_hour = atoi(s + 11),
		.tm_min = atoi(s + 14),
		.tm_sec = atoi(s + 17) };
	const char *zone = s + 19 + strspn(s + 19, ".0123456789");
	double fraction = s[19] == '.' ? strtod(s + 19, NULL) : 0;
	int64_t seconds = timegm(&t);

	if (*zone == '+' || *zone == '-')
		seconds -= (*zone == '-' ? -1 : 1) * (atoi(zone + 1) * 3600 + atoi(zone + 4) * 60);
	return seconds * 1000 + (int64_t)(fraction * 1000);
}

void
random_bytes(void *out, size_t len)
{
	unsigned char *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		p += n;
		len -= (size_t)n;
	}
}

/*
 * 48 bits of milliseconds, 12 bits that count up within a millisecond, and 62
 * random bits taken anew each time, so that a fork never repeats an id.
 */
void
uuid7(char out[37])
{
	static int64_t last_ms;
	static unsigned counter;
	int64_t now = wall_ms();
	unsigned char b[16];
	int i;

	random_bytes(b, sizeof(b));
	if (now > last_ms) {
		last_ms = now;
		counter = (unsigned)(b[6] << 8 | b[7]) & 0x7ff;
	} else if (++counter > 0xfff) {
		last_ms++; /* a step ahead of the clock, never back */
		counter = 0;
	}
	for (i = 0; i < 6; i++)
		b[i] = (unsigned char)(last_ms >> (40 - 8 * i));
	b[6] = (unsigned char)(0x70 | counter >> 8);
	b[7] = (unsigned char)counter;
	b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
	for (i = 0; i < 16; i++) {
		static const char hex[] = "0123456789abcdef";

		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[b[i] >> 4];
		*out++ = hex[b[i] & 15];
	}
	*out = '\0';
}

bool
uuid_valid(const char *s)
{
	int i;

	for (i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		char c = s[i];

		if (dash ? c != '-'
			 : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			       (c >= 'A' && c <= 'F')))
			return false;
	}
	return s[36] == '\0';
}

void
hex_encode(char *out, const void *data, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = hex[p[i] >> 4];
		*out++ = hex[p[i] & 15];
	}
	*out = '\0';
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *
base64url_encode(struct arena *arena, const void *data, size_t len)
{
	const unsigned char *p = data;
	char *out = arena_alloc(arena, len / 3 * 4 + 5), *o = out;
	size_t i;

	for (i = 0; i < len; i += 3) {
		unsigned n = (unsigned)p[i] << 16;
		size_t left = len - i;

		n |= left > 1 ? (unsigned)p[i + 1] << 8 : 0;
		n |= left > 2 ? p[i + 2] : 0;
		*o++ = alphabet[n >> 18];
		*o++ = alphabet[n >> 12 & 63];
		if (left > 1)
			*o++ = alphabet[n >> 6 & 63];
		if (left > 2)
			*o++ = alphabet[n & 63];
	}
	return out;
}

long
base64url_decode(struct arena *arena, const char *s, size_t len, unsigned char **out)
{
	unsigned char *o = *out = arena_alloc(arena, len + 1);
	unsigned bits = 0, n = 0;
	size_t i;

	if (len % 4 == 1)
		return -1;
	for (i = 0; i < len; i++) {
		const char *at = s[i] == '\0' ? NULL : strchr(alphabet, s[i]);

		if (at == NULL)
			return -1;
		n = n << 6 | (unsigned)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*o++ = (unsigned char)(n >> bits);
			n &= (1u << bits) - 1;
		}
	}
	return n == 0 ? (long)(o - *out) : -1; /* left-over bits must be zero */
}

void
sha256_hex(char out[65], const void *data, size_t len)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(data, len, digest, &n, EVP_sha256(), NULL) != 1)
		abort();
	hex_encode(out, digest, n);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/mime.h"

#include <openssl/evp.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

#define WORD_MAX 45 /* bytes in one encoded word: 60 characters of base64 */
#define LINE_MAX_BYTES 57

const char *
mime_address(struct arena *arena, const char *from)
{
	const char *open = strrchr(from, '<'), *close = open == NULL ? NULL : strchr(open, '>');

	if (close == NULL)
		return arena_printf(arena, "<%s>", from);
	return arena_strndup(arena, open, (size_t)(close - open) + 1);
}

bool
mime_address_valid(const char *address)
{
	const unsigned char *p;

	for (p = (const unsigned char *)address; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("<>()[]\\,;:\"", *p) != NULL)
			return false;
	return strchr(address, '@') != NULL && strlen(address) < 255;
}

static void
base64(struct buf *out, const char *text, size_t len)
{
	unsigned char line[LINE_MAX_BYTES / 3 * 4 + 1];

	EVP_EncodeBlock(line, (const unsigned char *)text, (int)len);
	buf_str(out, (const char *)line);
}

/* A header's value; what is not ASCII as encoded words (RFC 2047), cut between characters. */
static void
header_text(struct buf *out, struct arena *arena, const char *text)
{
	const unsigned char *p;
	const char *part;
	bool plain = true;

	for (p = (const unsigned char *)text; *p != '\0'; p++)
		plain = plain && *p >= ' ' && *p < 0x7f;
	if (plain && strlen(text) < 60 && strstr(text, "=?") == NULL) {
		buf_str(out, text);
		return;
	}
	while (*text != '\0') {
		part = utf8_cut(arena, text, WORD_MAX);
		buf_str(out, "=?UTF-8?B?");
		base64(out, part, strlen(part));
		text += strlen(part);
		buf_str(out, *text == '\0' ? "?=" : "?=\r\n ");
	}
}

static void
write_date(struct buf *out, int64_t at_ms)
{
	/* Not strftime(): its names depend on the locale. */
	static const char days[] = "SunMonTueWedThuFriSat",
			  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t at = (time_t)(at_ms / 1000);
	struct tm tm;

	gmtime_r(&at, &tm);
	buf_printf(out, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d +0000\r\n",
	    days + tm.tm_wday * 3, tm.tm_mday, months + tm.tm_mon * 3, tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* "NAME <ADDRESS>": the name may be any text. */
static void
write_from(struct buf *out, struct arena *arena, const char *from)
{
	const char *address = mime_address(arena, from);
	size_t name = strcspn(from, "<");

	while (name > 0 && from[name - 1] == ' ')
		name--;
	buf_str(out, "From: ");
	if (strchr(from, '<') != NULL && name > 0) {
		header_text(out, arena, arena_strndup(arena, from, name));
		buf_char(out, ' ');
	}
	buf_printf(out, "%s\r\n", address);
}

void
mime_write(struct buf *out, struct arena *arena, const struct mime_mail *m)
{
	const char *address = mime_address(arena, m->from);
	const char *at = strchr(address, '@'),
		   *domain =
		       at == NULL ? "localhost" : arena_strndup(arena, at + 1, strlen(at) - 2);
	size_t left = strlen(m->body), n;
	const char *p = m->body;

	write_date(out, m->at_ms);
	write_from(out, arena, m->from);
	buf_printf(out, "To: <%s>\r\nSubject: ", m->to);
	header_text(out, arena, m->subject);
	buf_printf(out, "\r\nMessage-ID: <%s@%s>\r\n", m->message_id, domain);
	if (m->reply_to != NULL)
		buf_printf(out, "In-Reply-To: <%s@%s>\r\nReferences: <%s@%s>\r\n", m->reply_to,
		    domain, m->reply_to, domain);
	buf_str(out,
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	for (; left > 0; left -= n, p += n) {
		n = left < LINE_MAX_BYTES ? left : LINE_MAX_BYTES;
		base64(out, p, n);
		buf_str(out, "\r\n");
	}
}

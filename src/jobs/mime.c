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

const char *
mime_domain(struct arena *arena, const char *from)
{
	const char *address = mime_address(arena, from), *at = strchr(address, '@');

	return at == NULL ? "localhost" : arena_strndup(arena, at + 1, strlen(at) - 2);
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

static void
write_id(struct buf *out, const char *id, size_t len, const char *domain)
{
	bool whole = memchr(id, '@', len) != NULL;

	buf_printf(out, " <%.*s%s%s>\r\n", (int)len, id, whole ? "" : "@", whole ? "" : domain);
}

static void
write_thread(struct buf *out, const struct mime_mail *m, const char *domain)
{
	const char *p =
	    m->references != NULL && *m->references != '\0' ? m->references : m->reply_to;
	size_t n;

	buf_str(out, "Message-ID:");
	write_id(out, m->message_id, strlen(m->message_id), domain);
	if (m->reply_to == NULL)
		return;
	buf_str(out, "In-Reply-To:");
	write_id(out, m->reply_to, strlen(m->reply_to), domain);
	buf_str(out, "References:");
	for (; *p != '\0'; p += n + (p[n] == ' ')) {
		n = strcspn(p, " ");
		write_id(out, p, n, domain);
	}
}

/* RFC 3834: an agent's words are a person's; what a program writes says so. */
static void
write_marks(struct buf *out, const struct mime_mail *m, const char *domain)
{
	if (m->answers_to != NULL)
		buf_printf(out, "Reply-To: <%s>\r\n", m->answers_to);
	if (m->org != NULL)
		buf_printf(out, "X-ServiceOS-Loop: %s@%s\r\n", m->org, domain);
	if (m->automatic)
		buf_str(out, "Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\n");
}

void
mime_write(struct buf *out, struct arena *arena, const struct mime_mail *m)
{
	const char *domain = mime_domain(arena, m->from), *p = m->body;
	size_t left = strlen(m->body), n;

	write_date(out, m->at_ms);
	write_from(out, arena, m->from);
	buf_printf(out, "To: <%s>\r\nSubject: ", m->to);
	header_text(out, arena, m->subject);
	buf_str(out, "\r\n");
	write_thread(out, m, domain);
	write_marks(out, m, domain);
	buf_str(out, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		     "Content-Transfer-Encoding: base64\r\n\r\n");
	for (; left > 0; left -= n, p += n) {
		n = left < LINE_MAX_BYTES ? left : LINE_MAX_BYTES;
		base64(out, p, n);
		buf_str(out, "\r\n");
	}
}

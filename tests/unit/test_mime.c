/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: encoded words, line lengths, what may be an address. */
#include <check.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/util.h"
#include "jobs/mime.h"
#include "unit.h"

static struct buf out;

static const char *
written(const char *from, const char *subject, const char *body, const char *reply_to)
{
	const struct mime_mail m = { .from = from,
		.to = "ada@example.com",
		.subject = subject,
		.message_id = "0190163d",
		.reply_to = reply_to,
		.body = body,
		.at_ms = 1781389574052 };

	buf_init(&out, arena, 1024);
	mime_write(&out, arena, &m);
	return out.data;
}

static bool
has(const char *part)
{
	return strstr(out.data, part) != NULL;
}

START_TEST(a_plain_message_is_plain)
{
	written("Desk <help@desk.example>", "Hello", "Text", NULL);
	ck_assert(has("Date: Sat, 13 Jun 2026 22:26:14 +0000\r\n"));
	ck_assert(
	    has("From: Desk <help@desk.example>\r\nTo: <ada@example.com>\r\nSubject: Hello\r\n"));
	ck_assert(has("Message-ID: <0190163d@desk.example>\r\n"));
	ck_assert(has("\r\n\r\nVGV4dA==\r\n"));
	ck_assert(!has("In-Reply-To"));
	written("help@desk.example", "Hello", "", "018f");
	ck_assert(has("From: <help@desk.example>\r\n"));
	ck_assert(has("In-Reply-To: <018f@desk.example>\r\nReferences: <018f@desk.example>\r\n"));
}
END_TEST

START_TEST(words_that_are_not_ascii_are_encoded_between_characters)
{
	written("Hilfe für alle <help@desk.example>",
	    "Größe der Rechnung, die größer ist als die größte Größe von gestern", "x", NULL);
	ck_assert(has("From: =?UTF-8?B?SGlsZmUgZsO8ciBhbGxl?= <help@desk.example>\r\n"));
	ck_assert(has("Subject: =?UTF-8?B?"));
	ck_assert(has("?=\r\n =?UTF-8?B?"));
	ck_assert(!has("\xc3"));
}
END_TEST

START_TEST(no_text_can_make_a_header)
{
	written("x <help@desk.example>", "a\r\nBcc: eve@example.com", "x\r\nBcc: eve@example.com",
	    NULL);
	ck_assert(!has("\nBcc"));
	written("x\nBcc: eve@example.com <help@desk.example>", "a =?UTF-8?B?eA==?=", "x", NULL);
	ck_assert(!has("\nBcc"));
	ck_assert(!has("a =?UTF-8?B?eA==?="));
}
END_TEST

START_TEST(no_line_is_longer_than_76_characters)
{
	const char *p, *end;
	char body[4000], subject[400];

	memset(body, 'y', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	memset(subject, 'z', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	written("Desk <help@desk.example>", subject, body, NULL);
	for (p = out.data; (end = strstr(p, "\r\n")) != NULL; p = end + 2)
		ck_assert_msg(end - p <= 85, "%.*s", (int)(end - p), p);
	ck_assert_str_eq(p, "");
}
END_TEST

START_TEST(an_address_cannot_be_a_command)
{
	static const char *const bad[] = { "ada", "ada@example.com>", "<ada@example.com",
		"a b@example.com", "ada@example.com\r\nRCPT TO:<x@y>", "ada@\x80.com",
		"a,b@example.com", "\"a\"@example.com" };
	unsigned i;

	ck_assert(mime_address_valid("ada+x@example.com"));
	for (i = 0; i < LENGTH(bad); i++)
		ck_assert_msg(!mime_address_valid(bad[i]), "%s", bad[i]);
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { a_plain_message_is_plain,
		words_that_are_not_ascii_are_encoded_between_characters, no_text_can_make_a_header,
		no_line_is_longer_than_76_characters, an_address_cannot_be_a_command, NULL };

	return unit_main("mime", all);
}

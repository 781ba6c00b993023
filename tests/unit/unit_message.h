/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_UNIT_MESSAGE_H
#define SERVICEOS_TEST_UNIT_MESSAGE_H

/* What the tests of messages that come in share: one message, and texts to make it of. */

#include <check.h>
#include <string.h>

#include "base/buf.h"
#include "http/message.h"
#include "unit.h"

#define HEAD "From: Ada <ada@example.com>\r\nTo: help@desk.example\r\nSubject: Hi\r\n"

static struct message m;

static inline int
parse(const char *text)
{
	return message_parse(&m, arena, text, strlen(text));
}

static inline void
expect_text(const char *mail, const char *text)
{
	ck_assert_msg(parse(mail) == 0, "%s: %s", mail, m.error);
	ck_assert_str_eq(m.text, text);
}

/* n times the unit between two texts. */
static inline const char *
repeated(const char *head, const char *unit, size_t n, const char *tail)
{
	struct buf out;

	buf_init(&out, arena, strlen(unit) * n + 4096);
	buf_str(&out, head);
	while (n-- > 0)
		buf_str(&out, unit);
	buf_str(&out, tail);
	return out.data;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The filters of a stream. */
#include "unit.h"

#include <string.h>

#include "base/util.h"
#include "http/topics.h"

START_TEST(patterns_are_words_with_dots_and_a_star_at_the_end)
{
	static const char *const good[] = { "", "ticket.created", "ticket.*", "*",
		"ticket.comment.*,sla.warning", "a,b,c", "x_1.y" };
	static const char *const bad[] = { ",", "a,", ",a", "Ticket.*", "ticket*", "*.created",
		"ticket.*.x", "ticket.", ".x", "a..b", "a b", "a\n", "**", "ticket.**",
		"\xc3\xa4" };
	unsigned i;

	for (i = 0; i < LENGTH(good); i++)
		ck_assert_msg(topics_valid(good[i]), "%s", good[i]);
	for (i = 0; i < LENGTH(bad); i++)
		ck_assert_msg(!topics_valid(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(too_many_or_too_long_patterns_are_refused)
{
	char list[TOPICS_MAX * 2 + 2], word[TOPIC_LENGTH_MAX + 2];
	unsigned i;

	for (i = 0; i <= TOPICS_MAX; i++)
		memcpy(list + i * 2, "a,", 2);
	list[TOPICS_MAX * 2 + 1] = '\0';
	ck_assert(!topics_valid(list));
	list[TOPICS_MAX * 2 - 1] = '\0';
	ck_assert(topics_valid(list));
	memset(word, 'a', sizeof(word));
	word[TOPIC_LENGTH_MAX + 1] = '\0';
	ck_assert(!topics_valid(word));
	word[TOPIC_LENGTH_MAX] = '\0';
	ck_assert(topics_valid(word));
}
END_TEST

START_TEST(a_star_stands_for_what_follows)
{
	ck_assert(topics_match("ticket.*", "ticket.created"));
	ck_assert(topics_match("ticket.*", "ticket.comment.added"));
	ck_assert(!topics_match("ticket.*", "ticketing.created"));
	ck_assert(!topics_match("ticket.*", "ticket"));
	ck_assert(!topics_match("ticket.*", "ticket."));
	ck_assert(topics_match("*", "anything"));
	ck_assert(topics_match("sla.warning,ticket.comment.*", "ticket.comment.added"));
	ck_assert(!topics_match("sla.warning,ticket.comment.*", "ticket.created"));
	ck_assert(!topics_match("ticket.create", "ticket.created"));
	ck_assert(!topics_match("ticket.created", "ticket.create"));
}
END_TEST

START_TEST(no_filter_has_everything)
{
	ck_assert(topics_match("", "ticket.created"));
	ck_assert(topics_match(NULL, "ticket.created"));
	ck_assert(words_match("", NULL));
	ck_assert(words_match(NULL, "a"));
	ck_assert(!words_match("a", NULL));
	ck_assert(words_match("a,B,c", "b"));
	ck_assert(!words_match("a,b,c", "d"));
	ck_assert(!words_match("abc", "ab"));
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { patterns_are_words_with_dots_and_a_star_at_the_end,
		too_many_or_too_long_patterns_are_refused, a_star_stands_for_what_follows,
		no_filter_has_everything, NULL };

	return unit_main("topics", all);
}

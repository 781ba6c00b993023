/* SPDX-License-Identifier: Apache-2.0 */
#include "http/topics.h"

#include <string.h>
#include <strings.h>

static bool
word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool
topic_pattern_valid(const char *p, size_t len)
{
	size_t i, word = 0;

	if (len == 0 || len > TOPIC_LENGTH_MAX)
		return false;
	for (i = 0; i < len; i++) {
		if (p[i] == '*') /* the last word, all of it */
			return i + 1 == len && word == 0;
		if (p[i] == '.' && word == 0)
			return false;
		if (p[i] != '.' && !word_char(p[i]))
			return false;
		word = p[i] == '.' ? 0 : word + 1;
	}
	return word > 0;
}

bool
topics_valid(const char *list)
{
	unsigned n = 0;
	size_t len;

	if (*list == '\0')
		return true;
	for (;;) {
		len = strcspn(list, ",");
		if (++n > TOPICS_MAX || !topic_pattern_valid(list, len))
			return false;
		if (list[len] == '\0')
			return true;
		list += len + 1;
	}
}

/* "*" is what is before it and anything more. */
static bool
pattern_matches(const char *p, size_t len, const char *topic, size_t topic_len)
{
	if (len > 0 && p[len - 1] == '*')
		return topic_len >= len - 1 + (len > 1) && memcmp(p, topic, len - 1) == 0;
	return len == topic_len && memcmp(p, topic, len) == 0;
}

bool
topics_match(const char *list, const char *topic)
{
	size_t len, topic_len = strlen(topic);

	if (list == NULL || *list == '\0')
		return true;
	for (;;) {
		len = strcspn(list, ",");
		if (pattern_matches(list, len, topic, topic_len))
			return true;
		if (list[len] == '\0')
			return false;
		list += len + 1;
	}
}

bool
words_match(const char *list, const char *word)
{
	size_t len;

	if (list == NULL || *list == '\0')
		return true;
	if (word == NULL)
		return false;
	for (;;) {
		len = strcspn(list, ",");
		if (strlen(word) == len && strncasecmp(list, word, len) == 0)
			return true;
		if (list[len] == '\0')
			return false;
		list += len + 1;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TOPICS_H
#define SERVICEOS_TOPICS_H

/* Which events a stream wants: topics, some as "ticket.*", and tickets. */

#include <stdbool.h>
#include <stddef.h>

#define TOPICS_MAX 50
#define TOPIC_LENGTH_MAX 100

/* "ticket.created", "ticket.*" or "*"; lower-case words with dots between them. */
bool topic_pattern_valid(const char *, size_t len);
/* A comma list of valid patterns, at most TOPICS_MAX of them; "" is none. */
bool topics_valid(const char *list);
/* Whether a comma list has the topic; NULL or "" has all. */
bool topics_match(const char *list, const char *topic);
/* Whether a comma list has this very word; NULL or "" has all. word NULL: only then. */
bool words_match(const char *list, const char *word);

#endif

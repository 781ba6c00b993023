/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_BUF_H
#define SERVICEOS_BUF_H

/* A growing byte buffer inside an arena; data is always NUL-terminated. */

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct buf {
	struct arena *arena;
	char *data;
	size_t len;
	size_t cap;
};

void buf_init(struct buf *, struct arena *, size_t hint);
/* Room for so many more bytes at once, when they are foreseen. */
void buf_reserve(struct buf *, size_t);
void buf_add(struct buf *, const void *, size_t);
void buf_str(struct buf *, const char *);
void buf_char(struct buf *, char);
void buf_printf(struct buf *, const char *, ...) __attribute__((format(printf, 2, 3)));
/* Append s as a quoted JSON string; s must be valid UTF-8. */
void buf_json(struct buf *, const char *s, size_t len);
void buf_json_str(struct buf *, const char *s);
/* Append s as the next quoted element of a PostgreSQL array's text, without the braces. */
void buf_array_item(struct buf *, const char *s);

#endif

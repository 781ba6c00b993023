/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_MULTIPART_H
#define SERVICEOS_MULTIPART_H

/*
 * multipart/form-data (RFC 7578), read in pieces of any length and in constant
 * memory: what a part holds is handed on as it comes.
 */

#include <stdbool.h>
#include <stddef.h>

struct arena;

#define MULTIPART_HEAD 8192 /* bytes of a part's headers */
#define MULTIPART_PARTS 8

struct multipart_part {
	const char *name;     /* of the field */
	const char *filename; /* as it was given, in UTF-8; or NULL */
};

/* Where the parts go. Each returns 0, or -1 to stop. */
struct multipart_sink {
	int (*begin)(void *to, const struct multipart_part *);
	int (*data)(void *to, const char *, size_t);
	int (*end)(void *to);
};

enum multipart_state { MP_BODY, MP_DELIMITER, MP_DASH, MP_PADDING, MP_LINE_END, MP_HEAD, MP_OVER };

struct multipart {
	struct arena *arena;
	const struct multipart_sink *sink;
	void *to;
	const char *error; /* a sentence, after -1 that was not the sink's */
	enum multipart_state state;
	char delimiter[76]; /* CR LF -- boundary */
	size_t delimiter_len;
	size_t matched;  /* so much of the delimiter was just read */
	size_t borrowed; /* of these, so many that are no part's */
	bool inside;     /* of a part; else in what stands before the first */
	unsigned parts;
	char *head;
	size_t head_len;
};

/* Whether a Content-Type (or NULL) is that of a form. */
bool multipart_is(const char *content_type);
/* All three: 0, or -1. */
int multipart_begin(struct multipart *, struct arena *, const char *content_type,
    const struct multipart_sink *, void *to);
int multipart_feed(struct multipart *, const char *, size_t);
/* The body is over: so must be the form. */
int multipart_end(struct multipart *);

#endif

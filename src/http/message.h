/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_MESSAGE_H
#define SERVICEOS_MESSAGE_H

/*
 * An e-mail as it came in (RFC 5322, MIME), read by GMime. The text and the
 * names are copied into the arena; the files stay where they are in the raw
 * message until they are read, so that a large mail needs little memory.
 */

#include <stdbool.h>
#include <stddef.h>

struct arena;

#define MESSAGE_TEXT_MAX 65536 /* characters: what a comment or a description holds */
#define MESSAGE_PARTS 1000
#define MESSAGE_DEPTH 30
#define MESSAGE_FILES 100
#define MESSAGE_PEOPLE 100
#define MESSAGE_IDS 50
/* What a Message-ID that we made for a message without one ends with. */
#define MESSAGE_DERIVED "@derived.invalid"
/* The line of our own mails below which everything is quoted (sql/functions/75_mail.sql). */
#define MESSAGE_MARKER "Please write your answer above this line"

struct message_file {
	const char *filename; /* one that may be stored; never empty */
	void *part;
	struct message_file *next;
};

struct message {
	const char *message_id; /* without brackets; derived from the content when there is none */
	const char *ids[MESSAGE_IDS + 1]; /* what it answers, the nearest first */
	const char *from, *name;          /* the sender's address, in lower case, and name */
	const char *author,
	    *author_name; /* whose it is, when from is a list, says the list; else NULL */
	const char *people[MESSAGE_PEOPLE + 1]; /* To and Cc, in lower case */
	const char *boxes[MESSAGE_PEOPLE + 1];  /* whom it was delivered to, as far as it says */
	const char *subject;                    /* one line; may be empty */
	const char *text;                       /* UTF-8, whole: with what it quotes */
	const char *automatic;                  /* why it is no person's, as a word, or NULL */
	const char *loop;                       /* X-ServiceOS-Loop, or NULL */
	struct message_file *files;
	unsigned nfiles;
	/* Of a message that is refused. */
	const char *field, *code, *error;
};

/* data must stay until the arena is reset. -1: refused, and m says by what rule. */
int message_parse(struct message *, struct arena *, const char *data, size_t len);
/* The file's content, decoded, in pieces; take returns 0 to go on. -1 when it did not. */
int message_file_read(
    const struct message_file *, int (*take)(void *to, const char *, size_t), void *to);

/* What can be told before GMime reads it: NULL, or why it would take too long (message_scan.c). */
const char *message_scan(const char *data, size_t len);

/* Pure functions of texts: message_text.c, message_html.c, message_quote.c. */
/* In UTF-8, whatever it says it is: invalid bytes are replaced. */
const char *message_utf8(struct arena *, const char *data, size_t len, const char *charset);
/* LF line ends, no control characters, no blanks at the ends of lines and of the text. */
const char *message_clean(struct arena *, const char *utf8);
/* format=flowed (RFC 3676): the lines of a paragraph as one. */
const char *message_flowed(struct arena *, const char *text, bool delsp);
const char *message_html(struct arena *, const char *utf8);
/* Without the earlier mails that it quotes below, and without a signature; whole when nothing
 * would be left. */
const char *message_unquoted(struct arena *, const char *text);

#endif

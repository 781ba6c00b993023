/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_MIME_H
#define SERVICEOS_MIME_H

/* Messages as RFC 5322 and RFC 2045 to 2047 want them. */

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct buf;

struct mime_mail {
	const char *from; /* "NAME <ADDRESS>" */
	const char *to;   /* an address */
	const char *subject;
	/* Message-IDs have no brackets; those of ours have no domain either. */
	const char *message_id;
	const char *reply_to;   /* message_id of the one before, or NULL */
	const char *references; /* message_ids of the thread, parted by blanks, or NULL */
	const char *answers_to; /* address that replies come to, or NULL: the sender's */
	const char *org;        /* whose it is: marked, so that it is known when it comes back */
	bool automatic;         /* written by a program: nobody should answer by one */
	const char *body;       /* UTF-8 */
	int64_t at_ms;
};

/* "<ADDRESS>" of "NAME <ADDRESS>" or of a bare address. */
const char *mime_address(struct arena *, const char *from);
/* "DOMAIN" of it. */
const char *mime_domain(struct arena *, const char *from);
/* An address that may stand in a header and in an SMTP command. */
bool mime_address_valid(const char *);
/* The whole message, lines ended by CR LF. */
void mime_write(struct buf *, struct arena *, const struct mime_mail *);

#endif

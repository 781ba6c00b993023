/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FIXTURES_INBOUND_H
#define SERVICEOS_TEST_FIXTURES_INBOUND_H

/* What the tests of e-mail that comes in share: mails, how they are handed in, what they became. */

#include "harness.h"

#define DESK "help@desk.example"

/* The admin of ORG, and no mail, tickets or people. Use as a checked fixture's setup. */
void inbound_fresh(void);

extern int serial; /* the Message-ID of the last mail() is m<serial>@example.com */
/* A mail of its own Message-ID; headers are further lines, each with its CR LF. */
const char *mail(const char *from, const char *headers, const char *body);
/* The header that answers the mail of this number. */
const char *answering(int n);
/* The header that brings a mail to the ticket by its token. */
const char *token_for(const char *ticket, const char *agent);

void hand_in(const char *message);
/* A new ticket of this sender, its id; its Message-ID is that of the last mail(). */
const char *ticket_from(const char *from);

/* What was done with the mail. */
void expect_action(const char *action);
/* How many rows of ORG the table has. */
void expect_count(const char *wanted, const char *table);
const char *status_of(const char *ticket);

#endif

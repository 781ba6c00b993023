/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_REPLY_TOKEN_H
#define SERVICEOS_REPLY_TOKEN_H

/*
 * The address that replies to a ticket's mail come back to: the organization's
 * own with a token behind a plus, help+c….@desk.example. The token names the
 * ticket and is signed with secret_key, so that nobody can write into a thread
 * who was not given it. A customer's token says nothing of who writes; an
 * agent's is bound to the agent's own address and makes the reply an agent's.
 * It is digits and letters of one case, because mail servers may change the case.
 */

#include <stdbool.h>

struct arena;

enum reply_token { REPLY_NONE, REPLY_CUSTOMER, REPLY_AGENT };

#define REPLY_TOKEN_LENGTH 43 /* who, 26 digits of the ticket, 16 of the signature */
/* So long may the address be before the @: RFC 5321 allows 64 characters with plus and token. */
#define REPLY_LOCAL_MAX 20

/*
 * NULL while no secret_key is configured, or when the address is no such one.
 * agent: the agent's e-mail address, or NULL for the customer.
 */
const char *reply_token_address(
    struct arena *, const char *address, const char *org, const char *ticket, const char *agent);
/* What the address that a mail of the sender came to proves; ticket holds 37. */
enum reply_token reply_token_read(
    struct arena *, const char *address, const char *org, const char *sender, char *ticket);

#endif

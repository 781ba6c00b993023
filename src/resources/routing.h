/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_ROUTING_H
#define SERVICEOS_ROUTING_H

/* Which queues want a ticket: for POST /queues/match, and for every new ticket. */

#include "http/req.h"

/* The compiled conditions of the active queues, in their order. */
struct routing {
	const PGresult *rows; /* queue_id, name, conditions */
	int n;
	struct condition *conditions; /* with .code when one does not hold any more */
	const char **values;
	int nvalues;
};

/* Parameters start at `first`; the values of the caller stand before them. 0 or -1. */
int routing_load(struct req *, struct routing *, int first, const char *const *before);
/*
 * Before the statement that makes tickets with ticket_create(): true when
 * routing_apply() is to follow it. An organisation without queues that have
 * conditions pays nothing for it. That it has none is what this process believes
 * and ticket_create() knows: it refuses with SVRUN, and the second attempt of
 * the transaction always looks.
 */
bool routing_begin(struct req *);
/*
 * Put tickets that were just made (an array's text) and have no queue into the
 * first queue that wants them. What was not made after all is passed over. 0 or -1.
 */
int routing_apply(struct req *, const char *ticket_ids);

#endif

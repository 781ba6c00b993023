/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_ROUTING_H
#define SERVICEOS_ROUTING_H

/* Which queues want a ticket: for POST /queues/match, and for every new ticket. */

#include "http/req.h"

/* The compiled conditions of the active queues, in their order. */
struct routing {
	const PGresult *rows; /* queue_id, name, conditions */
	int n;
	struct condition *conditions; /* .sql NULL when one does not hold any more */
	const char **values;
	int nvalues;
};

/* Parameters start at `first`; the values of the caller stand before them. 0 or -1. */
int routing_load(struct req *, struct routing *, int first, const char *const *before);
/*
 * Put a ticket that was just made, and has no queue, into the first queue that
 * wants it. An organisation without such queues pays nothing for it: whether it
 * has some is remembered for a second.
 */
int routing_apply(struct req *, const char *ticket_id);

#endif

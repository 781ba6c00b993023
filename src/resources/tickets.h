/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TICKETS_H
#define SERVICEOS_TICKETS_H

#include "http/route.h"

/* Shared by the files that act on tickets. */
extern const struct resource ticket;
extern const struct field ticket_fields[];
extern const struct list ticket_list; /* its filters and orders */
extern const char *const ticket_status[];
extern const char *const ticket_priority[];

/* A list's filter by tag. */
#define TICKET_HAS_TAG \
	"EXISTS (SELECT 1 FROM ticket_tag g WHERE g.org_id = t.org_id AND g.ticket_id = t.ticket_id AND g.tag = $?)"

#endif

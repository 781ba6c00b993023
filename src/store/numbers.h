/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_NUMBERS_H
#define SERVICEOS_NUMBERS_H

/*
 * Ticket numbers per organisation without a row lock held until the commit:
 * blocks are leased from ticket_counter in a short transaction of their own
 * and shared by the host's workers. A quiet organisation leases one at a time
 * and sees no gaps; a busy one leases blocks that double up to 256.
 */

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct db;

/* Map the shared table; before the first fork. */
void numbers_init(void);
/* One number. False when the database failed (see db_error()). No transaction may be open. */
bool numbers_take(struct db *, struct arena *, const char *org, int64_t *number);
/* Drop the block in hand: its numbers were given to others. */
void numbers_forget(const char *org);

#endif

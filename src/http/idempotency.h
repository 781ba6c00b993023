/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_IDEMPOTENCY_H
#define SERVICEOS_IDEMPOTENCY_H

#include "http/req.h"

/*
 * Idempotency-Key: the stored reply is written in the same transaction as the
 * effect, so there is never one without the other. Successful replies are kept
 * for 24 hours; a refused request changed nothing and may be tried again.
 */

/* Inside the transaction, before the handler. 1: r->out is the stored reply; 0: go on; -1 failed.
 */
int idempotency_begin(struct req *, const char *key);
/*
 * Of a streamed body: the handler says what it was, once it has read it (a digest
 * will do). 1: r->out is the stored reply, change nothing; 0: go on; -1 failed.
 */
int idempotency_content(struct req *, const char *content);
/* Whether that gave the stored reply. */
bool idempotency_replayed(const struct req *);
/* Inside the transaction, after the handler: store r->out. */
void idempotency_end(struct req *);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_WEBHOOK_H
#define SERVICEOS_WEBHOOK_H

/*
 * Sends webhook deliveries: due jobs of kind "webhook", one lane per endpoint.
 * All transfers share one curl multi handle that the scheduler's loop drives (jobs/transfer.h);
 * at most 2 are in flight to an endpoint and 256 in all, so that an endpoint
 * which hangs holds up nobody else.
 */

#include "jobs/transfer.h"
#include "store/due.h"

struct arena;
struct webhooks;

#define WEBHOOKS_PER_ENDPOINT 2
#define WEBHOOKS_IN_FLIGHT 256

struct webhooks *webhooks_new(CURLM *, struct db *scheduler, struct db *app, struct arena *);
/* Who is told when an endpoint has room again; before the first delivery. */
void webhooks_tell(struct webhooks *, struct due *);
void webhooks_free(struct webhooks *);
/* The kind for due_new(); the sender is its argument. */
struct due_kind webhooks_kind(struct webhooks *);

#endif

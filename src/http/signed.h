/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_SIGNED_H
#define SERVICEOS_SIGNED_H

/* What a webhook's request carries besides its body. */

#include <stdbool.h>

struct arena;
struct outgoing;

/* The headers of one attempt. secret and previous are as stored; false when they cannot be read. */
bool webhook_headers(struct outgoing *, struct arena *, const char *org, const char *webhook_id,
    const char *secret, const char *previous, const char *event_id, const char *body);
/* What authenticates a sealed secret. */
const char *webhook_seal_context(struct arena *, const char *org, const char *webhook_id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "http/signed.h"

#include <string.h>

#include "auth/secret.h"
#include "auth/signature.h"
#include "base/arena.h"
#include "base/util.h"
#include "config.h"
#include "store/outgoing.h"

const char *
webhook_seal_context(struct arena *arena, const char *org, const char *webhook_id)
{
	return arena_printf(arena, "webhook/%s/%s", org, webhook_id);
}

bool
webhook_headers(struct outgoing *o, struct arena *arena, const char *org, const char *webhook_id,
    const char *secret, const char *previous, const char *event_id, const char *body)
{
	const char *context = webhook_seal_context(arena, org, webhook_id);
	struct webhook_signature s;
	int64_t now = wall_ms() / 1000;
	size_t len;

	secret = unseal(arena, secret, context, &len);
	if (secret == NULL)
		return false;
	if (previous != NULL)
		previous = unseal(arena, previous, context, &len);
	s = webhook_sign(arena, secret, previous, event_id, now, body, strlen(body));
	outgoing_header(o, "Content-Type: application/json");
	outgoing_header(o, "Expect:");
	outgoing_header(o, "User-Agent: " PACKAGE_NAME "/" PACKAGE_VERSION);
	outgoing_header(o, arena_printf(arena, "X-ServiceOS-Signature: %s", s.serviceos));
	outgoing_header(o, arena_printf(arena, "webhook-id: %s", event_id));
	outgoing_header(o, arena_printf(arena, "webhook-timestamp: %lld", (long long)now));
	outgoing_header(o, arena_printf(arena, "webhook-signature: %s", s.standard));
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_SIGNATURE_H
#define SERVICEOS_SIGNATURE_H

/*
 * What a receiver of a webhook checks. Two forms of one secret:
 *
 *	X-ServiceOS-Signature: t=<unix>,v1=<hex>[,v1=<hex>]
 *	    HMAC-SHA256 of "<t>.<body>", the key is the secret's text.
 *	webhook-id, webhook-timestamp, webhook-signature: v1,<base64>[ v1,<base64>]
 *	    Standard Webhooks 1.0: HMAC-SHA256 of "<id>.<t>.<body>"; the key is
 *	    what stands in base64 after "whsec_", else the secret's text.
 *
 * While a secret is rotated both sign.
 */

#include <stddef.h>
#include <stdint.h>

struct arena;

/* "whsec_" and 32 random bytes in base64. */
char *webhook_secret_new(struct arena *);

struct webhook_signature {
	const char *serviceos; /* the value of X-ServiceOS-Signature */
	const char *standard;  /* of webhook-signature */
};

/* previous may be NULL. at is in seconds since 1970. */
struct webhook_signature webhook_sign(struct arena *, const char *secret, const char *previous,
    const char *id, int64_t at, const char *body, size_t len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_AUTHENTICATE_H
#define SERVICEOS_AUTHENTICATE_H

#include "http/req.h"

/*
 * Find out who calls, in the order of the API: Authorization: Bearer (JWT,
 * or the platform token), X-API-Key, ?token= of routes with R_TOKEN, legacy
 * headers. The first one present decides; two that name different organisations
 * are refused. Fills r->who;
 * 0, or -1 with the failure set. Verified credentials are kept for a second
 * per worker, and a JWT's signature for 5 minutes, never past its exp.
 */
int authenticate(struct req *);

/* The worker's cache of credentials. */
void *auth_cache_new(void);

#endif

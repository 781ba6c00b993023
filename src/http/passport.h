/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_PASSPORT_H
#define SERVICEOS_PASSPORT_H

/*
 * A principal that outlives its request: as JSON for another process of ours,
 * as a sealed token that opens a stream for five minutes, and looked at again
 * in the database while it is relied on.
 */

#include "auth/principal.h"
#include "base/buf.h"

struct arena;
struct db;
struct json_object;

/* A word that is nobody's else: what a stream token begins with. */
#define STREAM_TOKEN "st_"
#define STREAM_TOKEN_S 300

/* As a JSON object. */
void passport_write(struct buf *, const struct principal *);
/* False when it is none. */
bool passport_read(struct json_object *, struct principal *);

/* NULL while no secret_key is configured. */
const char *stream_token_make(struct arena *, const struct principal *, int64_t expires_ms);
/* False when it was not made by us, or no longer counts. */
bool stream_token_read(struct arena *, const char *token, struct principal *);

enum standing { STANDS, FALLEN, UNCERTAIN };

/*
 * Whether the credential still counts, from this address; brings scopes and role
 * up to date. UNCERTAIN while the database is away, db_error() says how.
 */
enum standing passport_check(struct db *, struct arena *, struct principal *, const char *address);

/* "{read:tickets,write:tickets}", an array of PostgreSQL, as SCOPE_BIT()s. */
uint64_t scopes_parse(struct arena *, const char *array);

#endif

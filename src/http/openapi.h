/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_OPENAPI_H
#define SERVICEOS_OPENAPI_H

#include "http/route.h"

struct buf;

/* The OpenAPI 3.1 document of all routes. */
void openapi_print(struct buf *);
/* An operation's responses object, with the comma before it. */
void openapi_responses(struct buf *, const struct route *);
/* Its components object, with the comma before it. */
void openapi_components(struct buf *);
/* The schemas of conditions, each with a comma before it. */
void openapi_condition(struct buf *);
/* One field's JSON Schema; use: F_CREATE, F_PATCH or F_OUT. */
void openapi_field(struct buf *, const struct field *, unsigned use);
/* An object schema of the rows of a table in use. */
void openapi_object(struct buf *, const struct field *, unsigned use, const char *doc);
/* An example body of the rows in use, or the route's own. */
void openapi_example(struct buf *, const struct field *, unsigned use);

#endif

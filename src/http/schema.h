/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_SCHEMA_H
#define SERVICEOS_SCHEMA_H

/* Checking input against the tables of a route. Each error names its field and rule. */

#include "http/req.h"

/* Parse and check in->body; fills r->body and r->body_text. 0, or -1 with the failure set. */
int schema_body(struct req *);
/* Parse in->query and check it against what the route takes; fills r->query. 0 or -1. */
int schema_query(struct req *);
/* One text value of a query parameter or filter. True when it fits the type. */
bool schema_text(
    struct req *, const char *name, enum field_type, const char *const *words, const char *value);
/* The members of an object against `rows`, as of a body; `parent` is the path before them, or "".
 */
void schema_members(
    struct req *, const char *parent, const struct field *rows, unsigned use, struct json_object *);
/* The same of a request that has not failed, and does not fail by it: what is wrong, or NULL. */
const struct field_error *schema_problems(
    struct req *, const struct field *rows, unsigned use, struct json_object *);
/*
 * JSON that no table describes, such as conditions: its numbers must come back
 * from jsonb (base/json.h). Names the first one that does not.
 */
void schema_free(struct req *, const char *name, struct json_object *);
/* The value of `rows` in use: with F_CREATE, or F_PATCH. */
bool field_used(const struct field *, unsigned use);
/* The maximum in force: the row's own, or the type's default. */
long field_max(const struct field *);

#endif

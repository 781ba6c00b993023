/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_HARNESS_INTERNAL_H
#define SERVICEOS_TEST_HARNESS_INTERNAL_H

/* What the harness's own files share; tests include harness.h. */

#include "harness.h"

/* harness.c: what lives as long as the program. */
extern PGconn *super;        /* to the scratch database, as superuser */
extern struct db *scheduler; /* the relay's connection */
extern struct arena *keep;   /* what a test holds between calls */

/* harness_call.c: the last reply as it would be sent. */
extern struct http_reply out;

/* harness_sql.c */
/* The next of 64 static texts, of 8192 bytes each. */
char *turn(void);
/* Run it or abort; value, unless NULL, is a text from turn(): the first column of the first row. */
void run_sql(const char *, char *value);

/* harness_schema.c: the last reply against what its route declares. */
void check_reply_schema(const char *method, const char *path);

#endif

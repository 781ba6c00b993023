/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_USAGE_H
#define SERVICEOS_USAGE_H

#include <stdbool.h>

struct arena;
struct db;

/* Requests per organisation and principal, added up in the process. */
void usage_count(const char *org, const char *principal, bool error);
/* Write the sums to PostgreSQL when 10 s have passed or the table is full, or when forced. */
void usage_flush(struct db *, struct arena *, bool force);

#endif

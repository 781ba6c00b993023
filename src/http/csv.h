/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_CSV_H
#define SERVICEOS_CSV_H

/* Rows of PostgreSQL as CSV: RFC 4180, with lists joined by commas and other values as in JSON. */

#include <libpq-fe.h>

struct buf;

/*
 * The names of the columns, then the first `rows` rows; columns named __x are
 * left out. A text that a spreadsheet would take for a formula gets an
 * apostrophe before it (OWASP, CSV injection).
 */
void csv_rows(struct buf *, const PGresult *, int rows);

#endif

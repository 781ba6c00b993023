/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FIXTURES_IMPORTS_H
#define SERVICEOS_TEST_FIXTURES_IMPORTS_H

/* What the tests of imports share: a desk without rows, a file that is imported, what it became. */

#include "harness.h"

#define NDJSON "application/x-ndjson"

/* The admin of ORG, and no tickets, people or imports. Use as a checked fixture's setup. */
void imports_fresh(void);
/* Send a file, let the scheduler work, and show the import. */
void import(const char *query, const char *type, const char *file);
/* A column of ORG's ticket of this external id. */
const char *ticket_by(const char *external_id, const char *column);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FIXTURES_EXPORTS_H
#define SERVICEOS_TEST_FIXTURES_EXPORTS_H

#include "harness.h"

/* What the last finish_export() read. */
extern char export_file[4000000];

/* Neither tickets, jobs nor customers but the unknown one. */
void exports_fresh(void);
/* Ask for an export; its id. */
const char *start_export(const char *body);
/* Run it and read its file. */
void finish_export(const char *id);
/* How often this part stands in the file. */
int exported(const char *part);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FIXTURES_BULK_H
#define SERVICEOS_TEST_FIXTURES_BULK_H

#include "harness.h"

/* Neither tickets, jobs, events nor custom fields. */
void bulk_fresh(void);
/* A custom field of type text; its key is the label. */
void make_text_field(const char *label);
/* A bulk job of this body; its id. */
const char *make_bulk_job(const char *body);
/* Ask for the undoing of a job, which is over, do it, and GET the job. */
void undo_bulk_job(const char *id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FIXTURES_CUSTOM_FIELDS_H
#define SERVICEOS_TEST_FIXTURES_CUSTOM_FIELDS_H

#include "harness.h"

#define FIELDS "/api/organizations/" ORG "/custom-fields"

/* Neither tickets nor custom fields. */
void custom_fields_fresh(void);
/* A custom field; its id. */
const char *make_field(const char *body);
/* A ticket with these values; its id. */
const char *make_with(const char *fields);

#endif

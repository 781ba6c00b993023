/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FIXTURES_SLA_H
#define SERVICEOS_TEST_FIXTURES_SLA_H

/* What the tests of SLA share: policies, calendars, and what became of a ticket's clocks. */

#include "harness.h"

#define HOURS "/api/organizations/" ORG "/business-hours"
#define TEAMS "/api/organizations/" ORG "/teams"

/* The admin of ORG, and every policy archived. Use as a checked fixture's setup. */
void sla_fresh(void);
const char *make_policy(const char *body);
/* A column of the ticket's newest timer of that metric. */
const char *timer(const char *ticket, const char *metric, const char *column);
/* Change the ticket. */
void patch(const char *ticket, const char *body);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_SLA_H
#define SERVICEOS_SLA_H

/*
 * SLA clocks: "sla" rings them when they are due, "sla_apply" finds the policy
 * of a new or changed ticket, "sla_recount" counts by a changed calendar. All
 * work in the organisation, as the workers' role; the effect and the end of the
 * due job are one transaction.
 */

#include "store/due.h"

struct due_kind sla_kind(struct due_work *);
struct due_kind sla_apply_kind(struct due_work *);
struct due_kind sla_recount_kind(struct due_work *);

#endif

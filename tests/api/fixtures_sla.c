/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures_sla.h"

void
sla_fresh(void)
{
	caller_reset();
	sql("UPDATE sla_policy SET active = false, archived_at = now()");
}

const char *
make_policy(const char *body)
{
	return make("/api/sla/policies", body, "policy_id");
}

const char *
timer(const char *ticket, const char *metric, const char *column)
{
	return sql_text(
	    "SELECT %s FROM sla_timer t WHERE ticket_id = '%s' AND metric = '%s' ORDER BY started_at DESC, timer_id DESC LIMIT 1",
	    column, ticket, metric);
}

void
patch(const char *ticket, const char *body)
{
	call("PATCH", fmt("/api/tickets/%s", ticket), body);
	expect(200);
}

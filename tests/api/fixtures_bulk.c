/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures_bulk.h"

void
bulk_fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM job; DELETE FROM event; DELETE FROM custom_field");
}

const char *
make_bulk_job(const char *body)
{
	return make_job("/api/bulk/jobs", body, "job_id");
}

void
make_text_field(const char *label)
{
	make("/api/organizations/" ORG "/custom-fields",
	    fmt("{\"label\":\"%s\",\"type\":\"text\"}", label), "field_id");
}

void
undo_bulk_job(const char *id)
{
	call("DELETE", fmt("/api/bulk/jobs/%s?undo=true", id), NULL);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/bulk/jobs/%s", id), NULL);
	expect(200);
}

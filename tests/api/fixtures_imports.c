/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures_imports.h"

#include <string.h>

void
imports_fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM job; DELETE FROM custom_field; DELETE FROM team; "
	    "DELETE FROM customer WHERE name <> 'Unknown customer'; DELETE FROM app_user; DELETE FROM event; "
	    "UPDATE ticket_counter SET next_number = 1");
}

void
import(const char *query, const char *type, const char *file)
{
	call_raw("POST", fmt("/api/imports?%s", query), file, strlen(file), type);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/imports/%s", text("import_id")), NULL);
	expect(200);
}

const char *
ticket_by(const char *external_id, const char *column)
{
	return sql_text("SELECT %s FROM ticket WHERE org_id = '" ORG "' AND external_id = '%s'",
	    column, external_id);
}

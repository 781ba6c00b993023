/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures_exports.h"

#include <string.h>

#include "base/conf.h"

char export_file[4000000];

const char *
start_export(const char *body)
{
	return make_job("/api/exports", body, "export_id");
}

void
finish_export(const char *id)
{
	FILE *f;

	run_jobs();
	call("GET", fmt("/api/exports/%s", id), NULL);
	expect(200);
	ck_assert_str_eq(text("state"), "completed");
	f = fopen(fmt("%s/exports/" ORG "/%s", conf.state_dir, id), "re");
	ck_assert_ptr_nonnull(f);
	export_file[fread(export_file, 1, sizeof(export_file) - 1, f)] = '\0';
	fclose(f);
}

int
exported(const char *part)
{
	const char *p;
	int n = 0;

	for (p = strstr(export_file, part); p != NULL; p = strstr(p + 1, part))
		n++;
	return n;
}

void
exports_fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM job; DELETE FROM customer c USING organization o "
	    "WHERE c.org_id = o.org_id AND c.customer_id <> o.default_customer_id");
}

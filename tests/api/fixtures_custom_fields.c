/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures_custom_fields.h"

const char *
make_field(const char *body)
{
	return make(FIELDS, body, "field_id");
}

const char *
make_with(const char *fields)
{
	return make_ticket_of(fmt("{\"title\":\"t\",\"custom_fields\":%s}", fields));
}

void
custom_fields_fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM custom_field");
}

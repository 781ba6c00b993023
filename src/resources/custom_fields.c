/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custom fields: what an organization adds to its tickets. Values are checked in
 * sql/functions/36_custom_fields.sql.
 */
#include <string.h>

#include "http/openapi.h"
#include "http/req.h"
#include "resources/tickets.h"

/* clang-format off */
static const char *const types[] = { "text", "number", "boolean", "date", "dropdown", "multiselect", "email", "url", NULL };
static const struct field field_fields[] = {
	{ "field_id",      T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",        T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "key",           T_STR,  F_CREATE|F_OUT, 1, 63, .example = "\"plan\"", .doc = "Name in custom_fields, in filters (cf.plan) and conditions; made of the label when absent. Cannot change." },
	{ "label",         T_STR,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 120, .example = "\"Plan\"", .doc = "What people see." },
	{ "description",   T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 2000, .example = "\"The customer's contract\"", .doc = "Help for those who fill it in." },
	{ "type",          T_ENUM, F_CREATE|F_OUT|F_REQ, .words = types, .example = "\"dropdown\"", .doc = "Type of the values. Cannot change." },
	{ "required",      T_BOOL, F_CREATE|F_PATCH|F_OUT, .example = "false", .doc = "Whether a new ticket must have it, and a ticket that has it keep it. What is blank or an empty list does not count." },
	{ "options",       T_STR,  F_CREATE|F_PATCH|F_OUT|F_LIST, 1, 120, .max_items = 200, .example = "[\"free\",\"pro\"]", .doc = "The words of a dropdown or multiselect. Tickets and their clones keep an option that is taken away." },
	{ "default_value", T_ANY,  F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "\"free\"", .doc = "What a new ticket has when it names none." },
	{ "minimum",       T_NUM,  F_CREATE|F_PATCH|F_OUT|F_NULL, -1000000000000, 1000000000000, .example = "null", .doc = "Least number; not above `maximum`." },
	{ "maximum",       T_NUM,  F_CREATE|F_PATCH|F_OUT|F_NULL, -1000000000000, 1000000000000, .example = "null", .doc = "Largest number." },
	{ "position",      T_INT,  F_CREATE|F_PATCH|F_OUT, -1000000, 1000000, .example = "0", .doc = "Place among the fields, smallest first." },
	{ "version",       T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",    T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",    T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource field = { "CustomField", "A field that the organization adds to its tickets.", "custom_field_v", "field_id", NULL, field_fields };
static const struct filter by[] = {
	{ "type", T_ENUM, "t.type = $?", types, "Type; repeatable." },
	{ "key",  T_STR,  "t.key = $?",  NULL, "Key; repeatable." },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "position", "t.position", "int" }, { "key", "t.key", "text" }, { .name = NULL } };
static const struct list fields = { by, sorts, NULL, true };

static const struct field schema_fields[] = {
	{ "$schema",    T_STR, F_OUT, .example = "\"https://json-schema.org/draft/2020-12/schema\"", .doc = "The dialect." },
	{ "title",      T_STR, F_OUT, .example = "\"Ticket\"", .doc = "What it describes." },
	{ "type",       T_STR, F_OUT, .example = "\"object\"", .doc = "Always object." },
	{ "required",   T_STR, F_OUT|F_LIST, .example = "[\"title\"]", .doc = "What a new ticket must have." },
	{ "additionalProperties", T_BOOL, F_OUT, .example = "false", .doc = "Other members are refused." },
	{ "properties", T_OBJECT, F_OUT, .example = "{}", .doc = "A schema for each member, custom_fields among them." },
	{ .name = NULL }
};
static const struct resource schema = { "TicketSchema", "JSON Schema of a new ticket in this organization.", NULL, NULL, NULL, schema_fields };
/* clang-format on */

/* The members of every ticket from the field table, custom_fields from the organization's rows. */
static int
ticket_schema(struct req *r)
{
	const PGresult *own = db_row(r->db, SQL_CUSTOM_FIELD_SCHEMAS, P(r->org));
	struct buf *out = &r->out->body;
	const struct field *f;
	const char *required;

	if (own == NULL)
		return fail_db(r);
	required = db_get(own, 0, "required");
	buf_str(out,
	    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"Ticket\","
	    "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
	for (f = ticket.fields; f->name != NULL; f++) {
		if ((f->flags & F_CREATE) == 0 || strcmp(f->name, "custom_fields") == 0)
			continue;
		buf_printf(out, "\"%s\":", f->name);
		openapi_field(out, f, F_CREATE);
		buf_char(out, ',');
	}
	buf_printf(out,
	    "\"custom_fields\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":%s,"
	    "\"properties\":%s}},\"required\":[\"title\"%s]}",
	    required, db_get(own, 0, "properties"),
	    strcmp(required, "[]") == 0 ? "" : ",\"custom_fields\"");
	return reply_json(r, 200);
}

/* clang-format off */
#define PATH "/api/organizations/:org_id/custom-fields"
const struct route custom_field_routes[] = {
	{ POST, PATH, "customFields.create", api_exec, S_SETTINGS_WRITE, .flags = R_CREATE, .body = field_fields, .reply = &field,
	    .exec = SQL_CUSTOM_FIELD_CREATE, .summary = "Create a custom field",
	    .example = "{\"label\":\"Plan\",\"type\":\"dropdown\",\"options\":[\"free\",\"pro\"]}" },
	{ GET, PATH, "customFields.list", api_list, S_SETTINGS_READ, .reply = &field, .list = &fields, .summary = "List custom fields" },
	{ PATCH, PATH "/:id", "customFields.update", api_exec, S_SETTINGS_WRITE, .body = field_fields, .use = F_PATCH, .reply = &field,
	    .exec = SQL_CUSTOM_FIELD_PATCH, .summary = "Update a custom field", .doc = "Key and type cannot change.", .example = "{\"label\":\"Contract\"}" },
	{ DELETE, PATH "/:id", "customFields.delete", api_exec, S_SETTINGS_WRITE, .on = &field, .status = 204,
	    .exec = SQL_CUSTOM_FIELD_DELETE, .summary = "Delete a custom field",
	    .doc = "Tickets show its values for 30 more days; clones do not take them. A new field of the same key and type within that time takes them over." },
	{ GET, "/api/organizations/:org_id/ticket-schema", "customFields.ticketSchema", ticket_schema, S_TICKETS_READ, .reply = &schema,
	    .summary = "Get the JSON Schema of a new ticket", .doc = "With the organization's custom fields: for forms, and for tools of language models." },
	{ .path = NULL }
};

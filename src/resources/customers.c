/* SPDX-License-Identifier: Apache-2.0 */
/* Customers: the people who ask. */
#include "http/req.h"

#include <string.h>

/* clang-format off */
static const struct field customer_fields[] = {
	{ "customer_id", T_ID,    F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,   F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "external_id", T_STR,   F_CREATE|F_PATCH|F_OUT|F_NULL, 1, 255, .example = "\"crm-77\"", .doc = "Your own id; unique within the organization." },
	{ "name",        T_STR,   F_CREATE|F_PATCH|F_OUT, 0, 255, .example = "\"Ada Lovelace\"", .doc = "Name; at most 255 characters." },
	{ "email",       T_EMAIL, F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "\"ada@example.com\"", .doc = "E-mail address; unique within the organization, whatever its case." },
	{ "phone",       T_STR,   F_CREATE|F_PATCH|F_OUT|F_NULL, 1, 64, .example = "\"+44 20 7946 0000\"", .doc = "Telephone number as you write it." },
	{ "company_id",  T_ID,    F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "The customer's company." },
	{ "attributes",  T_OBJECT, F_CREATE|F_PATCH|F_OUT, 0, 65536, .example = "{\"plan\":\"pro\"}", .doc = "Anything else; at most 64 KiB of JSON." },
	{ "merged_into_id", T_ID, F_OUT|F_NULL, .example = "null", .doc = "The customer into whom this one was merged." },
	{ "erased_at",   T_TIME,  F_OUT|F_NULL, .example = "null", .doc = "When the person's data was erased." },
	{ "version",     T_INT,   F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME,  F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME,  F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct field upsert[] = {
	{ "name",        T_STR,   F_BODY, 0, 255, .example = "\"Ada Lovelace\"", .doc = "Name; at most 255 characters." },
	{ "email",       T_EMAIL, F_BODY|F_NULL, .example = "\"ada@example.com\"", .doc = "E-mail address; unique within the organization." },
	{ "phone",       T_STR,   F_BODY|F_NULL, 1, 64, .example = "\"+44 20 7946 0000\"", .doc = "Telephone number." },
	{ "company_id",  T_ID,    F_BODY|F_NULL, .example = "null", .doc = "The customer's company." },
	{ "attributes",  T_OBJECT, F_BODY, 0, 65536, .example = "{\"plan\":\"pro\"}", .doc = "Anything else." },
	{ .name = NULL }
};
static const struct field merge[] = {
	{ "customer_ids", T_ID, F_BODY|F_REQ|F_LIST, .max_items = 50, .example = "[\"0190163d-8694-739b-aea5-966c26f8ad91\"]", .doc = "The duplicates that go into this customer." },
	{ .name = NULL }
};
static const struct resource customer = {
	"Customer", "A person who asks for help.", "customer_v", "customer_id", NULL, customer_fields
};
static const struct filter by[] = {
	{ "email",       T_STR,  "EXISTS (SELECT 1 FROM customer_email e WHERE e.org_id = t.org_id AND e.customer_id = t.customer_id AND e.email = lower($?))", NULL, "E-mail address, whatever its case.", true },
	{ "phone",       T_STR,  "t.phone = $?",       NULL, "Telephone number, exactly; repeatable." },
	{ "external_id", T_STR,  "t.external_id = $?", NULL, "Your own id; repeatable." },
	{ "company_id",  T_ID,   "t.company_id = $?",  NULL, "Company; repeatable." },
	{ "updated_since", T_TIME, "t.updated_at >= $?", NULL, "Changed at or after this time.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = {
	{ "created_at", "t.created_at", "timestamptz" },
	{ "updated_at", "t.updated_at", "timestamptz" },
	{ "name",       "t.name",       "text" },
	{ .name = NULL }
};
static const struct list customers = { by, sorts, "t.merged_into_id IS NULL", false };
static const struct include includes[] = {
	{ "tickets", SQL_CUSTOMER_TICKETS, true, NULL, "The 100 newest tickets." },
	{ "company", SQL_CUSTOMER_COMPANY, false, NULL, "The company." },
	{ "csat", SQL_CUSTOMER_CSAT, true, NULL, "The 100 newest surveys: survey_id, ticket_id, status, score, comment, responded_at, created_at." },
	{ .name = NULL }
};
static const char *const modes[] = { "anonymize", "delete", NULL };
static const struct filter erase[] = {
	{ "mode", T_ENUM, "", modes, "anonymize (default): keep the tickets without what identifies the person; delete: the tickets go too.", true },
	{ .name = NULL }
};
/* clang-format on */

/* Made now or there already: the caller's id decides, and the reply says which. */
static int
upsert_customer(struct req *r)
{
	char *id = arena_alloc(r->arena, 37);
	const PGresult *row;

	uuid7(id);
	row = db_row(r->db, SQL_CUSTOMER_UPSERT, P(r->org, r->args[0], id, r->body_text));
	if (row == NULL)
		return fail_db(r);
	return reply_resource(
	    r, *PQgetvalue(row, 0, 1) == 't' ? 201 : 200, &customer, NULL, PQgetvalue(row, 0, 0));
}

static int
erase_customer(struct req *r)
{
	const char *mode = query_get(r, "mode");

	r->exec_slot = db_queue(
	    r->db, SQL_CUSTOMER_ERASE, P(r->org, r->args[0], mode == NULL ? "anonymize" : mode));
	return reply_empty(r);
}

/* clang-format off */
const struct route customer_routes[] = {
	{ POST, "/api/customers", "customers.create", api_exec, S_CUSTOMERS_WRITE, .flags = R_CREATE,
	    .body = customer_fields, .reply = &customer, .exec = SQL_CUSTOMER_CREATE, .summary = "Create a customer",
	    .example = "{\"name\":\"Ada Lovelace\",\"email\":\"ada@example.com\"}" },
	{ GET, "/api/customers", "customers.list", api_list, S_CUSTOMERS_READ,
	    .reply = &customer, .list = &customers, .summary = "List customers", .doc = "Newest first; merged ones are left out." },
	{ PUT, "/api/customers/by-external-id/:external_id", "customers.upsert", upsert_customer, S_CUSTOMERS_WRITE,
	    .body = upsert, .reply = &customer, .summary = "Create or update a customer by your own id",
	    .doc = "201 when it was created, 200 when it was there. Repeating it changes nothing." },
	{ GET, "/api/customers/:id", "customers.get", api_get, S_CUSTOMERS_READ,
	    .reply = &customer, .includes = includes, .summary = "Get a customer" },
	{ PATCH, "/api/customers/:id", "customers.update", api_exec, S_CUSTOMERS_WRITE,
	    .body = customer_fields, .use = F_PATCH, .reply = &customer, .exec = SQL_CUSTOMER_PATCH,
	    .summary = "Update a customer", .example = "{\"phone\":\"+44 20 7946 0000\"}" },
	{ DELETE, "/api/customers/:id", "customers.erase", erase_customer, S_CUSTOMERS_WRITE,
	    .on = &customer, .query = erase, .status = 204, .summary = "Erase a customer",
	    .doc = "For data protection requests. What the change log says of the person is erased too." },
	{ POST, "/api/customers/:id/merge", "customers.merge", api_exec, S_CUSTOMERS_WRITE,
	    .body = merge, .reply = &customer, .exec = SQL_CUSTOMER_MERGE, .summary = "Merge duplicate customers" },
	{ .path = NULL }
};

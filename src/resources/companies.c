/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Companies: whom customers work for. A new customer finds its company by the
 * domain of its e-mail address.
 */
#include "http/req.h"

/* clang-format off */
static const struct field company_fields[] = {
	{ "company_id",  T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR, F_OUT, .example = "\"org_123\"", .doc = "The organization (the tenant)." },
	{ "name",        T_STR, F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 255, .example = "\"Analytical Engines Ltd\"", .doc = "Name; at most 255 characters." },
	{ "domains",     T_DOMAIN, F_CREATE|F_PATCH|F_OUT|F_LIST, .max_items = 50, .example = "[\"engines.example\"]", .doc = "Domains of its e-mail addresses, each of one company only; in ASCII as in addresses, bücher.example as xn--bcher-kva.example. A customer created with such an address belongs to it. 409 when another company has one." },
	{ "external_id", T_STR, F_CREATE|F_PATCH|F_OUT|F_NULL, 1, 255, .example = "\"acc-7\"", .doc = "Your own id; unique within the organization, else 409." },
	{ "sla_policy_id", T_ID, F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "The SLA policy of its tickets, whatever the policies' conditions say; null for those. Not an archived one." },
	{ "attributes",  T_OBJECT, F_CREATE|F_PATCH|F_OUT, 0, 65536, .example = "{\"tier\":\"gold\"}", .doc = "Anything else; at most 64 KiB of JSON." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource company = { "Company", "A company whose people ask for help; not a tenant.", "company_v", "company_id", NULL, company_fields };
static const struct filter by[] = {
	{ "domain",      T_STR, "t.company_id IN (SELECT d.company_id FROM company_domain d WHERE d.org_id = t.org_id AND d.domain = lower($?))", NULL, "Domain, whatever its case.", true },
	{ "external_id", T_STR, "t.external_id = $?", NULL, "Your own id; repeatable." },
	{ "name",        T_STR, "lower(t.name) = lower($?)", NULL, "Name, whatever its case.", true },
	{ "updated_since", T_TIME, "t.updated_at >= $?", NULL, "Changed at or after this time.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = {
	{ "created_at", "t.created_at", "timestamptz" },
	{ "updated_at", "t.updated_at", "timestamptz" },
	{ "name",       "t.name",       "text" },
	{ .name = NULL }
};
static const struct list companies = { by, sorts, NULL, false };
static const struct include includes[] = {
	{ "customers", SQL_COMPANY_CUSTOMERS, true, NULL, "The 100 newest customers." },
	{ "tickets",   SQL_COMPANY_TICKETS,   true, NULL, "The 100 newest tickets." },
	{ .name = NULL }
};

const struct route company_routes[] = {
	{ POST, "/api/companies", "companies.create", api_exec, S_CUSTOMERS_WRITE, .flags = R_CREATE,
	    .body = company_fields, .reply = &company, .exec = SQL_COMPANY_CREATE, .summary = "Create a company" },
	{ GET, "/api/companies", "companies.list", api_list, S_CUSTOMERS_READ, .reply = &company, .list = &companies,
	    .summary = "List companies", .doc = "Newest first." },
	{ GET, "/api/companies/:id", "companies.get", api_get, S_CUSTOMERS_READ, .reply = &company, .includes = includes,
	    .summary = "Get a company" },
	{ PATCH, "/api/companies/:id", "companies.update", api_exec, S_CUSTOMERS_WRITE, .body = company_fields, .use = F_PATCH,
	    .reply = &company, .exec = SQL_COMPANY_PATCH, .summary = "Update a company", .example = "{\"attributes\":{\"tier\":\"silver\"}}" },
	{ DELETE, "/api/companies/:id", "companies.delete", api_exec, S_CUSTOMERS_WRITE, .on = &company, .exec = SQL_COMPANY_DELETE,
	    .status = 204, .summary = "Delete a company", .doc = "Its customers and tickets stay, without a company." },
	{ .path = NULL }
};

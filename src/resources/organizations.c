/* SPDX-License-Identifier: Apache-2.0 */
/* Organizations are the tenants. Creating one is the platform's business. */
#include "base/conf.h"
#include "http/req.h"

/* clang-format off */
static const struct field organization_fields[] = {
	{ "org_id",      T_STR,  F_CREATE|F_REQ|F_OUT, 1, 63, .example = "\"org_124\"", .doc = "Name in addresses: lower-case letters, digits, _ and -; 1 to 63 characters." },
	{ "name",        T_STR,  F_CREATE|F_REQ|F_PATCH|F_OUT, 1, 255, .example = "\"Example Ltd\"", .doc = "Name for people." },
	{ "timezone",    T_STR,  F_PATCH|F_OUT, 1, 64, .example = "\"Europe/Berlin\"", .doc = "Name of the time zone database." },
	{ "reopen_window_hours", T_INT, F_PATCH|F_OUT, 0, 87600, .example = "336", .doc = "Hours in which a closed ticket can be opened again." },
	{ "csat_auto_send", T_BOOL, F_PATCH|F_OUT, .example = "false", .doc = "Send a survey by e-mail when a ticket is resolved, to customers with an address; once in 30 days." },
	{ "mail_replies", T_BOOL, F_PATCH|F_OUT, .example = "false", .doc = "Send agents' public comments to customers with an e-mail address." },
	{ "inbound_address", T_EMAIL, F_PATCH|F_OUT|F_NULL, .example = "\"help@desk.example\"", .doc = "Where mail to the desk comes in; replies are asked for at this address with a token behind a plus. At most 20 characters before the @, and no plus. null: replies go where they like." },
	{ "retention_days", T_INT, F_PATCH|F_OUT, 1, 3650, .example = "30", .doc = "Days until a deleted ticket is purged." },
	{ "rate_general", T_INT, F_OUT|F_NULL, .max = 9007199254740991, .example = "null", .doc = "Requests per hour of one principal; null for the server's default. Set by the operator." },
	{ "rate_bulk",   T_INT,  F_OUT|F_NULL, .max = 9007199254740991, .example = "null", .doc = "Bulk requests per minute of one principal." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource organization = {
	"Organization", "A tenant with its settings.", "organization_v", "org_id", NULL, organization_fields
};

static const struct field usage_fields[] = {
	{ "org_id",       T_STR, F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "storage_bytes", T_INT, F_OUT, .max = 9007199254740991, .example = "482130", .doc = "Bytes of all attachments." },
	{ "requests_30d", T_INT, F_OUT, .max = 9007199254740991, .example = "1200", .doc = "Requests of the last 30 days." },
	{ "errors_30d",   T_INT, F_OUT, .max = 9007199254740991, .example = "12", .doc = "Of these, refused or failed ones." },
	{ "tickets",      T_INT, F_OUT, .max = 9007199254740991, .example = "1042", .doc = "Tickets." },
	{ "comments",     T_INT, F_OUT, .max = 9007199254740991, .example = "3000", .doc = "Comments and internal notes." },
	{ "customers",    T_INT, F_OUT, .max = 9007199254740991, .example = "400", .doc = "Customers." },
	{ "users",        T_INT, F_OUT, .max = 9007199254740991, .example = "12", .doc = "Active users." },
	{ "events",       T_INT, F_OUT, .max = 9007199254740991, .example = "9000", .doc = "Entries of the change log." },
	{ "rate_general", T_INT, F_OUT, .max = 9007199254740991, .example = "1000", .doc = "Requests per hour of one principal." },
	{ "rate_bulk",    T_INT, F_OUT, .max = 9007199254740991, .example = "10", .doc = "Bulk requests per minute of one principal." },
	{ "principals",   T_ANY, F_OUT, .example = "[]", .doc = "The 100 busiest keys and users: principal, name, requests, errors, last_used_at." },
	{ .name = NULL }
};
static const struct resource usage = { "Usage", "What an organization uses.", NULL, "org_id", NULL, usage_fields };

static const struct field audit_fields[] = {
	{ "audit_id",    T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "action",      T_STR,  F_OUT, .example = "\"ticket.updated\"", .doc = "What was done." },
	{ "resource",    T_STR,  F_OUT, .example = "\"ticket\"", .doc = "Kind of thing." },
	{ "resource_id", T_STR,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Its id." },
	{ "ticket_id",   T_ID,   F_OUT|F_NULL, .example = "null", .doc = "The ticket it belongs to." },
	{ "actor_type",  T_STR,  F_OUT|F_NULL, .example = "\"user\"", .doc = "user, api_key, legacy, platform or system." },
	{ "actor_id",    T_STR,  F_OUT|F_NULL, .example = "\"admin\"", .doc = "Who did it." },
	{ "address",     T_STR,  F_OUT|F_NULL, .example = "\"192.0.2.1\"", .doc = "From where." },
	{ "request_id",  T_STR,  F_OUT|F_NULL, .example = "\"5f3a\"", .doc = "The request that did it." },
	{ "changes",     T_OBJECT, F_OUT|F_NULL, .example = "{\"status\":{\"from\":\"new\",\"to\":\"open\"}}", .doc = "Fields before and after; secrets and what follows a URL's host are redacted." },
	{ "data",        T_OBJECT, F_OUT|F_NULL, .example = "{\"mode\":\"anonymize\",\"tickets\":3}", .doc = "What else is told of it: ids, counts, the reason that was given." },
	{ "occurred_at", T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "When." },
	{ .name = NULL }
};
static const struct resource audit = { "AuditEntry", "One change: who, what, when, from where.", "audit_entry_v", "audit_id", NULL, audit_fields };
static const struct filter audit_by[] = {
	{ "actor_id",    T_ACTOR, "t.actor_id = $?",    NULL, "Who; repeatable." },
	{ "actor_type",  T_STR,  "t.actor_type = $?",  NULL, "What acted; repeatable." },
	{ "action",      T_STR,  "t.action = $?",      NULL, "What; repeatable." },
	{ "resource",    T_STR,  "t.resource = $?",    NULL, "Kind of thing; repeatable." },
	{ "resource_id", T_STR,  "t.resource_id = $?", NULL, "Its id; repeatable." },
	{ "ticket_id",   T_ID,   "t.ticket_id = $?",   NULL, "The ticket it belongs to; repeatable." },
	{ "since",       T_TIME, "t.occurred_at >= $?", NULL, "At or after this time.", true },
	{ "until",       T_TIME, "t.occurred_at < $?", NULL, "Before this time.", true },
	{ .name = NULL }
};
static const struct sort audit_sorts[] = { { "occurred_at", "t.occurred_at", "timestamptz" }, { .name = NULL } };
static const struct list audits = { audit_by, audit_sorts, NULL, false };
/* clang-format on */

/* The caller belongs to no organization; the transaction is the new one's. */
static int
create(struct req *r)
{
	const char *org = body_str(r, "org_id");

	db_set_org(r->db, org);
	r->org = org;
	r->exec_slot = db_queue(r->db, SQL_ORGANIZATION_CREATE, P(org, body_str(r, "name")));
	return reply_resource(r, 201, &organization, NULL, org);
}

static int
show_usage(struct req *r)
{
	return reply_slot(r, 200, &usage,
	    db_queue(r->db, SQL_ORGANIZATION_USAGE,
		P(r->org, arena_printf(r->arena, "%ld", conf.rate_general),
		    arena_printf(r->arena, "%ld", conf.rate_bulk))));
}

/* clang-format off */
const struct route organization_routes[] = {
	{ POST, "/api/organizations", "organizations.create", create, S_ADMIN, .flags = R_PLATFORM, .status = 201,
	    .body = organization_fields, .reply = &organization, .summary = "Create an organization",
	    .doc = "With the platform token as Bearer credential.",
	    .example = "{\"org_id\":\"org_124\",\"name\":\"Example Ltd\"}" },
	{ GET, "/api/organizations/:org_id", "organizations.get", api_get, S_SETTINGS_READ,
	    .reply = &organization, .summary = "Get the organization" },
	{ PATCH, "/api/organizations/:org_id", "organizations.update", api_exec, S_SETTINGS_WRITE,
	    .body = organization_fields, .use = F_PATCH, .reply = &organization, .exec = SQL_ORGANIZATION_PATCH,
	    .summary = "Update the organization" },
	{ GET, "/api/organizations/:org_id/usage", "organizations.usage", show_usage, S_AUDIT_READ,
	    .reply = &usage, .summary = "Usage and quotas" },
	{ GET, "/api/organizations/:org_id/audit-log", "organizations.auditLog", api_list, S_AUDIT_READ,
	    .reply = &audit, .list = &audits, .summary = "Audit log", .doc = "Every change of configuration and data, newest first." },
	{ .path = NULL }
};

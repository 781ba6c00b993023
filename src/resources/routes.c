/* SPDX-License-Identifier: Apache-2.0 */
/* All operations, in the order of the documentation. */
#include <stddef.h>

#include "http/route.h"

#define TABLE(name) extern const struct route name[]
TABLE(auth_routes);
TABLE(organization_routes);
TABLE(api_key_routes);
TABLE(user_routes);
TABLE(team_routes);
TABLE(business_hours_routes);
TABLE(queue_routes);
TABLE(customer_routes);
TABLE(company_routes);
TABLE(ticket_routes);
TABLE(ticket_action_routes);
TABLE(comment_routes);
TABLE(note_routes);
TABLE(attachment_routes);
TABLE(inbound_routes);
TABLE(tag_routes);
TABLE(macro_routes);
TABLE(view_routes);
TABLE(webhook_routes);
TABLE(presence_routes);
TABLE(workflow_routes);
TABLE(sla_routes);
TABLE(custom_field_routes);
TABLE(search_routes);
TABLE(bulk_routes);
TABLE(csat_routes);
TABLE(qa_routes);
TABLE(report_routes);
TABLE(import_routes);
TABLE(export_routes);
TABLE(event_routes);
TABLE(ops_routes);

/* clang-format off */
const struct route_group route_groups[] = {
	{ "Auth",           auth_routes,          "Logging in, and who one is." },
	{ "Organizations",  organization_routes,  "Tenants, their settings, usage and audit log." },
	{ "API keys",       api_key_routes,       "Credentials of programs." },
	{ "Users",          user_routes,          "The people who work in the desk." },
	{ "Teams",          team_routes,          "Who works together." },
	{ "Business hours", business_hours_routes, "When the desk is open." },
	{ "Queues",         queue_routes,         "Where tickets wait for an agent." },
	{ "Customers",      customer_routes,      "The people who ask." },
	{ "Companies",      company_routes,       "Whom customers work for." },
	{ "Tickets",        ticket_routes,        "Requests for help." },
	{ "Ticket actions", ticket_action_routes, "Merging, splitting, assigning, linking and the like." },
	{ "Comments",       comment_routes,       "The public thread of a ticket." },
	{ "Internal notes", note_routes,          "Notes that only agents see." },
	{ "Attachments",    attachment_routes,    "Files of a ticket." },
	{ "E-mail",         inbound_routes,       "Mail that becomes tickets and comments." },
	{ "Tags",           tag_routes,           "Labels in use." },
	{ "Macros",         macro_routes,         "Prepared replies and changes." },
	{ "Views",          view_routes,          "Saved filters." },
	{ "Custom fields",  custom_field_routes,  "What an organization adds to its tickets." },
	{ "Search",         search_routes,        "Full text over tickets, comments and customers." },
	{ "Bulk",           bulk_routes,          "One change to many tickets." },
	{ "CSAT",           csat_routes,          "What customers say of the help they got." },
	{ "QA scoring",     qa_routes,            "What reviewers say of the work." },
	{ "Reports",        report_routes,        "Figures of the desk." },
	{ "Presence",       presence_routes,      "Who looks at which ticket." },
	{ "Workflows",      workflow_routes,      "What the desk does by itself." },
	{ "SLA",            sla_routes,           "What is promised, and the clocks that run for it." },
	{ "Webhooks",       webhook_routes,       "Events for other programs." },
	{ "Imports",        import_routes,        "Data of another desk." },
	{ "Exports",        export_routes,        "The desk's data as files." },
	{ "Events",         event_routes,         "What happened, in order." },
	{ "Operations",     ops_routes,           "Health, metrics and documentation." },
	{ .name = NULL }
};

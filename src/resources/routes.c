/* SPDX-License-Identifier: Apache-2.0 */
/* All operations, in the order of the documentation. */
#include <stddef.h>

#include "http/route.h"

#define TABLE(name) extern const struct route name[]
TABLE(auth_routes);
TABLE(organization_routes);
TABLE(api_key_routes);
TABLE(user_routes);
TABLE(customer_routes);
TABLE(ticket_routes);
TABLE(ticket_action_routes);
TABLE(comment_routes);
TABLE(note_routes);
TABLE(tag_routes);
TABLE(event_routes);
TABLE(ops_routes);

/* clang-format off */
const struct route_group route_groups[] = {
	{ "Auth",           auth_routes,          "Logging in, and who one is." },
	{ "Organizations",  organization_routes,  "Tenants, their settings, usage and audit log." },
	{ "API keys",       api_key_routes,       "Credentials of programs." },
	{ "Users",          user_routes,          "The people who work in the desk." },
	{ "Customers",      customer_routes,      "The people who ask." },
	{ "Tickets",        ticket_routes,        "Requests for help." },
	{ "Ticket actions", ticket_action_routes, "Merging, splitting, assigning, linking and the like." },
	{ "Comments",       comment_routes,       "The public thread of a ticket." },
	{ "Internal notes", note_routes,          "Notes that only agents see." },
	{ "Tags",           tag_routes,           "Labels in use." },
	{ "Events",         event_routes,         "What happened, in order." },
	{ "Operations",     ops_routes,           "Health, metrics and documentation." },
	{ .name = NULL }
};

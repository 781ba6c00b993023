/* SPDX-License-Identifier: Apache-2.0 */
/* Teams: who works together. */
#include "http/req.h"

/* clang-format off */
static const char *const roles[] = { "admin", "agent", "viewer", NULL };
static const char *const availability[] = { "online", "away", "offline", NULL };
static const struct field member_fields[] = {
	{ "user_id",      T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The user." },
	{ "name",         T_STR,  F_OUT, .example = "\"Grace Hopper\"", .doc = "The user's name." },
	{ "role",         T_ENUM, F_OUT, .words = roles, .example = "\"agent\"", .doc = "The user's role." },
	{ "availability", T_ENUM, F_OUT, .words = availability, .example = "\"online\"", .doc = "Whether the user takes tickets now." },
	{ .name = NULL }
};
static const struct field team_fields[] = {
	{ "team_id",     T_ID,   F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "name",        T_STR,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 120, .example = "\"Billing\"", .doc = "Name; unique whatever its case." },
	{ "description", T_TEXT, F_CREATE|F_PATCH|F_OUT, 0, 2000, .example = "\"Invoices and refunds\"", .doc = "What it is there for." },
	{ "business_hours_id", T_ID, F_CREATE|F_PATCH|F_OUT|F_NULL, .example = "null", .doc = "When the team works: the calendar of SLA policies with business_hours that name none, for the team's tickets. Null for the organization's default. A change counts for new clocks; those that run keep theirs until their ticket's policy, priority or team changes." },
	{ "member_ids",  T_ID,   F_CREATE|F_PATCH|F_LIST, .max_items = 500, .example = "[]", .doc = "The members: active users. When updating, the whole list. Who is deactivated leaves all teams." },
	{ "members",     T_OBJECT, F_OUT|F_LIST, .sub = member_fields, .example = "[]", .doc = "The members by name." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change, of members too." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct field members[] = {
	{ "member_ids", T_ID, F_BODY|F_REQ|F_LIST, .max_items = 500, .example = "[\"0190163d-8694-739b-aea5-966c26f8ad91\"]", .doc = "Users to add; those who are in the team already stay." },
	{ .name = NULL }
};
static const struct resource team = { "Team", "People who work together.", "team_v", "team_id", NULL, team_fields };
static const struct filter by[] = {
	{ "user_id", T_ID,  "t.team_id IN (SELECT m.team_id FROM team_member m WHERE m.org_id = t.org_id AND m.user_id = $?)", NULL, "Teams of this user; repeatable." },
	{ "name",    T_STR, "lower(t.name) = lower($?)", NULL, "Name, whatever its case.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = {
	{ "name",       "t.name",       "text" },
	{ "created_at", "t.created_at", "timestamptz" },
	{ .name = NULL }
};
static const struct list teams = { by, sorts, NULL, true };
static const struct filter heir[] = {
	{ "move_to", T_ID, "", NULL, "Team that takes over the tickets, queues and macros; without it they have none.", true },
	{ .name = NULL }
};
/* clang-format on */

static int
remove_team(struct req *r)
{
	r->exec_slot =
	    db_queue(r->db, SQL_TEAM_DELETE, P(r->org, r->args[0], query_get(r, "move_to")));
	return reply_empty(r);
}

/* clang-format off */
#define PATH "/api/organizations/:org_id/teams"
const struct route team_routes[] = {
	{ POST, PATH, "teams.create", api_exec, S_USERS_WRITE, .flags = R_CREATE, .body = team_fields, .reply = &team,
	    .exec = SQL_TEAM_CREATE, .summary = "Create a team" },
	{ GET, PATH, "teams.list", api_list, S_USERS_READ, .reply = &team, .list = &teams, .summary = "List teams", .doc = "By name, with their members." },
	{ GET, PATH "/:id", "teams.get", api_get, S_USERS_READ, .reply = &team, .summary = "Get a team", .doc = "With its members." },
	{ PUT, PATH "/:id", "teams.update", api_exec, S_USERS_WRITE, .body = team_fields, .use = F_PATCH, .reply = &team,
	    .exec = SQL_TEAM_UPDATE, .summary = "Update a team", .doc = "An absent field keeps its value; member_ids, when given, is the whole list.",
	    .example = "{\"description\":\"Invoices, refunds and dunning\"}" },
	{ DELETE, PATH "/:id", "teams.delete", remove_team, S_USERS_WRITE, .on = &team, .query = heir, .status = 204,
	    .summary = "Delete a team", .doc = "Its tickets, queues and macros go to `move_to`, or to no team: a macro is then for everybody. Views of the team are deleted." },
	{ POST, PATH "/:id/members", "teams.addMembers", api_exec, S_USERS_WRITE, .body = members, .reply = &team, .status = 200,
	    .exec = SQL_TEAM_MEMBERS_ADD, .summary = "Add members to a team", .doc = "Atomic: nobody else's change is overwritten." },
	{ DELETE, PATH "/:id/members/:user_id", "teams.removeMember", api_exec, S_USERS_WRITE, .status = 204,
	    .exec = SQL_TEAM_MEMBER_REMOVE, .summary = "Remove a member from a team" },
	{ .path = NULL }
};

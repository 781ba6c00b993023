/* SPDX-License-Identifier: Apache-2.0 */
/* Users: admins, agents and viewers of an organization. */
#include "http/req.h"

#include <string.h>

#include "auth/secret.h"

/* clang-format off */
static const char *const role[] = { "admin", "agent", "viewer", NULL };
static const char *const availability[] = { "online", "away", "offline", NULL };

static const struct field user_fields[] = {
	{ "user_id",      T_ID,    F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",       T_STR,   F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "email",        T_EMAIL, F_CREATE|F_REQ|F_PATCH|F_OUT, .example = "\"grace@example.com\"", .doc = "E-mail address; unique within the organization, whatever its case." },
	{ "name",         T_STR,   F_CREATE|F_REQ|F_PATCH|F_OUT, 1, 255, .example = "\"Grace Hopper\"", .doc = "Name; 1 to 255 characters." },
	{ "role",         T_ENUM,  F_CREATE|F_PATCH|F_OUT, .words = role, .example = "\"agent\"", .doc = "What the user may do; agent unless given." },
	{ "password",     T_STR,   F_CREATE|F_PATCH, 8, 1024, .example = "\"correct horse battery\"", .doc = "At least 8 characters. Never shown. A change ends all sessions." },
	{ "skills",       T_TAG,   F_CREATE|F_PATCH|F_OUT|F_LIST, .max_items = 50, .example = "[\"billing\"]", .doc = "What the agent knows, for assigning by skill." },
	{ "capacity",     T_INT,   F_CREATE|F_PATCH|F_OUT, 0, 10000, .example = "20", .doc = "Open tickets the agent can have at a time." },
	{ "availability", T_ENUM,  F_CREATE|F_PATCH|F_OUT, .words = availability, .example = "\"online\"", .doc = "Only online agents are assigned tickets by a strategy." },
	{ "active",       T_BOOL,  F_PATCH|F_OUT, .example = "true", .doc = "False once the user is deactivated, who so leaves all teams; whoever is activated again has to be added to them." },
	{ "external_id",  T_STR,   F_CREATE|F_PATCH|F_OUT|F_NULL, 1, 255, .example = "null", .doc = "The subject of another issuer's tokens, or your own id; unique." },
	{ "has_password", T_BOOL,  F_OUT, .example = "true", .doc = "Whether the user can log in with a password." },
	{ "open_tickets", T_INT,   F_OUT, .max = 9007199254740991, .example = "3", .doc = "Open tickets assigned now." },
	{ "team_ids",     T_ID,    F_OUT|F_LIST, .example = "[]", .doc = "Teams of the user." },
	{ "last_login_at", T_TIME, F_OUT|F_NULL, .example = "null", .doc = "Last login." },
	{ "version",      T_INT,   F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",   T_TIME,  F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",   T_TIME,  F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource user = { "User", "Somebody who works in the desk.", "user_v", "user_id", NULL, user_fields };
static const struct filter by[] = {
	{ "role",         T_ENUM, "t.role = $?",         role, "Role; repeatable." },
	{ "availability", T_ENUM, "t.availability = $?", availability, "Availability; repeatable." },
	{ "active",       T_BOOL, "t.active = $?",       NULL, "Whether the user is active.", true },
	{ "email",        T_STR,  "lower(t.email) = lower($?)", NULL, "E-mail address.", true },
	{ "external_id",  T_STR,  "t.external_id = $?",  NULL, "Your own id; repeatable." },
	{ "skill",        T_TAG,  "$? = ANY (t.skills)", NULL, "A skill the user has.", true },
	{ "team_id",      T_ID,   "EXISTS (SELECT 1 FROM team_member m WHERE m.org_id = t.org_id AND m.user_id = t.user_id AND m.team_id = $?)", NULL, "Team; repeatable." },
	{ .name = NULL }
};
static const struct sort sorts[] = {
	{ "created_at", "t.created_at", "timestamptz" },
	{ "name",       "t.name",       "text" },
	{ .name = NULL }
};
static const struct list users = { by, sorts, NULL, false };
static const struct filter deactivate[] = {
	{ "reassign_to", T_ID, "", NULL, "The user who gets the open tickets; without it they have no agent.", true },
	{ .name = NULL }
};
/* clang-format on */

/* The password as a hash; NULL when none is given. */
static int
hashed(struct req *r, const char **hash)
{
	const char *password = body_str(r, "password");

	*hash = NULL;
	if (password == NULL)
		return 0;
	*hash = password_hash(r->arena, password);
	return *hash == NULL ? fail(r, E_INTERNAL) : 0;
}

static int
create(struct req *r)
{
	const char *hash;

	if (hashed(r, &hash) == -1)
		return -1;
	r->exec_slot = db_queue(r->db, SQL_USER_CREATE, P(r->org, r->new_id, r->body_text, hash));
	return reply_resource(r, 201, &user, NULL, r->new_id);
}

static int
update(struct req *r)
{
	const char *hash;

	if (hashed(r, &hash) == -1)
		return -1;
	r->exec_slot = db_queue(r->db, SQL_USER_PATCH, P(r->org, r->args[0], r->body_text, hash));
	if (hash != NULL || (body_has(r, "active") && !body_bool(r, "active", true)))
		db_do(r->db, SQL_USER_END_SESSIONS, P(r->org, r->args[0]));
	return reply_resource(r, 200, &user, NULL, r->args[0]);
}

static int
remove_user(struct req *r)
{
	r->exec_slot = db_queue(
	    r->db, SQL_USER_DEACTIVATE, P(r->org, r->args[0], query_get(r, "reassign_to")));
	return reply_empty(r);
}

/* clang-format off */
const struct route user_routes[] = {
	{ POST, "/api/organizations/:org_id/users", "users.create", create, S_USERS_WRITE, .flags = R_CREATE,
	    .body = user_fields, .reply = &user, .summary = "Create a user",
	    .example = "{\"email\":\"grace@example.com\",\"name\":\"Grace Hopper\",\"role\":\"agent\"}" },
	{ GET, "/api/organizations/:org_id/users", "users.list", api_list, S_USERS_READ,
	    .reply = &user, .list = &users, .summary = "List users" },
	{ GET, "/api/organizations/:org_id/users/:id", "users.get", api_get, S_USERS_READ,
	    .reply = &user, .summary = "Get a user", .doc = "With the open load." },
	{ PATCH, "/api/organizations/:org_id/users/:id", "users.update", update, S_USERS_WRITE,
	    .body = user_fields, .use = F_PATCH, .reply = &user, .summary = "Update a user",
	    .example = "{\"availability\":\"away\"}" },
	{ DELETE, "/api/organizations/:org_id/users/:id", "users.deactivate", remove_user, S_USERS_WRITE,
	    .on = &user, .query = deactivate, .status = 204, .summary = "Deactivate a user",
	    .doc = "The user can no longer log in and leaves all teams; what was written keeps the name." },
	{ .path = NULL }
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "http/passport.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/network.h"
#include "base/util.h"
#include "store/db.h"

#define CONTEXT "stream token"

static void
member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json_str(out, value);
}

void
passport_write(struct buf *out, const struct principal *who)
{
	buf_printf(out, "{\"kind\":%d,\"role\":%d,\"scopes\":%lld,\"expires\":%lld", (int)who->kind,
	    (int)who->role, (long long)who->scopes, (long long)who->expires_ms);
	buf_printf(out, ",\"general\":%ld,\"bulk\":%ld", who->rate_general, who->rate_bulk);
	member(out, "org", who->org);
	member(out, "actor", who->actor);
	member(out, "user", who->user_id);
	member(out, "session", who->session_id);
	buf_char(out, '}');
}

static bool
take(struct json_object *from, const char *name, char *out, size_t size)
{
	struct json_object *value;
	size_t len;

	if (!json_object_object_get_ex(from, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return false;
	len = (size_t)json_object_get_string_len(value);
	if (len >= size)
		return false;
	memcpy(out, json_object_get_string(value), len + 1);
	return true;
}

static int64_t
number(struct json_object *from, const char *name)
{
	return json_object_get_int64(json_object_object_get(from, name));
}

bool
passport_read(struct json_object *from, struct principal *who)
{
	*who = (struct principal){ .kind = WHO_NOBODY };
	if (!json_object_is_type(from, json_type_object) ||
	    !take(from, "org", who->org, sizeof(who->org)) ||
	    !take(from, "actor", who->actor, sizeof(who->actor)) ||
	    !take(from, "user", who->user_id, sizeof(who->user_id)) ||
	    !take(from, "session", who->session_id, sizeof(who->session_id)))
		return false;
	who->kind = (enum principal_kind)number(from, "kind");
	who->role = (enum role)number(from, "role");
	who->scopes = (uint64_t)number(from, "scopes");
	who->expires_ms = number(from, "expires");
	who->rate_general = (long)number(from, "general");
	who->rate_bulk = (long)number(from, "bulk");
	return who->kind == WHO_USER || who->kind == WHO_API_KEY || who->kind == WHO_LEGACY;
}

const char *
stream_token_make(struct arena *arena, const struct principal *who, int64_t expires_ms)
{
	struct buf text;
	const char *sealed;

	buf_init(&text, arena, 512);
	buf_printf(&text, "{\"until\":%lld,\"who\":", (long long)expires_ms);
	passport_write(&text, who);
	buf_char(&text, '}');
	sealed = seal(arena, text.data, text.len, CONTEXT);
	return sealed == NULL ? NULL : arena_printf(arena, STREAM_TOKEN "%s", sealed);
}

bool
stream_token_read(struct arena *arena, const char *token, struct principal *who)
{
	size_t prefix = strlen(STREAM_TOKEN), len;
	struct json_object *all;
	struct json_error error;
	const char *text;

	if (strncmp(token, STREAM_TOKEN, prefix) != 0)
		return false;
	text = unseal(arena, token + prefix, CONTEXT, &len);
	all = text == NULL ? NULL : json_parse(arena, text, len, &error);
	return all != NULL && number(all, "until") > wall_ms() &&
	       passport_read(json_object_object_get(all, "who"), who);
}

uint64_t
scopes_parse(struct arena *arena, const char *array)
{
	uint64_t scopes = 0;
	const char *p = array == NULL ? "" : array + 1;

	while (*p != '\0' && *p != '}') {
		size_t len;
		enum scope scope;

		p += *p == '"';
		len = strcspn(p, "\",}");
		scope = scope_parse(arena_strndup(arena, p, len));
		if (scope != S__MAX)
			scopes |= SCOPE_BIT(scope);
		p += len;
		p += strspn(p, "\",");
	}
	return scopes;
}

static enum standing
check_key(struct arena *arena, const PGresult *row, struct principal *who, const char *address)
{
	const char *ips = db_get(row, 0, "allowed_ips");

	if (ips != NULL && *ips != '\0' && !network_contains(ips, address))
		return FALLEN;
	who->scopes = scopes_parse(arena, db_get(row, 0, "scopes"));
	return STANDS;
}

/* A user whom we know must still be there; of a foreign issuer's, the role is the token's. */
static enum standing
check_user(const PGresult *row, struct principal *who)
{
	const char *user = db_get(row, 0, "user_id");
	int role;

	if (user == NULL)
		return who->user_id[0] == '\0' ? STANDS : FALLEN;
	role = role_parse(db_get(row, 0, "role"));
	who->role = role < 0 ? ROLE_VIEWER : (enum role)role;
	who->scopes = role_scopes(who->role);
	return STANDS;
}

enum standing
passport_check(struct db *db, struct arena *arena, struct principal *who, const char *address)
{
	struct db_context context = { .org = who->org };
	bool own = who->session_id[0] != '\0';
	const PGresult *rows;

	if (who->expires_ms != 0 && who->expires_ms <= wall_ms())
		return FALLEN;
	db_begin(db, arena, DB_READ, &context);
	if (who->kind == WHO_API_KEY)
		rows = db_rows(db, SQL_AUTH_KEY_ID, P(who->org, who->actor));
	else if (who->kind == WHO_USER)
		rows = db_rows(db, SQL_AUTH_USER,
		    P(who->org, who->actor, own ? who->session_id : NULL, own ? "true" : "false"));
	else
		rows = db_rows(db, SQL_AUTH_ORGANIZATION, P(who->org));
	if (!db_commit(db) || rows == NULL)
		return UNCERTAIN;
	if (PQntuples(rows) == 0)
		return FALLEN;
	if (who->kind == WHO_API_KEY)
		return check_key(arena, rows, who, address);
	return who->kind == WHO_USER ? check_user(rows, who) : STANDS;
}

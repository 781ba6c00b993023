/* SPDX-License-Identifier: Apache-2.0 */
#include "http/import_target.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "store/db.h"

#define MAPPING_MAX 500

static const char *const ticket_names[] = { "ticket_id", "external_id", "number", "title",
	"description", "status", "priority", "tags", "channel", "required_skills",
	"requester.email", "requester.name", "requester.phone", "requester.external_id",
	"assignee_email", "team", "queue", "custom_fields", "created_at", "updated_at",
	"resolved_at", "closed_at", "first_response_at", "last_customer_comment_at",
	"last_agent_comment_at", "reopened_count", "created_by", NULL };
static const char *const customer_names[] = { "customer_id", "external_id", "name", "email",
	"phone", "company", "attributes", "created_at", "updated_at", NULL };

static void
put_object(void *object)
{
	json_object_put(object);
}

struct json_object *
import_custom_types(struct db *db, struct arena *arena, const char *org)
{
	const PGresult *rows = db_rows(db, SQL_CUSTOM_FIELD_TYPES, P(org));
	struct json_object *types = json_object_new_object();
	int i;

	arena_defer(arena, put_object, types);
	for (i = 0; rows != NULL && i < PQntuples(rows); i++)
		json_object_object_add(
		    types, PQgetvalue(rows, i, 0), json_object_new_string(PQgetvalue(rows, i, 1)));
	return types;
}

static const char *
behind(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 && name[len] != '\0' ? name + len : NULL;
}

const char *
import_target(struct arena *arena, bool customers, struct json_object *types, const char *name)
{
	const char *const *own = customers ? customer_names : ticket_names;
	const char *key;

	for (; *own != NULL; own++)
		if (strcmp(*own, name) == 0)
			return *own;
	if (customers)
		return behind(name, "attributes.") == NULL ? NULL : name;
	key = behind(name, "custom_fields.");
	if (key == NULL)
		key = behind(name, "cf.");
	if (key == NULL)
		key = name;
	return json_object_object_get_ex(types, key, NULL)
	           ? arena_printf(arena, "custom_fields.%s", key)
	           : NULL;
}

static bool
wrong(struct import_mapping_error *e, const char *key, const char *code, const char *message)
{
	*e = (struct import_mapping_error){ key, code, message };
	return false;
}

bool
import_mapping_check(struct arena *arena, bool customers, struct json_object *types,
    const char *text, struct import_mapping_error *e)
{
	struct json_error syntax;
	struct json_object *map = json_parse(arena, text, strlen(text), &syntax);

	if (!json_object_is_type(map, json_type_object) ||
	    json_object_object_length(map) > MAPPING_MAX)
		return wrong(e, "mapping", "type", "A JSON object of at most 500 texts.");
	json_object_object_foreach(map, theirs, ours)
	{
		const char *key = arena_printf(arena, "mapping.%s", utf8_cut(arena, theirs, 80));

		if (!json_object_is_type(ours, json_type_string))
			return wrong(e, key, "type", "Must be a string.");
		if (import_target(arena, customers, types, json_object_get_string(ours)) == NULL)
			return wrong(e, key, "unknown_field",
			    customers
				? "There is no such field; a customer has external_id, name, email, phone, company, created_at, updated_at and attributes.<name>."
				: "There is no such field of a ticket here, nor a custom field of this key.");
	}
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a row of an import may have: the same rules as in the API's own bodies. */
#include "jobs/import_fields.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/util.h"
#include "http/schema.h"

/* clang-format off */
static const char *const status[] = { "new", "open", "pending", "on_hold", "resolved", "closed", NULL };
static const char *const priority[] = { "low", "normal", "high", "urgent", NULL };
static const char *const channel[] = { "api", "web", "email", "chat", "phone", "import", "mcp", NULL };
static const char *const authors[] = { "customer", "agent", "user", "api_key", "legacy", "system", NULL };

static const struct field person_fields[] = {
	{ "customer_id", T_ID,    F_BODY, .doc = "Our id, where an export of ours has it." },
	{ "external_id", T_STR,   F_BODY, 1, 255, .doc = "The other desk's id." },
	{ "email",       T_EMAIL, F_BODY, .doc = "The address." },
	{ "name",        T_STR,   F_BODY, 0, 255, .doc = "The name, for a customer who is new." },
	{ "phone",       T_STR,   F_BODY, 1, 64, .doc = "The telephone number." },
	{ .name = NULL }
};
static const struct field history_fields[] = {
	{ "version",     T_INT,  F_BODY|F_REQ, 1, 1000000000, .doc = "Of the comment, when this was its text." },
	{ "body",        T_TEXT, F_BODY|F_REQ, 0, 65536, .doc = "The text." },
	{ "edited_by",   T_STR,  F_BODY, 1, 127, .doc = "Who replaced it." },
	{ "edited_by_email", T_STR, F_BODY, 1, 254, .doc = "Of the user." },
	{ "edited_at",   T_TIME, F_BODY|F_REQ, .doc = "When it was replaced." },
	{ .name = NULL }
};
static const struct field classification_fields[] = {
	{ "topic",       T_STR,  F_BODY, 0, 255, .doc = "What the ticket is about." },
	{ "urgency",     T_STR,  F_BODY, 0, 255, .doc = "How urgent it reads." },
	{ "sentiment",   T_STR,  F_BODY, 0, 255, .doc = "How the customer sounds." },
	{ "confidence",  T_NUM,  F_BODY, 0, 1, .doc = "0 to 1." },
	{ "classified_at", T_TIME, F_BODY, .doc = "When the label was given." },
	{ "overridden",  T_BOOL, F_BODY, .doc = "Whether a person has corrected it." },
	{ "overridden_by", T_STR, F_BODY, 1, 127, .doc = "Who." },
	{ "model_topic", T_STR,  F_BODY, 0, 255, .doc = "What the model had said before." },
	{ "model_confidence", T_NUM, F_BODY, 0, 1, .doc = "How sure the model was." },
	{ .name = NULL }
};
static const struct field comment_fields[] = {
	{ "comment_id",  T_ID,   F_BODY, .doc = "Our id: it is not taken twice." },
	{ "external_id", T_STR,  F_BODY, 1, 255, .doc = "The other desk's id: a ticket does not take it twice." },
	{ "body",        T_TEXT, F_BODY|F_REQ, 1, 65536, .doc = "The text." },
	{ "internal",    T_BOOL, F_BODY, .doc = "A note that only agents see." },
	{ "author_type", T_ENUM, F_BODY, .words = authors, .doc = "agent unless given." },
	{ "author_email", T_STR, F_BODY, 1, 254, .doc = "Of the agent or customer." },
	{ "author_name", T_STR,  F_BODY, 0, 255, .doc = "Where there is no address." },
	{ "author_external_id", T_STR, F_BODY, 1, 255, .doc = "Of a customer." },
	{ "author_id",   T_STR,  F_BODY, 1, 127, .doc = "Our id, in an export of ours." },
	{ "created_at",  T_TIME, F_BODY, .doc = "When it was written." },
	{ "edited_at",   T_TIME, F_BODY, .doc = "When it was last changed." },
	{ "history",     T_OBJECT, F_BODY|F_LIST, .sub = history_fields, .max_items = 1000, .doc = "What it said before." },
	{ "mention_emails", T_STR, F_BODY|F_LIST, 1, 254, .max_items = 50, .doc = "Of a note: users who are pointed to it." },
	{ .name = NULL }
};
static const struct field ticket_row[] = {
	{ "ticket_id",        T_ID,   F_BODY, .doc = "Our id, kept where it is free." },
	{ "external_id",      T_STR,  F_BODY, 1, 255, .doc = "The other desk's id: by it a ticket is known again." },
	{ "number",           T_INT,  F_BODY, 1, 9007199254740991, .doc = "Kept where it is free and has at most eleven digits." },
	{ "title",            T_STR,  F_BODY|F_REQ, 1, 500, .doc = "The subject." },
	{ "description",      T_TEXT, F_BODY, 0, 65536, .doc = "The first message." },
	{ "status",           T_ENUM, F_BODY, .words = status, .doc = "new unless given." },
	{ "priority",         T_ENUM, F_BODY, .words = priority, .doc = "normal unless given." },
	{ "tags",             T_TAG,  F_BODY|F_LIST, .max_items = 100, .doc = "Labels." },
	{ "channel",          T_ENUM, F_BODY, .words = channel, .doc = "import unless given." },
	{ "required_skills",  T_TAG,  F_BODY|F_LIST, .max_items = 20, .doc = "Skills." },
	{ "requester",        T_OBJECT, F_BODY, .sub = person_fields, .doc = "Who asks." },
	{ "assignee_email",   T_STR,  F_BODY, 1, 254, .doc = "The agent, by address, or by a name that nobody else has." },
	{ "team",             T_STR,  F_BODY, 1, 255, .doc = "The team, by name." },
	{ "queue",            T_STR,  F_BODY, 1, 255, .doc = "The queue, by name." },
	{ "custom_fields",    T_OBJECT, F_BODY, 0, 65536, .doc = "By key." },
	{ "comments",         T_OBJECT, F_BODY|F_LIST, .sub = comment_fields, .max_items = 5000, .doc = "The thread, oldest first." },
	{ "first_response_at", T_TIME, F_BODY, .doc = "Found in the thread unless given." },
	{ "last_customer_comment_at", T_TIME, F_BODY, .doc = "The same." },
	{ "last_agent_comment_at", T_TIME, F_BODY, .doc = "The same." },
	{ "resolved_at",      T_TIME, F_BODY, .doc = "When it was solved." },
	{ "closed_at",        T_TIME, F_BODY, .doc = "When it was closed." },
	{ "reopened_count",   T_INT,  F_BODY, .doc = "How often it was opened again." },
	{ "created_by",       T_STR,  F_BODY, 1, 127, .doc = "Who made it." },
	{ "snoozed_until",    T_TIME, F_BODY, .doc = "Until when it sleeps, while that is to come." },
	{ "snooze_until_reply", T_BOOL, F_BODY, .doc = "Whether a reply of the customer wakes it." },
	{ "ai_classification", T_OBJECT, F_BODY, .sub = classification_fields, .doc = "What the model or a person said of it." },
	{ "overridden_by_email", T_STR, F_BODY, 1, 254, .doc = "The person." },
	{ "created_at",       T_TIME, F_BODY, .doc = "When it was made." },
	{ "updated_at",       T_TIME, F_BODY, .doc = "When it was last changed." },
	{ .name = NULL }
};
static const struct field customer_row[] = {
	{ "customer_id", T_ID,    F_BODY, .doc = "Our id, kept where it is free." },
	{ "external_id", T_STR,   F_BODY, 1, 255, .doc = "The other desk's id." },
	{ "name",        T_STR,   F_BODY, 0, 255, .doc = "The name." },
	{ "email",       T_EMAIL, F_BODY, .doc = "The address." },
	{ "phone",       T_STR,   F_BODY, 1, 64, .doc = "The telephone number." },
	{ "company",     T_STR,   F_BODY, 1, 255, .doc = "The company, by name; made where there is none." },
	{ "attributes",  T_OBJECT, F_BODY, 0, 65536, .doc = "Anything else." },
	{ "created_at",  T_TIME,  F_BODY, .doc = "When the customer was first seen." },
	{ "updated_at",  T_TIME,  F_BODY, .doc = "When the customer was last changed." },
	{ .name = NULL }
};

/* Members of an export that an import finds out anew. */
static const char *const export_only[] = { "org_id", "type", "version", "customer_id", "company_id", "team_id",
	"queue_id", "assignee_user_id", "merged_into_id", "erased_at", NULL };
static const char *const export_only_thread[] = { "org_id", "type", "version", "ticket_id", "mentions", "origin_ticket_id",
	"redacted_at", "updated_at", NULL };
/* clang-format on */

/* null is the same as absent, so that an export need not leave anything out. */
static void
drop_nulls(struct json_object *o)
{
	static const unsigned most = 128;
	const char *names[128];
	unsigned n = 0;
	size_t i;

	if (json_object_is_type(o, json_type_array))
		for (i = 0; i < json_object_array_length(o); i++)
			drop_nulls(json_object_array_get_idx(o, i));
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, name, value)
	{
		if (value == NULL && n < most)
			names[n++] = name;
		else if (value != NULL)
			drop_nulls(value);
	}
	while (n > 0)
		json_object_object_del(o, names[--n]);
}

static void
drop(struct json_object *row, const char *const *names, const char *but)
{
	for (; *names != NULL; names++)
		if (but == NULL || strcmp(*names, but) != 0)
			json_object_object_del(row, *names);
}

static bool
named(const struct field *fields, const char *name)
{
	while (fields->name != NULL && strcmp(fields->name, name) != 0)
		fields++;
	return fields->name != NULL;
}

/* Another version's classification may have more to say: that is left out. */
static void
drop_unknown(struct json_object *o, const struct field *fields)
{
	struct json_object_iter i;

	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreachC(o, i)
	{
		if (!named(fields, i.key))
			json_object_object_del(o, i.key);
	}
}

static void
prepare(struct json_object *row, bool customers)
{
	struct json_object *v;

	if (json_object_object_get_ex(row, "ai_classification", &v))
		drop_unknown(v, classification_fields);

	drop(row, export_only, customers ? "customer_id" : NULL);
	if (json_object_object_get_ex(row, "status", &v) &&
	    json_object_is_type(v, json_type_string) &&
	    strcmp(json_object_get_string(v), "merged") ==
		0) /* there is nothing to be merged into */
		json_object_object_add(row, "status", json_object_new_string("closed"));
	drop_nulls(row);
}

/* A ticket's life goes forward, and a row's times are no later than a clock can be wrong. */
static void
check_times(struct req *check, const char *where, struct json_object *row)
{
	static const char *const ends[] = { "resolved_at", "closed_at" };
	struct json_object *v;
	int64_t began;
	unsigned i;

	if (check->failed || !json_object_object_get_ex(row, "created_at", &v))
		return;
	began = time_ms(json_object_get_string(v));
	if (began > wall_ms() + 86400000)
		fail_field(check, arena_printf(check->arena, "%screated_at", where), "too_late",
		    "Not more than a day ahead.");
	for (i = 0; i < LENGTH(ends); i++)
		if (json_object_object_get_ex(row, ends[i], &v) &&
		    time_ms(json_object_get_string(v)) < began)
			fail_field(check, ends[i], "too_early", "Not before created_at.");
}

static void
check_comment_times(struct req *check, struct json_object *row)
{
	struct json_object *list;
	size_t i;

	if (check->failed || !json_object_object_get_ex(row, "comments", &list))
		return;
	for (i = 0; i < json_object_array_length(list); i++)
		check_times(check, arena_printf(check->arena, "comments[%zu].", i),
		    json_object_array_get_idx(list, i));
}

static bool
verdict(const struct req *check, struct import_refusal *why)
{
	if (!check->failed)
		return true;
	why->code = check->fields->code;
	why->message =
	    arena_printf(check->arena, "%s: %s", check->fields->field, check->fields->message);
	return false;
}

bool
import_check(
    struct arena *arena, bool customers, struct json_object *row, struct import_refusal *why)
{
	struct req check = { .arena = arena };

	if (!json_object_is_type(row, json_type_object)) {
		*why = (struct import_refusal){ "type", "A row must be an object." };
		return false;
	}
	prepare(row, customers);
	schema_members(&check, "", customers ? customer_row : ticket_row, F_BODY, row);
	check_times(&check, "", row);
	check_comment_times(&check, row);
	if (customers && !check.failed && !import_person_key(arena, row))
		fail_field(&check, "email", "required",
		    "A customer needs an e-mail address or an id, to be known again.");
	return verdict(&check, why);
}

bool
import_check_comment(struct arena *arena, struct json_object *row, struct import_refusal *why)
{
	struct req check = { .arena = arena };
	struct json_object *id;

	if (json_object_object_get_ex(row, "note_id", &id)) {
		json_object_object_add(row, "comment_id", json_object_get(id));
		json_object_object_add(row, "internal", json_object_new_boolean(true));
		json_object_object_del(row, "note_id");
	}
	drop(row, export_only_thread, NULL);
	drop_nulls(row);
	schema_members(&check, "", comment_fields, F_BODY, row);
	check_times(&check, "", row);
	return verdict(&check, why);
}

/* What a person is looked up by goes into the object: a key, and the address in lower case. */
bool
import_person_key(struct arena *arena, struct json_object *person)
{
	static const struct {
		const char *name, *prefix;
	} by[] = { { "customer_id", "i" }, { "external_id", "x" }, { "address", "e" } };
	struct json_object *v;
	char *address, *p;
	unsigned i;

	if (json_object_object_get_ex(person, "email", &v)) {
		address = arena_strdup(arena, json_object_get_string(v));
		for (p = address; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		json_object_object_add(person, "address", json_object_new_string(address));
	}
	for (i = 0; i < LENGTH(by); i++) {
		if (!json_object_object_get_ex(person, by[i].name, &v))
			continue;
		json_object_object_add(person, "key",
		    json_object_new_string(
			arena_printf(arena, "%s:%s", by[i].prefix, json_object_get_string(v))));
		return true;
	}
	return false;
}

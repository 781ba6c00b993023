/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets and customers as Zendesk and Freshdesk export them. */
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/util.h"
#include "jobs/import_map.h"

/* From their path to ours, where the value is a plain one. */
struct path {
	const char *theirs, *ours;
};

static void
put_paths(const struct import_map *m, struct json_object *row, struct json_object *record,
    const struct path *p)
{
	for (; p->theirs != NULL; p++) {
		struct json_object *there = map_get(row, p->ours);

		if (there == NULL) /* the first path that has something wins */
			map_put(m, row, p->ours, map_text(m, record, p->theirs));
	}
}

/* Tags as an array of words or of {"name": …}. */
static void
put_tags(const struct import_map *m, struct json_object *row, struct json_object *tags)
{
	struct json_object *list = json_object_new_array();
	size_t i,
	    n = json_object_is_type(tags, json_type_array) ? json_object_array_length(tags) : 0;

	for (i = 0; i < n; i++) {
		struct json_object *tag = json_object_array_get_idx(tags, i);
		const char *name = json_object_is_type(tag, json_type_object)
		                       ? map_text(m, tag, "name")
		                       : map_text(m, tag, "");

		if (name != NULL)
			json_object_array_add(list, json_object_new_string(name));
	}
	json_object_object_add(row, "tags", list);
}

/* A ticket without a subject is one all the same. */
static void
title_of(const struct import_map *m, struct json_object *row)
{
	const char *text = map_text(m, row, "description");

	if (map_text(m, row, "title") != NULL)
		return;
	if (text != NULL)
		text = arena_strndup(m->arena, text, strcspn(text, "\r\n"));
	map_put(m, row, "title",
	    text == NULL || text[strspn(text, " \t")] == '\0' ? "(no subject)" : text);
}

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcasecmp(a, b) == 0;
}

/* Who wrote a comment: the requester and other end users are customers, the rest agents. */
static void
put_author(const struct import_map *m, struct json_object *out, struct json_object *author,
    const char *id, const char *requester_id, const char *requester_email, bool customer)
{
	const char *email = map_text(m, author, "email"), *role = map_text(m, author, "role");
	bool asks = customer || same(id, requester_id) || same(email, requester_email) ||
	            same(role, "end-user");

	map_put(m, out, "author_type", asks ? "customer" : "agent");
	if (asks && (same(id, requester_id) || (email == NULL && id == NULL)))
		return; /* the ticket's own customer */
	map_put(m, out, "author_email", email);
	map_put(m, out, "author_name", map_text(m, author, "name"));
	if (asks)
		map_put(m, out, "author_external_id", id);
	else if (email == NULL && map_text(m, author, "name") == NULL)
		map_put(m, out, "author_name", id);
}

static const char *
either(const struct import_map *m, struct json_object *o, const char *first, const char *second)
{
	const char *text = map_text(m, o, first);

	return text == NULL ? map_text(m, o, second) : text;
}

static void
zendesk_comments(const struct import_map *m, struct json_object *row, struct json_object *record)
{
	struct json_object *list = map_get(record, "comments"), *out = json_object_new_array();
	const char *asks = either(m, record, "requester_id", "requester.id");
	const char *email = map_text(m, record, "requester.email");
	const char *description = map_text(m, record, "description");
	size_t i,
	    n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (i = 0; i < n; i++) {
		struct json_object *c = json_object_array_get_idx(list, i), *one, *v;
		const char *body = either(m, c, "plain_body", "body");

		/* The first one is the description once more. */
		if (body == NULL || (i == 0 && same(body, description)))
			continue;
		one = json_object_new_object();
		json_object_array_add(out, one);
		map_put(m, one, "external_id", map_text(m, c, "id"));
		map_put(m, one, "body", body);
		map_put(m, one, "created_at", map_text(m, c, "created_at"));
		v = map_get(c, "public");
		json_object_object_add(one, "internal",
		    json_object_new_boolean(v != NULL && !json_object_get_boolean(v)));
		put_author(m, one, map_get(c, "author"), either(m, c, "author_id", "author.id"),
		    asks, email, false);
	}
	json_object_object_add(row, "comments", out);
}

/* [{"id": 360001, "value": …}]: the mapping says what each id is here. */
static void
zendesk_custom(const struct import_map *m, struct json_object *row, struct json_object *list)
{
	size_t i,
	    n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (i = 0; i < n; i++) {
		struct json_object *f = json_object_array_get_idx(list, i);
		const char *id = map_text(m, f, "id");

		if (id != NULL)
			map_custom(m, row, id, map_get(f, "value"));
	}
}

static struct json_object *
zendesk_user(const struct import_map *m, struct json_object *record)
{
	static const struct path paths[] = { { "id", "external_id" }, { "name", "name" },
		{ "email", "email" }, { "phone", "phone" }, { "organization.name", "company" },
		{ "created_at", "created_at" }, { "updated_at", "updated_at" }, { NULL, NULL } };
	struct json_object *row = map_object(m), *extra = map_get(record, "user_fields");

	put_paths(m, row, record, paths);
	if (json_object_is_type(extra, json_type_object))
		json_object_object_add(row, "attributes", json_object_get(extra));
	return row;
}

static struct json_object *
zendesk_ticket(const struct import_map *m, struct json_object *record)
{
	static const struct path paths[] = { { "id", "external_id" }, { "id", "number" },
		{ "subject", "title" }, { "raw_subject", "title" },
		{ "description", "description" }, { "status", "status" },
		{ "priority", "priority" }, { "via.channel", "channel" },
		{ "requester_id", "requester.external_id" },
		{ "requester.id", "requester.external_id" }, { "requester.name", "requester.name" },
		{ "requester.email", "requester.email" }, { "requester.phone", "requester.phone" },
		{ "assignee.email", "assignee_email" }, { "group.name", "team" },
		{ "metric_set.solved_at", "resolved_at" }, { "solved_at", "resolved_at" },
		{ "created_at", "created_at" }, { "updated_at", "updated_at" }, { NULL, NULL } };
	struct json_object *row;

	if (m->customers)
		return zendesk_user(m, record);
	row = map_object(m);
	put_paths(m, row, record, paths);
	put_tags(m, row, map_get(record, "tags"));
	zendesk_custom(m, row,
	    map_get(record, map_get(record, "custom_fields") != NULL ? "custom_fields" : "fields"));
	zendesk_comments(m, row, record);
	return row;
}

static void
freshdesk_notes(const struct import_map *m, struct json_object *row, struct json_object *record)
{
	static const char *const names[] = { "helpdesk_notes", "conversations", "notes" };
	struct json_object *list = NULL;
	struct json_object *out = json_object_new_array();
	const char *asks = either(m, record, "requester_id", "requester.id");
	const char *email = map_text(m, record, "requester.email");
	size_t i, n;

	for (i = 0; i < LENGTH(names) && list == NULL; i++)
		list = map_get(record, names[i]);
	n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	for (i = 0; i < n; i++) {
		struct json_object *c = json_object_array_get_idx(list, i), *one, *v;
		const char *body;

		if (map_get(c, "helpdesk_note") != NULL)
			c = map_get(c, "helpdesk_note");
		body = either(m, c, "body_text", "body"); /* the latter can be HTML */
		if (body == NULL)
			continue;
		one = json_object_new_object();
		json_object_array_add(out, one);
		map_put(m, one, "external_id", map_text(m, c, "id"));
		map_put(m, one, "body", body);
		map_put(m, one, "created_at", map_text(m, c, "created_at"));
		v = map_get(c, "private");
		json_object_object_add(one, "internal",
		    json_object_new_boolean(v != NULL && json_object_get_boolean(v)));
		v = map_get(c, "incoming");
		put_author(m, one, map_get(c, "user"), map_text(m, c, "user_id"), asks, email,
		    v != NULL && json_object_get_boolean(v));
	}
	json_object_object_add(row, "comments", out);
}

static struct json_object *
freshdesk_contact(const struct import_map *m, struct json_object *record)
{
	static const struct path paths[] = { { "id", "external_id" }, { "name", "name" },
		{ "email", "email" }, { "phone", "phone" }, { "mobile", "phone" },
		{ "company.name", "company" }, { "company_name", "company" },
		{ "created_at", "created_at" }, { "updated_at", "updated_at" }, { NULL, NULL } };
	struct json_object *row = map_object(m), *extra;

	extra = map_get(record, "custom_fields");
	put_paths(m, row, record, paths);
	if (json_object_is_type(extra, json_type_object))
		json_object_object_add(row, "attributes", json_object_get(extra));
	return row;
}

static struct json_object *
freshdesk_ticket(const struct import_map *m, struct json_object *record)
{
	static const struct path paths[] = { { "display_id", "external_id" },
		{ "id", "external_id" }, { "display_id", "number" }, { "id", "number" },
		{ "subject", "title" }, { "description_text", "description" },
		{ "description", "description" }, { "status", "status" },
		{ "priority", "priority" }, { "source", "channel" },
		{ "requester.id", "requester.external_id" },
		{ "requester_id", "requester.external_id" }, { "requester.name", "requester.name" },
		{ "requester_name", "requester.name" }, { "requester.email", "requester.email" },
		{ "requester.phone", "requester.phone" }, { "responder.email", "assignee_email" },
		{ "group.name", "team" }, { "ticket_states.resolved_at", "resolved_at" },
		{ "ticket_states.closed_at", "closed_at" }, { "stats.resolved_at", "resolved_at" },
		{ "stats.closed_at", "closed_at" },
		{ "stats.first_responded_at", "first_response_at" }, { "created_at", "created_at" },
		{ "updated_at", "updated_at" }, { NULL, NULL } };
	struct json_object *row, *custom;

	if (m->customers)
		return freshdesk_contact(m, record);
	row = map_object(m);
	put_paths(m, row, record, paths);
	put_tags(m, row, map_get(record, "tags"));
	custom = map_get(
	    record, map_get(record, "custom_field") != NULL ? "custom_field" : "custom_fields");
	if (json_object_is_type(custom, json_type_object)) {
		json_object_object_foreach(custom, name, value)
		{
			map_custom(m, row, name, value);
		}
	}
	freshdesk_notes(m, row, record);
	return row;
}

/* {"ticket": {…}}, as the answer to a question for one. */
static struct json_object *
unwrapped(const struct import_map *m, struct json_object *record)
{
	static const char *const tickets[] = { "ticket", "helpdesk_ticket", NULL };
	static const char *const people[] = { "user", "contact", NULL };
	const char *const *name = m->customers ? people : tickets;
	struct json_object *inner;

	for (; *name != NULL; name++)
		if (json_object_object_get_ex(record, *name, &inner) &&
		    json_object_is_type(inner, json_type_object))
			return inner;
	return record;
}

struct json_object *
import_foreign(const struct import_map *m, struct json_object *record)
{
	static const char *const some[] = { "external_id", "title", "description" };
	struct json_object *row;
	unsigned i;

	record = unwrapped(m, record);
	row = m->format == FORMAT_ZENDESK ? zendesk_ticket(m, record) : freshdesk_ticket(m, record);
	map_members(m, row, record);
	if (m->customers)
		return row;
	for (i = 0; i < LENGTH(some) && map_get(row, some[i]) == NULL; i++)
		;
	if (i == LENGTH(some))
		return NULL;
	title_of(m, row);
	return row;
}

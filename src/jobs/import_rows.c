/* SPDX-License-Identifier: Apache-2.0 */
/* From records to the rows of a batch: checked, with the people whom they name. */
#include "jobs/import_rows.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/util.h"
#include "jobs/import_fields.h"

static void
refuse(struct import_batch *b, const char *item, const struct import_refusal *why)
{
	buf_printf(&b->refused, "%s{\"line\":%lld,\"item\":", b->refused.len == 0 ? "" : ",",
	    (long long)b->in.at);
	if (item == NULL)
		buf_str(&b->refused, "null");
	else
		buf_json_str(&b->refused, item);
	buf_printf(&b->refused, ",\"code\":\"%s\",\"message\":", why->code);
	buf_json_str(&b->refused, why->message);
	buf_char(&b->refused, '}');
}

static const char *
what_is_wrong(const char *code)
{
	static const struct import_refusal words[] = { { "too_long",
							   "The row has more than 2 MiB." },
		{ "nul_character", "The row has a NUL character." },
		{ "utf8", "The row is not UTF-8." },
		{ "unterminated_quote", "A quote is never closed." },
		{ "text_after_quote", "There is text behind a closing quote." },
		{ "too_many_columns", "The row has more than 512 columns." },
		{ "too_many_cells", "The row has more cells than the header has columns." },
		{ "cut_off",
		    "The file ends within a row, list or object; what should follow is missing." },
		{ "syntax", "The row is not valid JSON." } };
	unsigned i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].code, code) == 0)
			return words[i].message;
	return "The row cannot be read.";
}

/* Who is meant goes into the batch's list of people; the row keeps the key. */
static void
add_person(struct import_batch *b, struct json_object *holder, const char *key_name,
    struct json_object *person, struct json_object *since)
{
	json_object_object_add(
	    holder, key_name, json_object_get(json_object_object_get(person, "key")));
	if (since != NULL)
		json_object_object_add(person, "since", json_object_get(since));
	buf_printf(&b->people, "%s%s", b->people.len == 0 ? "" : ",",
	    json_object_to_json_string_ext(person, JSON_C_TO_STRING_PLAIN));
}

/* A customer who wrote a comment, with what the comment says of them. */
static void
add_author(struct import_batch *b, struct json_object *comment)
{
	static const char *const names[][2] = { { "author_email", "email" },
		{ "author_external_id", "external_id" }, { "author_name", "name" } };
	struct json_object *person = map_object(&b->map), *v;
	const char *id = map_text(&b->map, comment, "author_id");
	unsigned i;

	if (id != NULL && uuid_valid(id))
		json_object_object_add(person, "customer_id", json_object_new_string(id));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_object_object_get_ex(comment, names[i][0], &v))
			json_object_object_add(person, names[i][1], json_object_get(v));
	if (import_person_key(b->map.arena, person))
		add_person(b, comment, "author_key", person,
		    json_object_object_get(comment, "created_at"));
}

static void
add_comment_author(struct import_batch *b, struct json_object *comment)
{
	struct json_object *type;

	if (!json_object_object_get_ex(comment, "author_type", &type))
		json_object_object_add(comment, "author_type", json_object_new_string("agent"));
	else if (strcmp(json_object_get_string(type), "customer") == 0)
		add_author(b, comment);
}

/* A word on a row that is taken all the same. */
static void
note(struct import_batch *b, struct json_object *row, const char *code, const char *message)
{
	struct json_object *notes, *one = json_object_new_object();

	if (!json_object_object_get_ex(row, "notes", &notes)) {
		notes = json_object_new_array();
		json_object_object_add(row, "notes", notes);
	}
	json_object_object_add(one, "code", json_object_new_string(code));
	json_object_object_add(
	    one, "message", json_object_new_string(utf8_cut(b->map.arena, message, 500)));
	json_object_array_add(notes, one);
}

/* Who is known by a name alone is the customer of that name. */
static void
add_requester(struct import_batch *b, struct json_object *row, struct json_object *requester)
{
	const char *name = map_text(&b->map, requester, "name");

	if (!import_person_key(b->map.arena, requester)) {
		if (name == NULL) {
			note(b, row, "unknown_requester",
			    "The requester has no address, id or name; the ticket is of the unknown customer.");
			return;
		}
		json_object_object_add(requester, "key",
		    json_object_new_string(arena_printf(b->map.arena, "n:%s", name)));
	}
	add_person(b, row, "requester_key", requester, json_object_object_get(row, "created_at"));
}

/* Of comments with the same id the first one is taken. */
static struct json_object *
without_repeated(struct import_batch *b, struct json_object *row, struct json_object *comments)
{
	struct json_object *kept = json_object_new_array(), *ids = map_object(&b->map), *c;
	size_t i;

	for (i = 0; i < json_object_array_length(comments); i++) {
		const char *id;

		c = json_object_array_get_idx(comments, i);
		id = map_text(&b->map, c, "external_id");
		if (id != NULL && json_object_object_get_ex(ids, id, NULL)) {
			note(b, row, "comment_left_out",
			    arena_printf(b->map.arena,
				"comments[%zu]: The row has another comment with the id %s.", i,
				id));
			continue;
		}
		if (id != NULL)
			json_object_object_add(ids, id, NULL);
		json_object_array_add(kept, json_object_get(c));
	}
	json_object_object_add(row, "comments", kept);
	return kept;
}

static void
add_people(struct import_batch *b, struct json_object *row)
{
	struct json_object *requester, *comments;
	size_t i;

	if (json_object_object_get_ex(row, "requester", &requester))
		add_requester(b, row, requester);
	if (!json_object_object_get_ex(row, "comments", &comments))
		return;
	comments = without_repeated(b, row, comments);
	for (i = 0; i < json_object_array_length(comments); i++)
		add_comment_author(b, json_object_array_get_idx(comments, i));
}

static void
put_row(struct import_batch *b, struct json_object *row)
{
	json_object_object_add(row, "line", json_object_new_int64(b->in.at));
	buf_printf(&b->rows, "%s%s", b->rows.len == 0 ? "" : ",",
	    json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN));
}

static void
take_row(struct import_batch *b, struct json_object *row)
{
	struct arena *arena = b->map.arena;
	struct import_refusal why;
	const char *item = json_object_is_type(row, json_type_object)
	                       ? map_text(&b->map, row, "external_id")
	                       : NULL;

	if (!import_check(arena, b->map.customers, row, &why)) {
		refuse(b, item == NULL ? NULL : utf8_cut(arena, item, 255), &why);
		return;
	}
	if (!b->map.customers)
		add_people(b, row);
	put_row(b, row);
}

/* A comment on a line of its own becomes a row that has nothing but a thread of one. */
static void
take_comment(struct import_batch *b, struct json_object *comment)
{
	const char *ticket = map_text(&b->map, comment, "ticket_id");
	struct json_object *row = map_object(&b->map), *list;
	bool redacted = map_get(comment, "redacted_at") != NULL;
	struct import_refusal why = { "redacted", "The text was removed for good." };

	if (!redacted && (ticket == NULL || !uuid_valid(ticket)))
		why = (struct import_refusal){ "required", "ticket_id: Must be a UUID." };
	else if (!redacted && import_check_comment(b->map.arena, comment, &why))
		why.code = NULL;
	if (why.code != NULL) {
		refuse(b, NULL, &why);
		return;
	}
	add_comment_author(b, comment);
	list = json_object_new_array();
	json_object_array_add(list, json_object_get(comment));
	json_object_object_add(row, "comments", list);
	json_object_object_add(row, "thread", json_object_new_boolean(true));
	json_object_object_add(row, "ticket_id", json_object_new_string(ticket));
	json_object_object_add(
	    row, "comment_id", json_object_get(json_object_object_get(comment, "comment_id")));
	json_object_object_add(
	    row, "item", json_object_get(json_object_object_get(comment, "comment_id")));
	put_row(b, row);
}

/* A line of an export says what it is. */
static void
take_typed(struct import_batch *b, struct json_object *record)
{
	const char *type = map_text(&b->map, record, "type");
	const char *own = b->map.customers ? "customer" : "ticket";

	if (type == NULL || strcmp(type, own) == 0)
		take_row(b, record);
	else if (!b->map.customers && (strcmp(type, "comment") == 0 || strcmp(type, "note") == 0))
		take_comment(b, record);
	else
		refuse(b, NULL,
		    &(struct import_refusal){ "kind",
			b->map.customers
			    ? "type: An import of customers takes customers."
			    : "type: An import of tickets takes tickets, comments and notes." });
}

static void
take_foreign(struct import_batch *b, struct json_object *record)
{
	struct json_object *row = import_foreign(&b->map, record);

	if (row != NULL)
		take_row(b, row);
	else
		refuse(b, NULL,
		    &(struct import_refusal){ "required",
			"The object has none of id, subject and description: it is no ticket." });
}

void
import_take(struct import_batch *b)
{
	struct arena *arena = b->map.arena;
	struct json_object *record;
	struct json_error e;

	if (b->map.format == FORMAT_CSV && b->in.problem == NULL &&
	    import_csv_too_long(&b->map, &b->in))
		b->in.problem = "too_many_cells";
	if (b->in.problem != NULL) {
		refuse(b, NULL,
		    &(struct import_refusal){ b->in.problem, what_is_wrong(b->in.problem) });
		return;
	}
	if (b->map.format == FORMAT_CSV) {
		take_row(b, import_csv_row(&b->map, &b->in));
		return;
	}
	record = json_parse(arena, b->in.text.data, b->in.text.len, &e);
	if (record == NULL && e.code != NULL) { /* else it is null */
		refuse(b, NULL,
		    &(struct import_refusal){ e.code,
			arena_printf(arena, "Not valid JSON at byte %zu of the row.", e.offset) });
		return;
	}
	if (!json_object_is_type(record, json_type_object)) {
		take_row(b, record); /* which says that it is none */
	} else if (b->map.format == FORMAT_NDJSON) {
		map_members(&b->map, record, record);
		take_typed(b, record);
	} else {
		take_foreign(b, record);
	}
}

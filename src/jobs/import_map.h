/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_IMPORT_MAP_H
#define SERVICEOS_IMPORT_MAP_H

/*
 * From a record of another desk to a row of ours: the object that an import of
 * ndjson has, and that an export of ours writes. import_fields.c says what is
 * in it.
 *
 * zendesk: a ticket as its export and incremental API give it: id, subject,
 * description, status (hold, solved), priority, requester or requester_id,
 * assignee, group, tags, custom_fields [{id, value}], comments [{id,
 * author_id, body, public, created_at}], created_at, updated_at.
 * freshdesk: a helpdesk_ticket as its export gives it: display_id, subject,
 * description, status 2 to 7, priority 1 to 4, requester, responder, notes
 * [{id, body, private, incoming, created_at, user}], custom_field; or a ticket
 * of its API: id, description_text, conversations [{id, body_text, user_id, …}],
 * stats, custom_fields.
 * Each of them also within {"ticket": …}.
 */

#include <json-c/json.h>
#include <stdbool.h>

struct arena;
struct import_reader;

enum import_format { FORMAT_NDJSON, FORMAT_CSV, FORMAT_ZENDESK, FORMAT_FRESHDESK, FORMAT__MAX };
extern const char *const import_formats[]; /* in this order; ends in NULL */

struct import_map {
	struct arena *arena;
	enum import_format format;
	bool customers;              /* rather than tickets */
	struct json_object *columns; /* of CSV: where each one goes, or null */
	struct json_object *mapping; /* the caller's: {"their field": "our field"}, or NULL */
	struct json_object *unseen;  /* set of its fields that the file has not had */
	struct json_object *types;   /* of our custom fields: {"plan": "dropdown"} */
	struct json_object *ignored; /* set of their fields that had no place */
};

/* Where the columns of a header go, as an array of paths and nulls. */
struct json_object *import_columns(const struct import_map *, const struct import_reader *);
/* A name that two of its columns have, or NULL. */
const char *import_repeated_column(const struct import_reader *);
/* Whether a row has more cells than the header, and something in them. */
bool import_csv_too_long(const struct import_map *, const struct import_reader *);
/* A row of CSV as a row of ours. */
struct json_object *import_csv_row(const struct import_map *, const struct import_reader *);
/* The same for an object of zendesk or freshdesk; NULL when it is no ticket or customer. */
struct json_object *import_foreign(const struct import_map *, struct json_object *record);

/* What the formats share. All objects die with the arena. */
struct json_object *map_object(const struct import_map *);
struct json_object *map_array(const struct import_map *);
/* A member by path "requester.email"; NULL when absent or null. */
struct json_object *map_get(struct json_object *, const char *path);
/* The same as text: strings and numbers; NULL for the rest and for "". */
const char *map_text(const struct import_map *, struct json_object *, const char *path);
/* Put a text under a path, in the form that our field of this name wants; nothing for NULL. */
void map_put(
    const struct import_map *, struct json_object *row, const char *path, const char *text);
/* A field of theirs that is left out is told of, the first hundred. */
void map_ignore(const struct import_map *, const char *name);
/* What the mapping says of a field of theirs, or NULL; it is in the file then. */
const char *map_given(const struct import_map *, const char *theirs);
/* Members of a record go where the mapping says; row may be the record itself. */
void map_members(const struct import_map *, struct json_object *row, struct json_object *record);
/* Words between separators as an array of texts. */
struct json_object *map_words(const char *text, const char *separators);
/* A custom field by their name, where the mapping or its own name leads; else it is noted. */
void map_custom(const struct import_map *, struct json_object *row, const char *name,
    struct json_object *value);

/* What a table makes of a word, whatever its case; NULL when it is not there. */
struct map_word {
	const char *theirs, *ours;
};
const char *map_translate(const struct map_word *, const char *);
const char *map_lower(const struct import_map *, const char *);
/* A text as a value of the custom field's type; what does not fit stays a text. */
struct json_object *map_custom_value(const struct import_map *, const char *key, const char *text);
/* The object under this name, made when it is not there. */
struct json_object *map_inner(struct json_object *row, const char *name);

#endif

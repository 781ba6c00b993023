/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_CONDITION_TABLE_H
#define SERVICEOS_CONDITION_TABLE_H

/* The words of the condition language: fields, their types, operators. For condition.c and the
 * OpenAPI document. */

#include <stdbool.h>

/* A type is a bit, so that an operator can name several. */
enum condition_type {
	CT_WORD = 0x001, /* one of a list: status */
	CT_ID = 0x002,
	CT_TEXT = 0x004,
	CT_INTEGER = 0x008,
	CT_TIME = 0x010,
	CT_TRUTH = 0x020,
	CT_LIST = 0x040,   /* text[] */
	CT_TAGS = 0x080,   /* the same, with ticket_tag beside it */
	CT_NUMBER = 0x100, /* the four below are JSON: custom fields */
	CT_FLAG = 0x200,
	CT_DATE = 0x400,
	CT_SET = 0x800,
	CT_LEVEL = 0x1000, /* one of a list that has an order: priority */
};

/* CS_PART: of a text, hence not empty; everything contains nothing. */
enum condition_shape { CS_NONE, CS_ONE, CS_PART, CS_MANY };

struct condition_field {
	const char *name;
	enum condition_type type;
	const char *sql; /* over t */
	const char *const *words;
};
extern const struct condition_field condition_fields[];

/*
 * sql: "#" is the field, "$" the value with its cast. negated: what the caller
 * means is the opposite, and true for a field without a value.
 */
struct condition_operator {
	const char *name;
	unsigned types;
	enum condition_shape shape;
	bool negated;
	const char *sql;
	const char *stored; /* of tags with CONDITION_STORED, or NULL for the same */
	const char *kept;   /* of a custom field: what a row g of ticket_field has when it holds;
	                       NULL: no telling */
};
extern const struct condition_operator condition_operators[];

/* "uuid" for CT_ID: what a value is cast to. */
const char *condition_cast(enum condition_type);
/* For messages: "a UUID". */
const char *condition_type_name(enum condition_type);
/* The type of a custom field's values; 0 for an unknown word. */
enum condition_type condition_custom_type(const char *word);

/*
 * A value as text for its parameter, or NULL when it is not of the type: one of
 * words with CT_WORD and CT_LEVEL; "now-2d" becomes an instant or a day.
 */
struct arena;
struct json_object;
const char *condition_value(
    struct arena *, enum condition_type, const char *const *words, struct json_object *);

#endif

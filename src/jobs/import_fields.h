/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_IMPORT_FIELDS_H
#define SERVICEOS_IMPORT_FIELDS_H

#include <json-c/json.h>
#include <stdbool.h>

struct arena;

struct import_refusal {
	const char *code;
	const char *message; /* "comments[0].body: At least 1 character that is not blank." */
};

/* Check a row of ours, as a body of the API is checked; what only an export has is taken out. */
bool import_check(
    struct arena *, bool customers, struct json_object *row, struct import_refusal *why);
/* The same for a comment or note on a line of its own. */
bool import_check_comment(struct arena *, struct json_object *row, struct import_refusal *why);
/* Put by what a person is known under "key" and "address"; false when by nothing. */
bool import_person_key(struct arena *, struct json_object *person);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_IMPORT_TARGET_H
#define SERVICEOS_IMPORT_TARGET_H

/*
 * Where fields of an import can go. A mapping is checked by it before the import
 * starts, and read by it while it runs.
 */

#include <json-c/json.h>
#include <stdbool.h>

struct arena;
struct db;

/* The organisation's custom fields: {"plan": "dropdown"}. Empty when the database fails. */
struct json_object *import_custom_types(struct db *, struct arena *, const char *org);
/*
 * Our field of this name as a path: "title", "requester.email",
 * "custom_fields.plan" (also as "cf.plan", or "plan" alone), "attributes.seats".
 * NULL when there is no such field.
 */
const char *import_target(
    struct arena *, bool customers, struct json_object *types, const char *name);

struct import_mapping_error {
	const char *key; /* "mapping" or "mapping.Betreff" */
	const char *code, *message;
};

/* Whether text is a mapping whose fields all are ours: {"Betreff": "title"}. */
bool import_mapping_check(struct arena *, bool customers, struct json_object *types,
    const char *text, struct import_mapping_error *);

#endif

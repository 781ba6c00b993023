/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_ACTIONS_H
#define SERVICEOS_ACTIONS_H

/* What macros and workflows do to a ticket; done by sql/functions/64_macros.sql and
 * 74_workflows.sql. */

#include "http/req.h"

extern const struct field macro_action_fields[], workflow_action_fields[];

/* A row of a table that ends in .action NULL: the action needs one of these members; {} none. */
struct action_members {
	const char *action;
	const char *names[2];
};
/*
 * Whether the object has, not empty, what the action needs, and none of the table's members that
 * go with others only; else errors of those fields. path stands before their names: "actions[0].".
 */
void check_members(struct req *, const struct action_members *, const char *action,
    const char *path, struct json_object *);

/* Each of the body's `actions` has what it needs and nothing else; else errors of those fields. */
void check_actions(struct req *);

#endif

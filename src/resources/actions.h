/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_ACTIONS_H
#define SERVICEOS_ACTIONS_H

/* What macros and workflows do to a ticket; done by sql/functions/64_macros.sql and
 * 74_workflows.sql. */

#include "http/req.h"

extern const struct field macro_action_fields[], workflow_action_fields[];

/* Each of the body's `actions` has what it needs and nothing else; else errors of those fields. */
void check_actions(struct req *);

#endif

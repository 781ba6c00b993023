/* SPDX-License-Identifier: Apache-2.0 */
/* Tags in use, with their counts. They live on the tickets; there is no list to keep. */
#include "http/req.h"

/* clang-format off */
static const struct field tag_fields[] = {
	{ "tag",     T_TAG, F_BODY|F_REQ|F_OUT, .example = "\"login\"", .doc = "The tag." },
	{ "org_id",  T_STR, F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "tickets", T_INT, F_OUT, .max = 9007199254740991, .example = "42", .doc = "Tickets that have it." },
	{ .name = NULL }
};
static const struct resource tag = { "Tag", "A label and how often it is used.", "tag_v", "tag", NULL, tag_fields };
static const struct filter by[] = {
	{ "prefix", T_STR, "starts_with(t.tag, $?)", NULL, "Only tags that start with this.", true },
	{ .name = NULL }
};
static const struct sort sorts[] = { { "tag", "t.tag", "text" }, { .name = NULL } };
static const struct list tags = { by, sorts, NULL, true };
/* clang-format on */

/* The row to show is the new name's, not the one in the path. */
static int
rename_tag(struct req *r)
{
	r->exec_slot = db_queue(r->db, SQL_TAG_RENAME, P(r->org, r->args[0], r->body_text));
	return reply_resource(r, 200, &tag, NULL, body_str(r, "tag"));
}

/* clang-format off */
const struct route tag_routes[] = {
	{ GET, "/api/tags", "tags.list", api_list, S_TICKETS_READ, .reply = &tag, .list = &tags,
	    .summary = "List tags", .doc = "In alphabetical order, with the number of tickets." },
	{ PATCH, "/api/tags/:tag", "tags.rename", rename_tag, S_SETTINGS_WRITE, .body = tag_fields,
	    .reply = &tag, .summary = "Rename a tag", .doc = "On all tickets at once. Onto a tag that exists already, the two become one." },
	{ .path = NULL }
};

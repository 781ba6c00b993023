/* SPDX-License-Identifier: Apache-2.0 */
#include "resources/actions.h"

#include <string.h>

#include "resources/tickets.h"

/* clang-format off */
#define MACRO_ACTIONS "update", "add_tags", "remove_tags", "assign", "snooze", "comment", "note"
static const char *const macro_actions[] = { MACRO_ACTIONS, NULL };
static const char *const workflow_actions[] = { MACRO_ACTIONS, "macro", "csat", "webhook", "stop", NULL };
static const char *const strategies[] = { "round_robin", "least_loaded", "skill", NULL };

#define MACRO_MEMBERS \
	{ "changes",  T_OBJECT, F_BODY|F_OUT|F_OPT|F_PARTIAL, .sub = ticket_fields, .example = "{\"status\":\"pending\"}", .doc = "With update: fields of the ticket." }, \
	{ "tags",     T_TAG,  F_BODY|F_OUT|F_OPT|F_LIST, .example = "[\"refund\"]", .doc = "With add_tags and remove_tags." }, \
	{ "strategy", T_ENUM, F_BODY|F_OUT|F_OPT, .words = strategies, .example = "\"least_loaded\"", .doc = "With assign." }, \
	{ "minutes",  T_INT,  F_BODY|F_OUT|F_OPT, 1, 525600, .example = "1440", .doc = "With snooze." }, \
	{ "body",     T_TEXT, F_BODY|F_OUT|F_OPT, 1, 65536, .example = "\"Asked for the invoice number.\"", .doc = "With comment and note: a template like a macro's reply." }
const struct field macro_action_fields[] = {
	{ "action",   T_ENUM, F_BODY|F_OUT|F_REQ, .words = macro_actions, .example = "\"update\"", .doc = "What is done." },
	MACRO_MEMBERS,
	{ .name = NULL }
};
const struct field workflow_action_fields[] = {
	{ "action",   T_ENUM, F_BODY|F_OUT|F_REQ, .words = workflow_actions, .example = "\"update\"", .doc = "What is done. csat sends a survey; webhook sends topic workflow.action to one webhook; stop ends this workflow, and those after it do not see the event." },
	MACRO_MEMBERS,
	{ "macro_id",   T_ID, F_BODY|F_OUT|F_OPT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "With macro." },
	{ "webhook_id", T_ID, F_BODY|F_OUT|F_OPT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "With webhook." },
	{ .name = NULL }
};

static const struct {
	const char *action, *member; /* NULL: it needs none */
} needs[] = {
	{ "update", "changes" }, { "add_tags", "tags" }, { "remove_tags", "tags" }, { "assign", "strategy" }, { "snooze", "minutes" },
	{ "comment", "body" }, { "note", "body" }, { "macro", "macro_id" }, { "webhook", "webhook_id" }, { "csat", NULL }, { "stop", NULL }
};
/* clang-format on */

static bool
is_empty(struct json_object *v)
{
	return json_object_is_type(v, json_type_array)    ? json_object_array_length(v) == 0
	       : json_object_is_type(v, json_type_object) ? json_object_object_length(v) == 0
	                                                  : false;
}

static void
check_action(struct req *r, struct json_object *action, size_t i)
{
	struct json_object *word, *needed;
	const char *member;
	unsigned n = 0;

	json_object_object_get_ex(action, "action", &word);
	while (strcmp(needs[n].action, json_object_get_string(word)) != 0)
		n++;
	member = needs[n].member;
	if (member != NULL && !json_object_object_get_ex(action, member, &needed))
		fail_field(r, arena_printf(r->arena, "actions[%zu].%s", i, member), "required",
		    "The action needs it.");
	else if (member != NULL && is_empty(needed))
		fail_field(r, arena_printf(r->arena, "actions[%zu].%s", i, member), "too_few",
		    "Empty, the action does nothing.");
	json_object_object_foreach(action, key, value)
	{
		(void)value;
		if (strcmp(key, "action") != 0 && (member == NULL || strcmp(key, member) != 0))
			fail_field(r, arena_printf(r->arena, "actions[%zu].%s", i, key),
			    "not_allowed", "The action does not take it.");
	}
}

void
check_actions(struct req *r)
{
	struct json_object *list = body_get(r, "actions");
	size_t i;

	for (i = 0; list != NULL && i < json_object_array_length(list); i++)
		check_action(r, json_object_array_get_idx(list, i), i);
}

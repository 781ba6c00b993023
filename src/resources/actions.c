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

static const struct action_members members[] = {
	{ "update", { "changes" } }, { "add_tags", { "tags" } }, { "remove_tags", { "tags" } }, { "assign", { "strategy" } },
	{ "snooze", { "minutes" } }, { "comment", { "body" } }, { "note", { "body" } }, { "macro", { "macro_id" } },
	{ "webhook", { "webhook_id" } }, { "csat", { NULL } }, { "stop", { NULL } }, { .action = NULL }
};
/* clang-format on */

static bool
takes(const struct action_members *m, const char *name)
{
	unsigned i;

	for (i = 0; i < LENGTH(m->names); i++)
		if (m->names[i] != NULL && strcmp(m->names[i], name) == 0)
			return true;
	return false;
}

static bool
any_takes(const struct action_members *m, const char *name)
{
	for (; m->action != NULL; m++)
		if (takes(m, name))
			return true;
	return false;
}

static bool
is_given(struct json_object *object, const char *name)
{
	struct json_object *v;

	if (name == NULL || !json_object_object_get_ex(object, name, &v))
		return false;
	if (json_object_is_type(v, json_type_object))
		return json_object_object_length(v) > 0;
	return !json_object_is_type(v, json_type_array) || json_object_array_length(v) > 0;
}

void
check_members(struct req *r, const struct action_members *table, const char *action,
    const char *path, struct json_object *object)
{
	const struct action_members *m = table;
	const char *first, *second;

	while (strcmp(m->action, action) != 0)
		m++;
	first = m->names[0];
	second = m->names[1];
	if (first != NULL && !is_given(object, first) && !is_given(object, second))
		fail_field(r, arena_printf(r->arena, "%s%s", path, first), "required",
		    "The action needs it%s%s; it must not be empty.", second == NULL ? "" : " or ",
		    second == NULL ? "" : second);
	json_object_object_foreach(object, key, value)
	{
		(void)value;
		if (!takes(m, key) && any_takes(table, key))
			fail_field(r, arena_printf(r->arena, "%s%s", path, key), "not_allowed",
			    "The action does not take it.");
	}
}

static void
check_action(struct req *r, struct json_object *action, size_t i)
{
	struct json_object *word;

	json_object_object_get_ex(action, "action", &word);
	check_members(r, members, json_object_get_string(word),
	    arena_printf(r->arena, "actions[%zu].", i), action);
}

void
check_actions(struct req *r)
{
	struct json_object *list = body_get(r, "actions");
	size_t i;

	for (i = 0; list != NULL && i < json_object_array_length(list); i++)
		check_action(r, json_object_array_get_idx(list, i), i);
}

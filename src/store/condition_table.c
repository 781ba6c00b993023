/* SPDX-License-Identifier: Apache-2.0 */
#include "store/condition_table.h"

#include <stddef.h>
#include <string.h>

#include "base/util.h"

/* clang-format off */
static const char *const status[] = { "new", "open", "pending", "on_hold", "resolved", "closed", "merged", NULL };
static const char *const priority[] = { "low", "normal", "high", "urgent", NULL };
static const char *const channel[] = { "api", "web", "email", "chat", "phone", "import", "mcp", NULL };

const struct condition_field condition_fields[] = {
	{ "ticket_id",          CT_ID,      "t.ticket_id", NULL },
	{ "number",             CT_INTEGER, "t.number", NULL },
	{ "title",              CT_TEXT,    "t.title", NULL },
	{ "description",        CT_TEXT,    "t.description", NULL },
	{ "status",             CT_WORD,    "t.status", status },
	{ "priority",           CT_LEVEL,   "t.priority", priority },
	{ "customer_id",        CT_ID,      "t.customer_id", NULL },
	{ "company_id",         CT_ID,      "t.company_id", NULL },
	{ "team_id",            CT_ID,      "t.team_id", NULL },
	{ "queue_id",           CT_ID,      "t.queue_id", NULL },
	{ "assignee_user_id",   CT_ID,      "t.assignee_user_id", NULL },
	{ "required_skills",    CT_LIST,    "t.required_skills", NULL },
	{ "tags",               CT_TAGS,    "t.tags", NULL },
	{ "channel",            CT_WORD,    "t.channel", channel },
	{ "external_id",        CT_TEXT,    "t.external_id", NULL },
	{ "ai_classification.topic",      CT_TEXT,   "(t.ai_classification ->> 'topic')", NULL },
	{ "ai_classification.urgency",    CT_TEXT,   "(t.ai_classification ->> 'urgency')", NULL },
	{ "ai_classification.sentiment",  CT_TEXT,   "(t.ai_classification ->> 'sentiment')", NULL },
	{ "ai_classification.confidence", CT_NUMBER, "(t.ai_classification -> 'confidence')", NULL },
	{ "ai_classification.model_topic",      CT_TEXT,   "(t.ai_classification ->> 'model_topic')", NULL },
	{ "ai_classification.model_confidence", CT_NUMBER, "(t.ai_classification -> 'model_confidence')", NULL },
	{ "ai_classification.classified_at", CT_TIME, "(t.ai_classification ->> 'classified_at')::timestamptz", NULL },
	{ "ai_classification.overridden",    CT_FLAG, "(t.ai_classification -> 'overridden')", NULL },
	{ "ai_classification.overridden_by", CT_TEXT, "(t.ai_classification ->> 'overridden_by')", NULL },
	{ "snoozed_until",      CT_TIME,    "t.snoozed_until", NULL },
	{ "snooze_until_reply", CT_TRUTH,   "t.snooze_until_reply", NULL },
	{ "merged_into_id",     CT_ID,      "t.merged_into_id", NULL },
	{ "first_response_at",  CT_TIME,    "t.first_response_at", NULL },
	{ "last_customer_comment_at", CT_TIME, "t.last_customer_comment_at", NULL },
	{ "last_agent_comment_at",    CT_TIME, "t.last_agent_comment_at", NULL },
	{ "resolved_at",        CT_TIME,    "t.resolved_at", NULL },
	{ "closed_at",          CT_TIME,    "t.closed_at", NULL },
	{ "reopened_count",     CT_INTEGER, "t.reopened_count", NULL },
	{ "created_by",         CT_TEXT,    "t.created_by", NULL },
	{ "version",            CT_INTEGER, "t.version", NULL },
	{ "created_at",         CT_TIME,    "t.created_at", NULL },
	{ "updated_at",         CT_TIME,    "t.updated_at", NULL },
	{ .name = NULL }
};

#define JSON_VALUES (CT_NUMBER | CT_FLAG)
#define WORDS (CT_WORD | CT_LEVEL)
#define PLAIN (WORDS | CT_ID | CT_TEXT | CT_INTEGER | CT_TRUTH | CT_DATE)
#define SEVERAL (WORDS | CT_ID | CT_TEXT | CT_INTEGER)
#define LISTS (CT_LIST | CT_TAGS)
#define HAS_TAG "EXISTS (SELECT 1 FROM ticket_tag g WHERE g.org_id = t.org_id AND g.ticket_id = t.ticket_id AND g.tag = "

/* What ticket_field says of a custom field: the rows that can fit, found by its index; a word is cut there. */
#define SAME "g.word = left($, 200)"
#define SAME_AS_ONE "g.word = ANY (ARRAY(SELECT left(v, 200) FROM unnest($) v))"
#define ROUGHLY(op) "g.rough " op " rough($)"

/* A number in JSON is compared as JSON: a value of another type is no error, but not greater either. */
#define JSON_NUMBER(op) "(jsonb_typeof(#) = 'number' AND # " op " to_jsonb($))"

/* Words in the order of what they mean: low, normal, high, urgent. */
#define BY_RANK(op) "priority_rank(#) " op " priority_rank($)"

const struct condition_operator condition_operators[] = {
	{ "is_set",       WORDS|CT_ID|CT_INTEGER|CT_TIME|CT_TRUTH|CT_DATE, CS_NONE, false, "# IS NOT NULL", NULL, "true" },
	{ "is_set",       CT_TEXT,       CS_NONE, false, "# <> ''", NULL, "true" },
	{ "is_set",       LISTS,         CS_NONE, false, "cardinality(#) > 0", NULL, NULL },
	{ "is_set",       JSON_VALUES,   CS_NONE, false, "jsonb_typeof(#) <> 'null'", NULL, "true" },
	{ "is_set",       CT_SET,        CS_NONE, false, "# <> '[]'", NULL, "true" },
	{ "is_not_set",   WORDS|CT_ID|CT_INTEGER|CT_TIME|CT_TRUTH|CT_DATE, CS_NONE, true, "# IS NOT NULL", NULL, NULL },
	{ "is_not_set",   CT_TEXT,       CS_NONE, true,  "# <> ''", NULL, NULL },
	{ "is_not_set",   LISTS,         CS_NONE, true,  "cardinality(#) > 0", NULL, NULL },
	{ "is_not_set",   JSON_VALUES,   CS_NONE, true,  "jsonb_typeof(#) <> 'null'", NULL, NULL },
	{ "is_not_set",   CT_SET,        CS_NONE, true,  "# <> '[]'", NULL, NULL },
	{ "eq",           CT_TEXT|CT_DATE, CS_ONE, false, "# = $", NULL, SAME },
	{ "eq",           PLAIN & ~(CT_TEXT|CT_DATE), CS_ONE, false, "# = $", NULL, NULL },
	{ "eq",           CT_NUMBER,     CS_ONE,  false, "# = to_jsonb($)", NULL, ROUGHLY("=") },
	{ "eq",           CT_FLAG,       CS_ONE,  false, "# = to_jsonb($)", NULL, "g.word = ($)::text" },
	{ "ne",           PLAIN,         CS_ONE,  true,  "# = $", NULL, NULL },
	{ "ne",           JSON_VALUES,   CS_ONE,  true,  "# = to_jsonb($)", NULL, NULL },
	{ "in",           CT_TEXT,       CS_MANY, false, "# = ANY ($)", NULL, SAME_AS_ONE },
	{ "in",           SEVERAL & ~CT_TEXT, CS_MANY, false, "# = ANY ($)", NULL, NULL },
	{ "in",           CT_NUMBER,     CS_MANY, false, "# IN (SELECT to_jsonb(v) FROM unnest($) v)", NULL, "g.rough = ANY (ARRAY(SELECT rough(v) FROM unnest($) v))" },
	{ "not_in",       SEVERAL,       CS_MANY, true,  "# = ANY ($)", NULL, NULL },
	{ "not_in",       CT_NUMBER,     CS_MANY, true,  "# IN (SELECT to_jsonb(v) FROM unnest($) v)", NULL, NULL },
	{ "gt",           CT_INTEGER,    CS_ONE,  false, "# > $", NULL, NULL },
	{ "gte",          CT_INTEGER,    CS_ONE,  false, "# >= $", NULL, NULL },
	{ "lt",           CT_INTEGER,    CS_ONE,  false, "# < $", NULL, NULL },
	{ "lte",          CT_INTEGER,    CS_ONE,  false, "# <= $", NULL, NULL },
	{ "gt",           CT_LEVEL,      CS_ONE,  false, BY_RANK(">"), NULL, NULL },
	{ "gte",          CT_LEVEL,      CS_ONE,  false, BY_RANK(">="), NULL, NULL },
	{ "lt",           CT_LEVEL,      CS_ONE,  false, BY_RANK("<"), NULL, NULL },
	{ "lte",          CT_LEVEL,      CS_ONE,  false, BY_RANK("<="), NULL, NULL },
	{ "gt",           CT_NUMBER,     CS_ONE,  false, JSON_NUMBER(">"), NULL, ROUGHLY(">=") },
	{ "gte",          CT_NUMBER,     CS_ONE,  false, JSON_NUMBER(">="), NULL, ROUGHLY(">=") },
	{ "lt",           CT_NUMBER,     CS_ONE,  false, JSON_NUMBER("<"), NULL, ROUGHLY("<=") },
	{ "lte",          CT_NUMBER,     CS_ONE,  false, JSON_NUMBER("<="), NULL, ROUGHLY("<=") },
	{ "before",       CT_TIME,       CS_ONE,  false, "# < $", NULL, NULL },
	{ "after",        CT_TIME,       CS_ONE,  false, "# > $", NULL, NULL },
	{ "on_or_before", CT_TIME,       CS_ONE,  false, "# <= $", NULL, NULL },
	{ "on_or_after",  CT_TIME,       CS_ONE,  false, "# >= $", NULL, NULL },
	{ "before",       CT_DATE,       CS_ONE,  false, "# COLLATE \"C\" < $", NULL, "g.word < $" },
	{ "after",        CT_DATE,       CS_ONE,  false, "# COLLATE \"C\" > $", NULL, "g.word > $" },
	{ "on_or_before", CT_DATE,       CS_ONE,  false, "# COLLATE \"C\" <= $", NULL, "g.word <= $" },
	{ "on_or_after",  CT_DATE,       CS_ONE,  false, "# COLLATE \"C\" >= $", NULL, "g.word >= $" },
	{ "starts_with",  CT_TEXT,       CS_PART, false, "starts_with(lower(#), lower($))", NULL, NULL },
	{ "contains",     CT_TEXT,       CS_PART, false, "position(lower($) IN lower(#)) > 0", NULL, NULL },
	{ "contains",     LISTS,         CS_ONE,  false, "$ = ANY (#)", HAS_TAG "$)", NULL },
	{ "contains",     CT_SET,        CS_ONE,  false, "# ? $", NULL, SAME },
	{ "not_contains", CT_TEXT,       CS_PART, true,  "position(lower($) IN lower(#)) > 0", NULL, NULL },
	{ "not_contains", LISTS,         CS_ONE,  true,  "$ = ANY (#)", NULL, NULL },
	{ "not_contains", CT_SET,        CS_ONE,  true,  "# ? $", NULL, NULL },
	{ "contains_any", LISTS,         CS_MANY, false, "# && $", HAS_TAG "ANY ($))", NULL },
	{ "contains_any", CT_SET,        CS_MANY, false, "# ?| $", NULL, SAME_AS_ONE },
	{ "contains_all", LISTS,         CS_MANY, false, "# @> $", HAS_TAG "ANY ($)) AND # @> $", NULL },
	{ "contains_all", CT_SET,        CS_MANY, false, "# ?& $", NULL, SAME_AS_ONE },
	{ "contains_none", LISTS,        CS_MANY, true,  "# && $", NULL, NULL },
	{ "contains_none", CT_SET,       CS_MANY, true,  "# ?| $", NULL, NULL },
	{ .name = NULL }
};

static const struct {
	enum condition_type type;
	const char *cast;
	const char *name;
} types[] = {
	{ CT_WORD,    "text",        "a word" },
	{ CT_LEVEL,   "text",        "a word, of which one is more than another" },
	{ CT_ID,      "uuid",        "a UUID" },
	{ CT_TEXT,    "text",        "a text of at most 1024 characters" },
	{ CT_INTEGER, "bigint",      "an integer" },
	{ CT_TIME,    "timestamptz", "a time such as 2026-06-13T10:00:00Z or now-2d" },
	{ CT_TRUTH,   "boolean",     "true or false" },
	{ CT_LIST,    "text",        "a text of at most 1024 characters" },
	{ CT_TAGS,    "text",        "a tag" },
	{ CT_NUMBER,  "numeric",     "a number" },
	{ CT_FLAG,    "boolean",     "true or false" },
	{ CT_DATE,    "text",        "a date such as 2026-06-13 or now-2d" },
	{ CT_SET,     "text",        "one of the field's options" },
};

/* The types of spec.md. */
static const struct {
	const char *word;
	enum condition_type type;
} custom[] = {
	{ "text", CT_TEXT }, { "number", CT_NUMBER }, { "boolean", CT_FLAG }, { "date", CT_DATE },
	{ "dropdown", CT_TEXT }, { "multiselect", CT_SET }, { "email", CT_TEXT }, { "url", CT_TEXT },
};
/* clang-format on */

const char *
condition_cast(enum condition_type type)
{
	unsigned i = 0;

	while (types[i].type != type)
		i++;
	return types[i].cast;
}

const char *
condition_type_name(enum condition_type type)
{
	unsigned i = 0;

	while (types[i].type != type)
		i++;
	return types[i].name;
}

enum condition_type
condition_custom_type(const char *word)
{
	unsigned i;

	for (i = 0; i < LENGTH(custom); i++)
		if (strcmp(custom[i].word, word) == 0)
			return custom[i].type;
	return 0;
}

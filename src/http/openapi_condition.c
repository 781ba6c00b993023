/* SPDX-License-Identifier: Apache-2.0 */
/* The language of conditions as schemas, from its own tables (store/condition_table.h). */
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "http/openapi.h"
#include "store/condition_table.h"

#define PART "{\"$ref\":\"#/components/schemas/ConditionPart\"}"

/* Each operator's name once, whatever the types. */
static bool
named_before(const struct condition_operator *op, unsigned types)
{
	const struct condition_operator *o;

	for (o = condition_operators; o != op; o++)
		if (strcmp(o->name, op->name) == 0 && (o->types & types) != 0)
			return true;
	return false;
}

static void
put_operators(struct buf *out, unsigned types, const char *quote, const char *between)
{
	const struct condition_operator *op;
	const char *comma = "";

	for (op = condition_operators; op->name != NULL; op++) {
		if ((op->types & types) == 0 || named_before(op, types))
			continue;
		buf_printf(out, "%s%s%s%s", comma, quote, op->name, quote);
		comma = between;
	}
}

static void
put_fields(struct buf *out, unsigned types, const char *quote, const char *between)
{
	const struct condition_field *f;
	const char *comma = "";

	for (f = condition_fields; f->name != NULL; f++) {
		if ((f->type & types) == 0)
			continue;
		buf_printf(out, "%s%s%s%s", comma, quote, f->name, quote);
		comma = between;
	}
}

/* A word of a list; where they have an order, from the least on. */
static void
put_words(struct buf *out, enum condition_type type)
{
	const struct condition_field *f;
	const char *const *word;

	for (f = condition_fields; f->name != NULL; f++) {
		if (f->type != type || f->words == NULL)
			continue;
		buf_printf(out, ". %s:", f->name);
		for (word = f->words; *word != NULL; word++)
			buf_printf(out, "%s %s",
			    word == f->words   ? ""
			    : type == CT_LEVEL ? " <"
					       : ",",
			    *word);
	}
}

/* For people: the fields of one type, and its operators. */
static void
put_type(struct buf *out, enum condition_type type)
{
	static const char *const custom[] = { "text", "number", "boolean", "date", "dropdown",
		"multiselect", "email", "url" };
	const char *comma;
	unsigned i;

	buf_printf(out, "\n- %s (", condition_type_name(type));
	put_fields(out, type, "", ", ");
	comma = out->data[out->len - 1] == '(' ? "custom fields: " : "; custom fields: ";
	for (i = 0; i < LENGTH(custom); i++) {
		if (condition_custom_type(custom[i]) != type)
			continue;
		buf_printf(out, "%s%s", comma, custom[i]);
		comma = ", ";
	}
	buf_str(out, "): ");
	put_operators(out, type, "", ", ");
	put_words(out, type);
}

static void
put_guide(struct buf *out)
{
	struct buf text;
	unsigned type;

	buf_init(&text, out->arena, 4096);
	buf_str(&text,
	    "One comparison with a field of the ticket. is_set and is_not_set take no value; in, "
	    "not_in, contains_any, contains_all and contains_none take a list of 1 to 100; what a "
	    "text contains or starts with is not empty. Times are RFC 3339 or relative to the moment "
	    "of use: now, now-2d, now+90m (units s, m, h, d, w). The operators are those of what the "
	    "field is:\n");
	for (type = CT_WORD; type <= CT_LEVEL; type <<= 1)
		put_type(&text, type);
	buf_json_str(out, text.data);
}

static void
put_comparison(struct buf *out)
{
	buf_str(out, ",\"Comparison\":{\"type\":\"object\",\"description\":");
	put_guide(out);
	buf_str(out,
	    ",\"required\":[\"field\",\"op\"],\"additionalProperties\":false,\"properties\":{"
	    "\"field\":{\"anyOf\":[{\"type\":\"string\",\"enum\":[");
	put_fields(out, ~0U, "\"", ",");
	buf_str(out,
	    "]},{\"type\":\"string\",\"pattern\":\"^custom_fields\\\\.[a-z][a-z0-9_]{0,62}$\"}],"
	    "\"description\":\"A field of the ticket; custom_fields.<key> is one of the organization's own.\"},"
	    "\"op\":{\"type\":\"string\",\"description\":\"Which ones a field has depends on its type.\",\"enum\":[");
	put_operators(out, ~0U, "\"", ",");
	buf_str(out,
	    "]},\"value\":{\"description\":\"Of the field's type, or a list of such.\",\"anyOf\":["
	    "{\"type\":\"string\",\"maxLength\":1024},{\"type\":\"number\"},{\"type\":\"boolean\"},"
	    "{\"type\":\"array\",\"minItems\":1,\"maxItems\":100,\"items\":"
	    "{\"anyOf\":[{\"type\":\"string\",\"maxLength\":1024},{\"type\":\"number\"}]}}]}}}");
}

static void
put_combination(struct buf *out, const char *word, const char *schema, const char *doc)
{
	buf_printf(out,
	    "{\"type\":\"object\",\"title\":\"%s\",\"description\":\"%s\",\"required\":[\"%s\"],"
	    "\"additionalProperties\":false,\"properties\":{\"%s\":%s}}",
	    word, doc, word, word, schema);
}

void
openapi_condition(struct buf *out)
{
	buf_str(out,
	    ",\"Condition\":{\"description\":\"Which tickets. Empty: all of them, unless the member says otherwise. "
	    "At most 8 levels and 100 comparisons.\",\"anyOf\":["
	    "{\"type\":\"object\",\"title\":\"empty\",\"description\":\"No condition.\",\"maxProperties\":0}," PART
	    "]},\"ConditionPart\":{\"description\":\"A comparison, or some put together.\",\"anyOf\":["
	    "{\"$ref\":\"#/components/schemas/Comparison\"},");
	put_combination(
	    out, "all", "{\"type\":\"array\",\"items\":" PART "}", "Each of them holds.");
	buf_char(out, ',');
	put_combination(out, "any", "{\"type\":\"array\",\"minItems\":1,\"items\":" PART "}",
	    "One of them holds at least.");
	buf_char(out, ',');
	put_combination(out, "not", PART, "It does not hold, or cannot be told.");
	buf_str(out, "]}");
	put_comparison(out);
}

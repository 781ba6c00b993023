/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables as JSON Schema 2020-12. */
#include <string.h>

#include "base/buf.h"
#include "http/openapi.h"
#include "http/schema.h"

static void
put_words(struct buf *out, const char *const *words, bool nullable)
{
	const char *comma = "";

	buf_str(out, ",\"enum\":[");
	for (; *words != NULL; words++, comma = ",")
		buf_printf(out, "%s\"%s\"", comma, *words);
	buf_printf(out, "%s]", nullable ? ",null" : "");
}

static const char *
type_word(const struct field *f)
{
	switch (f->type) {
	case T_INT:
		return "integer";
	case T_NUM:
		return "number";
	case T_BOOL:
		return "boolean";
	case T_OBJECT:
		return "object";
	default:
		return "string";
	}
}

static const char *
format_of(enum field_type type)
{
	switch (type) {
	case T_ID:
		return "uuid";
	case T_TIME:
		return "date-time";
	case T_DATE:
		return "date";
	case T_EMAIL:
		return "email";
	case T_DOMAIN:
		return "hostname";
	case T_URL:
		return "uri";
	default:
		return NULL;
	}
}

/* Limits of input; of output only what always holds. */
static void
put_limits(struct buf *out, const struct field *f, unsigned use)
{
	long max = field_max(f);

	if (f->type == T_INT || f->type == T_NUM) {
		if (use != F_OUT)
			buf_printf(out, ",\"minimum\":%ld", f->min);
		if (max != 0)
			buf_printf(out, ",\"maximum\":%ld", max);
	} else if (use != F_OUT && (f->type == T_STR || f->type == T_TEXT || f->type == T_TAG)) {
		if (f->min > 0 || f->type == T_TAG)
			buf_printf(out, ",\"minLength\":%ld", f->min > 0 ? f->min : 1);
		buf_printf(out, ",\"maxLength\":%ld", max);
	}
}

static bool
is_required(const struct field *f, unsigned use)
{
	if (use == F_OUT)
		return (f->flags & F_OPT) == 0;
	return use == F_CREATE && (f->flags & F_REQ) != 0;
}

static void
put_required(struct buf *out, const struct field *fields, unsigned use)
{
	const struct field *f;
	const char *comma = "";

	buf_str(out, ",\"required\":[");
	for (f = fields; f->name != NULL; f++) {
		if (!field_used(f, use) || !is_required(f, use))
			continue;
		buf_printf(out, "%s\"%s\"", comma, f->name);
		comma = ",";
	}
	buf_char(out, ']');
}

/* The schema of one value, without the list around it. */
static void
put_value(struct buf *out, const struct field *f, unsigned use, bool nullable)
{
	const char *format = format_of(f->type);

	if (f->type == T_ANY) {
		buf_str(out, "\"x-any\":true");
		return;
	}
	if (f->type == T_CONDITION) {
		buf_str(out,
		    nullable
			? "\"anyOf\":[{\"$ref\":\"#/components/schemas/Condition\"},{\"type\":\"null\"}]"
			: "\"$ref\":\"#/components/schemas/Condition\"");
		return;
	}
	if (nullable)
		buf_printf(out, "\"type\":[\"%s\",\"null\"]", type_word(f));
	else
		buf_printf(out, "\"type\":\"%s\"", type_word(f));
	if (format != NULL)
		buf_printf(out, ",\"format\":\"%s\"", format);
	if (f->type == T_ENUM)
		put_words(out, f->words, nullable);
	if (f->type == T_OBJECT && f->sub != NULL) {
		bool partial = (f->flags & F_PARTIAL) != 0; /* some of the members, either way */
		unsigned inner = partial ? F_PATCH : use == F_OUT ? F_OUT : F_BODY;

		buf_str(out, ",\"properties\":");
		openapi_object(out, f->sub, inner, NULL);
		if (!partial)
			put_required(out, f->sub, inner);
		if (use != F_OUT)
			buf_str(out, ",\"additionalProperties\":false");
	}
	put_limits(out, f, use);
}

/* "{}" of an object with members of its own stands for their examples. */
static void
put_example(struct buf *out, const struct field *f, unsigned use)
{
	if (f->sub != NULL && f->example != NULL && strcmp(f->example, "{}") == 0)
		openapi_example(out, f->sub, use == F_OUT ? F_OUT : F_BODY);
	else
		buf_str(out, f->example == NULL ? "null" : f->example);
}

void
openapi_field(struct buf *out, const struct field *f, unsigned use)
{
	bool nullable = (f->flags & F_NULL) != 0;

	buf_char(out, '{');
	if ((f->flags & F_LIST) != 0) {
		buf_printf(out, "\"type\":%s,\"items\":{",
		    nullable ? "[\"array\",\"null\"]" : "\"array\"");
		put_value(out, f, use, false);
		buf_char(out, '}');
		if (use != F_OUT)
			buf_printf(out, ",\"maxItems\":%u", f->max_items == 0 ? 100 : f->max_items);
		if (use != F_OUT && (f->flags & F_REQ) != 0)
			buf_str(out, ",\"minItems\":1");
	} else {
		put_value(out, f, use, nullable);
	}
	buf_str(out, ",\"description\":");
	buf_json_str(out, f->doc);
	if (f->example != NULL) {
		buf_str(out, ",\"examples\":[");
		put_example(out, f, use);
		buf_char(out, ']');
	}
	buf_char(out, '}');
}

/* With doc: a whole schema. Without: the properties alone, of an object inside one. */
void
openapi_object(struct buf *out, const struct field *fields, unsigned use, const char *doc)
{
	const struct field *f;
	const char *comma = "";

	if (doc != NULL) {
		buf_str(out, "{\"type\":\"object\",\"description\":");
		buf_json_str(out, doc);
		put_required(out, fields, use);
		if (use != F_OUT)
			buf_str(out, ",\"additionalProperties\":false");
		buf_str(out, ",\"properties\":");
	}
	buf_char(out, '{');
	for (f = fields; f->name != NULL; f++) {
		if (!field_used(f, use))
			continue;
		buf_printf(out, "%s\"%s\":", comma, f->name);
		openapi_field(out, f, use);
		comma = ",";
	}
	buf_char(out, '}');
	if (doc != NULL)
		buf_char(out, '}');
}

void
openapi_example(struct buf *out, const struct field *fields, unsigned use)
{
	const struct field *f;
	const char *comma = "";

	buf_char(out, '{');
	for (f = fields; f->name != NULL; f++) {
		if (!field_used(f, use) || (use == F_OUT && (f->flags & F_OPT) != 0))
			continue;
		buf_printf(out, "%s\"%s\":", comma, f->name);
		put_example(out, f, use);
		comma = ",";
	}
	buf_char(out, '}');
}

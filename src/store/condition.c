/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions into SQL. The text is put together from condition_table.c alone;
 * a value, and the key of a custom field, goes into the list of parameters.
 */
#include "store/condition.h"

#include <json-c/json.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/util.h"
#include "store/condition_table.h"
#include "store/db.h"

#define DEPTH_MAX 8
#define LEAVES_MAX 100
#define LIST_MAX 100
#define VALUES_MAX (LEAVES_MAX * 2)

struct compiler {
	struct db *db;
	struct arena *arena;
	const char *org;
	int first;
	enum condition_on on;
	const PGresult *custom; /* the organisation's custom fields, once they are asked for */
	struct buf sql;
	const char **values;
	struct condition_leaf *leaves;
	struct condition *out;
};

/* The field that a comparison names. */
struct operand {
	const char *sql;
	enum condition_type type;
	const char *const *words;
	int key; /* of a custom field: the parameter; else 0 */
};

static bool compile(struct compiler *, struct json_object *, const char *path, int depth);

static bool
refuse(struct compiler *c, const char *path, const char *member, const char *code, const char *why)
{
	c->out->path = *path == '\0'     ? member
	               : *member == '\0' ? path
	                                 : arena_printf(c->arena, "%s.%s", path, member);
	c->out->code = code;
	c->out->message = why;
	return false;
}

/* Its parameter's number. Each leaf has two at most: the array never overflows. */
static int
add_value(struct compiler *c, const char *value)
{
	c->values[c->out->nvalues] = value;
	return c->first + c->out->nvalues++;
}

static bool
refuse_value(struct compiler *c, const struct operand *f, const char *path)
{
	struct buf list;
	unsigned i;

	if ((f->type & (CT_WORD | CT_LEVEL)) == 0)
		return refuse(c, path, "", f->type == CT_ID ? "format" : "type",
		    arena_printf(c->arena, "Must be %s.", condition_type_name(f->type)));
	buf_init(&list, c->arena, 128);
	for (i = 0; f->words[i] != NULL; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : ", ", f->words[i]);
	return refuse(c, path, "", "not_allowed", arena_printf(c->arena, "One of: %s.", list.data));
}

/* One value, or a list of them as an array's text. */
static bool
take_value(struct compiler *c, const struct condition_operator *op, const struct operand *f,
    struct json_object *v, const char *path, const char **out)
{
	const char *at = *path == '\0' ? "value" : arena_printf(c->arena, "%s.value", path);
	struct buf list;
	size_t i, n;

	if (op->shape != CS_MANY) {
		*out = condition_value(c->arena, f->type, f->words, v);
		if (*out != NULL && **out == '\0' && op->shape == CS_PART)
			return refuse(c, at, "", "too_short", "At least one character.");
		return *out != NULL || refuse_value(c, f, at);
	}
	if (!json_object_is_type(v, json_type_array))
		return refuse(c, at, "", "type", "Must be an array.");
	n = json_object_array_length(v);
	if (n == 0 || n > LIST_MAX)
		return refuse(
		    c, at, "", n == 0 ? "too_few" : "too_many", "Between 1 and 100 items.");
	buf_init(&list, c->arena, 256);
	for (i = 0; i < n; i++) {
		const char *one =
		    condition_value(c->arena, f->type, f->words, json_object_array_get_idx(v, i));

		if (one == NULL)
			return refuse_value(c, f, arena_printf(c->arena, "%s[%zu]", at, i));
		buf_array_item(&list, one);
	}
	*out = arena_printf(c->arena, "{%s}", list.data);
	return true;
}

/* custom_fields.<key>: the key becomes a parameter, its type comes from the organisation. */
static bool
find_custom(struct compiler *c, const char *key, struct operand *f)
{
	const char *arrow;
	int i;

	if (c->custom == NULL)
		c->custom = db_rows(c->db, SQL_CUSTOM_FIELD_TYPES, P(c->org));
	for (i = 0; c->custom != NULL && i < PQntuples(c->custom); i++) {
		if (strcmp(PQgetvalue(c->custom, i, 0), key) != 0)
			continue;
		f->type = condition_custom_type(PQgetvalue(c->custom, i, 1));
		arrow = (f->type & (CT_NUMBER | CT_FLAG | CT_SET)) != 0 ? "->" : "->>";
		f->key = add_value(c, arena_strdup(c->arena, key));
		f->sql = arena_printf(c->arena, "(t.custom_fields %s $%d::text)", arrow, f->key);
		return f->type != 0;
	}
	return false;
}

static bool
find_field(struct compiler *c, const char *name, struct operand *out)
{
	const struct condition_field *f;

	if (strncmp(name, "custom_fields.", 14) == 0)
		return find_custom(c, name + 14, out);
	for (f = condition_fields; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0) {
			*out = (struct operand){ f->sql, f->type, f->words, 0 };
			return true;
		}
	return false;
}

static const struct condition_operator *
find_operator(const char *name, enum condition_type type)
{
	const struct condition_operator *op;

	for (op = condition_operators; op->name != NULL; op++)
		if ((op->types & type) != 0 && strcmp(op->name, name) == 0)
			return op;
	return NULL;
}

/* Which operators there are for the type: what a caller who guessed wrong wants to know. */
static bool
refuse_operator(struct compiler *c, const char *path, const char *name, enum condition_type type)
{
	const struct condition_operator *op;
	struct buf list;

	buf_init(&list, c->arena, 256);
	for (op = condition_operators; op->name != NULL; op++)
		if ((op->types & type) != 0)
			buf_printf(&list, "%s%s", list.len == 0 ? "" : ", ", op->name);
	return refuse(c, path, "op", "not_allowed",
	    arena_printf(c->arena, "There is no operator \"%s\" for this field; one of: %s.",
		utf8_cut(c->arena, name, 32), list.data));
}

/* The operator's text, with the field for "#" and the value for "$". */
static void
put_pattern(struct compiler *c, const char *p, const struct condition_operator *op,
    const struct operand *f, int parameter)
{
	for (; *p != '\0'; p++) {
		if (*p == '#')
			buf_str(&c->sql, f->sql);
		else if (*p == '$')
			buf_printf(&c->sql, "$%d::%s%s", parameter, condition_cast(f->type),
			    op->shape == CS_MANY ? "[]" : "");
		else
			buf_char(&c->sql, *p);
	}
}

/*
 * What is stored has its tags and custom fields in tables of their own, with
 * indexes. A custom field is looked at itself as well: ticket_field keeps the
 * beginning of a long text.
 */
static void
put_comparison(
    struct compiler *c, const struct condition_operator *op, const struct operand *f, int parameter)
{
	if (c->on == CONDITION_STORED && f->type == CT_TAGS && op->stored != NULL) {
		put_pattern(c, op->stored, op, f, parameter);
		return;
	}
	if (c->on == CONDITION_STORED && f->key != 0 && op->kept != NULL) {
		buf_printf(&c->sql,
		    "EXISTS (SELECT 1 FROM ticket_field g WHERE g.org_id = t.org_id AND "
		    "g.ticket_id = t.ticket_id AND g.key = $%d::text AND ",
		    f->key);
		put_pattern(c, op->kept, op, f, parameter);
		buf_str(&c->sql, ") AND ");
	}
	put_pattern(c, op->sql, op, f, parameter);
}

static const char *
member_text(struct json_object *object, const char *name)
{
	struct json_object *v;

	if (!json_object_object_get_ex(object, name, &v) ||
	    !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

static bool
check_members(struct compiler *c, struct json_object *object, const char *path)
{
	json_object_object_foreach(object, key, member)
	{
		(void)member;
		if (strcmp(key, "field") != 0 && strcmp(key, "op") != 0 &&
		    strcmp(key, "value") != 0)
			return refuse(c, path, utf8_cut(c->arena, key, 80), "unknown_field",
			    "A condition is all, any, not, or field, op and value.");
	}
	return true;
}

static bool
compile_leaf(struct compiler *c, struct json_object *object, const char *path)
{
	const char *field = member_text(object, "field"), *name = member_text(object, "op");
	const struct condition_operator *op;
	const char *value = NULL;
	struct operand f = { .sql = NULL };
	struct json_object *v = NULL;
	size_t start = c->sql.len;

	if (!check_members(c, object, path))
		return false;
	if (field == NULL || name == NULL)
		return refuse(
		    c, path, field == NULL ? "field" : "op", "required", "A word is required.");
	if (c->out->nleaves == LEAVES_MAX)
		return refuse(c, path, "", "too_many", "At most 100 comparisons.");
	if (!find_field(c, field, &f))
		return refuse(c, path, "field", "unknown_field",
		    arena_printf(
			c->arena, "Tickets have no field \"%s\".", utf8_cut(c->arena, field, 80)));
	op = find_operator(name, f.type);
	if (op == NULL)
		return refuse_operator(c, path, name, f.type);
	if (json_object_object_get_ex(object, "value", &v) != (op->shape != CS_NONE))
		return refuse(c, path, "value", op->shape == CS_NONE ? "not_allowed" : "required",
		    op->shape == CS_NONE ? "The operator takes no value."
					 : "The value is required.");
	if (op->shape != CS_NONE && !take_value(c, op, &f, v, path, &value))
		return false;
	buf_str(&c->sql, op->negated ? "((" : "(");
	put_comparison(c, op, &f, value == NULL ? 0 : add_value(c, value));
	buf_str(&c->sql, op->negated ? ") IS NOT TRUE)" : ")");
	c->leaves[c->out->nleaves++] = (struct condition_leaf){ .path = path,
		.field = field,
		.op = op->name,
		.value =
		    v == NULL ? NULL : json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN),
		.sql = arena_strndup(c->arena, c->sql.data + start, c->sql.len - start) };
	return true;
}

static bool
compile_list(struct compiler *c, struct json_object *list, const char *path, bool all, int depth)
{
	size_t i, n;

	if (!json_object_is_type(list, json_type_array))
		return refuse(c, path, "", "type", "Must be an array of conditions.");
	n = json_object_array_length(list);
	if (n == 0 && !all)
		return refuse(c, path, "", "too_few", "At least one condition.");
	buf_str(&c->sql, n == 0 ? "(true" : "(");
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_str(&c->sql, all ? " AND " : " OR ");
		if (!compile(c, json_object_array_get_idx(list, i),
			arena_printf(c->arena, "%s[%zu]", path, i), depth + 1))
			return false;
	}
	buf_char(&c->sql, ')');
	return true;
}

static bool
compile_not(struct compiler *c, struct json_object *v, const char *path, int depth)
{
	buf_char(&c->sql, '(');
	if (!compile(c, v, path, depth + 1))
		return false;
	buf_str(&c->sql, " IS NOT TRUE)"); /* also when a field has no value */
	return true;
}

static bool
compile(struct compiler *c, struct json_object *object, const char *path, int depth)
{
	static const char *const words[] = { "all", "any", "not" };
	struct json_object *v;
	const char *inner;
	unsigned i;

	if (!json_object_is_type(object, json_type_object))
		return refuse(c, path, "", "type", "A condition is an object.");
	if (depth > DEPTH_MAX)
		return refuse(c, path, "", "too_deep", "At most 8 levels.");
	for (i = 0; i < LENGTH(words); i++) {
		if (!json_object_object_get_ex(object, words[i], &v))
			continue;
		if (json_object_object_length(object) > 1)
			return refuse(c, path, words[i], "not_allowed",
			    "all, any and not stand alone; put one into the other.");
		inner = *path == '\0' ? words[i] : arena_printf(c->arena, "%s.%s", path, words[i]);
		return i == 2 ? compile_not(c, v, inner, depth)
		              : compile_list(c, v, inner, i == 0, depth);
	}
	return compile_leaf(c, object, path);
}

bool
condition_compile(struct db *db, struct arena *arena, const char *org, struct json_object *object,
    int first, enum condition_on on, struct condition *out)
{
	struct compiler c = { db, arena, org, first, on, .out = out };
	bool ok = true;

	*out = (struct condition){ .sql = "(false)" };
	c.values = arena_alloc(arena, VALUES_MAX * sizeof(*c.values));
	c.leaves = arena_alloc(arena, LEAVES_MAX * sizeof(*c.leaves));
	buf_init(&c.sql, arena, 512);
	if (json_object_is_type(object, json_type_object) && json_object_object_length(object) == 0)
		buf_str(&c.sql, "(true)");
	else
		ok = compile(&c, object, "", 1);
	if (db != NULL && db_failed(db)) {
		out->code = NULL;
		ok = false;
	}
	if (!ok) {
		out->nvalues = out->nleaves = 0;
		return false;
	}
	out->sql = arena_printf(arena, "(%s)", c.sql.data);
	out->values = c.values;
	out->leaves = c.leaves;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_CONDITION_H
#define SERVICEOS_CONDITION_H

/*
 * The one condition language, compiled to parameterised SQL over a ticket.
 *
 *	{"all": [C, …]}   {"any": [C, …]}   {"not": C}
 *	{"field": "priority", "op": "in", "value": ["high", "urgent"]}
 *
 * Fields: every member that the API shows of a ticket but org_id, "tags", and
 * "custom_fields.<key>". Operators depend on the field's type:
 *
 *	every type     is_set, is_not_set (no value)
 *	word, id, text eq, ne, in, not_in
 *	text           contains, not_contains, starts_with (whatever the case, not empty)
 *	priority       gt, gte, lt, lte (low < normal < high < urgent)
 *	number         eq, ne, in, not_in, gt, gte, lt, lte
 *	time, date     before, after, on_or_before, on_or_after
 *	truth          eq, ne
 *	tags, lists    contains, not_contains (one word), contains_any,
 *	               contains_all, contains_none (a list)
 *
 * A time is RFC 3339, or relative to now: "now", "now-2d", "now+90m" (units
 * s, m, h, d, w). At most 8 levels, 100 leaves, 100 values in a list. Only
 * words of our own table reach the SQL's text; every value of the caller is a
 * parameter of the statement.
 */

#include <stdbool.h>

struct arena;
struct buf;
struct db;
struct json_object;

enum condition_on {
	CONDITION_STORED, /* t is the table ticket or ticket_v: tags through their index */
	CONDITION_ROW,    /* t is any row of ticket's shape, such as one that was never stored */
};

/* One comparison, for telling why: {"path": "all[0]", …}. */
struct condition_leaf {
	const char *path;
	const char *field, *op;
	const char *value; /* JSON as it was given, NULL for none */
	const char *sql;   /* true, false or null; shares the condition's values */
};

struct condition {
	const char
	    *sql; /* in parentheses, over the alias t; "(true)" for {}, "(false)" after a failure */
	int nvalues;
	const char *const *values;
	int nleaves;
	const struct condition_leaf *leaves;
	/* what is wrong, when condition_compile() says false */
	const char *path;    /* "all[1].op" */
	const char *code;    /* "unknown_field", "not_allowed", "type", "too_deep", … */
	const char *message; /* a sentence */
};

/*
 * Compile c; parameters start at $first. Only {} is every ticket: NULL, which
 * is also what could not be read, is refused. Looks up the types of custom fields
 * in the open transaction of db, only when the condition names one. All memory
 * is the arena's. On failure `out` says where and why; when the database
 * failed, out->code is NULL and db_error() tells.
 */
bool condition_compile(struct db *, struct arena *, const char *org, struct json_object *c,
    int first, enum condition_on, struct condition *out);
/*
 * The same of what is stored, as text. What cannot be read, NULL included, is
 * logged and fails with the code "unreadable": it is never every ticket.
 */
bool condition_load(struct db *, struct arena *, const char *org, const char *text, int first,
    enum condition_on, struct condition *out);
/* Every ticket: where conditions may be left out, and are. */
void condition_all(struct condition *out);

enum condition_verdict {
	CONDITION_FAILED,
	CONDITION_NO_TICKET,
	CONDITION_HOLDS,
	CONDITION_HOLDS_NOT
};

/*
 * Whether a stored ticket fits a condition that was compiled with first = 3.
 * What became of each comparison is added to trace: [{"path": …, "matched": …}].
 * CONDITION_FAILED when the database did; db_error() tells.
 */
enum condition_verdict condition_judge(struct db *, struct arena *, const char *org,
    const char *ticket, const struct condition *, struct buf *trace);

#endif

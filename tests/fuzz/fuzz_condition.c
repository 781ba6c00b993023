/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: whatever the caller sends, the SQL is made of the words of our
 * own tables alone, its parameters are those that were given, and a refusal
 * says where and why. tests/api/test_condition.c runs such SQL.
 */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "store/condition.h"
#include "store/condition_table.h"
#include "store/db.h"

#define FIRST 3
#define WORDS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The organisation's custom fields, one of each type, instead of a database. */
const PGresult *
db_rows(struct db *db, enum sql_id id, int n, const char *const *values)
{
	static const char *const types[] = { "text", "number", "boolean", "date", "dropdown",
		"multiselect", "email", "url" };
	static PGresult *rows;
	static char key[] = "key", type[] = "type";
	PGresAttDesc columns[] = { { .name = key }, { .name = type } };
	int i;

	(void)db, (void)id, (void)n, (void)values;
	if (rows != NULL)
		return rows;
	rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PQsetResultAttrs(rows, 2, columns);
	for (i = 0; i < (int)(sizeof(types) / sizeof(types[0])); i++) {
		PQsetvalue(rows, i, 0, (char *)types[i], (int)strlen(types[i]));
		PQsetvalue(rows, i, 1, (char *)types[i], (int)strlen(types[i]));
	}
	return rows;
}

bool
db_failed(const struct db *db)
{
	(void)db;
	return false;
}

/* ---- the words that SQL may have */

static struct {
	const char *text;
	size_t len;
} words[WORDS_MAX];
static unsigned nwords;

/* The next word, quoted literal, or single character of *p; its length, 0 at the end. */
static size_t
token(const char *p)
{
	size_t len;

	if (*p == '\0')
		return 0;
	if (*p == '\'' || *p == '"') {
		for (len = 1; p[len] != '\0' && p[len] != *p; len++)
			;
		assert(p[len] != '\0');
		return len + 1;
	}
	for (len = 0; isalpha((unsigned char)p[len]) || p[len] == '_'; len++)
		;
	return len == 0 ? 1 : len;
}

static bool
is_word(const char *p)
{
	return isalpha((unsigned char)*p) || *p == '_' || *p == '\'' || *p == '"';
}

static bool
known(const char *p, size_t len)
{
	unsigned i;

	for (i = 0; i < nwords; i++)
		if (words[i].len == len && memcmp(words[i].text, p, len) == 0)
			return true;
	return false;
}

static void
learn(const char *p)
{
	size_t len;

	for (; p != NULL && (len = token(p)) > 0; p += len)
		if (is_word(p) && !known(p, len)) {
			assert(nwords < WORDS_MAX);
			words[nwords].text = p;
			words[nwords++].len = len;
		}
}

static void
learn_tables(void)
{
	const struct condition_field *f;
	const struct condition_operator *op;
	unsigned type;

	learn("true AND OR IS NOT TRUE t.custom_fields");
	learn(
	    "EXISTS SELECT FROM ticket_field g WHERE g.org_id t.org_id g.ticket_id t.ticket_id g.key text");
	for (f = condition_fields; f->name != NULL; f++)
		learn(f->sql);
	for (op = condition_operators; op->name != NULL; op++) {
		learn(op->sql);
		learn(op->stored);
		learn(op->kept);
	}
	for (type = CT_WORD; type <= CT_LEVEL; type <<= 1)
		learn(condition_cast(type));
}

static void
check_sql(const char *sql, int nvalues)
{
	size_t len;
	int open = 0;

	for (; (len = token(sql)) > 0; sql += len) {
		assert(!is_word(sql) || known(sql, len));
		assert(strchr(";\\", *sql) == NULL && isprint((unsigned char)*sql));
		open += (*sql == '(') - (*sql == ')');
		assert(open >= 0);
		if (*sql == '$') {
			char *end;
			long number = strtol(sql + 1, &end, 10);

			assert(number >= FIRST && number < FIRST + nvalues);
			len = (size_t)(end - sql);
		} else if (isdigit((unsigned char)*sql)) {
			size_t digits = strspn(sql, "0123456789"); /* SELECT 1, > 0, left(…, 200) */

			assert(
			    digits == 3 ? strncmp(sql, "200", 3) == 0 : digits == 1 && *sql < '2');
			len = digits;
		}
	}
	assert(open == 0);
}

static void
check(const struct condition *c, bool ok)
{
	int i;

	if (!ok) {
		assert(c->path != NULL && c->code != NULL && c->message != NULL);
		assert(strcmp(c->sql, "(false)") == 0);
		return;
	}
	check_sql(c->sql, c->nvalues);
	assert(c->nvalues <= 200 && c->nleaves <= 100);
	for (i = 0; i < c->nvalues; i++)
		assert(utf8_valid(c->values[i], strlen(c->values[i])));
	for (i = 0; i < c->nleaves; i++)
		check_sql(c->leaves[i].sql, c->nvalues);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *arena;
	struct json_error error;
	struct json_object *object;
	struct condition c;
	char *text;
	bool ok;

	if (arena == NULL) {
		arena = arena_new();
		learn_tables();
	}
	text = arena_alloc(arena, size + 1);
	memcpy(text, data, size);
	object = json_parse(arena, text, size, &error);
	if (object != NULL) {
		ok = condition_compile(NULL, arena, "org", object, FIRST, CONDITION_STORED, &c);
		check(&c, ok);
		ok = condition_compile(NULL, arena, "org", object, FIRST, CONDITION_ROW, &c);
		check(&c, ok);
	}
	arena_reset(arena);
	return 0;
}

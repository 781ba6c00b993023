/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random conditions made from the language's own tables: each is taken, runs
 * without an error of the database, has no text of the caller in its SQL, and
 * finds the same tickets through the tables beside ticket as by looking at each.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/condition_table.h"

#define CONDITIONS 2000
#define SENTINEL "qq'\\\"$1::text)]},{\\\\--"

/* clang-format off */
static const struct { const char *name; enum condition_type type; } custom[] = {
	{ "custom_fields.plan",  CT_TEXT },   { "custom_fields.seats", CT_NUMBER },
	{ "custom_fields.vip",   CT_FLAG },   { "custom_fields.due",   CT_DATE },
	{ "custom_fields.parts", CT_SET },
};

static const char *const times[] = { "now", "now-2d", "now+90m", "now-100000w", "now+400000w",
	"2026-06-13T10:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999+00:00",
	"2024-02-29T00:00:00-12:00" };
static const char *const days[] = { "now", "now-1w", "now-100000w", "now+400000w", "2026-06-13",
	"0001-01-01", "9999-12-31", "2024-02-29", "2026-01-02" };
static const char *const integers[] = { "0", "-1", "1042", "2147483648", "9223372036854775807",
	"-9223372036854775808" };
static const char *const numbers[] = { "0", "-0.5", "1e308", "-1e-300", "9223372036854775807",
	"0.1000000000000000055511151231257827", "1E5", "5", "5.0" };
static const char *const seats[] = { "0", "-0.5", "5", "5.0", "-7" };
#define LONG50 "12345678901234567890123456789012345678901234567890"
#define LONG LONG50 LONG50 LONG50 LONG50 /* as much as ticket_field keeps */
static const char *const texts[] = { SENTINEL, "", "%_", "qq", "\\u00e9\\ud83d\\ude00",
	"NULL", "{}", "qq\\n\\t", "x", "p", "true", "5", LONG "x", LONG "y" };
/* clang-format on */

static unsigned
dice(unsigned sides)
{
	return (unsigned)random() % sides;
}

#define PICK(list) list[dice(LENGTH(list))]

static const char *
value(enum condition_type type, const char *const *words)
{
	unsigned n = 0;

	switch (type) {
	case CT_WORD:
	case CT_LEVEL:
		while (words[n] != NULL)
			n++;
		return fmt("\"%s\"", words[dice(n)]);
	case CT_ID:
		return "\"0190163d-8694-739b-aea5-966c26f8ad92\"";
	case CT_INTEGER:
		return PICK(integers);
	case CT_NUMBER:
		return PICK(numbers);
	case CT_TRUTH:
	case CT_FLAG:
		return dice(2) == 0 ? "true" : "false";
	case CT_TIME:
		return fmt("\"%s\"", PICK(times));
	case CT_DATE:
		return fmt("\"%s\"", PICK(days));
	default:
		return fmt("\"%s\"", PICK(texts));
	}
}

static void
put_values(struct buf *out, enum condition_type type, const char *const *words)
{
	unsigned i, n = 1 + dice(4);

	buf_char(out, '[');
	for (i = 0; i < n; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : ",", value(type, words));
	buf_char(out, ']');
}

static struct condition_field
any_field(void)
{
	unsigned n = 0, k;

	while (condition_fields[n].name != NULL)
		n++;
	k = dice(n + (unsigned)LENGTH(custom));
	if (k < n)
		return condition_fields[k];
	return (struct condition_field){ .name = custom[k - n].name, .type = custom[k - n].type };
}

static void
put_leaf(struct buf *out)
{
	const struct condition_operator *op;
	struct condition_field f = any_field();
	unsigned n = 0;

	while (condition_operators[n].name != NULL)
		n++;
	do {
		op = &condition_operators[dice(n)];
	} while ((op->types & f.type) == 0);
	buf_printf(out, "{\"field\":\"%s\",\"op\":\"%s\"", f.name, op->name);
	if (op->shape != CS_NONE)
		buf_str(out, ",\"value\":");
	if (op->shape == CS_ONE)
		buf_str(out, value(f.type, f.words));
	if (op->shape == CS_PART)
		buf_printf(out, "\"%s\"", texts[dice(2) * 2]); /* not the empty one */
	if (op->shape == CS_MANY)
		put_values(out, f.type, f.words);
	buf_char(out, '}');
}

static void
put_condition(struct buf *out, unsigned depth)
{
	unsigned i, n = 1 + dice(3), kind = depth >= 5 ? 3 : dice(6);

	if (kind >= 3) {
		put_leaf(out);
		return;
	}
	if (kind == 2) {
		buf_str(out, "{\"not\":");
		put_condition(out, depth + 1);
		buf_char(out, '}');
		return;
	}
	buf_str(out, kind == 0 ? "{\"all\":[" : "{\"any\":[");
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_char(out, ',');
		put_condition(out, depth + 1);
	}
	buf_str(out, "]}");
}

/* Rows that a comparison can meet: without values, and with every type of JSON in custom fields. */
static void
tickets(void)
{
	unsigned i;

	caller_reset();
	sql("INSERT INTO custom_field (org_id, field_id, key, label, type, options) SELECT '" ORG
	    "', uuid7(), k, k, y, CASE WHEN y = 'multiselect' THEN '{x,y}'::text[] ELSE '{}' END "
	    "FROM (VALUES ('plan', 'text'), ('seats', 'number'), ('vip', 'boolean'), ('due', 'date'), "
	    "('parts', 'multiselect')) AS f(k, y)");
	make_ticket("plain");
	make_ticket_of(
	    "{\"title\":\"full\",\"tags\":[\"a\"],\"required_skills\":[\"b\"],\"custom_fields\":{"
	    "\"plan\":\"p\",\"seats\":5,\"vip\":true,\"due\":\"2026-01-02\",\"parts\":[\"x\"]}}");
	for (i = 0; i < LENGTH(texts); i++)
		make_ticket_of(fmt(
		    "{\"title\":\"%u\",\"tags\":[\"x\",\"p\"],\"custom_fields\":{\"plan\":\"%s\",\"seats\":%s,"
		    "\"vip\":%s,\"due\":\"%s\",\"parts\":%s}}",
		    i, texts[i], seats[i % LENGTH(seats)], i % 2 == 0 ? "true" : "false",
		    days[4 + i % (LENGTH(days) - 4)],
		    i % 3 == 0   ? "[]"
		    : i % 3 == 1 ? "[\"y\"]"
				 : "[\"x\",\"y\"]"));
	sql("UPDATE ticket SET ai_classification = '{\"topic\":1,\"confidence\":\"x\"}' WHERE title = 'full'");
}

/* The numbers of the tickets that fit. */
static const char *
found(struct json_object *object, enum condition_on on)
{
	const char *values[256] = { ORG };
	struct condition c;
	const PGresult *rows;
	int i;

	ck_assert_msg(condition_compile(worker->db, worker->arena, ORG, object, 2, on, &c),
	    "%s: %s %s", json_object_to_json_string(object), c.path, c.message);
	ck_assert_msg(strstr(c.sql, "qq") == NULL, "%s", c.sql);
	for (i = 0; i < c.nvalues; i++)
		values[i + 1] = c.values[i];
	rows = db_result(worker->db,
	    db_queue_text(worker->db,
		arena_printf(worker->arena,
		    "SELECT COALESCE(string_agg(t.number::text, ' ' ORDER BY t.number), '') "
		    "FROM ticket t WHERE t.org_id = $1 AND %s",
		    c.sql),
		c.nvalues + 1, values));
	ck_assert_msg(rows != NULL, "%s: %s", db_error(worker->db)->message,
	    json_object_to_json_string(object));
	return arena_strdup(worker->arena, PQgetvalue(rows, 0, 0));
}

/* How many tickets fit; the same ones whether the tables beside ticket help or not. */
static size_t
run(const char *json)
{
	static const struct db_context context = { .org = ORG, .actor_type = "system" };
	struct json_error error;
	struct json_object *object;
	const char *stored, *row;

	db_begin(worker->db, worker->arena, DB_READ, &context);
	object = json_parse(worker->arena, json, strlen(json), &error);
	ck_assert_msg(object != NULL, "%s", json);
	stored = found(object, CONDITION_STORED);
	row = found(object, CONDITION_ROW);
	ck_assert_msg(strcmp(stored, row) == 0, "%s: by index %s, else %s", json, stored, row);
	db_rollback(worker->db);
	return strlen(stored);
}

TEST(two_thousand_random_conditions_run_without_an_error)
{
	struct buf json;
	int i, some = 0;

	srandom(20260613);
	for (i = 0; i < CONDITIONS; i++) {
		arena_reset(worker->arena);
		buf_init(&json, worker->arena, 1024);
		put_condition(&json, 1);
		some += run(json.data) > 0;
	}
	ck_assert_int_gt(some, CONDITIONS / 4);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("condition_random");

	tcase_add_checked_fixture(c, tickets, NULL);
	tcase_set_timeout(c, 300);
	tcase_add_test(c, two_thousand_random_conditions_run_without_an_error);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("condition_random", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The condition language: what it finds, what it refuses, and that no caller's text reaches the
 * SQL. */
#include "harness.h"

#include <string.h>

#include "base/json.h"
#include "resources/tickets.h"
#include "store/condition_table.h"

static struct condition condition;

static bool
compile(const char *json, enum condition_on on)
{
	struct json_error error;
	struct json_object *object = json_parse(worker->arena, json, strlen(json), &error);

	ck_assert_msg(object != NULL, "%s", json);
	return condition_compile(worker->db, worker->arena, ORG, object, 2, on, &condition);
}

static void
begin(void)
{
	static const struct db_context context = { .org = ORG, .actor_type = "system" };

	db_rollback(worker->db);
	arena_reset(worker->arena);
	db_begin(worker->db, worker->arena, DB_READ, &context);
}

/* Titles of the tickets that match, in order, such as "a c". */
static const char *
found(const char *json, enum condition_on on)
{
	const char *values[256] = { ORG }, *out = "";
	const PGresult *rows;
	int i;

	begin();
	ck_assert_msg(compile(json, on), "%s: %s %s", json, condition.path, condition.message);
	for (i = 0; i < condition.nvalues; i++)
		values[i + 1] = condition.values[i];
	rows = db_result(worker->db,
	    db_queue_text(worker->db,
		fmt("SELECT t.title FROM ticket t WHERE t.org_id = $1 AND %s ORDER BY t.title",
		    condition.sql),
		condition.nvalues + 1, values));
	ck_assert_msg(rows != NULL, "%s: %s", condition.sql, db_error(worker->db)->message);
	for (i = 0; i < PQntuples(rows); i++)
		out = fmt("%s%s%s", out, i == 0 ? "" : " ", PQgetvalue(rows, i, 0));
	return out;
}

/* With either way of reading tags. */
static void
finds(const char *json, const char *titles)
{
	ck_assert_msg(strcmp(found(json, CONDITION_STORED), titles) == 0,
	    "%s finds \"%s\", not \"%s\"", json, found(json, CONDITION_STORED), titles);
	ck_assert_str_eq(found(json, CONDITION_ROW), titles);
}

static void
refuses(const char *json, const char *path, const char *code)
{
	begin();
	ck_assert_msg(!compile(json, CONDITION_STORED), "%s is taken", json);
	ck_assert_str_eq(condition.path, path);
	ck_assert_str_eq(condition.code, code);
	ck_assert(condition.message[strlen(condition.message) - 1] == '.');
}

#define LEAF(field, op, value) "{\"field\":\"" field "\",\"op\":\"" op "\",\"value\":" value "}"
#define BARE(field, op) "{\"field\":\"" field "\",\"op\":\"" op "\"}"

static void
tickets_a_b_c(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM custom_field");
	sql("INSERT INTO custom_field (org_id, field_id, key, label, type, options) SELECT '" ORG
	    "', uuid7(), k, k, y, CASE WHEN y IN ('dropdown', 'multiselect') THEN '{pro,free,x,y,z}'::text[] ELSE '{}' END FROM (VALUES ('plan', 'dropdown'), ('seats', 'number'), ('vip', 'boolean'), "
	    "('due', 'date'), ('parts', 'multiselect')) AS f(k, y)");
	sql("INSERT INTO ticket (org_id, ticket_id, number, title, description, status, priority, tags, "
	    "required_skills, channel, customer_id, external_id, custom_fields, ai_classification, created_at) "
	    "SELECT '" ORG
	    "', uuid7(), n, title, d, status, priority, tags::text[], skills::text[], 'api', "
	    "default_customer_id, ext, cf::jsonb, ai::jsonb, now() - age::interval FROM organization, (VALUES "
	    "(1, 'a', 'Cannot log in', 'new', 'urgent', '{login,bug}', '{}', NULL, "
	    " '{\"plan\":\"pro\",\"seats\":5,\"vip\":true,\"due\":\"2026-01-02\",\"parts\":[\"x\",\"y\"]}', NULL, '1 hour'), "
	    "(2, 'b', 'Invoice 100%%', 'open', 'low', '{billing}', '{german}', 'e-2', "
	    " '{\"plan\":\"free\",\"seats\":50}', '{\"topic\":\"billing\",\"confidence\":0.9,\"overridden\":true,"
	    "\"overridden_by\":\"ada\",\"classified_at\":\"2026-06-13T10:00:00Z\"}', '3 days'), "
	    "(3, 'c', '', 'open', 'high', '{}', '{}', NULL, '{}', NULL, '10 days')) "
	    "AS v(n, title, d, status, priority, tags, skills, ext, cf, ai, age) WHERE org_id = '" ORG
	    "'");
}

TEST(words_texts_and_numbers_compare)
{
	finds("{}", "a b c");
	finds(LEAF("status", "eq", "\"open\""), "b c");
	finds(LEAF("status", "ne", "\"open\""), "a");
	finds(LEAF("priority", "in", "[\"urgent\",\"high\"]"), "a c");
	finds(LEAF("priority", "not_in", "[\"urgent\",\"high\"]"), "b");
	finds(LEAF("priority", "gt", "\"low\""), "a c");
	finds(LEAF("priority", "gte", "\"high\""), "a c");
	finds(LEAF("priority", "lt", "\"high\""), "b");
	finds(LEAF("priority", "lte", "\"high\""), "b c");
	finds(LEAF("title", "eq", "\"a\""), "a");
	finds(LEAF("description", "contains", "\"LOG in\""), "a");
	finds(LEAF("description", "contains", "\"%\""), "b");
	finds(LEAF("description", "not_contains", "\"log\""), "b c");
	finds(LEAF("description", "starts_with", "\"inv\""), "b");
	finds(BARE("description", "is_not_set"), "c");
	finds(LEAF("number", "gt", "1"), "b c");
	finds(LEAF("number", "lte", "1"), "a");
	finds(LEAF("number", "in", "[1,3]"), "a c");
}
END

TEST(a_field_without_a_value_is_different_from_every_value)
{
	finds(LEAF("external_id", "ne", "\"e-2\""), "a c");
	finds(LEAF("external_id", "not_in", "[\"e-2\"]"), "a c");
	finds(BARE("external_id", "is_not_set"), "a c");
	finds(BARE("external_id", "is_set"), "b");
	finds("{\"not\":" LEAF("external_id", "eq", "\"e-2\"") "}", "a c");
	finds(BARE("assignee_user_id", "is_not_set"), "a b c");
}
END

TEST(tags_and_lists_are_searched_by_their_words)
{
	finds(LEAF("tags", "contains", "\"bug\""), "a");
	finds(LEAF("tags", "not_contains", "\"bug\""), "b c");
	finds(LEAF("tags", "contains_any", "[\"bug\",\"billing\"]"), "a b");
	finds(LEAF("tags", "contains_all", "[\"bug\",\"login\"]"), "a");
	finds(LEAF("tags", "contains_none", "[\"bug\",\"billing\"]"), "c");
	finds(BARE("tags", "is_set"), "a b");
	finds(LEAF("required_skills", "contains", "\"german\""), "b");
}
END

TEST(times_are_absolute_or_relative_to_now)
{
	finds(LEAF("created_at", "after", "\"now-2d\""), "a");
	finds(LEAF("created_at", "before", "\"now-2d\""), "b c");
	finds(LEAF("created_at", "before", "\"now-1w\""), "c");
	finds(LEAF("created_at", "on_or_before", "\"now\""), "a b c");
	finds(LEAF("created_at", "after", "\"2020-01-01T00:00:00+02:00\""), "a b c");
	finds(LEAF("created_at", "after", "\"now+90m\""), "");
	finds(BARE("snoozed_until", "is_not_set"), "a b c");
}
END

TEST(custom_fields_compare_by_their_type)
{
	finds(LEAF("custom_fields.plan", "eq", "\"pro\""), "a");
	finds(LEAF("custom_fields.plan", "ne", "\"pro\""), "b c");
	finds(LEAF("custom_fields.seats", "gt", "9.5"), "b");
	finds(LEAF("custom_fields.seats", "in", "[5,6]"), "a");
	finds(LEAF("custom_fields.vip", "eq", "true"), "a");
	finds(LEAF("custom_fields.due", "before", "\"2026-02-01\""), "a");
	finds(LEAF("custom_fields.parts", "contains", "\"x\""), "a");
	finds(LEAF("custom_fields.parts", "contains_all", "[\"x\",\"z\"]"), "");
	finds(BARE("custom_fields.seats", "is_set"), "a b");
	finds(LEAF("ai_classification.topic", "eq", "\"billing\""), "b");
	finds(LEAF("ai_classification.confidence", "gte", "0.5"), "b");
	finds(LEAF("ai_classification.overridden", "eq", "true"), "b");
	finds(LEAF("ai_classification.overridden", "ne", "true"), "a c");
	finds(LEAF("ai_classification.overridden_by", "eq", "\"ada\""), "b");
	finds(LEAF("ai_classification.classified_at", "before", "\"2026-06-14T00:00:00Z\""), "b");
	finds(BARE("ai_classification.classified_at", "is_not_set"), "a c");
}
END

TEST(all_any_and_not_nest)
{
	finds("{\"all\":[" LEAF("status", "eq", "\"open\"") "," LEAF(
		  "priority", "eq", "\"low\"") "]}",
	    "b");
	finds(
	    "{\"any\":[" LEAF("status", "eq", "\"new\"") "," LEAF("priority", "eq", "\"low\"") "]}",
	    "a b");
	finds("{\"all\":[]}", "a b c");
	finds("{\"not\":{\"any\":[" LEAF("status", "eq", "\"new\"") ",{\"all\":[" LEAF(
		  "tags", "contains", "\"billing\"") "]}]}}",
	    "c");
}
END

TEST(what_is_wrong_is_named_with_its_place)
{
	refuses("{\"all\":[{},{}]}", "all[0].field", "required");
	refuses(LEAF("color", "eq", "1"), "field", "unknown_field");
	refuses("{\"any\":[" LEAF("custom_fields.color", "eq", "1") "]}", "any[0].field",
	    "unknown_field");
	refuses(LEAF("status", "gt", "\"open\""), "op", "not_allowed");
	refuses(LEAF("priority", "gt", "\"huge\""), "value", "not_allowed");
	refuses(LEAF("title", "contains", "\"\""), "value", "too_short");
	refuses(LEAF("title", "not_contains", "\"\""), "value", "too_short");
	refuses(LEAF("title", "starts_with", "\"\""), "value", "too_short");
	refuses(LEAF("status", "eq", "\"opened\""), "value", "not_allowed");
	refuses(LEAF("status", "in", "[\"open\",7]"), "value[1]", "not_allowed");
	refuses(LEAF("status", "in", "\"open\""), "value", "type");
	refuses(LEAF("status", "in", "[]"), "value", "too_few");
	refuses(LEAF("team_id", "eq", "\"x\""), "value", "format");
	refuses(LEAF("number", "eq", "1.5"), "value", "type");
	refuses(LEAF("created_at", "before", "\"yesterday\""), "value", "type");
	refuses(LEAF("created_at", "before", "\"now-2y\""), "value", "type");
	refuses(LEAF("created_at", "before", "\"now-999999w\""), "value", "type");
	refuses(LEAF("created_at", "before", "\"now+999999w\""), "value", "type");
	refuses(LEAF("title", "eq", "null"), "value", "type");
	refuses(LEAF("title", "is_set", "1"), "value", "not_allowed");
	refuses(BARE("title", "eq"), "value", "required");
	refuses("{\"any\":[]}", "any", "too_few");
	refuses("{\"all\":[],\"any\":[]}", "all", "not_allowed");
	refuses("{\"not\":[]}", "not", "type");
	refuses(
	    "{\"field\":\"title\",\"op\":\"eq\",\"value\":\"x\",\"or\":1}", "or", "unknown_field");
	refuses(
	    "{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{}}}}}}}}}",
	    "not.not.not.not.not.not.not.not", "too_deep");
}
END

    static bool
    in_language(const char *name)
{
	static const char *const left_out[] = {
		"org_id",            /* the caller's own, always */
		"ai_classification", /* its members are */
		"custom_fields",     /* each is, by its key */
		"lease_until",       /* of the reply of next alone */
	};
	const struct condition_field *f;
	unsigned i;

	for (i = 0; i < LENGTH(left_out); i++)
		if (strcmp(left_out[i], name) == 0)
			return true;
	for (f = condition_fields; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return true;
	return false;
}

TEST(what_the_api_shows_of_a_ticket_can_be_asked_for)
{
	const struct field *f, *inner;

	for (f = ticket.fields; f->name != NULL; f++) {
		ck_assert_msg((f->flags & F_OUT) == 0 || in_language(f->name), "%s", f->name);
		for (inner = f->sub; inner != NULL && inner->name != NULL; inner++)
			ck_assert_msg(in_language(fmt("%s.%s", f->name, inner->name)), "%s.%s",
			    f->name, inner->name);
	}
}
END

TEST(a_hundred_comparisons_are_taken_and_one_more_is_not)
{
	const char *leaf = LEAF("title", "eq", "\"a\"");
	char json[8192] = "{\"any\":[";
	int i;

	for (i = 0; i < 100; i++)
		snprintf(json + strlen(json), sizeof(json) - strlen(json), "%s%s",
		    i == 0 ? "" : ",", leaf);
	finds(fmt("%s]}", json), "a");
	refuses(fmt("%s,%s]}", json, leaf), "any[100]", "too_many");
}
END

TEST(no_text_of_the_caller_is_part_of_the_sql)
{
	static const char *const hostile[] = { LEAF("title", "eq", "\"qq'; DROP TABLE ticket --\""),
		LEAF("tags", "contains_any", "[\"qq\\\"}',\",\"qq\\\\\"]"),
		LEAF("custom_fields.plan", "eq", "\"qq\"") };
	unsigned i;

	sql("UPDATE custom_field SET key = 'qqplan' WHERE key = 'plan'");
	for (i = 0; i < 2; i++) {
		finds(hostile[i], "");
		ck_assert_ptr_null(strstr(condition.sql, "qq"));
	}
	finds(LEAF("custom_fields.qqplan", "eq", "\"qq\""), "");
	ck_assert_ptr_null(strstr(condition.sql, "qq"));
}
END

TEST(each_comparison_can_tell_whether_it_held)
{
	begin();
	ck_assert(compile("{\"all\":[" LEAF("status", "eq", "\"open\"") ",{\"not\":" LEAF(
			      "tags", "contains", "\"x\"") "}]}",
	    CONDITION_ROW));
	ck_assert_int_eq(condition.nleaves, 2);
	ck_assert_str_eq(condition.leaves[0].path, "all[0]");
	ck_assert_str_eq(condition.leaves[1].path, "all[1].not");
	ck_assert_str_eq(condition.leaves[0].sql, "(t.status = $2::text)");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("condition");

	tcase_add_checked_fixture(c, tickets_a_b_c, NULL);
	tcase_add_test(c, words_texts_and_numbers_compare);
	tcase_add_test(c, a_field_without_a_value_is_different_from_every_value);
	tcase_add_test(c, tags_and_lists_are_searched_by_their_words);
	tcase_add_test(c, times_are_absolute_or_relative_to_now);
	tcase_add_test(c, custom_fields_compare_by_their_type);
	tcase_add_test(c, all_any_and_not_nest);
	tcase_add_test(c, what_is_wrong_is_named_with_its_place);
	tcase_add_test(c, what_the_api_shows_of_a_ticket_can_be_asked_for);
	tcase_add_test(c, a_hundred_comparisons_are_taken_and_one_more_is_not);
	tcase_add_test(c, no_text_of_the_caller_is_part_of_the_sql);
	tcase_add_test(c, each_comparison_can_tell_whether_it_held);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("condition", all);
}

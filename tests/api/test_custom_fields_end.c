/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of values when their custom field changes or goes. */
#include "fixtures_custom_fields.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

TEST(a_clone_takes_the_values_as_they_are_without_those_of_deleted_fields)
{
	const char *plan =
	    make_field("{\"label\":\"plan\",\"type\":\"dropdown\",\"options\":[\"free\",\"pro\"]}");
	const char *seats = make_field("{\"label\":\"seats\",\"type\":\"number\"}");
	const char *gone = make_field("{\"label\":\"gone\",\"type\":\"text\"}");
	const char *ticket = make_with("{\"plan\":\"free\",\"seats\":5,\"gone\":\"x\"}");

	call("PATCH", fmt(FIELDS "/%s", plan), "{\"options\":[\"pro\"]}");
	expect(200);
	call("PATCH", fmt(FIELDS "/%s", seats), "{\"minimum\":10}");
	expect(200);
	call("DELETE", fmt(FIELDS "/%s", gone), NULL);
	call("POST", fmt("/api/tickets/%s/clone", ticket), "{}");
	expect(201);
	ck_assert_str_eq(text("custom_fields.plan"), "free");
	ck_assert_int_eq(number("custom_fields.seats"), 5);
	ck_assert(!has("custom_fields.gone"));
	call("GET", "/api/tickets?cf.plan=free", NULL);
	ck_assert_uint_eq(count("data"), 2);
	call("POST", "/api/tickets", "{\"title\":\"t\",\"custom_fields\":{\"seats\":5}}");
	expect_field("custom_fields.seats", "not_allowed");
}
END

TEST(a_deleted_field_keeps_its_values_for_thirty_days)
{
	const char *field = make_field("{\"label\":\"plan\",\"type\":\"text\"}");
	const char *ticket = make_with("{\"plan\":\"pro\"}");

	call("DELETE", fmt(FIELDS "/%s", field), NULL);
	expect(204);
	call("GET", FIELDS, NULL);
	ck_assert_uint_eq(count("data"), 0);
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	ck_assert_str_eq(text("custom_fields.plan"), "pro");
	call("PATCH", fmt("/api/tickets/%s", ticket), "{\"title\":\"other\"}");
	expect(200);
	call("POST", "/api/tickets", "{\"title\":\"t\",\"custom_fields\":{\"plan\":\"pro\"}}");
	expect_field("custom_fields.plan", "unknown_field");
	call("POST", FIELDS, "{\"label\":\"plan\",\"type\":\"number\"}");
	expect_problem(409, "key_in_use");
	sql("UPDATE custom_field SET deleted_at = now() - interval '29 days'");
	housekeeping();
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	ck_assert_str_eq(text("custom_fields.plan"), "pro");
	sql("UPDATE custom_field SET deleted_at = now() - interval '31 days'");
	housekeeping();
	housekeeping();
	call("GET", fmt("/api/tickets/%s", ticket), NULL);
	ck_assert(!has("custom_fields.plan"));
	make_field("{\"label\":\"plan\",\"type\":\"number\"}");
}
END

TEST(the_purge_reaches_merged_tickets_and_is_no_change_of_a_ticket)
{
	const char *field = make_field("{\"label\":\"plan\",\"type\":\"text\"}");
	const char *source = make_with("{\"plan\":\"pro\"}"),
		   *target = make_with("{\"plan\":\"pro\"}");
	const char *times =
	    "SELECT string_agg(updated_at::text, ' ' ORDER BY ticket_id) FROM ticket";
	const char *before;

	call(
	    "POST", fmt("/api/tickets/%s/merge", target), fmt("{\"ticket_ids\":[\"%s\"]}", source));
	expect(200);
	before = sql_text("%s", times);
	call("DELETE", fmt(FIELDS "/%s", field), NULL);
	sql("UPDATE custom_field SET deleted_at = now() - interval '31 days'");
	housekeeping();
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket WHERE custom_fields <> '{}'"), "0");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket_field"), "0");
	ck_assert_str_eq(sql_text("%s", times), before);
}
END

    /* What is written to the log while housekeeping runs; static storage. */
    static const char *
    housekeeping_says(void)
{
	static char said[4096];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t len;

	ck_assert_ptr_nonnull(file);
	dup2(fileno(file), STDERR_FILENO);
	housekeeping();
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	len = fread(said, 1, sizeof(said) - 1, file);
	said[len] = '\0';
	fclose(file);
	return said;
}

TEST(a_purge_that_fails_is_logged_and_holds_up_no_other_organization)
{
	const char *said;

	make_field("{\"label\":\"plan\",\"type\":\"text\"}");
	make_with("{\"plan\":\"held\"}");
	caller.key = other_key;
	make("/api/organizations/" OTHER "/custom-fields", "{\"label\":\"plan\",\"type\":\"text\"}",
	    "field_id");
	make_with("{\"plan\":\"free\"}");
	sql("UPDATE custom_field SET deleted_at = now() - interval '31 days'");
	sql("CREATE OR REPLACE FUNCTION test_hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
	    "PERFORM fail(409, 'held', 'The test holds it.'); RETURN NULL; END $$; "
	    "CREATE TRIGGER test_hold BEFORE UPDATE ON ticket FOR EACH ROW WHEN (OLD.custom_fields ->> 'plan' = 'held') "
	    "EXECUTE FUNCTION test_hold()");
	said = housekeeping_says();
	sql("DROP TRIGGER test_hold ON ticket");
	ck_assert_msg(strstr(said, "purge_custom_fields") != NULL && strstr(said, ORG) != NULL &&
			  strstr(said, "The test holds it.") != NULL,
	    "%s", said);
	ck_assert_str_eq(
	    sql_text("SELECT string_agg(custom_fields ->> 'plan', ' ') FROM ticket"), "held");
}
END

TEST(a_field_that_comes_back_takes_its_values_over)
{
	const char *field = make_field("{\"label\":\"plan\",\"type\":\"text\"}");
	const char *ticket = make_with("{\"plan\":\"pro\"}");

	call("DELETE", fmt(FIELDS "/%s", field), NULL);
	make_field("{\"label\":\"plan\",\"type\":\"text\"}");
	call("GET", "/api/tickets?cf.plan=pro", NULL);
	ck_assert_str_eq(text("data.0.ticket_id"), ticket);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("custom_fields_end");

	tcase_add_checked_fixture(c, custom_fields_fresh, NULL);
	tcase_add_test(c, a_clone_takes_the_values_as_they_are_without_those_of_deleted_fields);
	tcase_add_test(c, a_deleted_field_keeps_its_values_for_thirty_days);
	tcase_add_test(c, the_purge_reaches_merged_tickets_and_is_no_change_of_a_ticket);
	tcase_add_test(c, a_purge_that_fails_is_logged_and_holds_up_no_other_organization);
	tcase_add_test(c, a_field_that_comes_back_takes_its_values_over);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("custom_fields_end", all);
}

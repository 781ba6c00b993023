/* SPDX-License-Identifier: Apache-2.0 */
/* What an export wrote, an import gives back: to another organization, in every column. */
#include "fixtures_imports.h"

#include <stdio.h>

#include "base/conf.h"

/* The file of an export of ORG, sent to OTHER. */
static void
carry(const char *export, const char *query, const char *type)
{
	static char file[65536];
	const char *id;
	FILE *f;

	caller_reset();
	id = make_job("/api/exports", export, "export_id");
	run_jobs();
	f = fopen(fmt("%s/exports/" ORG "/%s", conf.state_dir, id), "re");
	ck_assert_ptr_nonnull(f);
	file[fread(file, 1, sizeof(file) - 1, f)] = '\0';
	fclose(f);
	caller.key = other_key;
	import(query, type, file);
}

/* Both organisations have the same rows in these columns. */
static void
expect_same(const char *table, const char *columns)
{
	const char *odd =
	    sql_text("SELECT string_agg(d::text, ' ') FROM ((SELECT %s FROM %s WHERE org_id = '" ORG
		     "' EXCEPT SELECT %s FROM %s WHERE org_id = '" OTHER
		     "') UNION ALL (SELECT %s FROM %s WHERE org_id = '" OTHER
		     "' EXCEPT SELECT %s FROM %s WHERE org_id = '" ORG "')) d",
		columns, table, columns, table, columns, table, columns, table);

	ck_assert_msg(*odd == '\0', "%s differs: %s", table, odd);
}

TEST(what_an_export_wrote_an_import_gives_back)
{
	static const char *const tickets =
	    "ticket_id, number, title, description, status, priority, tags, channel, external_id, "
	    "required_skills, date_trunc('milliseconds', first_response_at), "
	    "date_trunc('milliseconds', last_customer_comment_at), "
	    "date_trunc('milliseconds', created_at), date_trunc('milliseconds', updated_at), "
	    "date_trunc('milliseconds', resolved_at), date_trunc('milliseconds', closed_at), "
	    "(SELECT c.email FROM customer c WHERE c.org_id = ticket.org_id "
	    "AND c.customer_id = ticket.customer_id)";
	const char *ticket;

	import("", NDJSON,
	    "{\"external_id\":\"a\",\"title\":\"=1+1, \\\"quoted\\\"\",\"description\":\"two\\nlines\",\"tags\":[\"x\",\"y z\"],"
	    "\"requester\":{\"email\":\"ada@example.com\",\"name\":\"Ada\",\"external_id\":\"p1\"},\"status\":\"closed\","
	    "\"created_at\":\"2020-01-01T00:00:00.123Z\",\"comments\":[{\"author_type\":\"customer\",\"body\":\"hi\",\"created_at\":\"2020-01-01T01:00:00Z\"},"
	    "{\"body\":\"a note\",\"internal\":true,\"author_name\":\"Ann\",\"created_at\":\"2020-01-01T02:00:00Z\"}]}\n");
	ticket = make_ticket("second");
	make_comment(ticket, "an answer");
	carry("{\"kind\":\"customers\"}", "kind=customers", NDJSON);
	ck_assert_int_eq(number("failed"), 0);
	carry("{\"kind\":\"tickets\",\"include_comments\":true}", "", NDJSON);
	ck_assert_int_eq(number("failed"), 0);
	ck_assert_int_eq(number("created"), 5);
	expect_same("ticket", tickets);
	expect_same("comment",
	    "comment_id, ticket_id, internal, body, date_trunc('milliseconds', created_at)");
	carry("{\"kind\":\"tickets\",\"include_comments\":true}", "", NDJSON);
	ck_assert_int_eq(number("skipped"), 5);
	sql("DELETE FROM ticket WHERE org_id = '" OTHER "'");
	carry("{\"kind\":\"tickets\",\"format\":\"csv\"}", "", "text/csv");
	ck_assert_int_eq(number("failed"), 0);
	expect_same("ticket", tickets);
}
END

TEST(snooze_classification_mentions_and_earlier_texts_travel_too)
{
	const char *ticket = make_ticket("asleep"), *note, *ann;
	static const char *const of_people =
	    "SELECT string_agg(concat_ws(' ', u.org_id, %s), ', ' ORDER BY u.org_id) FROM app_user u JOIN %s";

	sql("INSERT INTO app_user (org_id, user_id, email, name) VALUES ('" ORG
	    "', uuid7(), 'Ann@example.com', 'Ann'), ('" OTHER
	    "', uuid7(), 'ann@example.com', 'Ann')");
	ann = sql_text(
	    "SELECT user_id FROM app_user WHERE org_id = '" ORG "' AND email = 'Ann@example.com'");
	note = make(fmt("/api/tickets/%s/internal-notes", ticket),
	    fmt("{\"body\":\"look\",\"mentions\":[\"%s\"]}", ann), "note_id");
	call("PATCH", fmt("/api/tickets/%s/internal-notes/%s", ticket, note),
	    "{\"body\":\"look here\"}");
	expect(200);
	call("PATCH", fmt("/api/tickets/%s/internal-notes/%s", ticket, note),
	    "{\"body\":\"look there\"}");
	expect(200);
	sql("UPDATE ticket SET ai_classification = '{\"topic\":\"spam\",\"confidence\":0.4}' WHERE ticket_id = '%s'",
	    ticket); /* what the model said travels beside what a person says */
	call("PATCH", fmt("/api/tickets/%s/classification", ticket), "{\"topic\":\"billing\"}");
	expect(200);
	sql("UPDATE ticket SET snoozed_until = '2099-01-01', snooze_until_reply = true, ai_classification = "
	    "ai_classification || jsonb_build_object('overridden_by', '%s', 'model', 'of the future') WHERE ticket_id = '%s'; "
	    "UPDATE comment_revision SET edited_by = '%s'",
	    ann, ticket, ann);
	carry("{\"kind\":\"tickets\",\"include_comments\":true}", "", NDJSON);
	ck_assert_int_eq(number("failed"), 0);
	ck_assert_int_eq(number("created"), 2);
	expect_same("ticket",
	    "ticket_id, snoozed_until, snooze_until_reply, ai_classification - 'overridden_by' - 'model'");
	expect_same("comment", "comment_id, version, body, date_trunc('milliseconds', edited_at)");
	expect_same(
	    "comment_revision", "comment_id, version, body, date_trunc('milliseconds', edited_at)");
	ck_assert_str_eq(
	    sql_text(of_people, "u.name",
		"ticket t ON t.org_id = u.org_id AND t.ai_classification ->> 'overridden_by' = u.user_id::text"),
	    ORG " Ann, " OTHER " Ann");
	ck_assert_str_eq(sql_text(of_people, "c.version",
			     "comment c ON c.org_id = u.org_id AND c.mentions = ARRAY[u.user_id]"),
	    ORG " 3, " OTHER " 3");
	ck_assert_str_eq(
	    sql_text(of_people, "r.version, r.body",
		"comment_revision r ON r.org_id = u.org_id AND r.edited_by = u.user_id::text"),
	    ORG " 1 look, " ORG " 2 look here, " OTHER " 1 look, " OTHER " 2 look here");
	call("PATCH", fmt("/api/tickets/%s/internal-notes/%s", ticket, note), "{\"body\":\"on\"}");
	expect(200); /* in the other organization: it goes on from the third text */
	ck_assert_str_eq(sql_text("SELECT string_agg(version::text, ' ' ORDER BY version) FROM "
				  "comment_revision WHERE org_id = '" OTHER "'"),
	    "1 2 3");
	sql("DELETE FROM app_user WHERE email ILIKE 'ann@example.com'");
}
END

TEST(a_snooze_that_is_over_is_left_out)
{
	import("", NDJSON,
	    "{\"title\":\"a\",\"external_id\":\"1\",\"snoozed_until\":\"2020-01-01T00:00:00Z\"}\n"
	    "{\"title\":\"b\",\"ai_classification\":{\"confidence\":\"high\"}}");
	ck_assert_str_eq(ticket_by("1", "snoozed_until IS NULL"), "t");
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_str_eq(text("rows.0.message"), "ai_classification.confidence: Must be a number.");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("imports_roundtrip");

	tcase_add_checked_fixture(c, imports_fresh, NULL);
	tcase_add_test(c, what_an_export_wrote_an_import_gives_back);
	tcase_add_test(c, snooze_classification_mentions_and_earlier_texts_travel_too);
	tcase_add_test(c, a_snooze_that_is_over_is_left_out);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("imports_roundtrip", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Imports: files of several desks become tickets and customers, silently, once, and row by row. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/util.h"
#include "jobs/job.h"

#define NDJSON "application/x-ndjson"

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM job; DELETE FROM custom_field; DELETE FROM team; "
	    "DELETE FROM customer WHERE name <> 'Unknown customer'; DELETE FROM app_user; DELETE FROM event; "
	    "UPDATE ticket_counter SET next_number = 1");
}

/* Send a file, let the scheduler work, and show the import. */
static void
import(const char *query, const char *type, const char *file)
{
	call_raw("POST", fmt("/api/imports?%s", query), file, strlen(file), type);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/imports/%s", text("import_id")), NULL);
	expect(200);
}

static const char *
ticket_by(const char *external_id, const char *column)
{
	return sql_text("SELECT %s FROM ticket WHERE org_id = '" ORG "' AND external_id = '%s'",
	    column, external_id);
}

TEST(a_ticket_keeps_its_number_times_and_thread)
{
	sql("INSERT INTO app_user (org_id, user_id, email, name) VALUES ('" ORG
	    "', uuid7(), 'Agent@example.com', 'Agent'); "
	    "INSERT INTO team (org_id, team_id, name) VALUES ('" ORG "', uuid7(), 'Blue')");
	import("", NDJSON,
	    "{\"external_id\":\"a1\",\"number\":4711,\"title\":\"Printer\",\"description\":\"Smoke\","
	    "\"status\":\"closed\",\"priority\":\"high\",\"tags\":[\"b\",\"a\"],"
	    "\"requester\":{\"email\":\"ada@example.com\",\"name\":\"Ada\"},"
	    "\"assignee_email\":\"agent@example.com\",\"team\":\"blue\","
	    "\"created_at\":\"2020-01-02T03:04:05Z\",\"updated_at\":\"2020-02-02T00:00:00Z\","
	    "\"closed_at\":\"2020-02-01T00:00:00Z\",\"comments\":["
	    "{\"body\":\"It burns\",\"author_type\":\"customer\",\"created_at\":\"2020-01-02T04:00:00Z\"},"
	    "{\"body\":\"Water!\",\"author_email\":\"agent@example.com\",\"created_at\":\"2020-01-02T05:00:00Z\"},"
	    "{\"body\":\"He is new\",\"internal\":true,\"author_name\":\"Gone\",\"created_at\":\"2020-01-02T04:30:00Z\"}]}\n");
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_int_eq(number("percent"), 100);
	call("GET", "/api/tickets?external_id=a1", NULL);
	ck_assert_int_eq(number("data.0.number"), 4711);
	ck_assert_str_eq(text("data.0.status"), "closed");
	ck_assert_str_eq(text("data.0.created_at"), "2020-01-02T03:04:05.000Z");
	ck_assert_str_eq(text("data.0.updated_at"), "2020-02-02T00:00:00.000Z");
	ck_assert_str_eq(text("data.0.closed_at"), "2020-02-01T00:00:00.000Z");
	ck_assert_str_eq(text("data.0.first_response_at"), "2020-01-02T05:00:00.000Z");
	ck_assert_str_eq(text("data.0.channel"), "import");
	ck_assert_str_eq(text("data.0.tags.0"), "a");
	ck_assert_str_eq(
	    sql_text("SELECT string_agg(tag, ' ' ORDER BY tag) FROM ticket_tag"), "a b");
	ck_assert_str_ne(text("data.0.assignee_user_id"), "null");
	ck_assert_str_ne(text("data.0.team_id"), "null");
	call("GET", fmt("/api/tickets/%s/comments", text("data.0.ticket_id")), NULL);
	ck_assert_uint_eq(count("data"), 2);
	ck_assert_str_eq(text("data.0.author_type"), "customer");
	ck_assert_str_eq(text("data.1.author_type"), "user");
	ck_assert_str_eq(text("data.1.created_at"), "2020-01-02T05:00:00.000Z");
	ck_assert_str_eq(sql_text("SELECT author_id FROM comment WHERE internal"), "Gone");
	call("GET", "/api/customers?email=ADA@example.com", NULL);
	ck_assert_str_eq(text("data.0.name"), "Ada");
	make_ticket("next");
	ck_assert_str_eq(sql_text("SELECT number FROM ticket WHERE title = 'next'"), "4712");
}
END

TEST(an_import_is_silent_but_for_two_entries_of_the_audit_log)
{
	import("", NDJSON,
	    "{\"title\":\"a\",\"requester\":{\"email\":\"new@example.com\"},\"comments\":[{\"body\":\"x\"}]}");
	ck_assert_str_eq(sql_text("SELECT string_agg(topic, ' ' ORDER BY occurred_at) FROM event"),
	    "import.created import.completed");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM event WHERE public"), "0");
	call("GET", "/api/organizations/" ORG "/audit-log?resource=import", NULL);
	ck_assert_uint_eq(count("data"), 2);
	make_ticket("loud again");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM event WHERE topic = 'ticket.created'"), "1");
}
END

TEST(what_is_there_already_is_skipped_or_updated)
{
	static const char file[] =
	    "{\"external_id\":\"a\",\"title\":\"one\",\"comments\":[{\"external_id\":\"c1\",\"body\":\"x\"}]}\n";

	import("", NDJSON, file);
	import("", NDJSON, file);
	ck_assert_int_eq(number("skipped"), 1);
	ck_assert_int_eq(number("created"), 0);
	ck_assert_str_eq(text("rows.0.outcome"), "skipped");
	ck_assert_str_eq(text("rows.0.code"), "already_exists");
	ck_assert_str_eq(text("rows.0.item"), "a");
	import("on_conflict=update", NDJSON,
	    "{\"external_id\":\"a\",\"title\":\"two\",\"status\":\"closed\",\"updated_at\":\"2021-01-01T00:00:00Z\","
	    "\"comments\":[{\"external_id\":\"c1\",\"body\":\"x\"},{\"external_id\":\"c2\",\"body\":\"y\"}]}\n");
	ck_assert_int_eq(number("updated"), 1);
	ck_assert_str_eq(
	    ticket_by("a", "title || ' ' || status || ' ' || updated_at::date || ' ' || version"),
	    "two closed 2021-01-01 2");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM comment"), "2");
	import("on_conflict=update", NDJSON,
	    "{\"external_id\":\"a\",\"title\":\"three\",\"status\":\"new\"}\n");
	ck_assert_str_eq(ticket_by("a", "title || ' ' || status"), "three new");
}
END

TEST(a_bad_row_is_told_of_and_the_others_go_on)
{
	import("", NDJSON,
	    "{\"title\":\"good\",\"external_id\":\"1\"}\n"
	    "{\"title\":\"bad\n"
	    "\n"
	    "{\"title\":\"\"}\n"
	    "{\"title\":\"x\",\"priority\":\"loud\"}\n"
	    "[1]\n"
	    "{\"title\":\"x\",\"surprise\":1}\n"
	    "{\"title\":\"x\xff\"}\n"
	    "{\"title\":\"x\",\"custom_fields\":{\"no_such\":1}}\n"
	    "{\"title\":\"again\",\"external_id\":\"1\"}\n"
	    "{\"title\":\"x\",\"comments\":[{\"body\":\"a\",\"created_at\":\"yesterday\"}]}\n"
	    "{\"title\":\"last\",\"external_id\":\"2\"}");
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("created"), 2);
	ck_assert_int_eq(number("failed"), 9);
	ck_assert_int_eq(number("total"), 11);
	ck_assert_int_eq(number("rows.0.line"), 2);
	ck_assert_str_eq(text("rows.0.code"), "syntax");
	ck_assert_int_eq(number("rows.1.line"), 4);
	ck_assert_str_eq(text("rows.1.code"), "too_short");
	ck_assert_str_eq(text("rows.2.code"), "not_allowed");
	ck_assert_str_eq(text("rows.3.code"), "type");
	ck_assert_str_eq(text("rows.4.message"), "surprise: There is no such field here.");
	ck_assert_str_eq(text("rows.5.code"), "utf8");
	ck_assert_str_eq(text("rows.6.code"), "custom_fields");
	ck_assert_str_eq(text("rows.7.code"), "repeated");
	ck_assert_str_eq(text("rows.8.message"),
	    "comments[0].created_at: Must be an RFC 3339 date and time with a zone, such as "
	    "2026-06-13T10:00:00Z.");
	ck_assert_str_eq(text("rows_after"), "null");
}
END

TEST(many_refused_rows_are_shown_in_pages)
{
	static char file[8192];
	int i;

	file[0] = '\0';
	for (i = 0; i < 230; i++)
		strcat(file, "{\"title\":\"\"}\n");
	import("", NDJSON, file);
	ck_assert_int_eq(number("failed"), 230);
	ck_assert_uint_eq(count("rows"), 100);
	call(
	    "GET", fmt("/api/imports/%s?after=%ld", text("import_id"), number("rows_after")), NULL);
	ck_assert_uint_eq(count("rows"), 100);
	ck_assert_int_eq(number("rows.0.line"), 101);
	call(
	    "GET", fmt("/api/imports/%s?after=%ld", text("import_id"), number("rows_after")), NULL);
	ck_assert_uint_eq(count("rows"), 30);
	ck_assert_str_eq(text("rows_after"), "null");
}
END

TEST(a_dry_run_tells_what_would_happen_and_leaves_nothing)
{
	import("dry_run=true", NDJSON,
	    "{\"title\":\"a\",\"requester\":{\"email\":\"dry@example.com\"}}\n{\"title\":\"\"}\n");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_str_eq(text("dry_run"), "true");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket"), "0");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM customer WHERE email = 'dry@example.com'"), "0");
	ck_assert_str_eq(
	    sql_text("SELECT next_number FROM ticket_counter WHERE org_id = '" ORG "'"), "1");
}
END

TEST(csv_is_read_as_spreadsheets_write_it)
{
	call("POST", "/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Seats\",\"key\":\"seats\",\"type\":\"number\"}");
	expect(201);
	import("mapping={\"Betreff\":\"title\"}", "text/csv",
	    "\xef\xbb\xbf"
	    "Id;Betreff;Status;Tags;Requester Email;cf.seats;Created at;Mood\r\n"
	    "7;\"Say \"\"hi\"\"; now\";Solved;\"b, a\";Ada@example.com;12;2020-01-02 03:04;sad\r\n"
	    "\r\n"
	    "8;\"two\r\nlines\";Hold;;;many;;\r\n"
	    "9;'=1+1;open\r\n"
	    "10;\"never closed;open\r\n"
	    "11;last;open;;;;;");
	ck_assert_int_eq(number("created"), 3);
	ck_assert_int_eq(number("failed"), 2);
	ck_assert_str_eq(text("ignored_fields.0"), "Mood");
	ck_assert_str_eq(ticket_by("7", "title || status || tags::text || created_at"),
	    "Say \"hi\"; nowresolved{a,b}2020-01-02 03:04:00+00");
	ck_assert_str_eq(ticket_by("7", "custom_fields ->> 'seats'"), "12");
	ck_assert_str_eq(ticket_by("9", "title"), "=1+1");
	ck_assert_int_eq(number("rows.0.line"), 4);
	ck_assert_str_eq(text("rows.0.message"), "custom_fields.seats: Must be a number.");
	ck_assert_int_eq(number("rows.1.line"), 7);
	ck_assert_str_eq(text("rows.1.code"), "unterminated_quote");
	import("", "text/csv", "a,b\n1,2\n");
	ck_assert_str_eq(text("state"), "failed");
	ck_assert_str_eq(text("error"), "The header has no column for the title.");
}
END

TEST(a_zendesk_export_is_understood)
{
	call("POST", "/api/organizations/" ORG "/custom-fields",
	    "{\"label\":\"Plan\",\"key\":\"plan\",\"type\":\"dropdown\",\"options\":[\"pro\"]}");
	expect(201);
	import("format=zendesk&mapping={\"360001\":\"custom_fields.plan\"}", "application/json",
	    "{\"tickets\":[{\"id\":35436,\"subject\":\"My printer is on fire!\",\"description\":\"The fire is colorful.\","
	    "\"status\":\"hold\",\"priority\":null,\"requester_id\":20978392,"
	    "\"requester\":{\"id\":20978392,\"name\":\"Ida\",\"email\":\"ida@example.com\"},"
	    "\"assignee\":{\"email\":\"nobody@example.com\"},\"tags\":[\"enterprise\"],\"via\":{\"channel\":\"voice\"},"
	    "\"custom_fields\":[{\"id\":360001,\"value\":\"pro\"},{\"id\":360002,\"value\":\"x\"}],"
	    "\"created_at\":\"2009-07-20T22:55:29Z\",\"updated_at\":\"2011-05-05T10:38:52Z\",\"comments\":["
	    "{\"id\":1,\"author_id\":20978392,\"body\":\"The fire is colorful.\",\"public\":true,\"created_at\":\"2009-07-20T22:55:29Z\"},"
	    "{\"id\":2,\"author_id\":5,\"body\":\"Really?\",\"public\":true,\"created_at\":\"2009-07-21T00:00:00Z\"},"
	    "{\"id\":3,\"author_id\":5,\"body\":\"Call them\",\"public\":false,\"created_at\":\"2009-07-21T01:00:00Z\"},"
	    "{\"id\":4,\"author_id\":20978392,\"body\":\"Yes\",\"public\":true,\"created_at\":\"2009-07-22T00:00:00Z\"}]},\n"
	    "{\"id\":2,\"subject\":\"\",\"description\":\"First line\\nsecond\",\"status\":\"solved\",\"requester_id\":77}],"
	    "\"next_page\":null,\"count\":2}");
	ck_assert_int_eq(number("created"), 2);
	ck_assert_int_eq(number("failed"), 0);
	ck_assert_str_eq(text("ignored_fields.0"), "360002");
	ck_assert_str_eq(text("rows.0.code"), "unknown_assignee");
	ck_assert_str_eq(text("rows.0.outcome"), "done");
	ck_assert_str_eq(
	    ticket_by(
		"35436", "number || status || priority || channel || (custom_fields ->> 'plan')"),
	    "35436on_holdnormalphonepro");
	ck_assert_str_eq(ticket_by("2", "title || status"), "First lineresolved");
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(author_type || internal, ' ' ORDER BY created_at) FROM comment"),
	    "legacyfalse legacytrue customerfalse");
	ck_assert_str_eq(
	    sql_text("SELECT name || email FROM customer WHERE external_id = '20978392'"),
	    "Idaida@example.com");
}
END

TEST(a_freshdesk_export_is_understood)
{
	import("format=freshdesk", "application/json",
	    "[{\"helpdesk_ticket\":{\"display_id\":12,\"subject\":\"Login\",\"description\":\"No way in\",\"status\":4,\"priority\":4,"
	    "\"source\":1,\"requester\":{\"id\":9,\"name\":\"Bo\",\"email\":\"bo@example.com\"},"
	    "\"created_at\":\"2019-01-01T10:00:00+01:00\",\"notes\":["
	    "{\"id\":1,\"body\":\"Try again\",\"private\":false,\"incoming\":false,\"user\":{\"name\":\"Ann\"},\"created_at\":\"2019-01-01T10:30:00+01:00\"},"
	    "{\"id\":2,\"body\":\"Works\",\"private\":false,\"incoming\":true,\"created_at\":\"2019-01-01T11:00:00+01:00\"}]}}]");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_str_eq(ticket_by("12", "number || status || priority || channel || created_at"),
	    "12resolvedurgentemail2019-01-01 09:00:00+00");
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(author_type || COALESCE(author_id, ''), ' ' ORDER BY created_at) "
		"FROM comment WHERE author_type = 'legacy'"),
	    "legacyAnn");
}
END

TEST(customers_come_in_too)
{
	import("kind=customers", "text/csv",
	    "external_id,name,email,company,attributes.plan\nc1,Ada,ada@example.com,Engines,pro\n,Nobody,,,\n");
	ck_assert_int_eq(number("created"), 1);
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_str_eq(text("rows.0.message"),
	    "email: A customer needs an e-mail address or an id, to be known again.");
	ck_assert_str_eq(
	    sql_text("SELECT c.name || p.name || (c.attributes ->> 'plan') FROM customer c "
		     "JOIN company p USING (org_id, company_id) WHERE c.external_id = 'c1'"),
	    "AdaEnginespro");
	import("kind=customers&on_conflict=update", NDJSON,
	    "{\"external_id\":\"c1\",\"phone\":\"123\",\"attributes\":{\"seats\":5}}");
	ck_assert_int_eq(number("updated"), 1);
	ck_assert_str_eq(
	    sql_text(
		"SELECT name || phone || attributes::text FROM customer WHERE external_id = 'c1'"),
	    "Ada123{\"plan\": \"pro\", \"seats\": 5}");
}
END

    /* The file of an export of ORG, sent to OTHER. */
    static void
    carry(const char *export, const char *query, const char *type)
{
	static char file[65536];
	const char *id;
	FILE *f;

	caller_reset();
	call("POST", "/api/exports", export);
	expect(202);
	id = text("export_id");
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
	ticket = fmt("%s", make_ticket("second"));
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
	const char *ticket = fmt("%s", make_ticket("asleep")), *note, *ann;
	static const char *const of_people =
	    "SELECT string_agg(concat_ws(' ', u.org_id, %s), ', ' ORDER BY u.org_id) FROM app_user u JOIN %s";

	sql("INSERT INTO app_user (org_id, user_id, email, name) VALUES ('" ORG
	    "', uuid7(), 'Ann@example.com', 'Ann'), ('" OTHER
	    "', uuid7(), 'ann@example.com', 'Ann')");
	ann = sql_text(
	    "SELECT user_id FROM app_user WHERE org_id = '" ORG "' AND email = 'Ann@example.com'");
	call("POST", fmt("/api/tickets/%s/internal-notes", ticket),
	    fmt("{\"body\":\"look\",\"mentions\":[\"%s\"]}", ann));
	expect(201);
	note = fmt("%s", text("note_id"));
	call("PATCH", fmt("/api/tickets/%s/internal-notes/%s", ticket, note),
	    "{\"body\":\"look here\"}");
	expect(200);
	call("PATCH", fmt("/api/tickets/%s/internal-notes/%s", ticket, note),
	    "{\"body\":\"look there\"}");
	expect(200);
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

TEST(an_import_is_over_when_its_texts_are_found)
{
	static char file[200000];
	size_t len = 0;
	int i;

	for (i = 1; i <= 1100; i++)
		len += (size_t)snprintf(file + len, sizeof(file) - len,
		    "{\"title\":\"first%d\",\"external_id\":\"%d\",\"comments\":[{\"body\":\"second%d\"},"
		    "{\"body\":\"third%d\",\"internal\":true}]}\n",
		    i, i, i, i);
	call_raw("POST", "/api/imports", file, len, NDJSON);
	expect(202);
	run_jobs();
	ck_assert_str_eq(
	    sql_text(
		"SELECT string_agg(kind || ' ' || n, ', ' ORDER BY kind) FROM "
		"(SELECT kind, count(*) AS n FROM search_document WHERE kind <> 'customer' GROUP BY 1) x"),
	    "comment 1100, note 1100, ticket 1100");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM search_pending"), "0");
	for (i = 1; i <= 3; i++) {
		call("POST", "/api/v1/search",
		    fmt("{\"query\":\"%s777\"}", i == 1   ? "first"
						 : i == 2 ? "second"
							  : "third"));
		ck_assert_uint_eq(count("data"), 1);
	}
}
END

TEST(after_each_batch_another_scheduler_can_go_on)
{
	static char file[120000];
	struct db *app = db_new(conf.db_url, "t", 15000), *scheduler;
	struct arena *arena = arena_new();
	size_t len = 0;
	int i;

	scheduler = db_new(fmt("host=%s dbname=%s user=serviceos_scheduler",
			       getenv("SERVICEOS_TEST_PG"), sql_text("SELECT current_database()")),
	    "t", 15000);
	for (i = 1; i <= 1200; i++)
		len += (size_t)snprintf(file + len, sizeof(file) - len,
		    "{\"title\":\"t%d\",\"external_id\":\"%d\"}\n", i, i);
	call_raw("POST", "/api/imports", file, len, NDJSON);
	expect(202);
	ck_assert(jobs_run(scheduler, app, arena));
	call("GET", fmt("/api/imports/%s", text("import_id")), NULL);
	ck_assert_str_eq(text("state"), "running");
	ck_assert_int_eq(number("done"), 500);
	ck_assert_int_eq(number("percent"), 41);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket"), "500");
	db_free(app);
	db_free(scheduler);
	arena_free(arena);
	run_jobs();
	call("GET", fmt("/api/imports/%s", text("import_id")), NULL);
	ck_assert_str_eq(text("state"), "completed");
	ck_assert_int_eq(number("created"), 1200);
	ck_assert_str_eq(
	    sql_text("SELECT count(DISTINCT external_id) || ' ' || count(*) FROM ticket"),
	    "1200 1200");
	ck_assert_int_eq(
	    access(fmt("%s/imports/" ORG "/%s", conf.state_dir, text("import_id")), F_OK), -1);
}
END

    /* Start serviceosctl on a file of n tickets with further arguments; its pid. */
    static pid_t
    command(int n, const char *more)
{
	const char *path = fmt("%s/many.ndjson", conf.state_dir);
	const char *program = getenv("SERVICEOSCTL");
	FILE *f = fopen(path, "we");
	pid_t pid;
	int i;

	for (i = 1; i <= n; i++)
		fprintf(f, "{\"title\":\"t%d\",\"external_id\":\"%d\"}\n", i, i);
	fclose(f);
	setenv("SERVICEOS_DB_ADMIN_URL",
	    fmt("host=%s dbname=%s user=serviceos_owner", getenv("SERVICEOS_TEST_PG"),
		sql_text("SELECT current_database()")),
	    1);
	pid = fork();
	if (pid != 0)
		return pid;
	execl("/bin/sh", "sh", "-c",
	    fmt("exec %s import " ORG " %s %s >%s/out 2>&1",
		program == NULL ? "./serviceosctl" : program, path, more, conf.state_dir),
	    (char *)NULL);
	_exit(127);
}

static int
ended(pid_t pid)
{
	int how;

	waitpid(pid, &how, 0);
	return WEXITSTATUS(how);
}

TEST(the_command_imports_a_file_and_goes_on_where_it_was_interrupted)
{
	pid_t pid = command(6000, "");
	const char *id;
	int i;

	for (i = 0; i < 3000 && atoi(sql_text("SELECT COALESCE(max(done), 0) FROM job")) < 1000;
	     i++)
		usleep(10000);
	kill(pid, SIGINT);
	ck_assert_int_eq(ended(pid), 1);
	ck_assert_str_eq(sql_text("SELECT state FROM job"), "running");
	ck_assert_str_ne(sql_text("SELECT count(*) FROM ticket"), "6000");
	run_jobs(); /* it is no scheduler's business */
	ck_assert_str_eq(sql_text("SELECT state FROM job"), "running");
	id = sql_text("SELECT job_id FROM job");
	ck_assert_int_eq(ended(command(6000, fmt("--resume %s", id))), 0);
	ck_assert_str_eq(sql_text("SELECT state || done FROM job"), "completed6000");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket"), "6000");
	ck_assert_int_eq(ended(command(6000, fmt("--resume %s", id))), 1);
	ck_assert_int_eq(ended(command(3, "--dry-run --on-conflict update")), 0);
	ck_assert_str_eq(
	    sql_text("SELECT result ->> 'updated' FROM job WHERE job_id <> '%s'", id), "3");
	ck_assert_int_eq(ended(command(1, "--format csv")), 1);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM job WHERE state = 'failed'"), "1");
	ck_assert_int_eq(ended(command(1, "--on-conflict whatever")), 1);
}
END

TEST(a_running_import_is_cancelled_and_an_ended_one_is_not)
{
	static const char file[] = "{\"title\":\"a\"}";
	const char *id;

	call_raw("POST", "/api/imports", file, strlen(file), NDJSON);
	expect(202);
	id = text("import_id");
	call("DELETE", fmt("/api/imports/%s", id), NULL);
	expect(202);
	run_jobs();
	call("GET", fmt("/api/imports/%s", id), NULL);
	ck_assert_str_eq(text("state"), "cancelled");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM ticket"), "0");
	call("DELETE", fmt("/api/imports/%s", id), NULL);
	expect_problem(409, "conflict");
	call("GET", "/api/imports?state=cancelled", NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(no_file_whatever_stops_the_server)
{
	static const char *const formats[] = { "ndjson", "csv", "zendesk", "freshdesk" };
	static const char *const files[] = {
		"\x01\xff\xfe\x80garbage\n\"",
		"title\n\"\n\"\"\"\n,,,,,\n",
		"title,tags,number,custom_fields,requester,created_at\nx,\",,;\",99999999999999999999,{,Ada,2020-13-99 99:99\n",
		"{\"title\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
		"{\"id\":{},\"subject\":1,\"requester\":\"x\",\"comments\":[1,null,{\"body\":[]},{\"body\":\"b\",\"author\":7}],"
		"\"tags\":[null,{},\"\",\"ok\"],\"custom_fields\":[1,{\"id\":null},{\"id\":[],\"value\":{}}]}",
		"[{\"helpdesk_ticket\":[]},{\"helpdesk_ticket\":{\"notes\":{},\"custom_field\":7,\"status\":[]}},null,{}]",
		"{\"type\":\"comment\",\"ticket_id\":5,\"body\":7}\n{\"type\":\"note\",\"ticket_id\":\"0190163d-8694-739b-aea5-966c26f8ad91\",\"body\":\"x\"}\n"
		"{\"type\":[]}\n{\"title\":\"t\",\"number\":1e30,\"comments\":[{\"body\":\"b\",\"author_type\":\"customer\",\"author_id\":\"'; DROP\"}]}",
		"{\"tickets\":[{\"id\":1,\"subject\":\"cut off",
		"[[[[",
		"{\"email\":\"a@b.cd\",\"attributes\":[],\"company\":\"\\u0000\"}\n{\"email\":\"a@b.cd\",\"external_id\":\"1\"}\n{\"email\":\"A@B.cd\",\"external_id\":\"2\"}",
	};
	unsigned f, i, kind;

	for (f = 0; f < LENGTH(formats); f++)
		for (i = 0; i < LENGTH(files); i++)
			for (kind = 0; kind < 2; kind++) {
				import(fmt("format=%s&kind=%s&on_conflict=%s", formats[f],
					   kind == 0 ? "tickets" : "customers",
					   i % 2 == 0 ? "skip" : "update"),
				    "text/plain", files[i]);
				ck_assert_msg(
				    !has("error") || strstr(text("error"), "mistake") == NULL,
				    "%s %u: %s", formats[f], i, reply_body);
				ck_assert_msg(strcmp(text("state"), "completed") == 0 ||
						  strcmp(text("state"), "failed") == 0,
				    "%s %u: %s", formats[f], i, reply_body);
			}
}
END

TEST(the_same_request_again_starts_no_second_import)
{
	static const char file[] = "{\"title\":\"a\"}";
	const char *id;

	caller.headers = "Idempotency-Key: once\n";
	call_raw("POST", "/api/imports", file, strlen(file), NDJSON);
	expect(202);
	id = text("import_id");
	call_raw("POST", "/api/imports", file, strlen(file), NDJSON);
	expect(202);
	ck_assert_str_eq(text("import_id"), id);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM job"), "1");
	call_raw("POST", "/api/imports?dry_run=true", file, strlen(file), NDJSON);
	expect_problem(422, "idempotency_key_reused");
	call_raw("POST", "/api/imports", "{\"title\":\"b\"}", strlen(file), NDJSON);
	expect_problem(422, "idempotency_key_reused");
}
END

TEST(what_is_asked_for_must_make_sense)
{
	call_raw("POST", "/api/imports", "x", 1, "text/plain");
	expect_field("format", "required");
	call_raw("POST", "/api/imports?format=xml", "x", 1, "text/plain");
	expect_field("format", "not_allowed");
	call_raw("POST", "/api/imports?format=csv&mapping=[]", "x", 1, "text/csv");
	expect_field("mapping", "type");
	call_raw("POST", "/api/imports?format=csv&mapping={\"a\":1}", "x", 1, "text/csv");
	expect_field("mapping.a", "type");
	call_raw("POST", "/api/imports?format=csv", "", 0, "text/csv");
	expect_field("body", "required");
	caller.key = make_key(ORG, "read:tickets,write:tickets");
	call_raw("POST", "/api/imports?format=csv", "x", 1, "text/csv");
	expect(403);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("imports");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_ticket_keeps_its_number_times_and_thread);
	tcase_add_test(c, an_import_is_silent_but_for_two_entries_of_the_audit_log);
	tcase_add_test(c, what_is_there_already_is_skipped_or_updated);
	tcase_add_test(c, a_bad_row_is_told_of_and_the_others_go_on);
	tcase_add_test(c, many_refused_rows_are_shown_in_pages);
	tcase_add_test(c, a_dry_run_tells_what_would_happen_and_leaves_nothing);
	tcase_add_test(c, csv_is_read_as_spreadsheets_write_it);
	tcase_add_test(c, a_zendesk_export_is_understood);
	tcase_add_test(c, a_freshdesk_export_is_understood);
	tcase_add_test(c, customers_come_in_too);
	tcase_add_test(c, what_an_export_wrote_an_import_gives_back);
	tcase_add_test(c, snooze_classification_mentions_and_earlier_texts_travel_too);
	tcase_add_test(c, a_snooze_that_is_over_is_left_out);
	tcase_add_test(c, an_import_is_over_when_its_texts_are_found);
	tcase_add_test(c, after_each_batch_another_scheduler_can_go_on);
	tcase_add_test(c, the_command_imports_a_file_and_goes_on_where_it_was_interrupted);
	tcase_add_test(c, a_running_import_is_cancelled_and_an_ended_one_is_not);
	tcase_add_test(c, no_file_whatever_stops_the_server);
	tcase_add_test(c, the_same_request_again_starts_no_second_import);
	tcase_add_test(c, what_is_asked_for_must_make_sense);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("imports", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where files go with their ticket and comment, and how many of a ticket are shown. */
#include "harness.h"

#include <string.h>

static const char *
upload(const char *ticket, const char *query)
{
	return make(
	    fmt("/api/tickets/%s/attachments?filename=%s", ticket, query), "x", "attachment_id");
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket");
}

static void
merge(const char *target, const char *source)
{
	call(
	    "POST", fmt("/api/tickets/%s/merge", target), fmt("{\"ticket_ids\":[\"%s\"]}", source));
	expect(200);
}

static void
unmerge(const char *source)
{
	call("POST", fmt("/api/tickets/%s/unmerge", source), "{}");
	expect(200);
}

static const char *
place(const char *file)
{
	return sql_text("SELECT ticket_id FROM attachment WHERE attachment_id = '%s'", file);
}

static const char *
origin(const char *file)
{
	return sql_text("SELECT origin_ticket_id FROM attachment WHERE attachment_id = '%s'", file);
}

TEST(a_merge_takes_the_tickets_own_files_along_and_its_undoing_brings_them_back)
{
	const char *first = make_ticket("a"), *second = make_ticket("b"), *third = make_ticket("c");
	const char *file = upload(first, "a.txt"), *of_second = upload(second, "b.txt"),
		   *of_comment = upload(
		       first, fmt("c.txt&comment_id=%s", make_comment(first, "see the picture")));

	merge(second, first);
	call("GET", fmt("/api/tickets/%s?include=attachments", second), NULL);
	ck_assert_uint_eq(count("attachments"), 3);
	ck_assert_str_eq(text("attachments.0.attachment_id"), file);
	ck_assert_str_eq(text("attachments.0.origin_ticket_id"), first);
	ck_assert_str_eq(text("attachments.1.origin_ticket_id"), "null");
	ck_assert_str_eq(text("attachments.2.origin_ticket_id"), first);
	call("GET", fmt("/api/tickets/%s?include=attachments", first), NULL);
	ck_assert_uint_eq(count("attachments"), 0);
	merge(third, second);
	ck_assert_str_eq(place(file), third);
	ck_assert_str_eq(origin(file), first);
	unmerge(second);
	ck_assert_str_eq(place(file), second);
	ck_assert_str_eq(origin(file), first);
	ck_assert_str_eq(place(of_second), second);
	ck_assert_str_eq(origin(of_second), "");
	unmerge(first);
	ck_assert_str_eq(place(file), first);
	ck_assert_str_eq(origin(file), "");
	ck_assert_str_eq(place(of_second), second);
	ck_assert_str_eq(place(of_comment), first);
	ck_assert_str_eq(origin(of_comment), "");
}
END

TEST(nothing_is_uploaded_to_a_merged_ticket)
{
	const char *target = make_ticket("a"), *source = make_ticket("b");

	merge(target, source);
	call_raw("POST", fmt("/api/tickets/%s/attachments?filename=x.txt", source), "x", 1, NULL);
	expect_problem(409, "ticket_merged");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM attachment"), "0");
}
END

/* The note was written by the merge; what somebody has put there since is not the merge's. */
TEST(a_file_put_to_the_note_of_a_merge_outlives_its_undoing)
{
	const char *target = make_ticket("a"), *source = make_ticket("b"), *note, *file;

	merge(target, source);
	call("GET", fmt("/api/tickets/%s/internal-notes", target), NULL);
	note = keep_id(text("data.0.note_id"));
	file = upload(target, fmt("x.txt&comment_id=%s", note));
	unmerge(source);
	ck_assert_str_eq(place(file), target);
	call("GET", fmt("/api/tickets/%s?include=attachments", target), NULL);
	ck_assert_str_eq(text("attachments.0.internal"), "true");
}
END

TEST(a_deleted_tickets_file_is_gone_for_everybody)
{
	const char *ticket = make_ticket("t"), *file = upload(ticket, "x.txt");

	call("DELETE", fmt("/api/tickets/%s", ticket), NULL);
	expect(204);
	call("GET", fmt("/api/attachments/%s", file), NULL);
	expect(404);
	call("DELETE", fmt("/api/attachments/%s", file), NULL);
	expect(404);
	ck_assert_str_eq(place(file), ticket);
}
END

TEST(redaction_takes_a_comments_files_when_it_is_asked_to)
{
	const char *ticket = make_ticket("t"), *comment = make_comment(ticket, "my passport"),
		   *other_one = make_comment(ticket, "hello");
	const char *file = upload(ticket, fmt("passport.png&comment_id=%s", comment)),
		   *kept = upload(ticket, fmt("x.txt&comment_id=%s", other_one));

	call("DELETE", fmt("/api/tickets/%s/comments/%s", ticket, other_one), NULL);
	expect(204);
	ck_assert_str_eq(place(kept), ticket);
	call("DELETE", fmt("/api/tickets/%s/comments/%s?attachments=maybe", ticket, comment), NULL);
	expect_field("attachments", "type");
	call("DELETE", fmt("/api/tickets/%s/comments/%s?attachments=true", ticket, comment), NULL);
	expect(204);
	call("GET", fmt("/api/attachments/%s", file), NULL);
	expect(404);
	ck_assert_str_eq(place(kept), ticket);
	relay();
	call("GET", fmt("/api/v1/events?topic=ticket.attachment.deleted&ticket_id=%s", ticket),
	    NULL);
	ck_assert_str_eq(text("data.0.data.attachment_id"), file);
}
END

TEST(the_newest_thousand_files_of_a_ticket_are_shown_in_their_order)
{
	const char *ticket = make_ticket("t");

	sql("INSERT INTO attachment (org_id, attachment_id, ticket_id, filename, content_type, size, sha256, created_at) "
	    "SELECT '" ORG
	    "', uuid7(), '%s', n || '.txt', 'text/plain', 1, '0', now() + n * interval '1 second' "
	    "FROM generate_series(1, 1001) n",
	    ticket);
	call("GET", fmt("/api/tickets/%s?include=attachments", ticket), NULL);
	expect(200);
	ck_assert_uint_eq(count("attachments"), 1000);
	ck_assert_str_eq(text("attachments.0.filename"), "2.txt");
	ck_assert_str_eq(text("attachments.999.filename"), "1001.txt");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("attachments of tickets");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(
	    c, a_merge_takes_the_tickets_own_files_along_and_its_undoing_brings_them_back);
	tcase_add_test(c, nothing_is_uploaded_to_a_merged_ticket);
	tcase_add_test(c, a_file_put_to_the_note_of_a_merge_outlives_its_undoing);
	tcase_add_test(c, a_deleted_tickets_file_is_gone_for_everybody);
	tcase_add_test(c, redaction_takes_a_comments_files_when_it_is_asked_to);
	tcase_add_test(c, the_newest_thousand_files_of_a_ticket_are_shown_in_their_order);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("attachments_tickets", all);
}

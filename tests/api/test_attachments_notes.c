/* SPDX-License-Identifier: Apache-2.0 */
/* Files of internal notes: for those who may do the same with the notes. */
#include "harness.h"

#include <string.h>

static const char *ticket, *note, *file;

static const char *
upload(const char *name, const char *comment)
{
	return make(
	    fmt("/api/tickets/%s/attachments?filename=%s&comment_id=%s", ticket, name, comment),
	    "x", "attachment_id");
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket");
	ticket = make_ticket("t");
	note =
	    make(fmt("/api/tickets/%s/internal-notes", ticket), "{\"body\":\"secret\"}", "note_id");
	file = upload("secret.txt", note);
}

static void
with(const char *scopes)
{
	caller.key = make_key(ORG, scopes);
}

static void
expect_files(size_t n)
{
	call("GET", fmt("/api/tickets/%s?include=attachments", ticket), NULL);
	expect(200);
	ck_assert_uint_eq(count("attachments"), n);
}

TEST(a_file_of_a_note_is_not_there_for_who_does_not_read_notes)
{
	upload("public.txt", make_comment(ticket, "for all"));
	expect_files(2);
	ck_assert_str_eq(text("attachments.0.attachment_id"), file);
	ck_assert_str_eq(text("attachments.0.internal"), "true");
	ck_assert_str_eq(text("attachments.1.internal"), "false");
	with("read:tickets,write:tickets");
	expect_files(1);
	ck_assert_str_eq(text("attachments.0.filename"), "public.txt");
	call("GET", fmt("/api/attachments/%s", file), NULL);
	expect_problem(404, "not_found");
	call("GET", fmt("/api/attachments/%s?link=true", file), NULL);
	expect_problem(404, "not_found");
	call("DELETE", fmt("/api/attachments/%s", file), NULL);
	expect_problem(404, "not_found");
	with("read:tickets,read:notes");
	expect_files(2);
	call("GET", fmt("/api/attachments/%s", file), NULL);
	expect(200);
}
END

TEST(its_signed_link_opens_it_as_it_does_any_file)
{
	const char *url;

	call("GET", fmt("/api/attachments/%s?link=true", file), NULL);
	expect(200);
	ck_assert_str_eq(text("internal"), "true");
	url = text("download_url");
	caller.key = NULL;
	call("GET", strstr(url, "/api/"), NULL);
	expect(200);
}
END

TEST(a_file_of_a_note_is_deleted_by_who_writes_notes)
{
	with("read:tickets,read:notes,write:tickets");
	call("DELETE", fmt("/api/attachments/%s", file), NULL);
	expect_problem(403, "insufficient_scope");
	ck_assert_ptr_nonnull(strstr(text("detail"), "write:notes"));
	with("write:tickets,write:notes");
	call("DELETE", fmt("/api/attachments/%s", file), NULL);
	expect(204);
}
END

TEST(a_file_is_added_to_a_note_by_who_writes_notes)
{
	const char *path =
	    fmt("/api/tickets/%s/attachments?filename=b.txt&comment_id=%s", ticket, note);

	with("read:tickets,write:tickets");
	call_raw("POST", path, "x", 1, NULL);
	expect_field("comment_id", "unknown_reference");
	with("write:tickets,read:notes");
	call_raw("POST", path, "x", 1, NULL);
	expect_problem(403, "insufficient_scope");
	ck_assert_ptr_nonnull(strstr(text("detail"), "write:notes"));
	ck_assert_str_eq(sql_text("SELECT count(*) FROM attachment"), "1");
	with("write:tickets,write:notes");
	call_raw("POST", path, "x", 1, NULL);
	expect(201);
	ck_assert_str_eq(text("internal"), "true");
}
END

TEST(a_deleted_notes_files_go_with_it)
{
	call("DELETE", fmt("/api/tickets/%s/internal-notes/%s", ticket, note), NULL);
	expect(204);
	expect_files(0);
	call("GET", fmt("/api/attachments/%s", file), NULL);
	expect(404);
}
END

/* As they tell of the note: that there is one, and not what is in it. */
TEST(events_tell_of_a_notes_file_no_more_than_of_the_note)
{
	static const char *const topics[] = { "added", "deleted" };
	unsigned i;

	call("DELETE", fmt("/api/tickets/%s/internal-notes/%s", ticket, note), NULL);
	expect(204);
	relay();
	with("read:tickets");
	for (i = 0; i < LENGTH(topics); i++) {
		call("GET",
		    fmt("/api/v1/events?topic=ticket.attachment.%s&ticket_id=%s", topics[i],
			ticket),
		    NULL);
		ck_assert_uint_eq(count("data"), 1);
		ck_assert_str_eq(text("data.0.data.attachment_id"), file);
		ck_assert_str_eq(text("data.0.data.comment_id"), note);
		ck_assert_str_eq(text("data.0.data.internal"), "true");
		ck_assert(!has("data.0.data.content_type"));
		ck_assert(!has("data.0.data.size"));
	}
	caller_reset();
	file = upload("public.txt", make_comment(ticket, "for all"));
	relay();
	call("GET",
	    fmt("/api/v1/events?topic=ticket.attachment.added&ticket_id=%s&sort=-seq", ticket),
	    NULL);
	ck_assert_str_eq(text("data.0.data.attachment_id"), file);
	ck_assert_str_eq(text("data.0.data.internal"), "false");
	ck_assert_int_eq(number("data.0.data.size"), 1);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("attachments of notes");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_file_of_a_note_is_not_there_for_who_does_not_read_notes);
	tcase_add_test(c, its_signed_link_opens_it_as_it_does_any_file);
	tcase_add_test(c, a_file_of_a_note_is_deleted_by_who_writes_notes);
	tcase_add_test(c, a_file_is_added_to_a_note_by_who_writes_notes);
	tcase_add_test(c, a_deleted_notes_files_go_with_it);
	tcase_add_test(c, events_tell_of_a_notes_file_no_more_than_of_the_note);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("attachments_notes", all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Files of e-mail that comes in: kept with their comment, or nothing of the message is. */
#include "fixtures_inbound.h"

#include <sys/stat.h>

#include "base/conf.h"

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n"
static const char picture[] =
    "--b\r\n\r\nSee there.\r\n--b\r\nContent-Type: text/plain; name=\"a/b.png\"\r\n"
    "Content-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\n\r\n"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\r\n--b--";

TEST(files_are_kept_with_their_comment)
{
	const char *ticket, *comment;
	struct stat st;

	hand_in(mail("ada@example.com", MIXED, picture));
	expect_action("created");
	ck_assert_int_eq(number("attachments"), 1);
	ticket = keep_id(text("ticket_id"));
	call("GET", fmt("/api/tickets/%s?include=attachments", ticket), NULL);
	ck_assert_str_eq(text("description"), "See there.");
	ck_assert_str_eq(text("attachments.0.filename"), "b.png");
	ck_assert_str_eq(text("attachments.0.content_type"), "image/png");
	ck_assert_str_eq(text("attachments.0.comment_id"), "null");
	ck_assert_int_eq(stat(fmt("%s/files/" ORG "/%.2s/%s", conf.state_dir,
				  text("attachments.0.sha256"), text("attachments.0.sha256")),
			     &st),
	    0);
	ck_assert_int_eq(st.st_size, number("attachments.0.size"));
	hand_in(mail("ada@example.com", fmt(MIXED "%s", answering(serial)), picture));
	expect_action("commented");
	comment = keep_id(text("comment_id"));
	call("GET", fmt("/api/tickets/%s?include=attachments", ticket), NULL);
	ck_assert_uint_eq(count("attachments"), 2);
	ck_assert_str_eq(text("attachments.1.comment_id"), comment);
	call("GET", fmt("/api/attachments/%s", text("attachments.1.attachment_id")), NULL);
	expect(200);
}
END

TEST(a_comment_of_files_alone_says_so)
{
	const char *ticket = ticket_from("ada@example.com");

	hand_in(mail("ada@example.com",
	    fmt("%sContent-Type: image/png; name=x.png\r\n", answering(serial)), "png"));
	expect_action("commented");
	call("GET", fmt("/api/tickets/%s/comments", ticket), NULL);
	ck_assert_str_eq(text("data.0.body"), "(no text)");
}
END

TEST(nothing_stays_of_a_message_that_could_not_be_taken)
{
	const char *ticket = ticket_from("ada@example.com");

	sql("CREATE FUNCTION no_attachment() RETURNS trigger LANGUAGE plpgsql AS "
	    "$$BEGIN PERFORM fail(409, 'conflict', 'No.'); END$$");
	sql("CREATE TRIGGER no_attachment BEFORE INSERT ON attachment FOR EACH ROW EXECUTE FUNCTION no_attachment()");
	hand_in(mail("new@example.com", MIXED, picture));
	expect(409);
	hand_in(mail("ada@example.com", fmt(MIXED "%s", token_for(ticket, NULL)), picture));
	expect(409);
	sql("DROP FUNCTION no_attachment CASCADE");
	expect_count("1", "ticket");
	expect_count("0", "comment");
	expect_count("1", "inbound_mail");
	ck_assert_str_eq(
	    sql_text("SELECT count(*) FROM customer WHERE email = 'new@example.com'"), "0");
	ck_assert_str_eq(status_of(ticket), "new");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("inbound_files");

	tcase_add_checked_fixture(c, inbound_fresh, NULL);
	tcase_add_test(c, files_are_kept_with_their_comment);
	tcase_add_test(c, a_comment_of_files_alone_says_so);
	tcase_add_test(c, nothing_stays_of_a_message_that_could_not_be_taken);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("inbound_files", all);
}

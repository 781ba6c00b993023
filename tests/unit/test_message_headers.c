/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of a message that comes in: its sender, its thread, and whether a program wrote it. */
#include "base/util.h"
#include "unit_message.h"

START_TEST(a_plain_message_is_read)
{
	ck_assert_int_eq(
	    parse("From: \"Ada Lovelace\" <Ada@Example.com>\r\nTo: Help <help@desk.example>, "
		  "x@y.example\r\nCc: G: a@b.example, c@d.example;\r\nSubject: "
		  "=?iso-8859-1?Q?Gr=FC=DFe?= =?UTF-8?B?IMOkYg==?=\r\nMessage-ID: "
		  "<1@example.com>\r\nIn-Reply-To: <2@desk>\r\nReferences: <4@desk> "
		  "<3@desk>\r\nDelivered-To: <box@desk.example>\r\n\r\nHello,\r\n\r\nbye  \r\n"),
	    0);
	ck_assert_str_eq(m.from, "ada@example.com");
	ck_assert_str_eq(m.name, "Ada Lovelace");
	ck_assert_str_eq(m.subject, "Gr\xc3\xbc\xc3\x9f"
				    "e \xc3\xa4"
				    "b");
	ck_assert_str_eq(m.message_id, "1@example.com");
	ck_assert_str_eq(m.ids[0], "2@desk");
	ck_assert_str_eq(m.ids[1], "3@desk");
	ck_assert_str_eq(m.ids[2], "4@desk");
	ck_assert_ptr_null(m.ids[3]);
	ck_assert_str_eq(m.people[0], "help@desk.example");
	ck_assert_str_eq(m.people[3], "c@d.example");
	ck_assert_str_eq(m.boxes[0], "box@desk.example");
	ck_assert_str_eq(m.text, "Hello,\n\nbye");
	ck_assert_ptr_null(m.automatic);
	ck_assert_uint_eq(m.nfiles, 0);
}
END_TEST

START_TEST(a_message_without_a_sender_is_refused)
{
	static const char *const bad[] = { "Subject: x\r\n\r\ny", "From: \r\n\r\ny",
		"From: nobody\r\n\r\ny", "From: a@localhost\r\n\r\ny",
		"From: \"a b\"@example.com\r\n\r\ny", "nothing at all\r\n", "\r\n\r\n", "\0\1\2" };
	unsigned i;

	for (i = 0; i < LENGTH(bad); i++) {
		ck_assert_msg(parse(bad[i]) == -1, "%s", bad[i]);
		ck_assert_msg(
		    strcmp(m.field, "from") == 0 || (i >= 5 && strcmp(m.field, "body") == 0),
		    "%s: %s", bad[i], m.field);
	}
}
END_TEST

START_TEST(a_message_without_an_id_gets_one_of_its_content)
{
	static const char a[] = HEAD "\r\na", b[] = HEAD "\r\nb",
			  bad[] = HEAD "Message-ID: <no at>\r\n\r\na";
	const char *first;

	parse(a);
	first = m.message_id;
	ck_assert_ptr_nonnull(strstr(first, MESSAGE_DERIVED));
	parse(a);
	ck_assert_str_eq(m.message_id, first);
	parse(b);
	ck_assert_str_ne(m.message_id, first);
	parse(bad);
	ck_assert_ptr_nonnull(strstr(m.message_id, MESSAGE_DERIVED));
}
END_TEST

START_TEST(mail_of_programs_is_told_by_its_headers)
{
	static const char *const rows[][2] = {
		{ "Auto-Submitted: auto-replied (vacation)", "auto_submitted" },
		{ "Auto-Submitted: auto-generated", "auto_submitted" },
		{ "Auto-Submitted: no", NULL },
		{ "X-Autoreply: yes", "auto_submitted" },
		{ "Precedence: Bulk", "precedence" },
		{ "Precedence: list", "precedence" },
		{ "Precedence: first-class", NULL },
		{ "X-Auto-Response-Suppress: OOF, AutoReply", "auto_response_suppress" },
		{ "X-Auto-Response-Suppress: None", NULL },
		{ "List-Id: <x.example.com>", "mailing_list" },
		{ "List-Id: <x.example.com>\r\nList-Post: NO", "mailing_list" },
		{ "List-Id: <x.example.com>\r\nList-Post: <mailto:x@example.com>", "mailing_list" },
		{ "Return-Path: <>", "null_sender" },
		{ "Return-Path: <ada@example.com>", NULL },
		{ "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
		    "delivery_report" },
		{ "Content-Type: message/delivery-status", "delivery_report" },
	};
	unsigned i;

	for (i = 0; i < LENGTH(rows); i++) {
		ck_assert_int_eq(parse(arena_printf(arena, HEAD "%s\r\n\r\nx", rows[i][0])), 0);
		if (rows[i][1] == NULL)
			ck_assert_msg(m.automatic == NULL, "%s: %s", rows[i][0], m.automatic);
		else
			ck_assert_msg(m.automatic != NULL && strcmp(m.automatic, rows[i][1]) == 0,
			    "%s: %s", rows[i][0], m.automatic);
	}
	parse("From: MAILER-DAEMON@example.com\r\n\r\nx");
	ck_assert_str_eq(m.automatic, "mailer_daemon");
}
END_TEST

#define LIST \
	"Precedence: list\r\nList-Id: <help.desk.example>\r\n" \
	"List-Post: <https://groups.example/help>, <mailto:Help@desk.example?subject=x>\r\n"

START_TEST(mail_to_a_group_in_front_of_the_desk_is_a_persons)
{
	ck_assert_int_eq(parse(HEAD LIST "\r\nx"), 0);
	ck_assert_ptr_null(m.automatic);
	ck_assert_str_eq(m.from, "ada@example.com");
	parse(HEAD LIST "Auto-Submitted: auto-replied\r\n\r\nx");
	ck_assert_str_eq(m.automatic, "auto_submitted");
	parse("From: Ada via Help <help@desk.example>\r\nTo: help@desk.example\r\n" LIST
	      "Reply-To: help@desk.example, Ada Lovelace <ada@example.com>\r\n\r\nx");
	ck_assert_ptr_null(m.automatic);
	ck_assert_str_eq(m.from, "help@desk.example");
	ck_assert_str_eq(m.author, "ada@example.com");
	ck_assert_str_eq(m.author_name, "Ada Lovelace");
	parse("From: Ada <ada@example.com>\r\nTo: help@desk.example\r\n" LIST
	      "Reply-To: Bob <bob@example.com>\r\n\r\nx");
	ck_assert_ptr_null(m.author);
	parse("From: Help <help@desk.example>\r\nTo: help@desk.example\r\n" LIST "\r\nx");
	ck_assert_ptr_null(m.author);
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { a_plain_message_is_read, a_message_without_a_sender_is_refused,
		a_message_without_an_id_gets_one_of_its_content,
		mail_of_programs_is_told_by_its_headers,
		mail_to_a_group_in_front_of_the_desk_is_a_persons, NULL };

	return unit_main("message_headers", all);
}

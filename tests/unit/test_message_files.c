/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a message that comes in: their names and contents, and what is kept as one. */
#include "unit_message.h"

static int
append(void *to, const char *data, size_t len)
{
	buf_add(to, data, len);
	return 0;
}

static const char *
content(const struct message_file *f)
{
	struct buf out;

	buf_init(&out, arena, 64);
	ck_assert_int_eq(message_file_read(f, append, &out), 0);
	return out.data;
}

START_TEST(files_are_kept_with_their_names)
{
	static const char mail[] = HEAD
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
	    "Content-Type: image/png; name=\"=?UTF-8?Q?=C3=A4.png?=\"\r\nContent-Transfer-Encoding: "
	    "base64\r\nContent-Disposition: inline\r\n\r\naGVsbG8=\r\n--b\r\nContent-Type: "
	    "text/plain\r\nContent-Disposition: attachment; filename*0*=utf-8''%e2%82%ac; "
	    "filename*1=\"uro.txt\"\r\n\r\nmoney\r\n--b\r\nContent-Type: application/x\r\n"
	    "Content-Disposition: attachment; filename=\"C:\\\\dir\\\\../..\\\\e\x01vil\\\"<.exe\"\r\n\r\n"
	    "x\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--b\r\nContent-Type: "
	    "message/rfc822\r\n\r\nFrom: x@y.example\r\nSubject: Inner/one\r\n\r\ninner text\r\n--b--\r\n";
	const struct message_file *f;

	expect_text(mail, "text");
	ck_assert_uint_eq(m.nfiles, 5);
	f = m.files;
	ck_assert_str_eq(f->filename, "\xc3\xa4.png");
	ck_assert_str_eq(content(f), "hello");
	f = f->next;
	ck_assert_str_eq(f->filename, "\xe2\x82\xacuro.txt");
	ck_assert_str_eq(content(f), "money");
	f = f->next;
	ck_assert_str_eq(f->filename, "evil_<.exe");
	f = f->next;
	ck_assert_str_eq(f->filename, "attachment-4");
	f = f->next;
	ck_assert_str_eq(f->filename, "one.eml");
	ck_assert_str_eq(content(f), "From: x@y.example\nSubject: Inner/one\n\ninner text");
	ck_assert_ptr_null(f->next);
}
END_TEST

START_TEST(a_name_that_is_none_or_reads_otherwise_than_it_is_written_is_cleaned)
{
	static const char mail[] = HEAD
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/x\r\n"
	    "Content-Disposition: attachment; filename*=utf-8''a%E2%80%AEgnp.exe\r\n\r\nx\r\n--b\r\n"
	    "Content-Type: application/x\r\nContent-Disposition: attachment; "
	    "filename*=utf-8''%E2%81%A6%20..%D8%9C%E2%80%8E\r\n\r\nx\r\n--b--\r\n";

	expect_text(mail, "");
	ck_assert_uint_eq(m.nfiles, 2);
	ck_assert_str_eq(m.files->filename, "agnp.exe");
	ck_assert_str_eq(m.files->next->filename, "attachment-2");
}
END_TEST

START_TEST(sealed_and_signed_messages_are_not_opened)
{
	static const char
	    sealed[] = HEAD
	    "Content-Type: multipart/encrypted; protocol=x; boundary=b\r\n\r\n--b\r\nContent-Type: "
	    "application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: "
	    "application/octet-stream\r\n\r\nsecret\r\n--b--\r\n",
	    signed_[] = HEAD
	    "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nsigned text\r\n--b\r\n"
	    "Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nsig\r\n--b--\r\n",
	    whole[] = HEAD "Content-Type: application/pkcs7-mime; name=smime.p7m\r\n\r\nx";

	expect_text(sealed, "");
	ck_assert_uint_eq(m.nfiles, 2);
	expect_text(signed_, "signed text");
	ck_assert_str_eq(m.files->filename, "smime.p7s");
	expect_text(whole, "");
	ck_assert_str_eq(m.files->filename, "smime.p7m");
}
END_TEST

START_TEST(the_files_of_every_alternative_are_kept)
{
	static const char mail[] = HEAD
	    "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n"
	    "Content-Type: multipart/related; boundary=c\r\n\r\n--c\r\nContent-Type: text/html\r\n\r\n"
	    "<p>rich<img src=cid:1></p>\r\n--c\r\nContent-Type: image/gif; name=i.gif\r\n\r\nGIF\r\n"
	    "--c--\r\n--b\r\nContent-Type: text/calendar; name=a.ics\r\n\r\nBEGIN\r\n--b--\r\n";

	expect_text(mail, "plain");
	ck_assert_uint_eq(m.nfiles, 2);
	ck_assert_str_eq(m.files->filename, "i.gif");
	ck_assert_str_eq(m.files->next->filename, "a.ics");
}
END_TEST

START_TEST(a_text_that_is_too_long_is_a_file_too)
{
	const char *mail = repeated(HEAD "\r\n", "word ", 20000, "end");

	ck_assert_int_eq(parse(mail), 0);
	ck_assert_uint_eq(m.nfiles, 1);
	ck_assert_str_eq(m.files->filename, "message.txt");
	ck_assert_uint_eq(strlen(content(m.files)), 100003);
	mail = repeated(HEAD "\r\n", "0123456789abcdef", 131072, "end");
	ck_assert_int_eq(parse(mail), 0);
	ck_assert_uint_eq(strlen(content(m.files)), 2097155);
	ck_assert_uint_le(strlen(m.text), 1048576);
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { files_are_kept_with_their_names,
		a_name_that_is_none_or_reads_otherwise_than_it_is_written_is_cleaned,
		sealed_and_signed_messages_are_not_opened, the_files_of_every_alternative_are_kept,
		a_text_that_is_too_long_is_a_file_too, NULL };

	return unit_main("message_files", all);
}

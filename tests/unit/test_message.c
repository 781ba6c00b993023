/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that come in: senders, threads, texts, files, and what must not be read at all. */
#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/reply_token.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/util.h"
#include "http/message.h"
#include "unit.h"

static struct message m;

static int
parse(const char *text)
{
	return message_parse(&m, arena, text, strlen(text));
}

#define HEAD "From: Ada <ada@example.com>\r\nTo: help@desk.example\r\nSubject: Hi\r\n"

static void
expect_text(const char *mail, const char *text)
{
	ck_assert_msg(parse(mail) == 0, "%s: %s", mail, m.error);
	ck_assert_str_eq(m.text, text);
}

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

/* n times the unit between two texts. */
static const char *
repeated(const char *head, const char *unit, size_t n, const char *tail)
{
	struct buf out;

	buf_init(&out, arena, strlen(unit) * n + 4096);
	buf_str(&out, head);
	while (n-- > 0)
		buf_str(&out, unit);
	buf_str(&out, tail);
	return out.data;
}

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

START_TEST(text_is_utf8_whatever_it_came_as)
{
	expect_text(HEAD "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe4\x80",
	    "\xc3\xa4\xe2\x82\xac");
	expect_text(HEAD "Content-Type: text/plain; charset=utf-8\r\n\r\na\xff\xc3",
	    "a\xef\xbf\xbd\xef\xbf\xbd");
	expect_text(HEAD "\r\n\xc3\xa4", "\xc3\xa4");
	expect_text(HEAD "\r\n\xe4", "\xc3\xa4");
	expect_text(
	    HEAD "Content-Type: text/plain; charset=koi8-r\r\n\r\n\xd0\xd2", "\xd0\xbf\xd1\x80");
	expect_text(HEAD "Content-Type: text/plain; charset=shift_jis\r\n\r\n\x93\xfa\xff",
	    "\xe6\x97\xa5\xef\xbf\xbd");
	expect_text(HEAD "Content-Type: text/plain; charset=x-made-up\r\n\r\n\xe4", "\xc3\xa4");
	expect_text(HEAD "Content-Transfer-Encoding: quoted-printable\r\n\r\na=00=1Bb=C2=85c=\r\nd",
	    "abcd");
	expect_text(HEAD "Content-Transfer-Encoding: base64\r\n\r\naMOkbGxv\r\n!!", "h\xc3\xa4llo");
}
END_TEST

START_TEST(plain_text_is_preferred_and_html_becomes_text)
{
	static const char
	    both[] = HEAD
	    "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n"
	    "Content-Type: text/html\r\n\r\n<p>rich</p>\r\n--b--\r\n",
	    blank[] = HEAD
	    "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n \r\n--b\r\n"
	    "Content-Type: text/html\r\n\r\n<p>rich</p>\r\n--b--\r\n";

	expect_text(both, "plain");
	ck_assert_uint_eq(m.nfiles, 0);
	expect_text(blank, "rich");
	expect_text(HEAD
	    "Content-Type: text/html; charset=utf-8\r\n\r\n<html><head><title>no</title>"
	    "<style>p{}</style></head><body><p>One&nbsp;&amp; <b>two</b>\r\nthree</p>"
	    "<ul><li>a<li>b</ul><script>alert('<p>')</script>x<br>y</body></html>",
	    "One & two three\n\n- a\n- b\n\nx\ny");
}
END_TEST

START_TEST(html_of_all_kinds_becomes_readable)
{
	static const char *const rows[][2] = {
		{ "a &lt;b&gt; &#228;&#x20AC; &bogus; & &#0;",
		    "a <b> \xc3\xa4\xe2\x82\xac &bogus; & \xef\xbf\xbd" },
		{ "<blockquote>q<br>r<blockquote>s</blockquote></blockquote>t",
		    "> q\n> r\n> >\n> > s\n\nt" },
		{ "<a href=\"https://x.example/y\">here</a>", "here <https://x.example/y>" },
		{ "<a href='https://x.example/'>https://x.example/</a>", "https://x.example/" },
		{ "<a href=\"javascript:alert(1)\">here</a>", "here" },
		{ "<a title='>' href=http://x.example>t</a>", "t <http://x.example>" },
		{ "<pre>a  b\n c</pre>", "a  b\n c" }, { "1 < 2 <3 <", "1 < 2 <3 <" },
		{ "a<!-- b <p> -->c<!-- d", "ac" }, { "<![CDATA[x]]>y<?php z ?>", "y" },
		{ "<script>x", "" }, { "<p title=\"never ends>x</p>", "x" },
		{ "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc" }
	};
	unsigned i;

	for (i = 0; i < LENGTH(rows); i++)
		ck_assert_str_eq(message_clean(arena, message_html(arena, rows[i][0])), rows[i][1]);
}
END_TEST

START_TEST(flowed_paragraphs_are_joined)
{
	static const char mail[] = HEAD
	    "Content-Type: text/plain; format=flowed\r\n\r\nOne \r\ntwo\r\n three\r\n> q \r\n> r\r\n"
	    ">> s\r\n-- \r\nme";

	expect_text(mail, "One two\nthree\n> q r\n>> s\n--\nme");
	ck_assert_str_eq(message_flowed(arena, "ab \ncd", true), "abcd");
}
END_TEST

START_TEST(what_a_reply_quotes_is_cut_off)
{
	static const char *const rows[][2] = {
		{ "New.\n\nOn Sat, 13 Jun 2026 at 10:00, Desk <help@desk.example> wrote:\n> old\n>\n> older\n",
		    "New." },
		{ "New.\n\nOn Sat, 13 Jun 2026 at 10:00,\nDesk <help@desk.example> wrote:\n\n> old",
		    "New." },
		{ "Neu.\n\nAm 13.06.26 um 10:00 schrieb Hilfe:\n> alt", "Neu." },
		{ "New.\n\n-----Original Message-----\nFrom: x\nold", "New." },
		{ "New.\n\n-------- Urspr\xc3\xbcngliche Nachricht --------\nalt", "New." },
		{ "New.\n\n________________________________\nFrom: Desk <h@d.example>\nSent: Monday\nTo: "
		  "Ada\nSubject: Re\n\nold",
		    "New." },
		{ "New.\n\nVon: Hilfe <h@d.example>\nGesendet: Montag\nAn: Ada\nBetreff: Re\n\nalt",
		    "New." },
		{ "New.\n\nLe 13 juin 2026, Desk a \xc3\xa9"
		  "crit :\n\n--- Please write your answer above this line ---\n\nold",
		    "New." },
		{ "New.\nOn 1 May 2026 x@y.example wrote:\n> --- " MESSAGE_MARKER
		  " ---\n> old\nmy footer",
		    "New." },
		{ "Yes.\n\n--\nAda\nEngines Ltd", "Yes." },
	};
	unsigned i;

	for (i = 0; i < LENGTH(rows); i++)
		ck_assert_str_eq(message_unquoted(arena, rows[i][0]), rows[i][1]);
}
END_TEST

START_TEST(what_may_be_the_senders_own_words_stays)
{
	static const char *const rows[] = {
		"On 1 May 2026, Desk wrote:\n> Which plan?\nThe big one.\n> Since when?\nMay.",
		"> Which plan?\nThe big one.", "I was told:\n> quoted without attribution",
		"From: here I cannot go on.\nTo: whom do I write?",
		"-----Original Message-----\nnothing of its own",
		"On 1 May 2026 x@y.example wrote:\n> all of it", "a\n- b\n-- c", "--\nAda", ""
	};
	unsigned i;

	for (i = 0; i < LENGTH(rows); i++)
		if (i != 2)
			ck_assert_str_eq(message_unquoted(arena, rows[i]), rows[i]);
	ck_assert_str_eq(message_unquoted(arena, repeated("Hi\n--\n", "x\n", 20, "y")),
	    repeated("Hi\n--\n", "x\n", 20, "y"));
}
END_TEST

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

/* Of the processor's time: the machine may be busy. */
static void
expect_quick(clock_t start, const char *what)
{
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;

	ck_assert_msg(seconds < 5, "%s takes %.1f s", what, seconds);
}

static void
expect_refused(const char *mail, const char *code)
{
	clock_t start = clock();

	ck_assert_int_eq(parse(mail), -1);
	ck_assert_str_eq(m.field, "body");
	ck_assert_str_eq(m.code, code);
	expect_quick(start, code);
}

START_TEST(what_would_take_forever_is_refused_at_once)
{
	struct buf deep;
	int i;

	expect_refused(repeated("From: ", "a:", 200000, "\r\n\r\n"), "too_complex");
	expect_refused(
	    repeated(HEAD "Content-Type: message/rfc822\r\n\r\nFrom:\r\n ", "a:\r\n ", 100000, ""),
	    "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary=x\r\n\r\n",
			   "--x\r\n\r\n", 100000, ""),
	    "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary=\"a\\x\"\r\n\r\n",
			   "--ax\r\n\r\n", 100000, ""),
	    "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary*=utf-8''%78\r\n\r\n",
			   "--x\r\n\r\n", 100000, ""),
	    "too_complex");
	expect_refused(
	    repeated("From: a@b.example\r\n", "X: y\r\n", 200000, "\r\n"), "too_complex");
	expect_refused(
	    repeated(HEAD "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n",
		"X: y\r\n", 200000, ""),
	    "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary=a\r\n\r\n",
			   "boundary=b\r\n", 1000000, ""),
	    "too_complex");
	buf_init(&deep, arena, 65536);
	buf_str(&deep, HEAD);
	for (i = 0; i < 20; i++)
		buf_printf(
		    &deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	expect_refused(repeated(deep.data, "--c\r\n", 300000, ""), "too_complex");
	buf_init(&deep, arena, 65536);
	buf_str(&deep, HEAD);
	for (i = 0; i < 100; i++)
		buf_printf(
		    &deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	expect_refused(deep.data, "too_deep");
	for (; i < 1000; i++)
		buf_printf(
		    &deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	expect_refused(deep.data, "too_complex");
	expect_refused(repeated(HEAD "Content-Type: multipart/mixed; boundary=x\r\n\r\n",
			   "--x\r\nContent-Type: image/png\r\n\r\n.\r\n", 101, "--x--"),
	    "too_many_files");
}
END_TEST

START_TEST(texts_made_to_be_slow_are_read_in_time)
{
	static const char *const units[] = { "&", "&#", "<a \"", "<a '>", "<", "<!--", "<script>",
		"<a href=http://x.example/>", "</a>", "<blockquote>", "> \n", ">\nx\n", "\n",
		"From:\n", "-", "On 1 May wrote:\n", "> a \n", "\xff", "a" };
	clock_t start;
	unsigned i;

	for (i = 0; i < LENGTH(units); i++) {
		const char *text = repeated("", units[i], 1000000 / strlen(units[i]), "");

		start = clock();
		message_clean(arena, message_html(arena, text));
		message_unquoted(arena, message_clean(arena, text));
		message_unquoted(arena, text);
		message_flowed(arena, text, true);
		message_utf8(arena, text, strlen(text), NULL);
		expect_quick(start, units[i]);
	}
}
END_TEST

START_TEST(a_large_message_needs_little_memory)
{
	const char *mail =
	    repeated(HEAD "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n"
			  "--x\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: "
			  "base64\r\n\r\n",
		"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n",
		400000, "--x--\r\n");
	struct arena *mine = arena_new();
	struct mallinfo2 before = mallinfo2(), after;

	ck_assert_int_eq(message_parse(&m, mine, mail, strlen(mail)), 0);
	after = mallinfo2();
	ck_assert_uint_lt(arena_high_water(mine), 262144);
	ck_assert_uint_lt(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + 1048576);
	ck_assert_str_eq(m.text, "hi");
	arena_free(mine);
}
END_TEST

START_TEST(a_reply_token_names_a_ticket_and_nothing_of_it_can_change)
{
	static const char ticket[] = "0190163d-8694-739b-aea5-966c26f8ad91",
			  sender[] = "x@y.example";
	const char *address, *agent, *upper;
	char found[37], *changed;
	size_t i;

	conf.secret_key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	address = reply_token_address(arena, "help@desk.example", "org_1", ticket, NULL);
	ck_assert_uint_eq(strlen(address), strlen("help@desk.example") + 1 + REPLY_TOKEN_LENGTH);
	ck_assert_int_eq(reply_token_read(arena, address, "org_1", sender, found), REPLY_CUSTOMER);
	ck_assert_str_eq(found, ticket);
	ck_assert_int_eq(reply_token_read(arena, address, "org_2", sender, found), REPLY_NONE);
	for (i = 5; i < 5 + REPLY_TOKEN_LENGTH; i++) {
		changed = arena_strdup(arena, address);
		changed[i] = changed[i] == 'b' ? 'd' : 'b';
		ck_assert_int_eq(
		    reply_token_read(arena, changed, "org_1", sender, found), REPLY_NONE);
	}
	upper = arena_printf(arena, "HELP+C%s", address + 6);
	ck_assert_int_eq(reply_token_read(arena, upper, "org_1", sender, found), REPLY_CUSTOMER);
	agent =
	    reply_token_address(arena, "help@desk.example", "org_1", ticket, "Agent@desk.example");
	ck_assert_int_eq(
	    reply_token_read(arena, agent, "org_1", "agent@desk.example", found), REPLY_AGENT);
	ck_assert_int_eq(reply_token_read(arena, agent, "org_1", sender, found), REPLY_NONE);
	ck_assert_ptr_null(reply_token_address(
	    arena, "a.very.long.local.part@desk.example", "org_1", ticket, NULL));
	conf.secret_key = "";
	ck_assert_ptr_null(reply_token_address(arena, "help@desk.example", "org_1", ticket, NULL));
	ck_assert_int_eq(reply_token_read(arena, address, "org_1", sender, found), REPLY_NONE);
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { a_plain_message_is_read, a_message_without_a_sender_is_refused,
		a_message_without_an_id_gets_one_of_its_content,
		mail_of_programs_is_told_by_its_headers,
		mail_to_a_group_in_front_of_the_desk_is_a_persons, text_is_utf8_whatever_it_came_as,
		plain_text_is_preferred_and_html_becomes_text, html_of_all_kinds_becomes_readable,
		flowed_paragraphs_are_joined, what_a_reply_quotes_is_cut_off,
		what_may_be_the_senders_own_words_stays, files_are_kept_with_their_names,
		sealed_and_signed_messages_are_not_opened, the_files_of_every_alternative_are_kept,
		a_text_that_is_too_long_is_a_file_too, what_would_take_forever_is_refused_at_once,
		texts_made_to_be_slow_are_read_in_time, a_large_message_needs_little_memory,
		a_reply_token_names_a_ticket_and_nothing_of_it_can_change, NULL };

	return unit_main("message", all);
}

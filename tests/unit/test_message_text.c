/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a message that comes in: UTF-8, readable, and without what it quotes. */
#include "base/util.h"
#include "unit_message.h"

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

int
main(void)
{
	const TTest *const all[] = { text_is_utf8_whatever_it_came_as,
		plain_text_is_preferred_and_html_becomes_text, html_of_all_kinds_becomes_readable,
		flowed_paragraphs_are_joined, what_a_reply_quotes_is_cut_off,
		what_may_be_the_senders_own_words_stays, NULL };

	return unit_main("message_text", all);
}

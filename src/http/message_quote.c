/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reply adds to the thread: the text without the earlier mails below it
 * and without a signature. Only what is plainly a quotation goes, because what
 * is cut by mistake is not read by the agent: everything below the marker of our
 * own mails, a block of headers as Outlook writes it, "… wrote:" when nothing but
 * quoted lines follow, and what is behind "-- ".
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/util.h"
#include "http/message.h"

#define SIGNATURE_LINES 15
#define BLOCK_LINES 8

struct line {
	const char *at;
	size_t len;
};

/* The line at p without quoting and blanks around it. */
static struct line
bare(const char *p)
{
	struct line l;

	p += strspn(p, "> \t");
	l.at = p;
	l.len = strcspn(p, "\n");
	while (l.len > 0 && strchr(" \t*", l.at[l.len - 1]) != NULL)
		l.len--;
	while (l.len > 0 && *l.at == '*') /* a bold word of HTML as text */
		l.at++, l.len--;
	return l;
}

static const char *
next_line(const char *p)
{
	p += strcspn(p, "\n");
	return p + (*p == '\n');
}

static bool
begins(struct line l, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (l.len >= strlen(words[i]) && strncasecmp(l.at, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

static bool
is_quoted(const char *p)
{
	return *p == '>';
}

static bool
is_blank(const char *p)
{
	return bare(p).len == 0 && !is_quoted(p);
}

/* "-----Original Message-----", in the languages that mail programs speak. */
static bool
is_divider(struct line l)
{
	static const char *const words[] = { "original message", "forwarded message",
		"urspr\xc3\xbcngliche nachricht", "message d'origine", "message original",
		"mensaje original", "mensagem original", "messaggio originale",
		"oorspronkelijk bericht" };
	size_t dashes = 0;

	while (dashes < l.len && l.at[dashes] == '-')
		dashes++;
	if (dashes < 2 || l.len < 2 * dashes || l.at[l.len - 1] != '-')
		return false;
	for (; dashes < l.len && l.at[dashes] == ' '; dashes++)
		;
	l.at += dashes;
	l.len -= dashes;
	return begins(l, words, LENGTH(words));
}

/* "From: …" with a date and a recipient or subject in the lines below it. */
static bool
is_header_block(const char *p)
{
	static const char *const from[] = { "From:", "Von:", "De:", "Da:", "Van:" },
				 *const date[] = { "Sent:", "Date:", "Gesendet:", "Datum:",
					 "Envoy\xc3\xa9", "Enviado", "Inviato:", "Verzonden:" },
				 *const more[] = { "To:", "Subject:", "An:", "Betreff:",
					 "\xc3\x80 :", "Objet", "Para:", "Asunto:", "Assunto:",
					 "A:", "Oggetto:", "Aan:", "Onderwerp:" };
	bool dated = false, known = false;
	int i;

	if (!begins(bare(p), from, LENGTH(from)))
		return false;
	for (i = 0; i < BLOCK_LINES && *p != '\0' && bare(p).len > 0; i++) {
		p = next_line(p);
		dated = dated || begins(bare(p), date, LENGTH(date));
		known = known || begins(bare(p), more, LENGTH(more));
	}
	return dated && known;
}

static const char *
line_before(const char *text, const char *p)
{
	for (p--; p > text && p[-1] != '\n'; p--)
		;
	return p;
}

/* "On 13 Jun 2026, Desk <help@desk.example> wrote:", in any language. */
static bool
is_attribution(const char *p)
{
	struct line l = bare(p);
	bool telling = l.len >= 6 && strncasecmp(l.at + l.len - 6, "wrote:", 6) == 0;
	size_t i;

	if (l.len == 0 || l.len > 400 || l.at[l.len - 1] != ':')
		return false;
	for (i = 0; i < l.len; i++)
		telling = telling || isdigit((unsigned char)l.at[i]) || l.at[i] == '@';
	return telling;
}

/* Where the attribution begins that stands just before a quotation, or `at`: one line, or two when
 * the first one begins as they do. */
static const char *
with_attribution(const char *text, const char *at)
{
	static const char *const words[] = { "On ", "Am ", "Le ", "El ", "Il ", "Op ", "Em " };
	const char *p = at, *above;

	do {
		if (p == text)
			return at;
		p = line_before(text, p);
	} while (is_blank(p));
	if (is_quoted(p) || !is_attribution(p))
		return at;
	above = p == text ? p : line_before(text, p);
	if (!begins(bare(p), words, LENGTH(words)) && begins(bare(above), words, LENGTH(words)))
		return above;
	return p;
}

/* Behind the quoted and blank lines that begin here. */
static const char *
behind_quotes(const char *p)
{
	while (*p != '\0' && (is_quoted(p) || is_blank(p)))
		p = next_line(p);
	return p;
}

/* Where the quotation begins, or the end. */
static const char *
quotation(const char *text)
{
	const char *p, *behind = text, *at;

	for (p = text; *p != '\0'; p = next_line(p)) {
		struct line l = bare(p);

		if (memmem(l.at, l.len, MESSAGE_MARKER, strlen(MESSAGE_MARKER)) != NULL)
			return with_attribution(text, p);
		if (is_divider(l) || is_header_block(p))
			return p;
		if (!is_quoted(p) || p < behind) /* each block of quotes is looked at once */
			continue;
		behind = behind_quotes(p);
		at = *behind == '\0' ? with_attribution(text, p) : p;
		if (at != p)
			return at;
	}
	return p;
}

/* Where "-- " begins near the end, or the end. */
static const char *
signature(const char *text, const char *end)
{
	const char *p = end;
	int i;

	for (i = 0; i < SIGNATURE_LINES && p > text; i++) {
		p = line_before(text, p);
		if (strncmp(p, "--\n", 3) == 0 || strncmp(p, "-- \n", 4) == 0)
			return p;
	}
	return end;
}

/* Without blanks at the end, and without the rule that Outlook puts above a quotation. */
static size_t
trimmed(const char *text, const char *end)
{
	size_t rule;

	while (end > text && strchr(" \t\n", end[-1]) != NULL)
		end--;
	for (rule = 0; end - rule > text && end[-1 - (long)rule] == '_'; rule++)
		;
	if (rule >= 10) {
		end -= rule;
		while (end > text && strchr(" \t\n", end[-1]) != NULL)
			end--;
	}
	return (size_t)(end - text);
}

const char *
message_unquoted(struct arena *arena, const char *text)
{
	size_t len = trimmed(text, signature(text, text + trimmed(text, quotation(text))));

	return len == 0 ? text : arena_strndup(arena, text, len);
}

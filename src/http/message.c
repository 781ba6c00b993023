/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/util.h"
#include "http/message_part.h"

#define ID_MAX 500
#define SUBJECT_MAX 2000
#define NAME_MAX_CHARS 255

static void
unref(void *object)
{
	g_object_unref(object);
}

static int
refuse(struct message *m, const char *field, const char *code, const char *error)
{
	m->field = field;
	m->code = code;
	m->error = error;
	return -1;
}

/* One clean line of at most so many bytes. */
static const char *
line_of(struct arena *arena, const char *text, size_t max)
{
	char *line, *p;

	if (text == NULL)
		return "";
	text = utf8_repair(arena, text, strlen(text));
	line = arena_strdup(arena, message_clean(arena, text));
	for (p = line; *p != '\0'; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	return utf8_cut(arena, line, max);
}

/* local@domain, printable ASCII without blanks or quoting, in lower case; NULL for another. */
static const char *
address_of(struct arena *arena, const char *text)
{
	const char *at = text == NULL ? NULL : strchr(text, '@');
	char *address, *p;

	if (at == NULL || at == text || at - text > 64 || strchr(at + 1, '@') != NULL ||
	    at[1] == '\0' || strlen(text) > 254)
		return NULL;
	address = arena_strdup(arena, text);
	for (p = address; *p != '\0'; p++) {
		if (*p <= ' ' || *p >= 0x7f || strchr("\"(),:;<>[]\\", *p) != NULL)
			return NULL;
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	}
	return address;
}

static const char *
header(GMimeMessage *mail, const char *name)
{
	return g_mime_object_get_header(GMIME_OBJECT(mail), name);
}

static unsigned
count(const char *const *list)
{
	unsigned n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static void
add(const char **list, unsigned max, const char *item)
{
	unsigned n = count(list);

	if (item != NULL && n < max)
		list[n] = item;
}

/* The addresses of a list and of the groups in it, down to two levels. */
static void
add_addresses(struct arena *arena, const char **list, InternetAddressList *addresses, int depth)
{
	int i, n = addresses == NULL ? 0 : internet_address_list_length(addresses);

	for (i = 0; i < n && count(list) < MESSAGE_PEOPLE; i++) {
		InternetAddress *a = internet_address_list_get_address(addresses, i);

		if (INTERNET_ADDRESS_IS_MAILBOX(a))
			add(list, MESSAGE_PEOPLE,
			    address_of(arena,
				internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(a))));
		else if (INTERNET_ADDRESS_IS_GROUP(a) && depth < 2)
			add_addresses(arena, list,
			    internet_address_group_get_members(INTERNET_ADDRESS_GROUP(a)),
			    depth + 1);
	}
}

/* An address that can be written to, or NULL. */
static const char *
mailbox_of(struct arena *arena, InternetAddress *a)
{
	const char *address =
	    !INTERNET_ADDRESS_IS_MAILBOX(a)
		? NULL
		: address_of(arena, internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(a)));

	return address == NULL || strchr(strchr(address, '@'), '.') == NULL ? NULL : address;
}

static const char *
name_of(struct arena *arena, InternetAddress *a)
{
	return utf8_cut(arena, line_of(arena, internet_address_get_name(a), 1000), NAME_MAX_CHARS);
}

static int
read_sender(struct message *m, struct arena *arena, GMimeMessage *mail)
{
	InternetAddressList *from = g_mime_message_get_from(mail);
	InternetAddress *a = from == NULL || internet_address_list_length(from) == 0
	                         ? NULL
	                         : internet_address_list_get_address(from, 0);

	if (a == NULL)
		return refuse(m, "from", "required", "The message has no sender (From).");
	m->from = mailbox_of(arena, a);
	if (m->from == NULL)
		return refuse(m, "from", "format",
		    "The sender (From) has no address that can be written to.");
	m->name = name_of(arena, a);
	return 0;
}

static void
read_people(struct message *m, struct arena *arena, GMimeMessage *mail)
{
	static const char *const delivered[] = { "Delivered-To", "X-Original-To", "Envelope-To",
		"X-Envelope-To" };
	char *box;
	unsigned i;

	add_addresses(arena, m->people, g_mime_message_get_to(mail), 0);
	add_addresses(arena, m->people, g_mime_message_get_cc(mail), 0);
	for (i = 0; i < LENGTH(delivered); i++) {
		box = arena_strdup(arena, header(mail, delivered[i]));
		if (box == NULL)
			continue;
		box += strspn(box, "< \t");
		box[strcspn(box, ">, \t\r\n")] = '\0';
		add(m->boxes, MESSAGE_PEOPLE, address_of(arena, box));
	}
	for (i = 0; i < MESSAGE_PEOPLE && m->people[i] != NULL; i++)
		add(m->boxes, MESSAGE_PEOPLE, m->people[i]);
}

/* A Message-ID that can be kept and written into a header; NULL for another. */
static const char *
id_of(struct arena *arena, const char *text)
{
	const char *p;

	if (text == NULL || *text == '\0' || strlen(text) > ID_MAX || strchr(text, '@') == NULL)
		return NULL;
	for (p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '<' || *p == '>')
			return NULL;
	return arena_strdup(arena, text);
}

static void
add_references(struct message *m, struct arena *arena, const char *text)
{
	GMimeReferences *refs;
	int i;

	if (text == NULL)
		return;
	refs = g_mime_references_parse(NULL, text);
	for (i = g_mime_references_length(refs); i-- > 0;) /* the nearest is the last */
		add(m->ids, MESSAGE_IDS, id_of(arena, g_mime_references_get_message_id(refs, i)));
	g_mime_references_free(refs);
}

static void
read_ids(struct message *m, struct arena *arena, GMimeMessage *mail, const char *data, size_t len)
{
	char hex[65];

	m->message_id = id_of(arena, g_mime_message_get_message_id(mail));
	if (m->message_id == NULL) {
		sha256_hex(hex, data, len);
		m->message_id = arena_printf(arena, "%s" MESSAGE_DERIVED, hex);
	}
	add_references(m, arena, header(mail, "In-Reply-To"));
	add_references(m, arena, header(mail, "References"));
}

/*
 * The address of the list that the message was written to (List-Post, RFC 2369,
 * among To and Cc), or NULL. A group that hands on what is written to the desk's
 * address is such a list; one that the desk merely receives is none.
 */
static const char *
list_of(const struct message *m, struct arena *arena, const char *post)
{
	const char *list;
	unsigned i;

	for (; post != NULL && (post = strcasestr(post, "<mailto:")) != NULL; post++) {
		list = address_of(arena, arena_strndup(arena, post + 8, strcspn(post + 8, ">?")));
		for (i = 0; list != NULL && m->people[i] != NULL; i++)
			if (strcmp(m->people[i], list) == 0)
				return list;
	}
	return NULL;
}

/*
 * Lists that write in their own name (for the sake of DMARC) tell who it was in
 * Reply-To. Anybody can say so of a list of his own: it is to be believed of the desk's.
 */
static void
find_author(struct message *m, struct arena *arena, GMimeMessage *mail, const char *list)
{
	InternetAddressList *to = g_mime_message_get_reply_to(mail);
	InternetAddress *a;
	const char *author;
	int i;

	if (list == NULL || strcmp(m->from, list) != 0)
		return;
	for (i = 0; to != NULL && i < internet_address_list_length(to); i++) {
		a = internet_address_list_get_address(to, i);
		author = mailbox_of(arena, a);
		if (author == NULL || strcmp(author, list) == 0)
			continue;
		m->author = author;
		m->author_name = name_of(arena, a);
		return;
	}
}

static bool
has_word(const char *value, const char *const *words)
{
	for (; value != NULL && *words != NULL; words++)
		if (strncasecmp(value, *words, strlen(*words)) == 0)
			return true;
	return false;
}

/* Reports of deliveries and readings, whoever sends them. */
static bool
is_report(GMimeMessage *mail)
{
	GMimeContentType *type = g_mime_object_get_content_type(
	    g_mime_message_get_mime_part(mail) == NULL ? GMIME_OBJECT(mail)
						       : g_mime_message_get_mime_part(mail));

	return type != NULL &&
	       (g_mime_content_type_is_type(type, "multipart", "report") ||
		   g_mime_content_type_is_type(type, "message", "delivery-status") ||
		   g_mime_content_type_is_type(type, "message", "disposition-notification"));
}

/* RFC 3834, and what was usual before and beside it. */
static const char *
automatic(const struct message *m, GMimeMessage *mail, const char *list)
{
	static const char *const bulk[] = { "bulk", "junk", "auto_reply", NULL },
				 *const lists[] = { "list", NULL }, *const no[] = { "no", NULL },
				 *const none[] = { "none", NULL },
				 *const daemons[] = { "mailer-daemon@", "mailer-daemon", NULL };
	const char *submitted = header(mail, "Auto-Submitted"),
		   *suppress = header(mail, "X-Auto-Response-Suppress"),
		   *path = header(mail, "Return-Path");

	if (is_report(mail))
		return "delivery_report";
	if (submitted != NULL && !has_word(submitted, no))
		return "auto_submitted";
	if (header(mail, "X-Autoreply") != NULL || header(mail, "X-Autorespond") != NULL)
		return "auto_submitted";
	if (has_word(header(mail, "Precedence"), bulk) ||
	    (list == NULL && has_word(header(mail, "Precedence"), lists)))
		return "precedence";
	if (suppress != NULL && !has_word(suppress, none))
		return "auto_response_suppress";
	if (list == NULL && header(mail, "List-Id") != NULL)
		return "mailing_list";
	if (path != NULL && path[strspn(path, "<> \t")] == '\0')
		return "null_sender";
	return has_word(m->from, daemons) ? "mailer_daemon" : NULL;
}

static GMimeMessage *
construct(struct arena *arena, const char *data, size_t len)
{
	GByteArray bytes = { .data = (guint8 *)(uintptr_t)data, .len = (guint)len };
	GMimeStream *stream = g_mime_stream_mem_new();
	GMimeParser *parser;
	GMimeMessage *mail;
	GByteArray *kept = arena_memdup(arena, &bytes, sizeof(bytes)); /* parts refer to it */

	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(stream), kept);
	parser = g_mime_parser_new_with_stream(stream);
	g_mime_parser_set_persist_stream(parser, TRUE);
	mail = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	if (mail != NULL)
		arena_defer(arena, unref, mail);
	return mail;
}

int
message_parse(struct message *m, struct arena *arena, const char *data, size_t len)
{
	static bool ready;
	GMimeMessage *mail;
	const char *why, *list;

	*m = (struct message){ .subject = "", .text = "", .name = "" };
	why = message_scan(data, len);
	if (why != NULL)
		return refuse(m, "body", "too_complex", why);
	if (!ready)
		g_mime_init();
	ready = true;
	mail = construct(arena, data, len);
	if (mail == NULL)
		return refuse(m, "body", "format", "This is no e-mail message (RFC 5322).");
	if (read_sender(m, arena, mail) == -1)
		return -1;
	read_ids(m, arena, mail, data, len);
	read_people(m, arena, mail);
	m->subject = line_of(arena, g_mime_message_get_subject(mail), SUBJECT_MAX);
	m->loop = arena_strdup(arena, header(mail, "X-ServiceOS-Loop"));
	list = list_of(m, arena, header(mail, "List-Post"));
	find_author(m, arena, mail, list);
	m->automatic = automatic(m, mail, list);
	return message_parts(m, arena, g_mime_message_get_mime_part(mail));
}

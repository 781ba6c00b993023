/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a message's parts: which are its text, and which its files. */
#include "http/message_part.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/util.h"

#define TEXT_BYTES 1048576 /* of all that is looked at as text; what has more is a file as well */
#define FILENAME_MAX_BYTES 200

struct walk {
	struct message *m;
	struct arena *arena;
	struct buf text;
	struct message_file **last;
	unsigned parts;
	size_t bytes; /* looked at as text */
	bool no_html; /* in an alternative whose plain text was taken */
};

static int visit(struct walk *, GMimeObject *, int depth);

static int
refuse(struct walk *w, const char *code, const char *error)
{
	w->m->field = "body";
	w->m->code = code;
	w->m->error = error;
	return -1;
}

/* ---- content */

struct reader {
	int (*take)(void *to, const char *, size_t);
	void *to;
	int result;
	off64_t at;
};

static ssize_t
on_write(void *cookie, const char *data, size_t len)
{
	struct reader *r = cookie;

	if (r->result == 0)
		r->result = r->take(r->to, data, len);
	r->at += (off64_t)len;
	return (ssize_t)len;
}

/* GMime goes where it is already before it writes. */
static int
on_seek(void *cookie, off64_t *at, int from)
{
	struct reader *r = cookie;

	if (from == SEEK_SET && *at != r->at)
		return -1;
	*at = r->at;
	return 0;
}

int
message_file_read(
    const struct message_file *f, int (*take)(void *to, const char *, size_t), void *to)
{
	struct reader r = { .take = take, .to = to };
	FILE *file =
	    fopencookie(&r, "w", (cookie_io_functions_t){ .write = on_write, .seek = on_seek });
	GMimeStream *out = g_mime_stream_file_new(file); /* closes the file */
	GMimeDataWrapper *content;

	if (GMIME_IS_MESSAGE_PART(f->part)) {
		GMimeMessage *mail = g_mime_message_part_get_message(GMIME_MESSAGE_PART(f->part));

		if (mail != NULL)
			g_mime_object_write_to_stream(GMIME_OBJECT(mail), NULL, out);
	} else {
		content = g_mime_part_get_content(GMIME_PART(f->part));
		if (content != NULL)
			g_mime_data_wrapper_write_to_stream(content, out);
	}
	g_mime_stream_flush(out);
	g_object_unref(out);
	return r.result;
}

/* ---- files */

/* The last part of a path, without what a name may not have; its ending survives a cut. */
static const char *
clean_name(struct arena *arena, const char *name)
{
	const char *slash, *dot;
	char *out, *p;

	name = utf8_repair(arena, name, strlen(name));
	name = utf8_without_bidi(arena, message_clean(arena, name));
	while ((slash = strpbrk(name, "/\\")) != NULL)
		name = slash + 1;
	name += strspn(name, " .");
	out = arena_strdup(arena, name);
	for (p = out; *p != '\0'; p++)
		if (strchr("\"\n\t", *p) != NULL)
			*p = '_';
	if (strlen(out) <= FILENAME_MAX_BYTES)
		return out;
	dot = strrchr(out, '.');
	if (dot == NULL || strlen(dot) > 20)
		return utf8_cut(arena, out, FILENAME_MAX_BYTES);
	return arena_printf(
	    arena, "%s%s", utf8_cut(arena, out, FILENAME_MAX_BYTES - strlen(dot)), dot);
}

static const char *
name_of(struct walk *w, GMimeObject *part, const char *otherwise)
{
	const char *name = NULL, *subject;

	if (GMIME_IS_PART(part)) {
		name = g_mime_part_get_filename(GMIME_PART(part));
	} else {
		GMimeMessage *mail = g_mime_message_part_get_message(GMIME_MESSAGE_PART(part));

		subject = mail == NULL ? NULL : g_mime_message_get_subject(mail);
		if (subject != NULL && *subject != '\0')
			name = arena_printf(w->arena, "%.150s.eml", subject);
		otherwise = "message.eml";
	}
	name = name == NULL ? "" : clean_name(w->arena, name);
	if (*name != '\0')
		return name;
	return otherwise != NULL ? otherwise
	                         : arena_printf(w->arena, "attachment-%u", w->m->nfiles + 1);
}

static int
add_file(struct walk *w, GMimeObject *part, const char *otherwise)
{
	struct message_file *f;

	if (!GMIME_IS_PART(part) && !GMIME_IS_MESSAGE_PART(part))
		return 0;
	if (w->m->nfiles == MESSAGE_FILES)
		return refuse(w, "too_many_files", "It has more than 100 files.");
	f = arena_alloc(w->arena, sizeof(*f));
	f->part = part;
	f->filename = name_of(w, part, otherwise);
	*w->last = f;
	w->last = &f->next;
	w->m->nfiles++;
	return 0;
}

/* ---- text */

struct limited {
	struct buf data;
	size_t max;
	bool more;
};

static int
keep(void *to, const char *data, size_t len)
{
	struct limited *l = to;
	size_t room = l->max - l->data.len;

	l->more = l->more || len > room;
	buf_add(&l->data, data, len < room ? len : room);
	return l->more ? 1 : 0;
}

static const char *
parameter(GMimeObject *part, const char *name)
{
	return g_mime_object_get_content_type_parameter(part, name);
}

static bool
says(const char *value, const char *word)
{
	return value != NULL && strcasecmp(value, word) == 0;
}

static bool
is_type(GMimeObject *part, const char *type, const char *subtype)
{
	GMimeContentType *t = g_mime_object_get_content_type(part);

	return t != NULL && g_mime_content_type_is_type(t, type, subtype);
}

/* Text that is the message's own words, and no file. */
static bool
is_text(GMimeObject *part)
{
	GMimeContentDisposition *d = g_mime_object_get_content_disposition(part);

	return GMIME_IS_PART(part) &&
	       (is_type(part, "text", "plain") || is_type(part, "text", "html")) &&
	       g_mime_part_get_filename(GMIME_PART(part)) == NULL &&
	       (d == NULL || !g_mime_content_disposition_is_attachment(d));
}

/* As clean text; *more when that is not all of it. */
static const char *
text_of(struct walk *w, GMimeObject *part, bool *more)
{
	struct message_file f = { .part = part };
	struct limited l = { .max = TEXT_BYTES - w->bytes };
	const char *text;

	buf_init(&l.data, w->arena, 4096);
	message_file_read(&f, keep, &l);
	w->bytes += l.data.len;
	text = message_utf8(w->arena, l.data.data, l.data.len, parameter(part, "charset"));
	if (is_type(part, "text", "html"))
		text = message_html(w->arena, text);
	else if (says(parameter(part, "format"), "flowed"))
		text = message_flowed(w->arena, text, says(parameter(part, "delsp"), "yes"));
	text = message_clean(w->arena, text);
	*more = l.more || utf8_length(text, strlen(text)) > MESSAGE_TEXT_MAX;
	return text;
}

/* 1 when it had words, 0 when not, -1 refused. */
static int
add_text(struct walk *w, GMimeObject *part)
{
	bool html = is_type(part, "text", "html"), more;
	const char *text;

	if (html && w->no_html)
		return 0;
	if (w->bytes == TEXT_BYTES || w->text.len > MESSAGE_TEXT_MAX)
		return add_file(w, part, html ? "message.html" : "message.txt");
	text = text_of(w, part, &more);
	if (*text == '\0')
		return 0;
	if (more && add_file(w, part, html ? "message.html" : "message.txt") == -1)
		return -1;
	if (w->text.len > 0)
		buf_str(&w->text, "\n\n");
	buf_str(&w->text, text);
	return 1;
}

/* ---- the tree */

static GMimeObject *
child(GMimeObject *part, int i)
{
	return g_mime_multipart_get_part(GMIME_MULTIPART(part), i);
}

static int
children(GMimeObject *part)
{
	return g_mime_multipart_get_count(GMIME_MULTIPART(part));
}

/* The plain text when it says anything, else the HTML; from the others only their files. */
static int
visit_alternatives(struct walk *w, GMimeObject *part, int depth)
{
	bool outer = w->no_html;
	int i, taken = -1, result = 0;

	for (i = 0; i < children(part) && taken == -1; i++) {
		if (!is_text(child(part, i)) || !is_type(child(part, i), "text", "plain"))
			continue;
		result = add_text(w, child(part, i));
		if (result == -1)
			return -1;
		taken = result == 1 ? i : -1;
	}
	w->no_html = outer || taken != -1;
	for (i = 0, result = 0; i < children(part) && result != -1; i++)
		if (i != taken && !is_type(child(part, i), "text", "plain"))
			result = visit(w, child(part, i), depth);
	w->no_html = outer;
	return result == -1 ? -1 : 0;
}

/* Encrypted: nothing of it is text. */
static int
visit_sealed(struct walk *w, GMimeObject *part)
{
	int i, result = 0;

	for (i = 0; i < children(part) && result == 0; i++)
		result = add_file(w, child(part, i), NULL);
	return result;
}

static int
visit_multipart(struct walk *w, GMimeObject *part, int depth)
{
	int i, result = 0;

	if (depth == MESSAGE_DEPTH)
		return refuse(w, "too_deep", "It has parts within parts to more than 30 levels.");
	if (is_type(part, "multipart", "encrypted"))
		return visit_sealed(w, part);
	if (is_type(part, "multipart", "alternative"))
		return visit_alternatives(w, part, depth + 1);
	for (i = 0; i < children(part) && result != -1; i++)
		result = visit(w, child(part, i), depth + 1);
	return result;
}

static int
visit(struct walk *w, GMimeObject *part, int depth)
{
	if (part == NULL)
		return 0;
	if (++w->parts > MESSAGE_PARTS)
		return refuse(w, "too_many_parts", "It has more than 1,000 parts.");
	if (GMIME_IS_MULTIPART(part))
		return visit_multipart(w, part, depth);
	if (is_text(part))
		return add_text(w, part) == -1 ? -1 : 0;
	return add_file(w, part, NULL);
}

int
message_parts(struct message *m, struct arena *arena, GMimeObject *part)
{
	struct walk w = { .m = m, .arena = arena, .last = &m->files };
	int result;

	buf_init(&w.text, arena, 4096);
	result = visit(&w, part, 0);
	m->text = message_clean(arena, w.text.data);
	return result;
}

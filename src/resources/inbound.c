/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E-mail on its way in: the body is the raw message, as a mail server hands it
 * over. It lies in a file without a name while it is read, so that a large one
 * costs no memory. What it becomes is decided in sql/functions/76_inbound.sql, in
 * one transaction with its comment, customer and attachments.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auth/reply_token.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "http/idempotency.h"
#include "http/message.h"
#include "resources/routing.h"
#include "store/files.h"

#define PIECE 65536

/* clang-format off */
static const char *const actions[] = { "created", "commented", "ignored", "duplicate", NULL };
static const struct field inbound_fields[] = {
	{ "action",      T_ENUM, F_OUT, .words = actions, .example = "\"commented\"", .doc = "created: a new ticket; commented: a comment on a ticket; ignored: nothing, because no person wrote it; duplicate: nothing, because it was handed in before." },
	{ "reason",      T_STR,  F_OUT|F_NULL, .example = "null", .doc = "Of an ignored one: auto_submitted, precedence, auto_response_suppress, mailing_list, null_sender, mailer_daemon, delivery_report, own_message or loop. Of a duplicate: what became of the first." },
	{ "ticket_id",   T_ID,   F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "number",      T_INT,  F_OUT|F_NULL, .max = 9007199254740991, .example = "1042", .doc = "The ticket's number." },
	{ "comment_id",  T_ID,   F_OUT|F_NULL, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The comment; null of a new ticket, whose description is the message." },
	{ "attachments", T_INT,  F_OUT, .max = 100, .example = "1", .doc = "Files that were kept now." },
	{ "message_id",  T_STR,  F_OUT, .example = "\"CAF1@mail.example.com\"", .doc = "Message-ID without its brackets; one derived from the content when the message has none." },
	{ .name = NULL }
};
static const struct resource inbound = { "InboundEmail", "What became of a message.", NULL, "message_id", NULL, inbound_fields };
static const struct field reply_fields[] = {
	{ "ticket_id", T_ID,  F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "The ticket." },
	{ "user_id",   T_ID,  F_OUT|F_NULL, .example = "null", .doc = "The agent whose reply it is for; null for the customer's." },
	{ "address",   T_STR, F_OUT, .example = "\"help+caduqxx…@desk.example\"", .doc = "Where mail becomes a comment of the ticket." },
	{ .name = NULL }
};
static const struct resource reply_address = { "ReplyAddress", "Where mail to a ticket goes.", NULL, "ticket_id", NULL, reply_fields };
static const struct filter reply_query[] = {
	{ "user_id", T_ID, "", NULL, "An agent: mail from this agent's own address is then the agent's reply.", true },
	{ .name = NULL }
};
static const struct filter inbound_query[] = {
	{ "recipient", T_STR, "", NULL, "Address that it was delivered to, when the mail server knows it: a reply token is looked for there first.", true },
	{ .name = NULL }
};
/* clang-format on */

struct incoming {
	struct message m;
	const char *data;
	size_t len;
	char sha256[65];
	const char *files; /* those that are stored, as a JSON array; NULL until they are */
};

static int
fail_disk(struct req *r, int error)
{
	log_error("inbound: %s", strerror(error));
	return fail(r, error == ENOSPC || error == EDQUOT ? E_DISK_FULL : E_UNAVAILABLE);
}

/* ---- the raw message */

static int
copy_body(struct req *r, int fd, struct incoming *in)
{
	char *piece = arena_room(r->arena, PIECE);
	size_t at = 0, n;
	int error;

	while ((n = http_body_read(r->in, &at, piece, PIECE)) > 0) {
		in->len += n;
		if (in->len > (size_t)conf.inbound_max)
			return fail_detail(r, E_TOO_LARGE, "At most %ld bytes.", conf.inbound_max);
		error = file_put(fd, piece, n);
		if (error != 0)
			return fail_disk(r, error);
	}
	if (in->len == 0)
		return fail_field(r, "body", "required", "The message has no bytes.");
	if (r->in->body_len > 0 && in->len != r->in->body_len)
		return fail_detail(r, E_BAD_REQUEST, "Content-Length says another length.");
	return 0;
}

struct mapping {
	void *at;
	size_t len;
};

static void
unmap(void *mapping)
{
	struct mapping *m = mapping;

	munmap(m->at, m->len);
}

/* It is freed with the arena, after all that refers to it. */
static int
map(struct req *r, int fd, struct incoming *in)
{
	struct mapping *m = arena_alloc(r->arena, sizeof(*m));

	m->len = in->len;
	m->at = mmap(NULL, in->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (m->at == MAP_FAILED)
		return fail_disk(r, errno);
	arena_defer(r->arena, unmap, m);
	in->data = m->at;
	return 0;
}

static int
read_body(struct req *r, struct incoming *in)
{
	char path[FILE_PATH], id[37];
	int fd, result;

	uuid7(id);
	file_path(path, "inbound", r->org, id);
	fd = file_open(path);
	if (fd == -1)
		return fail_disk(r, errno);
	unlink(path); /* nobody else needs it, and so nothing is left whatever happens */
	result = copy_body(r, fd, in) == -1 ? -1 : map(r, fd, in);
	close(fd);
	if (result == 0)
		sha256_hex(in->sha256, in->data, in->len);
	return result;
}

/* It can be read from the web server once only: another attempt finds it in r->kept. */
static struct incoming *
take_body(struct req *r)
{
	struct incoming *in = r->kept;

	if (in != NULL)
		return in;
	in = arena_alloc(r->arena, sizeof(*in));
	if (read_body(r, in) == -1)
		return NULL;
	if (message_parse(&in->m, r->arena, in->data, in->len) == -1) {
		fail_field(r, in->m.field, in->m.code, "%s", in->m.error);
		return NULL;
	}
	r->kept = in;
	return in;
}

/* ---- its files */

struct storing {
	struct req *r;
	struct file_writer w;
	const char *filename;
};

static int
store_piece(void *to, const char *data, size_t len)
{
	struct storing *s = to;
	int error = file_write(&s->w, data, len);

	if (error != 0)
		return fail_disk(s->r, error);
	if (s->w.size > (uint64_t)conf.attachment_max)
		return fail_detail(s->r, E_TOO_LARGE, "The file %s has more than %ld bytes.",
		    s->filename, conf.attachment_max);
	return 0;
}

static int
store_file(struct req *r, const struct message_file *f, struct buf *out)
{
	struct storing s = { .r = r, .filename = f->filename };
	char sha256[65];
	const char *type;
	int error = file_begin(&s.w, r->org);

	if (error != 0)
		return fail_disk(r, error);
	if (message_file_read(f, store_piece, &s) != 0 || s.w.size == 0) {
		file_abort(&s.w);
		return r->failed ? -1 : 0; /* one without bytes is none */
	}
	type = file_type(&s.w, r->arena);
	error = file_finish(&s.w, sha256);
	if (error != 0) {
		file_abort(&s.w);
		return fail_disk(r, error);
	}
	buf_str(out, out->len > 1 ? ",{\"filename\":" : "{\"filename\":");
	buf_json_str(out, f->filename);
	buf_str(out, ",\"content_type\":");
	buf_json_str(out, type);
	buf_printf(out, ",\"size\":%llu,\"sha256\":\"%s\"}", (unsigned long long)s.w.size, sha256);
	return 0;
}

static int
store_files(struct req *r, struct incoming *in)
{
	const struct message_file *f;
	struct buf out;

	buf_init(&out, r->arena, 1024);
	buf_char(&out, '[');
	for (f = in->m.files; f != NULL; f = f->next)
		if (store_file(r, f, &out) == -1)
			return -1;
	buf_char(&out, ']');
	in->files = out.data;
	return 0;
}

/* ---- what the rules are told */

static const char *
domain_of_ours(struct req *r)
{
	const char *at = strrchr(conf.mail_from, '@');

	return at == NULL ? "localhost" : arena_strndup(r->arena, at + 1, strcspn(at + 1, "> "));
}

/* Mail of ours that comes back: it has our mark, or our sender. */
static bool
is_ours(struct req *r, const struct message *m)
{
	const char *domain = domain_of_ours(r), *from = strrchr(conf.mail_from, '<');

	if (m->loop != NULL &&
	    strcmp(m->loop, arena_printf(r->arena, "%s@%s", r->org, domain)) == 0)
		return true;
	from = from == NULL ? conf.mail_from : from + 1;
	return strncasecmp(m->from, from, strcspn(from, ">")) == 0 &&
	       m->from[strcspn(from, ">")] == '\0';
}

static void
put(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	if (value == NULL)
		buf_str(out, "null");
	else
		buf_json_str(out, value);
}

static void
put_list(struct buf *out, const char *name, const char *first, const char *const *list)
{
	buf_printf(out, ",\"%s\":[", name);
	if (first != NULL)
		buf_json_str(out, first);
	for (; *list != NULL; list++) {
		if (out->data[out->len - 1] != '[')
			buf_char(out, ',');
		buf_json_str(out, *list);
	}
	buf_char(out, ']');
}

/* The first address that proves anything: that of the delivery, then those of the headers. */
static void
put_token(struct req *r, struct buf *out, const struct message *m)
{
	const char *box = query_get(r, "recipient"), *const *next = m->boxes;
	enum reply_token token = REPLY_NONE;
	char ticket[37];

	if (box != NULL)
		token = reply_token_read(r->arena, box, r->org, m->from, ticket);
	for (; token == REPLY_NONE && *next != NULL; next++)
		token = reply_token_read(r->arena, *next, r->org, m->from, ticket);
	if (token == REPLY_NONE)
		return;
	put(out, "token", token == REPLY_AGENT ? "agent" : "customer");
	put(out, "ticket_id", ticket);
}

static const char *
as_json(struct req *r, const struct incoming *in, const char *reason)
{
	const struct message *m = &in->m;
	const char *whole = utf8_cut(r->arena, m->text, 4UL * MESSAGE_TEXT_MAX);
	struct buf out;

	buf_init(&out, r->arena, strlen(whole) * 2 + 4096);
	buf_str(&out, "{\"message_id\":");
	buf_json_str(&out, m->message_id);
	put(&out, "reason", reason);
	put(&out, "from", m->from);
	put(&out, "name", m->name);
	put(&out, "author", m->author);
	put(&out, "author_name", m->author_name);
	put(&out, "subject", m->subject);
	put(&out, "whole", whole);
	put(&out, "text", message_unquoted(r->arena, whole));
	put_list(&out, "ids", NULL, m->ids);
	put_list(&out, "people", m->from, m->people);
	put_token(r, &out, m);
	buf_printf(&out, ",\"files\":%s}", in->files == NULL ? "[]" : in->files);
	return out.data;
}

/* A new ticket goes to its queue as any other does. */
static int
take(struct req *r, const char *mail)
{
	bool routed = routing_begin(r);
	int slot = db_queue(r->db, SQL_INBOUND_TAKE, P(r->org, mail));
	const PGresult *m = routed ? db_result(r->db, slot) : NULL;

	if (m != NULL && strcmp(db_get(m, 0, "action"), "created") == 0 &&
	    routing_apply(r, arena_printf(r->arena, "{%s}", db_get(m, 0, "ticket_id"))) == -1)
		return -1;
	return reply_slot(r, 200, &inbound, slot);
}

/* What no person wrote leaves no file; nor does what is here already, as far as is known now. */
static int
receive(struct req *r)
{
	struct incoming *in = take_body(r);
	const char *reason;
	int stored;

	if (in == NULL)
		return -1;
	stored = idempotency_content(r, in->sha256);
	if (stored != 0)
		return stored == 1 ? 0 : -1;
	reason = is_ours(r, &in->m) ? "own_message" : in->m.automatic;
	if (reason == NULL && in->files == NULL && in->m.files != NULL &&
	    db_row(r->db, SQL_INBOUND_KNOWN, P(r->org, in->m.message_id)) == NULL) {
		if ((db_failed(r->db) ? fail_db(r) : store_files(r, in)) == -1)
			return -1;
	}
	return take(r, as_json(r, in, reason));
}

/* For programs that send mail of their own about a ticket: what they give as its Reply-To. */
static int
show_reply_address(struct req *r)
{
	const char *user = query_get(r, "user_id"), *base, *agent, *address;
	const PGresult *row = db_row(r->db, SQL_REPLY_ADDRESS, P(r->org, r->args[0], user));
	struct buf *out = &r->out->body;

	if (row == NULL)
		return db_failed(r->db) ? fail_db(r) : fail(r, E_NOT_FOUND);
	base = db_get(row, 0, "inbound_address");
	agent = db_get(row, 0, "agent");
	if (user != NULL && agent == NULL)
		return fail_field(
		    r, "user_id", "unknown_reference", "There is no such active agent.");
	address =
	    base == NULL ? NULL : reply_token_address(r->arena, base, r->org, r->args[0], agent);
	if (address == NULL)
		return fail_field(r, "inbound_address", "required",
		    "The organization has no inbound_address, or the server no secret_key.");
	buf_str(out, "{\"ticket_id\":");
	buf_json_str(out, r->args[0]);
	put(out, "user_id", user);
	put(out, "address", address);
	buf_char(out, '}');
	return reply_json(r, 200);
}

/* clang-format off */
static const struct sample message[] = {
	{ "message/rfc822", A_TEXT, "\"From: Ada <ada@example.com>\\r\\nTo: help@desk.example\\r\\nSubject: Cannot log in\\r\\nMessage-ID: <1@example.com>\\r\\n\\r\\nIt says: no.\\r\\n\"" },
	{ .media = NULL }
};
const struct route inbound_routes[] = {
	{ POST, "/api/v1/inbound/email", "inbound.email", receive, S_MAIL_RECEIVE, .stream = &conf.inbound_max, .takes = message, .status = 200,
	    .query = inbound_query, .reply = &inbound, .summary = "Hand in an e-mail",
	    .doc = "The body is the raw message (RFC 5322, MIME) as a mail server has it, up to 36 MiB; serviceos-inbound(8) hands it in. A reply goes to the ticket that the token "
	        "in its recipient names (the Reply-To of the desk's own mail), else to that of the message it answers, if the sender has a part in that ticket. What answers a closed ticket "
	        "too late, or without having a part in it, makes a new ticket with a link to that one. The sender becomes a customer where there is none of this address. "
	        "A message is an agent's reply only when its token was given to this agent: anybody can write any address as sender. "
	        "Text without what it quotes becomes the comment, all of it the comment's earlier text (include=history). Automatic mail is ignored (RFC 3834), and that of mailing lists, "
	        "but what was written to a group in front of the desk (List-Post is in To or Cc) is taken. A second message of the same Message-ID is a duplicate." },
	{ GET, "/api/tickets/:id/reply-address", "inbound.replyAddress", show_reply_address, S_TICKETS_WRITE,
	    .query = reply_query, .reply = &reply_address, .summary = "Where replies to a ticket go",
	    .doc = "The Reply-To for mail about the ticket that another program sends. Who has the address can write into the thread, and with an agent's token as the agent: "
	        "give it to nobody else." },
	{ .path = NULL }
};

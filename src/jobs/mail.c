/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/reply_token.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/fault.h"
#include "base/util.h"
#include "jobs/mime.h"
#include "store/outgoing.h"

#define IN_FLIGHT 4
#define LINK "{{survey_url}}"

/* One message on its way. */
struct letter {
	struct transfer transfer; /* first: the transfer is the letter */
	struct mailer *mailer;
	struct curl_slist *recipients;
	char org[64], mail[40], token[24], error[CURL_ERROR_SIZE];
	char *text;
	size_t len, sent;
	struct letter *next;
};

struct mailer {
	CURLM *multi;
	struct db *db;
	struct arena *arena;
	struct letter *letters;
	int in_flight;
};

static const struct db_context everybody = {
	.org = "", .actor_type = "system", .actor_id = "mail"
};

struct mailer *
mailer_new(CURLM *multi, struct db *db, struct arena *arena)
{
	struct mailer *m = xmalloc(sizeof(*m));

	*m = (struct mailer){ .multi = multi, .db = db, .arena = arena };
	return m;
}

static void
drop(struct letter *l)
{
	struct letter **p;

	for (p = &l->mailer->letters; *p != l; p = &(*p)->next)
		;
	*p = l->next;
	l->mailer->in_flight--;
	curl_easy_cleanup(l->transfer.curl);
	curl_slist_free_all(l->recipients);
	free(l->text);
	free(l);
}

void
mailer_free(struct mailer *m)
{
	while (m->letters != NULL) {
		transfer_abort(m->multi, &m->letters->transfer);
		drop(m->letters);
	}
	free(m);
}

static void
finish(struct mailer *m, const char *org, const char *mail, const char *token, const char *error,
    bool final)
{
	db_begin(m->db, m->arena, DB_WRITE, &everybody);
	db_do(m->db, SQL_MAIL_FINISH, P(org, mail, token, error, final ? "true" : "false"));
	db_commit(m->db);
}

/* A 5xx of the mail server is its last word (RFC 5321 section 4.2.1); anything else may change. */
static void
done(struct transfer *t, CURLcode result)
{
	struct letter *l = (struct letter *)t;
	long code = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
	FAULT(mail_answered);
	if (result == CURLE_OK)
		finish(l->mailer, l->org, l->mail, l->token, NULL, true);
	else
		finish(l->mailer, l->org, l->mail, l->token,
		    arena_printf(l->mailer->arena, "%ld %s", code,
			l->error[0] == '\0' ? curl_easy_strerror(result) : l->error),
		    code >= 500 && code < 600);
	FAULT(mail_finished);
	drop(l);
}

static size_t
give(char *out, size_t size, size_t n, void *arg)
{
	struct letter *l = arg;
	size_t room = size * n, left = l->len - l->sent;

	if (left > room)
		left = room;
	memcpy(out, l->text + l->sent, left);
	l->sent += left;
	return left;
}

/* The text with the survey's link in its place. */
static const char *
body_of(struct mailer *m, const PGresult *rows, int i)
{
	const char *body = db_get(rows, i, "body"), *token = db_get(rows, i, "token");
	const char *at = token == NULL ? NULL : strstr(body, LINK);

	if (at == NULL)
		return body;
	return arena_printf(m->arena, "%.*s%s/csat?token=%s%s", (int)(at - body), body,
	    conf.base_url, token, at + strlen(LINK));
}

/* The organization's address with a token that leads back to the ticket, or NULL. */
static const char *
answers_to(struct mailer *m, const char *org, const PGresult *rows, int i)
{
	const char *address = db_get(rows, i, "inbound_address");

	return address == NULL ? NULL
	                       : reply_token_address(
				     m->arena, address, org, db_get(rows, i, "ticket_id"), NULL);
}

static void
write_letter(struct mailer *m, const char *org, const PGresult *rows, int i, struct buf *text)
{
	const struct mime_mail mail = { .from = conf.mail_from,
		.to = db_get(rows, i, "recipient"),
		.subject = db_get(rows, i, "subject"),
		.message_id = db_get(rows, i, "message_id"),
		.reply_to = db_get(rows, i, "reply_to"),
		.references = db_get(rows, i, "refs"),
		.answers_to = answers_to(m, org, rows, i),
		.org = org,
		.automatic = *db_get(rows, i, "automatic") == 't',
		.body = body_of(m, rows, i),
		.at_ms = wall_ms() };

	buf_init(text, m->arena, 4096);
	mime_write(text, m->arena, &mail);
}

static void
post(struct mailer *m, const char *org, const PGresult *rows, int i, const char *token)
{
	struct letter *l = xmalloc(sizeof(*l));
	CURL *c = outgoing_handle();
	struct buf text;

	memset(l, 0, sizeof(*l));
	write_letter(m, org, rows, i, &text);
	l->text = xstrdup(text.data);
	l->len = text.len;
	l->mailer = m;
	snprintf(l->org, sizeof(l->org), "%s", org);
	snprintf(l->mail, sizeof(l->mail), "%s", db_get(rows, i, "mail_id"));
	snprintf(l->token, sizeof(l->token), "%s", token);
	l->recipients =
	    curl_slist_append(NULL, arena_printf(m->arena, "<%s>", db_get(rows, i, "recipient")));
	l->next = m->letters;
	m->letters = l;
	m->in_flight++;
	curl_easy_setopt(c, CURLOPT_URL, conf.smtp_url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(c, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
	if (conf.smtp_user[0] != '\0') {
		curl_easy_setopt(c, CURLOPT_USERNAME, conf.smtp_user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, conf.smtp_password);
	}
	if (conf.smtp_ca_file[0] != '\0')
		curl_easy_setopt(c, CURLOPT_CAINFO, conf.smtp_ca_file);
	curl_easy_setopt(c, CURLOPT_MAIL_FROM, mime_address(m->arena, conf.mail_from));
	curl_easy_setopt(c, CURLOPT_MAIL_RCPT, l->recipients);
	curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(c, CURLOPT_READDATA, l);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, conf.due_lease - 5); /* before its lease is over */
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, l->error);
	l->transfer = (struct transfer){ .curl = c, .done = done };
	transfer_start(m->multi, &l->transfer);
}

static int
room(void *arg, const char *org, const char *lane)
{
	struct mailer *m = arg;

	(void)org;
	(void)lane;
	return IN_FLIGHT - m->in_flight;
}

static void
run_mail(void *arg, const char *org, const PGresult *claimed)
{
	struct mailer *m = arg;
	const PGresult *rows;
	int i;

	db_begin(m->db, m->arena, DB_READ, &everybody);
	rows = db_rows(m->db, SQL_MAIL_LOAD, P(org, due_array(m->arena, claimed, -1, 0)));
	if (!db_commit(m->db))
		return;
	for (i = 0; i < PQntuples(rows); i++) {
		const char *id = db_get(rows, i, "mail_id"), *token = due_token(claimed, id);

		if (conf.smtp_url[0] == '\0')
			finish(m, org, id, token, "There is no mail server.", true);
		else if (!mime_address_valid(db_get(rows, i, "recipient")))
			finish(m, org, id, token, "The address cannot be written to.", true);
		else
			post(m, org, rows, i, token);
	}
}

struct due_kind
mailer_kind(struct mailer *m)
{
	return (struct due_kind){ .kind = "mail", .room = room, .run = run_mail, .arg = m };
}

static void
run_notify(void *arg, const char *org, const PGresult *claimed)
{
	struct due_work *n = arg;
	const struct db_context context = {
		.org = org, .actor_type = "system", .actor_id = "notify"
	};
	int i;

	for (i = 0; i < PQntuples(claimed); i++) {
		db_begin(n->app, n->arena, DB_WRITE, &context);
		if (conf.smtp_url[0] != '\0')
			db_do(n->app, SQL_NOTIFY_CUSTOMER, P(org, PQgetvalue(claimed, i, 0)));
		db_do(n->app, SQL_DUE_DONE,
		    P(org, "notify", PQgetvalue(claimed, i, 0), PQgetvalue(claimed, i, 1)));
		FAULT(notify_written);
		if (!db_commit(n->app))
			due_failed(n, org, "notify", claimed, i);
	}
	due_look_lane(n->due, n->arena, "mail", org, "");
}

struct due_kind
notify_kind(struct due_work *n)
{
	return (struct due_kind){ .kind = "notify", .batch = 50, .run = run_notify, .arg = n };
}

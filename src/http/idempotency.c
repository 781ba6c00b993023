/* SPDX-License-Identifier: Apache-2.0 */
#include "http/idempotency.h"

#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/fault.h"
#include "base/metrics.h"

struct idempotency {
	char key[65];
	char fingerprint[65];
	const PGresult *row; /* of a streamed body: what is stored, until its content is known */
	bool replayed;
};

/* The request as a whole: another one under the same key is a mistake of the caller. */
static void
take_fingerprint(struct req *r, struct idempotency *id, const char *content, size_t len)
{
	struct buf text;

	buf_init(&text, r->arena, len + 256);
	buf_printf(&text, "%s\n%s\n%s\n", r->in->method, r->in->path, r->in->query);
	buf_add(&text, content, len);
	sha256_hex(id->fingerprint, text.data, text.len);
}

static struct idempotency *
identify(struct req *r, const char *key)
{
	struct idempotency *id = arena_alloc(r->arena, sizeof(*id));
	struct buf text;

	buf_init(&text, r->arena, 256);
	buf_printf(&text, "%s\n%s\n%s", principal_actor_type(&r->who), r->who.actor, key);
	sha256_hex(id->key, text.data, text.len);
	if (r->route->stream == NULL)
		take_fingerprint(r, id, r->in->body, r->in->body_len);
	return id;
}

static bool
key_valid(const char *key)
{
	size_t len = strlen(key), i;

	for (i = 0; i < len; i++)
		if (key[i] < 0x20 || key[i] > 0x7e)
			return false;
	return len >= 1 && len <= 255;
}

static int
replay(struct req *r, const PGresult *row, const struct idempotency *id)
{
	const char *body = db_get(row, 0, "body");
	size_t len;

	if (strcmp(db_get(row, 0, "fingerprint"), id->fingerprint) != 0)
		return fail(r, E_IDEMPOTENCY_REUSED);
	if (strcmp(db_get(row, 0, "sealed"), "t") == 0) {
		body = unseal(r->arena, body, id->key, &len);
		if (body == NULL)
			return fail_detail(r, E_CONFLICT,
			    "The request was carried out, but its reply can no longer be read.");
	}
	r->out->status = atoi(db_get(row, 0, "status"));
	buf_str(&r->out->head, db_get(row, 0, "head"));
	buf_str(&r->out->head, "Idempotency-Replayed: true\r\n");
	buf_str(&r->out->body, body);
	metric_add(M_idempotent_replays_total, 1);
	return 1;
}

int
idempotency_begin(struct req *r, const char *key)
{
	struct idempotency *id;
	const PGresult *row;
	const char *locked;
	int lock, found;

	if (!key_valid(key))
		return fail_detail(r, E_BAD_REQUEST,
		    "Idempotency-Key must have 1 to 255 printable ASCII characters.");
	id = identify(r, key);
	r->idempotency = id;
	lock = db_queue(r->db, SQL_IDEMPOTENCY_LOCK, P(r->org, id->key));
	found = db_queue(r->db, SQL_IDEMPOTENCY_GET, P(r->org, id->key));
	row = db_result(r->db, lock);
	if (row == NULL)
		return fail_db(r);
	locked = PQgetvalue(row, 0, 0);
	if (*locked != 't')
		return fail(r, E_IN_FLIGHT);
	row = db_result(r->db, found);
	if (row == NULL)
		return fail_db(r);
	FAULT(idempotency_locked);
	if (PQntuples(row) == 0)
		return 0;
	if (r->route->stream == NULL)
		return replay(r, row, id);
	id->row = row;
	return 0;
}

int
idempotency_content(struct req *r, const char *content)
{
	struct idempotency *id = r->idempotency;
	int result;

	if (id == NULL)
		return 0;
	take_fingerprint(r, id, content, strlen(content));
	result = id->row == NULL ? 0 : replay(r, id->row, id);
	id->replayed = result == 1;
	return result;
}

bool
idempotency_replayed(const struct req *r)
{
	return r->idempotency != NULL && r->idempotency->replayed;
}

void
idempotency_end(struct req *r)
{
	const struct idempotency *id = r->idempotency;
	const char *body = r->out->body.data;
	bool secret = (r->route->flags & R_SECRET) != 0;

	if (secret) {
		body = seal(r->arena, body, r->out->body.len, id->key);
		if (body == NULL) /* no key configured: better no replay than a readable secret */
			return;
	}
	db_do(r->db, SQL_IDEMPOTENCY_PUT,
	    P(r->org, id->key, r->route->id, id->fingerprint,
		arena_printf(r->arena, "%d", r->out->status), r->out->head.data, body,
		secret ? "true" : "false"));
}

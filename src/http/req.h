/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_REQ_H
#define SERVICEOS_REQ_H

/*
 * One request, as a handler sees it. This is the header a resource includes.
 *
 * A handler reads the checked input, runs statements, and says what the reply
 * is: reply_resource(), reply_json(), reply_empty(), or fail(). It frees
 * nothing and opens no transaction; the dispatcher commits if nothing failed,
 * and only then sends the reply. The first failure wins; later calls do nothing.
 */

#include <json-c/json.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/util.h"
#include "http/http.h"
#include "http/route.h"
#include "store/condition.h"
#include "store/db.h"
#include "store/redis.h"

enum error {
#define ERR(name, status, code, title) E_##name,
#include "http/errors.def"
#undef ERR
	E__MAX
};

struct error_row {
	int status;
	const char *code;
	const char *title;
};
extern const struct error_row error_table[];

/* What a process keeps between requests. */
struct worker {
	struct arena *arena;
	struct db *db;
	struct redis *redis;
	bool ping_due;     /* events were committed: wake the relay soon */
	char ping_org[64]; /* whose they are; empty for several organisations' */
	void *auth_cache;
};

struct worker *worker_new(const char *name);
void worker_free(struct worker *);
/*
 * What its first requests would have to wait for: connections, and if it is to search
 * the plans of a search. Without PostgreSQL or Redis it is over soon, and they find out.
 */
void worker_warm(struct worker *, bool searches);
/* Something of the organisation was committed: the scheduler is told soon. */
void worker_ping(struct worker *, const char *org);
/* Housekeeping between requests: wake the relay, flush usage counts. Never waits long. */
void worker_tick(struct worker *);

struct field_error {
	const char *field;
	const char *code;
	const char *message;
	struct field_error *next;
};

struct req {
	struct worker *worker;
	struct arena *arena;
	struct db *db;
	const struct http_request *in;
	struct http_reply *out;
	const char *request_id;
	struct route_match match;
	const struct route *route;
	struct principal who;
	const char *org;          /* the credential's organisation; NULL on public routes */
	const char **args;        /* path ids, without :org_id */
	const char *new_id;       /* R_CREATE */
	const char *number;       /* R_NUMBER */
	struct json_object *body; /* checked against route->body, or NULL */
	const char *body_text;    /* the same as text, for a jsonb parameter */
	struct query_value *query;
	struct rate rate;
	bool rated;     /* r->rate is filled */
	bool send_file; /* the web server sends a file in our place, with headers of its own */
	struct idempotency *idempotency;
	const PGresult
	    *custom; /* types of the organisation's custom fields, once they are asked for */
	int attempt; /* of its transaction: 1 is the first */
	void *kept;  /* of a handler's, from one attempt of its transaction to the next */
	/* failure */
	bool failed;
	enum error error;
	int status; /* of the failure, when SQL gave another one than the table */
	const char *code;
	const char *detail;
	struct field_error *fields;
	/* success */
	int reply_status;
	const char *media; /* of the body, when it is not JSON */
	const struct resource *reply_shape;
	int reply_slot; /* slot of the row to write, or -1 */
	int exec_slot;  /* slot that must have a row, or -1: else 404 */
	bool replied;   /* out->body is complete */
};

struct idempotency;

struct query_value {
	const char *name;
	const char *value;
	struct query_value *next;
};

/* Input. */
const char *query_get(const struct req *, const char *name); /* NULL when absent */
const char *body_str(const struct req *, const char *name);  /* NULL when absent or null */
int64_t body_int(const struct req *, const char *name, int64_t otherwise);
bool body_bool(const struct req *, const char *name, bool otherwise);
struct json_object *body_get(const struct req *, const char *name);
bool body_has(const struct req *, const char *name); /* present, even as null */

/* Failure. All return -1, so that a handler can `return fail(r, E_X);`. */
int fail(struct req *, enum error);
int fail_detail(struct req *, enum error, const char *, ...) __attribute__((format(printf, 3, 4)));
/* Adds to the errors of a 422; code is a word such as "required", "too_long", "unknown_field". */
int fail_field(struct req *, const char *field, const char *code, const char *, ...)
    __attribute__((format(printf, 4, 5)));
/* 0 when the caller has the scope; else -1, and 403 that names it. */
int need_scope(struct req *, enum scope);
/* Turn a failure of the database into one of the request. */
int fail_db(struct req *);

/*
 * Compile the body's `conditions` (store/condition.h), every ticket without them;
 * what is wrong becomes an error of the field, "conditions.all[0].op". 0 or -1.
 */
int req_conditions(struct req *, int first, enum condition_on, struct condition *);
/* The same of what is stored ("view"): that it does not hold any more is a 409. */
int req_stored_condition(struct req *, const char *what, const char *text, int first,
    enum condition_on, struct condition *);

/*
 * The type of one of the organisation's custom fields; NULL when there is none, or after a
 * failure of the database. They are asked for once for a request.
 */
const char *custom_field_type(struct req *, const char *key);
/* Whether tickets can be in the order of its values: there is one, and it has one value. */
bool custom_field_orders(struct req *, const char *key);

/* Success. All return 0. */
/* The row of the resource with this id (and parent id, else NULL), read in this transaction. */
int reply_resource(
    struct req *, int status, const struct resource *, const char *parent, const char *id);
/* The same with a member that is seen this once, such as a new secret. */
int reply_with(struct req *, int status, const struct resource *, const char *id, const char *name,
    const char *secret);
/* A row of a statement, its columns as members. */
int reply_slot(struct req *, int status, const struct resource *, int slot);
/* A body composed by the handler in r->out->body. */
int reply_json(struct req *, int status);
int reply_empty(struct req *); /* 204 */
/* Another response header. The value must have no CR or LF. */
void reply_header(struct req *, const char *name, const char *value);

/* The three generic handlers. */
int api_list(struct req *);
int api_get(struct req *);
int api_exec(struct req *);

/* A page of a resource under a further condition: for lists with a rule of their own. */
int reply_list(struct req *, const struct resource *, const struct list *, const char *where,
    int nvalues, const char *const *values);

/* Write row `row` as a JSON object from its columns' names and types. fields: NULL for all. */
void json_row(struct buf *, const PGresult *, int row, const struct field *fields);
/* The first `rows` rows as an array, or as its items; columns named __x are left out. */
void json_rows(struct buf *, const PGresult *, int rows);
void json_items(struct buf *, const PGresult *, int rows);
/* "2026-11-24 02:42:33.1234+00" as the API writes it: 2026-11-24T02:42:33.123Z; false for what
 * ISO 8601 has no word for. */
bool row_time(char iso[25], const char *text, size_t len);

#endif

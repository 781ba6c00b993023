/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_ROUTE_H
#define SERVICEOS_ROUTE_H

/*
 * The one declaration of an operation: its route. Routing, authorisation, rate
 * limit, validation, transaction, idempotency, OpenAPI, metrics and the
 * contract test all read these tables.
 */

#include <stdbool.h>

#include "auth/principal.h"
#include "http/ratelimit.h"
#include "store/sql.gen.h"

struct req;

enum method { GET, POST, PUT, PATCH, DELETE };

enum field_type {
	T_STR,  /* one line, no control characters; min and max in characters */
	T_TEXT, /* the same with line breaks and tabs */
	T_INT,  /* min and max are bounds */
	T_NUM,
	T_BOOL,
	T_ENUM,  /* one of .words */
	T_ID,    /* UUID */
	T_ACTOR, /* in a query: a user's or key's id, or a legacy actor's name */
	T_TIME,  /* RFC 3339 date-time */
	T_DATE,  /* YYYY-MM-DD */
	T_EMAIL,
	T_DOMAIN,    /* of e-mail addresses, in ASCII */
	T_URL,       /* http or https */
	T_TAG,       /* 1 to 64 characters, no comma or blank at the ends */
	T_OBJECT,    /* .sub when given, else free-form JSON object of at most max bytes */
	T_CONDITION, /* of tickets: a JSON object of at most max bytes (store/condition.h) */
	T_ANY,       /* any JSON value */
};

/* Where a field of a resource stands; one table serves create, patch and reply. */
#define F_CREATE 0x01  /* accepted when creating */
#define F_PATCH 0x02   /* accepted when changing; absent keeps */
#define F_OUT 0x04     /* part of the representation */
#define F_REQ 0x08     /* must be present when creating (or in an action's body) */
#define F_NULL 0x10    /* may be null */
#define F_LIST 0x20    /* an array of the type; max_items elements at most */
#define F_OPT 0x40     /* in a representation: present in some replies only (includes, secrets) */
#define F_PARTIAL 0x80 /* T_OBJECT with .sub: a change, which names some of the members */
#define F_ALONE 0x100  /* T_OBJECT with .sub, in a list: the handler checks the members of each */
#define F_BODY (F_CREATE)

struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	long min, max;            /* see the type; max 0 means the type's default */
	const char *const *words; /* T_ENUM, NULL-terminated */
	const struct field *sub;  /* T_OBJECT */
	unsigned max_items;       /* F_LIST; 0 means 100 */
	const char *example;      /* JSON text for the documentation and the contract test */
	const char *doc;
};

/* What GET shows of a thing: a view and its columns. */
struct resource {
	const char *name; /* "Ticket": the schema's name in the OpenAPI document */
	const char *doc;
	const char *view; /* "ticket_v" */
	const char *key;  /* column of the id in the view: "ticket_id" */
	const char
	    *parent; /* column of the id before it in the path, or NULL: "ticket_id" for comments */
	const struct field *fields;
};

/* A query parameter that narrows a list. Repeatable: any of the values. */
struct filter {
	const char *name;
	enum field_type type;
	const char *sql; /* "t.status = $?"; for several values "= $?" becomes "= ANY ($?)" */
	const char *const *words;
	const char *doc;
	bool single; /* given once only (ranges, prefixes) */
};

struct sort {
	const char *name;
	const char *column; /* "t.created_at"; never null */
	const char *type;   /* "timestamptz": the cursor's value is cast to it */
};

struct list {
	const struct filter *filters; /* ends in .name NULL; may be NULL */
	const struct sort *sorts;     /* the first is the default, newest first */
	const char *where;            /* further condition on t, or NULL: "t.deleted_at IS NULL" */
	bool ascending;               /* default direction */
	bool csv;                     /* format=csv too */
	bool custom;                  /* of tickets: cf.<key>= and sort=cf.<key> too */
	const char *order;            /* default, when it is not the first: "-updated_at" */
};

/* `include=name` on a GET-one: another statement's rows under that name. */
struct include {
	const char *name;
	enum sql_id sql; /* $1 org, $2 the id; columns are written as they are */
	bool many;       /* an array, else one object or null */
	const struct resource *shape;
	const char *doc;
	enum scope more; /* $3 is whether the caller has this scope as well; 0: there is no $3 */
};

#define R_PUBLIC 0x01    /* no credential needed; no organisation */
#define R_PLATFORM 0x02  /* the platform token, not an organisation's credential */
#define R_CREATE 0x04    /* the dispatcher makes the new id: after the path's ids in the values */
#define R_SECRET 0x08    /* the reply has a secret: stored encrypted for Idempotency-Key */
#define R_ANY_SCOPE 0x10 /* any valid credential */
#define R_RAW 0x20       /* the reply is not JSON of a resource; excluded from body checks */
#define R_FILE 0x10000   /* with R_PUBLIC|R_RAW: a file by a signed link, or else by a credential */
#define R_HIDDEN 0x40    /* served, but not part of the OpenAPI document */
#define R_OUTSIDE 0x80   /* no transaction of the dispatcher's: the handler makes its own */
#define R_EMPTY 0x400    /* 204 instead of the reply when there is nothing to give */
#define R_TOKEN 0x800    /* a stream token in the query is a credential, too */
#define R_FORM 0x1000    /* a streamed body may be a form, of which the part `file` is the file */
#define R_READ \
	0x2000 /* changes nothing, though it is no GET: no transaction of writes, nothing to retry \
	          safely */
#define R_TRIES 0x4000 /* with R_READ: does what it tells of, and takes it back */
#define R_STALE 0x8000 /* a GET that may be answered with 409: it relies on what may be gone */
#define R_NUMBERS \
	0x200          /* the same for each of the body's tickets; r->number is an array's text \
	                */
#define R_NUMBER 0x100 /* makes a ticket: r->number is its number, taken before the transaction */

/* A body that is no JSON of ours, for the documentation: its schema and an example, both JSON. */
struct sample {
	const char *media, *schema, *example; /* the last one in a table has no media */
};
#define A_TEXT "{\"type\":\"string\"}"

struct route {
	enum method method;
	const char *path; /* "/api/tickets/:id"; /api and /api/v1 are alternatives of each other */
	const char *id;   /* operationId: "tickets.get" */
	int (*handler)(struct req *);
	enum scope scope;
	enum tier tier;
	unsigned flags;
	int status; /* of success; 0 means 200, or 201 with R_CREATE */
	const struct field *body;
	unsigned use; /* F_CREATE or F_PATCH: which rows of body count; 0 means F_CREATE */
	const struct resource *reply; /* what is sent: a resource, or with .list a page of it */
	const struct resource *on;    /* what the path's ids name, for If-Match; default .reply */
	const struct list *list;
	const struct filter *query; /* further query parameters of an operation that is no list */
	const struct include *includes;
	const long *stream; /* the handler reads the body in pieces, of at most so many bytes; it is
	                       no JSON */
	const char *media;  /* of a R_RAW reply, for the documentation; several with commas */
	const struct sample *takes; /* what a streamed body may be; any bytes unless given */
	enum sql_id
	    exec; /* api_exec: $1 org, path ids, new id (R_CREATE), body. First column: the id */
	const char *summary;
	const char *doc;
	const char *example; /* body for the documentation when the fields' examples do not do */
};

/* All tables of src/resources, in the order of the documentation; ends in NULL. */
struct route_group {
	const char *name;           /* tag of the OpenAPI document */
	const struct route *routes; /* ends in .path NULL */
	const char *doc;
};
/* Whether it may change something. */
bool route_writes(const struct route *);
/* Whether it shows a version, hence has an ETag and takes If-Match. */
bool resource_versioned(const struct resource *);

extern const struct route_group route_groups[];

#define ROUTE_ARGS_MAX 4

struct route_match {
	const struct route *route;
	unsigned index;                   /* position among all routes */
	const char *org;                  /* value of :org_id, or NULL */
	const char *args[ROUTE_ARGS_MAX]; /* other path parameters, decoded, in order */
	unsigned nargs;
	unsigned allowed; /* when no route: bit mask of the methods that this path has */
};

struct arena;

/* Sort the tables for matching; before the first fork. */
void route_init(void);
/* Names of the path's parameters in order, without :org_id; ends in NULL. */
const char *const *route_params(unsigned index);
unsigned route_count(void);
const struct route *route_at(unsigned index);
const struct route_group *route_group_at(unsigned index);
/* operationId of route i, "none" beyond the last. */
const char *route_name(unsigned index);
/* True when there is a route. A static segment beats a parameter. */
bool route_match(struct arena *, const char *method, const char *path, struct route_match *);
const char *method_word(enum method);

#endif

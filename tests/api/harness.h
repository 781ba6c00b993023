/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_HARNESS_H
#define SERVICEOS_TEST_HARNESS_H

/*
 * API tests call the dispatcher in this process against a scratch database of
 * a private PostgreSQL cluster (tests/api/cluster starts it; the address comes
 * in SERVICEOS_TEST_PG). No web server, no Redis unless a test wants one.
 *
 *	call("POST", "/api/tickets", "{\"title\":\"x\"}");
 *	expect(201);
 *	const char *id = text("ticket_id");
 */

#include "http/req.h" /* before check.h, which has a macro of the same name as our fail() */

#include <check.h>
#include <json-c/json.h>
#include <stdbool.h>

/* Two organisations with an admin key each, for what must not leak. */
#define ORG "org_123"
#define OTHER "org_other"

/* Headers of the next calls; NULL for none. key is ORG's admin key unless changed. */
struct caller {
	const char *key;     /* X-API-Key */
	const char *bearer;  /* Authorization: Bearer … */
	const char *org;     /* X-Org-Id */
	const char *actor;   /* X-Actor-Id */
	const char *address; /* default 127.0.0.1 */
	const char *headers; /* further "Name: value\n" lines */
	bool partial;        /* set by call(): fields= leaves members out */
};
extern struct caller caller;
extern char admin_key[64], other_key[64];
/* The worker that answers; its db and redis may be exchanged by a test. */
extern struct worker *worker;

/* Create the scratch database with both organisations; once per program, in main(). */
void harness_start(const char *program);
/* Drop it; writes the operations answered with 2xx to $SERVICEOS_TEST_COVERAGE (appended). */
void harness_stop(void);
/* Back to the admin of ORG, no extra headers. Use as a checked fixture's setup. */
void caller_reset(void);
/* A key of ORG with these scopes ("read:tickets,write:tickets"). Static storage, 64 in turn. */
const char *make_key(const char *org, const char *scopes);

/*
 * Every 2xx reply is checked against the schema that its route declares.
 */
/* One request. body may be NULL; a body implies Content-Type: application/json. */
void call(const char *method, const char *path, const char *body);
/* The same with a body of len bytes (NUL allowed) and that content type, or NULL. */
void call_raw(const char *method, const char *path, const void *body, size_t len, const char *type);
/* printf into static storage (64 strings in turn): for paths and bodies. */
const char *fmt(const char *, ...) __attribute__((format(printf, 1, 2)));

/* The last reply. */
extern int status;
extern const char *reply_body;
extern struct json_object *reply;
/* A response header's value, or NULL; name in the case it is sent. */
const char *header(const char *name);
/* A member by path "data.0.title"; aborts the test when absent. */
struct json_object *at(const char *path);
/* The same as text ("null" for null; static storage, 64 in turn), number, or presence. */
const char *text(const char *path);
long number(const char *path);
bool has(const char *path);
size_t count(const char *path); /* elements of an array */

/* A copy of an id that outlives text() and fmt(): the last 256 are kept. */
const char *keep_id(const char *);

/* The status, with the body in the message when it is another. */
#define expect(wanted) \
	ck_assert_msg(status == (wanted), "%s:%d: status %d, wanted %d: %s", __FILE__, __LINE__, \
	    status, (wanted), reply_body)
/* status and code of a problem. */
#define expect_problem(wanted, word) \
	do { \
		expect(wanted); \
		ck_assert_str_eq(text("code"), word); \
	} while (0)
/* A 422 whose errors name this field with this code. */
void expect_field(const char *field, const char *code);

/* Run SQL as superuser in the scratch database (bypasses row-level security). */
void sql(const char *, ...) __attribute__((format(printf, 1, 2)));
/* First column of the first row as text, "" for none; static storage, 64 in turn. */
const char *sql_text(const char *, ...) __attribute__((format(printf, 1, 2)));
/* Give all committed events their sequence number, as the scheduler does. */
void relay(void);
/* Run the background jobs that are due to their ends, as the scheduler does. */
void run_jobs(void);
/* Number the events and do what they start (but send no webhook), as the scheduler does. */
void run_due(void);
/* What the scheduler does every second besides the relay. */
void every_second_once(void);
/* Delete what has expired, as the scheduler does once a minute. */
void housekeeping(void);

/*
 * POST body to path, expect 201 (of a job 202), and the id of what is new: that
 * member of the reply, kept as keep_id() keeps it.
 */
const char *make(const char *path, const char *body, const char *id);
const char *make_job(const char *path, const char *body, const char *id);
/* A ticket with this title, or of a whole body; a comment. */
const char *make_ticket(const char *title);
const char *make_ticket_of(const char *body);
const char *make_comment(const char *ticket_id, const char *body);
/* A user of ORG, name@example.com; more is "" or further members: ",\"capacity\":1". */
const char *make_user(const char *name, const char *more);
/* Search; members are those of the body, without its braces. */
void find(const char *members);

/* Run the cases and return main()'s value. */
int harness_main(const char *program, TCase *(*cases[])(void));

/* TEST(name) … END is one case. */
#define TEST(name) START_TEST(name)
#define END END_TEST

#endif

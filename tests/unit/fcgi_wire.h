/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FCGI_WIRE_H
#define SERVICEOS_TEST_FCGI_WIRE_H

/*
 * FastCGI as a web server speaks it: a message is composed record by record,
 * sent over a unix socket, and the reply's records are read.
 *
 *	get("/alive");
 *	r = ask(fd);
 *	ASSERT_TOLD(&r, "GET /alive ");
 */

#include <fastcgi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	unsigned char *data;
	size_t len;
};

struct reply {
	bool complete; /* END_REQUEST came */
	int request_id, protocol_status;
	char *text; /* STDOUT */
	size_t len;
	bool hint; /* an empty STDERR record came, too */
};
#define HINT_TYPE FCGI_STDERR

extern char socket_path[128];
extern struct wire out; /* the message that is composed */
extern char *params;    /* its parameters */
extern size_t params_len;

void wire_setup(void);
void wire_teardown(void);

/* Begin a message of this method and target; further parameters; a body and the end of it. */
void target(const char *method, const char *uri);
void param(const char *name, const char *value);
void finish(const char *body, size_t len);
/* Whole messages. */
void get(const char *uri);
void post(const char *uri, const char *body, size_t len);

/* Single records, for messages that are cut otherwise. */
void begin(int id, int role, int flags);
/* The stream in records of so many bytes, and its end. */
void stream(int type, int id, const char *data, size_t len, size_t piece, unsigned char padding);

int dial(void);
bool say(int fd, const void *data, size_t len);
/* One record; its type, or -1. */
int hear_record(int fd, int *id, char *data, size_t *len);
struct reply reply(int fd);
/* Send what was composed, and read the reply to it. */
struct reply ask(int fd);
bool told(const struct reply *, const char *what);
#define ASSERT_TOLD(r, what) ck_assert_msg(told(r, what), "no \"%s\" in: %s", what, (r)->text)
/* Whether the worker closes this connection within so many milliseconds, whatever it says first. */
bool closed_within(int fd, int ms);

#endif

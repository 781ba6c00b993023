/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_HTTP_H
#define SERVICEOS_HTTP_H

/*
 * A request as it came from the web server and the reply that goes back,
 * independent of FastCGI. Tests fill http_request by hand.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HTTP_MAX_HEADERS 100

struct http_header {
	const char *name; /* lower case: "x-api-key" */
	const char *value;
};

struct http_request {
	const char *method;
	const char *path;  /* raw, still percent-encoded, without the query */
	const char *query; /* raw, without '?'; "" for none */
	const char *address;
	const char *request_id; /* given by the web server, or NULL */
	int64_t received_ms;    /* when the web server had it, or 0 */
	struct http_header headers[HTTP_MAX_HEADERS];
	unsigned nheaders;
	const char *body; /* NUL-terminated */
	size_t body_len;
	/* A body that is read in pieces, through http_body_read(); body_len is its declared length.
	 */
	size_t (*read)(void *from, void *into, size_t max);
	void *from;
	bool too_large;        /* the body exceeds conf.body_max and was not kept */
	const char *malformed; /* why the web server's message is refused, or NULL */
};

struct http_reply {
	int status;
	struct buf head; /* header lines after Status, each ending in CRLF */
	struct buf body;
	/* The connection goes to the stream process after the headers, over this socket; 0: it
	 * stays. */
	int handoff;
};

/* The next piece of the body; *at counts the bytes of a body in memory. 0 at the end. */
size_t http_body_read(const struct http_request *, size_t *at, void *into, size_t max);

struct worker; /* what a process keeps between requests: http/req.h */

/* NULL when absent; malformed requests never get this far with a duplicate. */
const char *http_header(const struct http_request *, const char *name);

/* How long a body may be that the handler reads in pieces; 0 for another. http/dispatch.c. */
struct arena;
long http_stream_limit(struct arena *, const struct http_request *);

/* Answer one request; everything is allocated in the worker's arena. http/dispatch.c. */
void http_dispatch(struct worker *, const struct http_request *, struct http_reply *);

#endif

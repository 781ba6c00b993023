/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_FCGI_REQUEST_H
#define SERVICEOS_FCGI_REQUEST_H

#include <fcgiapp.h>
#include <stdbool.h>

#include "http/http.h"

struct arena;

/* Copy parameters and body out of libfcgi. False when the body did not come. */
bool fcgi_read_request(struct arena *, FCGX_Request *, struct http_request *);
/* Read to its end what a handler left of a streamed body. */
void fcgi_drain(FCGX_Request *);
/*
 * STDOUT records, their end, END_REQUEST, in one writev(); with `last`, the
 * hint below goes with it. False when the peer is gone.
 */
bool fcgi_write_reply(int fd, int request_id, struct arena *, const struct http_reply *, bool last);
/* Status and headers alone: what follows is another process' work. */
bool fcgi_write_head(int fd, int request_id, struct arena *, const struct http_reply *);
/* The 8 bytes before a record's content: FCGI_STDOUT and the like. */
void fcgi_record(unsigned char out[8], int type, int request_id, size_t len);
/*
 * Have the web server close a connection that it keeps. nginx closes a kept
 * connection on which anything arrives unasked, an empty STDERR record here,
 * and does not keep one where something follows the end of a reply. Before a
 * reply the record means nothing, so that a request under way is unharmed.
 */
void fcgi_hint_close(int fd, int request_id);

#endif

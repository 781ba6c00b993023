/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_FCGI_H
#define SERVICEOS_FCGI_H

/*
 * The FastCGI responder of a worker: an epoll loop over the listening socket
 * and the web server's kept connections, one request at a time through
 * libfcgi, the reply written as records in one writev().
 */

struct prefork;
struct pool;
struct slot;
struct worker;

/* Serve until told to leave. 0, or 1 when the loop cannot go on. */
int fcgi_serve(struct worker *, struct slot *, const struct pool *);

#endif

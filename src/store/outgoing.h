/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_OUTGOING_H
#define SERVICEOS_OUTGOING_H

/*
 * Requests to addresses that an organisation chose. The guard stands at the
 * socket: the address about to be dialled is looked at, so that no name, no
 * second answer of a resolver and no spelling of an address leads inside. Only
 * global unicast addresses that are not this machine's own are dialled, and
 * those in conf.outgoing_allow. A URL is looked at when it is given and before
 * it is called as well, for its scheme, its port and an early answer.
 * Redirects are not followed, proxies and .netrc not used.
 */

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define OUTGOING_REPLY_MAX 16384 /* a longer reply is cut off and counts as a failure */
#define OUTGOING_URL_MAX 2048

struct arena;

struct outgoing {
	CURL *curl;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char reply[OUTGOING_REPLY_MAX + 1]; /* body, NUL at the end */
	size_t reply_len;
	size_t header_bytes;
	long retry_after_s; /* -1 without one */
	bool blocked;       /* the guard refused the address */
	bool cut;           /* the reply was too large */
};

/* NULL when the URL may be called, else a sentence that says why not. */
const char *outgoing_refusal(const char *url);
/* Whether an address is one that the guard lets pass. */
bool outgoing_address_allowed(const char *address);
/* The address as text, without its port; false for what is neither IPv4 nor IPv6. */
bool outgoing_socket_address(const struct sockaddr *, char out[INET6_ADDRSTRLEN]);

/*
 * What every transfer of ours begins with: no signals, and no wait for a lookup that
 * nobody answers, which libcurl would else add to every timeout. The caller cleans it up.
 */
CURL *outgoing_handle(void);
/* A guarded POST of the body, which stays valid; headers are added with outgoing_header(). */
struct outgoing *outgoing_post(const char *url, const char *body, size_t len);
/* "Name: value"; the value must have no CR or LF. */
void outgoing_header(struct outgoing *, const char *line);
void outgoing_free(struct outgoing *);
/* After the transfer: the HTTP status, 0 without a reply. *error is a sentence or NULL for 2xx. */
long outgoing_result(struct outgoing *, CURLcode, const char **error);
/* Up to 4 KiB of the reply as PostgreSQL and JSON take it; `otherwise` when it is not text. */
const char *outgoing_text(const struct outgoing *, struct arena *, const char *otherwise);
/* Milliseconds that the transfer took. */
long outgoing_ms(const struct outgoing *);

#endif

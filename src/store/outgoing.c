/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/json.h"

#define TEXT_MAX 4096

/* Called by curl with the address that it is about to dial. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct outgoing *o = arg;
	char text[INET6_ADDRSTRLEN];

	(void)purpose;
	/* A name with one address inside is not called at its others either. */
	if (o->blocked || !outgoing_socket_address(&a->addr, text) ||
	    !outgoing_address_allowed(text)) {
		o->blocked = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* A kept connection was looked at when it was opened, and is looked at again. */
static int
before_request(void *arg, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
	struct outgoing *o = arg;

	(void)local_ip;
	(void)primary_port;
	(void)local_port;
	if (outgoing_address_allowed(primary_ip))
		return CURL_PREREQFUNC_OK;
	o->blocked = true;
	return CURL_PREREQFUNC_ABORT;
}

static size_t
take_reply(char *data, size_t size, size_t n, void *arg)
{
	struct outgoing *o = arg;
	size_t len = size * n, room = OUTGOING_REPLY_MAX - o->reply_len;

	memcpy(o->reply + o->reply_len, data, len < room ? len : room);
	o->reply_len += len < room ? len : room;
	o->reply[o->reply_len] = '\0';
	if (len <= room)
		return len;
	o->cut = true;
	return 0;
}

static size_t
take_header(char *data, size_t size, size_t n, void *arg)
{
	struct outgoing *o = arg;
	size_t len = size * n;

	o->header_bytes += len;
	if (o->header_bytes > OUTGOING_REPLY_MAX) {
		o->cut = true;
		return 0;
	}
	if (len > 12 && strncasecmp(data, "Retry-After:", 12) == 0)
		o->retry_after_s = strtol(data + 12, NULL, 10); /* a date counts as 0 */
	return len;
}

CURL *
outgoing_handle(void)
{
	CURL *c = curl_easy_init();

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	return c;
}

struct outgoing *
outgoing_post(const char *url, const char *body, size_t len)
{
	struct outgoing *o = xmalloc(sizeof(*o));
	CURL *c = outgoing_handle();

	o->curl = c;
	o->headers = NULL;
	o->error[0] = o->reply[0] = '\0';
	o->reply_len = o->header_bytes = 0;
	o->retry_after_s = -1;
	o->blocked = o->cut = false;
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, conf.outgoing_http ? "https,http" : "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, conf.webhook_timeout);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, o);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, o);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_reply);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, o);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, o);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, o->error);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(c, CURLOPT_PRIVATE, o);
	if (conf.outgoing_ca_file[0] != '\0')
		curl_easy_setopt(c, CURLOPT_CAINFO, conf.outgoing_ca_file);
	return o;
}

void
outgoing_header(struct outgoing *o, const char *line)
{
	o->headers = curl_slist_append(o->headers, line);
	curl_easy_setopt(o->curl, CURLOPT_HTTPHEADER, o->headers);
}

void
outgoing_free(struct outgoing *o)
{
	curl_easy_cleanup(o->curl);
	curl_slist_free_all(o->headers);
	free(o);
}

long
outgoing_result(struct outgoing *o, CURLcode code, const char **error)
{
	long status = 0;

	*error = NULL;
	if (o->blocked) {
		*error = "The address is not a public one; nothing was sent.";
		return 0;
	}
	curl_easy_getinfo(o->curl, CURLINFO_RESPONSE_CODE, &status);
	if (o->cut)
		*error = "The reply was longer than 16 KiB.";
	else if (code != CURLE_OK)
		*error = o->error[0] != '\0' ? o->error : curl_easy_strerror(code);
	else if (status >= 300 && status < 400)
		*error = "A redirect is not followed.";
	else if (status < 200 || status >= 400)
		*error = "The reply was no 2xx.";
	return status;
}

const char *
outgoing_text(const struct outgoing *o, struct arena *arena, const char *otherwise)
{
	const char *cut = utf8_cut(arena, o->reply, TEXT_MAX);

	return strlen(o->reply) == o->reply_len && utf8_valid(cut, strlen(cut)) ? cut : otherwise;
}

long
outgoing_ms(const struct outgoing *o)
{
	curl_off_t us = 0;

	curl_easy_getinfo(o->curl, CURLINFO_TOTAL_TIME_T, &us);
	return (long)(us / 1000);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FastCGI's parameters and body into a request: the input is parameters, each
 * ended by NUL, then after an empty one the body.
 */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/conf.h"
#include "http/fcgi_request.h"
#include "http/route.h"

#define PARAMETERS 300

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
end_of_input(FCGX_Stream *in)
{
	in->isClosed = 1;
}

static void
check(const struct http_request *in, size_t body)
{
	unsigned i;
	const char *p;

	assert(in->method != NULL && in->path != NULL && in->query != NULL);
	assert(strchr(in->path, '?') == NULL);
	assert(in->nheaders <= HTTP_MAX_HEADERS);
	for (i = 0; i < in->nheaders; i++) {
		for (p = in->headers[i].name; *p != '\0'; p++)
			assert(*p != '_' && !isupper((unsigned char)*p));
		assert(in->headers[i].value[0] != '\0');
	}
	if (in->read == NULL && !in->too_large && in->malformed == NULL)
		assert(in->body_len == body && in->body[body] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *arena;
	char *envp[PARAMETERS + 1], *text;
	FCGX_Stream stream = { .isReader = 1, .fillBuffProc = end_of_input };
	FCGX_Request fcgi = { .in = &stream, .envp = envp };
	struct http_request in;
	unsigned n = 0;
	size_t at = 0;

	if (arena == NULL) {
		arena = arena_new();
		route_init();
		conf.body_max = 1000;
	}
	text = arena_alloc(arena, size + 1);
	memcpy(text, data, size);
	while (n < PARAMETERS && at < size && text[at] != '\0') {
		envp[n++] = text + at;
		at += strlen(text + at) + 1;
	}
	envp[n] = NULL;
	at = at >= size ? size : at + (text[at] == '\0');
	stream.rdNext = (unsigned char *)text + at;
	stream.stop = stream.stopUnget = (unsigned char *)text + size;
	if (fcgi_read_request(arena, &fcgi, &in))
		check(&in, size - at);
	arena_reset(arena);
	return 0;
}

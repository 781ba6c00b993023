/* SPDX-License-Identifier: Apache-2.0 */
/* Between FastCGI's records and http_request, http_reply. */
#include "http/fcgi_request.h"

#include <ctype.h>
#include <errno.h>
#include <fastcgi.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/util.h"

#define HEADERS_BYTES 16384
#define HEADER FCGI_HEADER_LEN
#define RECORD_MAX 65528 /* a multiple of 8, so that no padding is needed */

/* Given twice, these could mean one thing to the web server and another to us. */
static const char *const once[] = { "authorization", "x-api-key", "x-org-id", "x-actor-id",
	"x-actor-type", "content-length", "host", "idempotency-key", "if-match", "x-request-id" };

static const char *
header_name(struct arena *arena, const char *param, size_t len)
{
	char *name = arena_room(arena, len + 1);
	size_t i;

	for (i = 0; i < len; i++)
		name[i] = param[i] == '_' ? '-' : (char)tolower((unsigned char)param[i]);
	name[len] = '\0';
	return name;
}

static void
check_once(struct arena *arena, struct http_request *in, const char *name)
{
	unsigned i;

	for (i = 0; i < LENGTH(once); i++)
		if (strcmp(once[i], name) == 0 && http_header(in, name) != NULL)
			in->malformed = arena_printf(arena, "The header %s is given twice.", name);
}

static void
add_header(
    struct arena *arena, struct http_request *in, const char *name, size_t len, const char *value)
{
	const char *lower;

	if (in->nheaders == HTTP_MAX_HEADERS) {
		in->malformed = "More than 100 headers.";
		return;
	}
	lower = header_name(arena, name, len);
	check_once(arena, in, lower);
	in->headers[in->nheaders++] =
	    (struct http_header){ .name = lower, .value = arena_strdup(arena, value) };
}

/* "1718323200.123"; 0 for what is no time. */
static int64_t
milliseconds(const char *text)
{
	double seconds = strtod(text, NULL);

	return seconds > 0 && seconds < 1e12 ? (int64_t)(seconds * 1000) : 0;
}

static void
take_param(struct arena *arena, struct http_request *in, const char *param)
{
	const char *equals = strchr(param, '='), *value;
	size_t len;

	if (equals == NULL)
		return;
	len = (size_t)(equals - param);
	value = equals + 1;
#define IS(word) (len == sizeof(word) - 1 && memcmp(param, word, len) == 0)
	if (IS("HTTP_CONTENT_LENGTH") || IS("HTTP_CONTENT_TYPE"))
		return; /* nginx gives these twice: here, and under their CGI names */
	if (len > 5 && memcmp(param, "HTTP_", 5) == 0) {
		if (*value != '\0')
			add_header(arena, in, param + 5, len - 5, value);
	} else if (IS("CONTENT_TYPE") || IS("CONTENT_LENGTH")) {
		if (*value != '\0')
			add_header(arena, in, param, len, value);
	} else if (IS("REQUEST_METHOD")) {
		in->method = arena_strdup(arena, value);
	} else if (IS("REQUEST_URI")) {
		size_t path = strcspn(value, "?");

		in->path = arena_strndup(arena, value, path);
		in->query = arena_strdup(arena, value + path + (value[path] == '?'));
	} else if (IS("REMOTE_ADDR")) {
		in->address = arena_strdup(arena, value);
	} else if (IS("REQUEST_ID")) {
		in->request_id = arena_strdup(arena, value);
	} else if (IS("REQUEST_MSEC")) {
		in->received_ms = milliseconds(value);
	}
#undef IS
}

/* The declared length, or -1 when it is not a number. */
static long
declared_length(const struct http_request *in)
{
	const char *text = http_header(in, "content-length");
	char *end;
	long n;

	if (text == NULL)
		return 0;
	n = strtol(text, &end, 10);
	return *text < '0' || *text > '9' || *end != '\0' ? -1 : n;
}

/* Reads to the end in any case: data left unread would reset the connection. */
static bool
read_body(struct arena *arena, FCGX_Request *fcgi, struct http_request *in)
{
	long declared = declared_length(in), limit = conf.body_max, total = 0;
	size_t room = declared > 0 && declared <= limit ? (size_t)declared : 0;
	char *body = arena_room(arena, room + 1), rest[4096];
	int n;

	for (;;) {
		if ((size_t)total < room)
			n = FCGX_GetStr(body + total, (int)(room - (size_t)total), fcgi->in);
		else
			n = FCGX_GetStr(rest, sizeof(rest), fcgi->in);
		if (n <= 0)
			break;
		total += n;
	}
	if (FCGX_GetError(fcgi->in) != 0)
		return false;
	body[room] = '\0';
	in->body = body;
	in->body_len = room;
	in->too_large = total > limit || declared > limit;
	if (!in->too_large && total != declared && in->malformed == NULL)
		in->malformed = "The body is not as long as Content-Length says.";
	return true;
}

static size_t
read_piece(void *from, void *into, size_t max)
{
	int n = FCGX_GetStr(into, (int)max, from);

	return n > 0 ? (size_t)n : 0;
}

/* A file: the handler reads it, and fcgi_drain() what the handler leaves. */
static bool
take_stream(FCGX_Request *fcgi, struct http_request *in, long limit)
{
	long declared = declared_length(in);

	in->read = read_piece;
	in->from = fcgi->in;
	in->body = "";
	in->body_len = declared > 0 ? (size_t)declared : 0;
	in->too_large = declared > limit;
	return true;
}

void
fcgi_drain(FCGX_Request *fcgi)
{
	char rest[4096];

	while (FCGX_GetStr(rest, sizeof(rest), fcgi->in) > 0)
		;
}

bool
fcgi_read_request(struct arena *arena, FCGX_Request *fcgi, struct http_request *in)
{
	size_t bytes = 0;
	char **p;
	long limit;

	*in = (struct http_request){ .method = "", .path = "", .query = "", .address = "" };
	for (p = fcgi->envp; *p != NULL; p++) {
		if (strncmp(*p, "HTTP_", 5) == 0)
			bytes += strlen(*p);
		if (bytes > HEADERS_BYTES)
			in->malformed = "The headers have more than 16 KiB.";
		else
			take_param(arena, in, *p);
	}
	limit = http_stream_limit(arena, in);
	return limit > 0 ? take_stream(fcgi, in, limit) : read_body(arena, fcgi, in);
}

void
fcgi_record(unsigned char out[8], int type, int id, size_t len)
{
	out[0] = 1;
	out[1] = (unsigned char)type;
	out[2] = (unsigned char)(id >> 8);
	out[3] = (unsigned char)id;
	out[4] = (unsigned char)(len >> 8);
	out[5] = (unsigned char)len;
	out[6] = 0;
	out[7] = 0;
}

static bool
write_all(int fd, struct iovec *iov, int n)
{
	while (n > 0) {
		ssize_t done = writev(fd, iov, n > IOV_MAX ? IOV_MAX : n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		while (n > 0 && (size_t)done >= iov->iov_len) {
			done -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return true;
}

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} table[] = { { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
		{ 304, "Not Modified" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 409, "Conflict" }, { 412, "Precondition Failed" }, { 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" }, { 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" }, { 500, "Internal Server Error" },
		{ 503, "Service Unavailable" } };
	unsigned i;

	for (i = 0; i < LENGTH(table); i++)
		if (table[i].status == status)
			return table[i].text;
	return "Status";
}

/* "Status: 200 OK", the head, an empty line. */
static void
compose(struct buf *head, struct arena *arena, const struct http_reply *out)
{
	buf_init(head, arena, out->head.len + 64);
	buf_printf(head, "Status: %d %s\r\n", out->status, reason(out->status));
	if (out->status != 204 && out->status != 304 && out->handoff == 0)
		buf_printf(head, "Content-Length: %zu\r\n", out->body.len);
	buf_add(head, out->head.data, out->head.len);
	buf_add(head, "\r\n", 2);
}

/* Records of one text: a header and a piece of it each. Returns how many iovecs. */
static int
put_records(struct iovec *iov, unsigned char *headers, int id, const struct buf *text)
{
	size_t at, len;
	int n = 0;

	for (at = 0; at < text->len; at += len, headers += HEADER) {
		len = text->len - at > RECORD_MAX ? RECORD_MAX : text->len - at;
		fcgi_record(headers, FCGI_STDOUT, id, len);
		iov[n++] = (struct iovec){ .iov_base = headers, .iov_len = HEADER };
		iov[n++] = (struct iovec){ .iov_base = text->data + at, .iov_len = len };
	}
	return n;
}

static size_t
records(const struct buf *text)
{
	return (text->len + RECORD_MAX - 1) / RECORD_MAX;
}

/* The body goes out from where it was written: it is copied by nobody but the kernel. */
bool
fcgi_write_reply(
    int fd, int request_id, struct arena *arena, const struct http_reply *out, bool last)
{
	unsigned char *headers, *end;
	struct iovec *iov;
	struct buf head;
	size_t count;
	int n;

	compose(&head, arena, out);
	count = records(&head) + records(&out->body);
	iov = arena_alloc(arena, (count * 2 + 1) * sizeof(*iov));
	headers = arena_alloc(arena, count * HEADER + 4 * HEADER);
	n = put_records(iov, headers, request_id, &head);
	n += put_records(iov + n, headers + records(&head) * HEADER, request_id, &out->body);
	end = headers + count * HEADER;
	fcgi_record(end, FCGI_STDOUT, request_id, 0);
	fcgi_record(end + HEADER, FCGI_END_REQUEST, request_id, 8); /* then 8 zero bytes */
	fcgi_record(end + 3 * HEADER, FCGI_STDERR, request_id, 0);  /* as in fcgi_hint_close() */
	iov[n++] = (struct iovec){ .iov_base = end, .iov_len = (last ? 4 : 3) * HEADER };
	return write_all(fd, iov, n);
}

bool
fcgi_write_head(int fd, int request_id, struct arena *arena, const struct http_reply *out)
{
	unsigned char header[HEADER];
	struct iovec iov[2];
	struct buf head;

	compose(&head, arena, out);
	return write_all(fd, iov, put_records(iov, header, request_id, &head));
}

void
fcgi_hint_close(int fd, int request_id)
{
	unsigned char record[HEADER];

	fcgi_record(record, FCGI_STDERR, request_id, 0);
	send(fd, record, sizeof(record), MSG_DONTWAIT | MSG_NOSIGNAL);
}

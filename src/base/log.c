/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/metrics.h"
#include "base/util.h"

#define LINE_MAX_BYTES 4096 /* PIPE_BUF: a line is written whole or not at all */

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

/* Access lines that are not written yet. */
static struct {
	char text[LINE_MAX_BYTES * 4];
	unsigned len, lines;
} waiting;

static const char *const words[] = { "error", "warn", "info", "debug" };
static const char *process_name = "serviceos";
static enum log_level least = LOG_INFO;
static const char *request;
static bool may_block = true; /* a pipe or a terminal; a file does not */
static pid_t self;            /* 0 after a fork, until the next line */

static void
forget_self(void)
{
	self = 0;
}

void
log_open(const char *process, enum log_level level)
{
	static bool opened;
	struct stat st;

	process_name = process;
	least = level;
	may_block = fstat(STDERR_FILENO, &st) == -1 || !S_ISREG(st.st_mode);
	if (!opened)
		pthread_atfork(NULL, NULL, forget_self);
	opened = true;
}

int
log_level_parse(const char *word)
{
	int i;

	for (i = LOG_ERROR; i <= LOG_DEBUG; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

void
log_request(const char *request_id)
{
	request = request_id;
}

static void __attribute__((format(printf, 2, 3))) add(struct line *l, const char *format, ...)
{
	size_t room = sizeof(l->text) - l->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->len, room, format, args);
	va_end(args);
	l->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* A JSON string; what is not printable ASCII or valid in JSON is escaped, long texts are cut. */
static void
add_string(struct line *l, const char *s)
{
	size_t end = sizeof(l->text) - 16;

	add(l, "\"");
	for (; *s != '\0' && l->len < end; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			add(l, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			add(l, "\\u%04x", c);
		else
			l->text[l->len++] = (char)c;
	}
	add(l, "\"");
}

static void
add_member(struct line *l, const char *name, const char *value)
{
	if (value == NULL || l->len > sizeof(l->text) - 256)
		return;
	add(l, ",\"%s\":", name);
	add_string(l, value);
}

static void
start(struct line *l, enum log_level level)
{
	char now[25];

	if (self == 0)
		self = getpid();
	time_iso(now, wall_ms());
	l->len = 0;
	add(l, "{\"time\":\"%s\",\"level\":\"%s\",\"process\":\"%s\",\"pid\":%d", now, words[level],
	    process_name, (int)self);
	add_member(l, "request_id", request);
}

/* Never waits: what does not fit into the pipe or on the disk is dropped and counted. */
static void
put(const char *text, size_t len, unsigned lines)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	int saved = errno;
	ssize_t n = -1;

	if (!may_block || (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0))
		n = write(STDERR_FILENO, text, len);
	if (n != (ssize_t)len)
		metric_add(M_log_lines_dropped_total, (long)lines);
	errno = saved;
}

void
log_flush(void)
{
	if (waiting.lines > 0)
		put(waiting.text, waiting.len, waiting.lines);
	waiting.len = waiting.lines = 0;
}

bool
log_waiting(void)
{
	return waiting.lines > 0;
}

/* A write to a file that all workers share costs more than making the line does. */
static void
finish_later(struct line *l)
{
	size_t room = may_block ? LINE_MAX_BYTES : sizeof(waiting.text);

	add(l, "}\n");
	if (waiting.len + l->len > room)
		log_flush();
	memcpy(waiting.text + waiting.len, l->text, l->len);
	waiting.len += (unsigned)l->len;
	waiting.lines++;
}

static void
finish(struct line *l)
{
	log_flush(); /* in order */
	add(l, "}\n");
	put(l->text, l->len, 1);
}

static void __attribute__((format(printf, 2, 0)))
message(enum log_level level, const char *format, va_list args)
{
	char text[2048];
	struct line l;
	size_t n;

	if (level > least)
		return;
	vsnprintf(text, sizeof(text), format, args);
	for (n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
		text[n - 1] = '\0';
	start(&l, level);
	add_member(&l, "message", text);
	finish(&l);
}

#define LOG_FUNCTION(name, level) \
	void name(const char *format, ...) \
	{ \
		va_list args; \
		va_start(args, format); \
		message(level, format, args); \
		va_end(args); \
	}
LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)

void
fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(LOG_ERROR, format, args);
	va_end(args);
	exit(1);
}

void
log_access(const struct log_access *a)
{
	struct line l;

	if (least < LOG_INFO)
		return;
	start(&l, LOG_INFO);
	add_member(&l, "method", a->method);
	add_member(&l, "route", a->route);
	add(&l, ",\"status\":%d", a->status);
	add_member(&l, "code", a->code);
	add_member(&l, "org", a->org);
	add_member(&l, "principal", a->principal);
	add_member(&l, "address", a->address);
	add(&l, ",\"bytes\":%ld,\"us\":%ld,\"db_us\":%ld,\"redis_us\":%ld", a->bytes, a->total_us,
	    a->db_us, a->redis_us);
	finish_later(&l);
}

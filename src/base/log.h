/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_LOG_H
#define SERVICEOS_LOG_H

/*
 * One JSON line per event on standard error:
 * {"time":"…","level":"warn","process":"api","pid":1,"request_id":"…","message":"…"}
 * Never pass tokens, keys, passwords or bodies. A line that cannot be written
 * (full disk, closed pipe, slow reader) is dropped and counted; logging never blocks.
 */

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Name of this process in each line ("api", "scheduler"), and the least level written. */
void log_open(const char *process, enum log_level);
/* Words of the configuration key log_level; -1 for an unknown one. */
int log_level_parse(const char *);
/* The request the following lines belong to; NULL for none. Kept by pointer. */
void log_request(const char *request_id);

void log_error(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *, ...) __attribute__((format(printf, 1, 2)));
/* Log an error and exit(1). For start-up only. */
void fatal(const char *, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The access line, written once per request by the dispatcher. */
struct log_access {
	const char *method, *route, *org, *principal, *address, *code;
	int status;
	long bytes;
	long total_us, db_us, redis_us; /* durations in microseconds */
};
void log_access(const struct log_access *);
/*
 * Access lines wait here until there are some kilobytes of them, or a line of
 * another kind, or this is called: before sleeping for long, and before leaving.
 */
void log_flush(void);
bool log_waiting(void);

#endif

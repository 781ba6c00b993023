/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_HANDOFF_H
#define SERVICEOS_HANDOFF_H

/*
 * A worker gives a connection away. It asks the stream process over
 * socket_dir/stream.sock for a place, with a line of JSON; the answer is a line:
 * "ok", "full" (the organisation has all its streams), or "busy". Only then are the
 * headers written, and the connection's descriptor goes after them. A place
 * whose descriptor does not come is free again when the socket closes.
 */

#include <stdbool.h>

enum handoff { HANDOFF_OK, HANDOFF_FULL, HANDOFF_BUSY, HANDOFF_AWAY };

#define HANDOFF_LINE_MAX 16384

/* Ask; HANDOFF_OK leaves the socket in *fd. */
enum handoff handoff_ask(const char *line, int *fd);
/* Send the connection, and the FastCGI id of its request. Closes neither. */
bool handoff_give(int fd, int connection, int request_id);

/* The other side: the descriptor that came, or -1; the id in *request_id. */
int handoff_take(int fd, int *request_id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "http/handoff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/conf.h"

#define PATIENCE_S 1 /* a stream process that does not answer must not hold workers */

static int
connect_stream(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stream.sock", conf.socket_dir);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

enum handoff
handoff_ask(const char *line, int *fd)
{
	size_t len = strlen(line);
	char answer[8] = "";
	int s = connect_stream();

	if (s == -1)
		return HANDOFF_AWAY;
	if (send(s, line, len, MSG_NOSIGNAL) == (ssize_t)len &&
	    send(s, "\n", 1, MSG_NOSIGNAL) == 1 && recv(s, answer, sizeof(answer) - 1, 0) > 0 &&
	    strcmp(answer, "ok\n") == 0) {
		*fd = s;
		return HANDOFF_OK;
	}
	close(s);
	return strcmp(answer, "full\n") == 0   ? HANDOFF_FULL
	       : strcmp(answer, "busy\n") == 0 ? HANDOFF_BUSY
	                                       : HANDOFF_AWAY;
}

bool
handoff_give(int fd, int connection, int request_id)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = "" };
	struct iovec iov = { .iov_base = &request_id, .iov_len = sizeof(request_id) };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &connection, sizeof(int));
	return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(request_id);
}

int
handoff_take(int fd, int *request_id)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = "" };
	struct iovec iov = { .iov_base = request_id, .iov_len = sizeof(*request_id) };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *c;
	int taken = -1;

	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != (ssize_t)sizeof(*request_id))
		return -1;
	c = CMSG_FIRSTHDR(&message);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&taken, CMSG_DATA(c), sizeof(int));
	return taken;
}

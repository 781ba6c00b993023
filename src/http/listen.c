/* SPDX-License-Identifier: Apache-2.0 */
/* The pools' sockets, and the word to systemd. */
#include <errno.h>
#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/prefork.h"

#define BACKLOG 1024

static int
refuse(const char **error, const char *what, const char *path)
{
	static char message[256];

	snprintf(message, sizeof(message), "%s: %s: %s", path, what, strerror(errno));
	*error = message;
	return -1;
}

/* Not waiting: a server with a full backlog is one, too. */
static bool
somebody_answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool yes =
	    connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;

	close(fd);
	return yes;
}

int
listen_unix(const char *path, const char *group, const char **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct group *g = NULL;
	int fd;

	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(address.sun_path))
		return refuse(error, "socket path", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (somebody_answers(&address)) {
		errno = EADDRINUSE;
		return refuse(error, "another server listens here", path);
	}
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
		return refuse(error, "bind", path);
	if (*group != '\0') {
		errno = ENOENT;
		if ((g = getgrnam(group)) == NULL || chown(path, (uid_t)-1, g->gr_gid) == -1)
			return refuse(error, "group of the socket", path);
	}
	if (chmod(path, 0660) == -1 || listen(fd, BACKLOG) == -1)
		return refuse(error, "listen", path);
	return fd;
}

void
notify_systemd(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = path == NULL ? 0 : strlen(path);
	int fd;

	if (len == 0 || len >= sizeof(address.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(address.sun_path, path, len);
	if (*path == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

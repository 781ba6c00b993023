/* SPDX-License-Identifier: Apache-2.0 */
#include "base/state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"

void
state_path(
    char out[STATE_PATH], const char *kind, const char *org, const char *id, const char *suffix)
{
	snprintf(out, STATE_PATH, "%s/%s/%s/%s%s", conf.state_dir, kind, org, id, suffix);
}

/* nginx sends files itself, so its group reads them, as it may connect to the sockets. */
static void
share(int fd)
{
	struct group *g = conf.socket_group[0] == '\0' ? NULL : getgrnam(conf.socket_group);

	if (g != NULL && fchown(fd, (uid_t)-1, g->gr_gid) == -1)
		log_warn("a file of state_dir stays without the group %s: %s", conf.socket_group,
		    strerror(errno));
}

/* The directories of the path below state_dir, which is there. */
static int
make_directories(const char *path)
{
	char part[STATE_PATH];
	size_t at = strlen(conf.state_dir);
	int fd;

	for (;;) {
		at += 1 + strcspn(path + at + 1, "/");
		if (path[at] == '\0')
			return 0;
		snprintf(part, sizeof(part), "%.*s", (int)at, path);
		if (mkdir(part, 0750) == -1) {
			if (errno == EEXIST)
				continue;
			return -1;
		}
		fd = open(part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd == -1)
			return -1;
		share(fd);
		close(fd);
	}
}

int
state_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd == -1 && errno == ENOENT && make_directories(path) == 0)
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd != -1)
		share(fd);
	return fd;
}

static void
sweep_directory(const char *path, time_t before)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	struct stat st;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mtime < before)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
}

void
state_sweep(const char *kind, long seconds)
{
	char path[STATE_PATH], below[STATE_PATH + 256];
	time_t before = time(NULL) - seconds;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", conf.state_dir, kind);
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		sweep_directory(below, before);
	}
	if (dir != NULL)
		closedir(dir);
}

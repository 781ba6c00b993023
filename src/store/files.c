/* SPDX-License-Identifier: Apache-2.0 */
#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <magic.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/util.h"
#include "store/db.h"

#define TRANSFER_SECONDS (7 * 86400)
#define ORPHAN_SECONDS 86400 /* longer than any upload or transaction takes */

static int
make_folders(char *path)
{
	char *slash;

	for (slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0750) == -1 && errno != EEXIST) {
			*slash = '/';
			return errno;
		}
		*slash = '/';
	}
	return 0;
}

void
file_path(char out[FILE_PATH], const char *kind, const char *org, const char *id)
{
	snprintf(out, FILE_PATH, "%s/%s/%s/%s", conf.state_dir, kind, org, id);
}

int
file_open(const char *path)
{
	char folders[FILE_PATH];
	int error;

	snprintf(folders, sizeof(folders), "%s", path);
	error = make_folders(folders);
	if (error != 0) {
		errno = error;
		return -1;
	}
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
}

int
file_put(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? ENOSPC : errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
file_begin(struct file_writer *w, const char *org)
{
	char id[37];
	int error;

	*w = (struct file_writer){ .fd = -1, .org = org };
	uuid7(id);
	snprintf(w->path, sizeof(w->path), "%s/files/%s/new-%s", conf.state_dir, org, id);
	error = make_folders(w->path);
	if (error != 0)
		return error;
	w->fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (w->fd == -1)
		return errno;
	w->digest = EVP_MD_CTX_new();
	if (w->digest == NULL || EVP_DigestInit_ex(w->digest, EVP_sha256(), NULL) != 1) {
		file_abort(w);
		return ENOMEM;
	}
	return 0;
}

int
file_write(struct file_writer *w, const void *data, size_t len)
{
	size_t room = sizeof(w->head) - w->head_len;

	EVP_DigestUpdate(w->digest, data, len);
	memcpy(w->head + w->head_len, data, len < room ? len : room);
	w->head_len += len < room ? len : room;
	w->size += len;
	return file_put(w->fd, data, len);
}

/* A new name survives a crash only when its folder is on the disk too. */
static int
sync_folder(const char *path)
{
	char folder[512];
	int fd, error = 0;

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return errno;
	if (fsync(fd) == -1)
		error = errno;
	close(fd);
	return error;
}

int
file_finish(struct file_writer *w, char *sha256)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	char path[512];
	int error;

	EVP_DigestFinal_ex(w->digest, raw, NULL);
	hex_encode(sha256, raw, 32);
	snprintf(path, sizeof(path), "%s/files/%s/%.2s/%s", conf.state_dir, w->org, sha256, sha256);
	error = make_folders(path);
	if (error != 0 || fsync(w->fd) == -1 || rename(w->path, path) == -1)
		return error != 0 ? error : errno;
	w->path[0] = '\0';
	utimensat(AT_FDCWD, path, NULL, 0); /* young again, if it was there: the sweep waits */
	error = sync_folder(path);
	file_abort(w);
	return error;
}

void
file_abort(struct file_writer *w)
{
	if (w->fd != -1)
		close(w->fd);
	w->fd = -1;
	if (w->path[0] != '\0')
		unlink(w->path);
	w->path[0] = '\0';
	EVP_MD_CTX_free(w->digest);
	w->digest = NULL;
}

const char *
file_type(const struct file_writer *w, struct arena *arena)
{
	static magic_t magic; /* some megabytes of rules, mapped by the first upload */
	const char *type;

	if (magic == NULL) {
		magic = magic_open(MAGIC_MIME_TYPE | MAGIC_ERROR);
		if (magic == NULL || magic_load(magic, NULL) == -1)
			log_warn("libmagic: %s", magic == NULL ? "no memory" : magic_error(magic));
	}
	type = magic == NULL ? NULL : magic_buffer(magic, w->head, w->head_len);
	return arena_strdup(arena, type == NULL ? "application/octet-stream" : type);
}

const char *
file_name(struct arena *arena, const char *org, const char *sha256)
{
	return arena_printf(arena, "%s/%.2s/%s", org, sha256, sha256);
}

/* ---- the sweep; nftw() has no argument for its function */

static struct db *sweep_db;
static struct arena *sweep_arena;

static bool
known(const char *org, const char *sha256)
{
	static const struct db_context everybody = {
		.org = "", .actor_type = "system", .actor_id = "scheduler"
	};
	bool found;

	db_begin(sweep_db, sweep_arena, DB_READ, &everybody);
	found = db_row(sweep_db, SQL_ATTACHMENT_KNOWN, P(org, sha256)) != NULL;
	return !db_commit(sweep_db) || found; /* in doubt it stays */
}

/* path is …/files/<org>/<aa>/<sha256>, or …/files/<org>/new-<id> of an upload that broke off. */
static int
sweep_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	const char *name = path + at->base;
	char org[64];

	if (kind != FTW_F || st->st_mtime > time(NULL) - ORPHAN_SECONDS)
		return 0;
	if (at->level == 2 && strncmp(name, "new-", 4) == 0) {
		unlink(path);
	} else if (at->level == 3 && strlen(name) == 64) {
		const char *folder = path + strlen(conf.state_dir) + strlen("/files/");

		snprintf(org, sizeof(org), "%.*s", (int)strcspn(folder, "/"), folder);
		if (!known(org, name))
			unlink(path);
	}
	return 0;
}

static int
sweep_transfer(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)at;
	if (kind == FTW_F && st->st_mtime < time(NULL) - TRANSFER_SECONDS)
		unlink(path);
	return 0;
}

void
files_sweep(struct db *db, struct arena *arena)
{
	char root[512];

	sweep_db = db;
	sweep_arena = arena;
	snprintf(root, sizeof(root), "%s/files", conf.state_dir);
	if (nftw(root, sweep_one, 16, FTW_PHYS) == -1 && errno != ENOENT)
		log_warn("%s: %s", root, strerror(errno));
	snprintf(root, sizeof(root), "%s/exports", conf.state_dir);
	nftw(root, sweep_transfer, 16, FTW_PHYS);
	snprintf(root, sizeof(root), "%s/imports", conf.state_dir);
	nftw(root, sweep_transfer, 16, FTW_PHYS);
	snprintf(root, sizeof(root), "%s/inbound", conf.state_dir);
	nftw(root, sweep_transfer, 16, FTW_PHYS);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_FILES_H
#define SERVICEOS_FILES_H

/*
 * Files by their content: conf.state_dir/files/<org>/<aa>/<sha256>. Each
 * organisation has its own folder, so that nobody learns from a second upload
 * what another one has. A file is written beside, synced and renamed: what is
 * there is whole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;

struct file_writer {
	int fd;
	char path[512]; /* while it is written */
	const char *org;
	void *digest;
	uint64_t size;
	unsigned char head[4096]; /* its beginning, for telling the type */
	size_t head_len;
};

/* 0, or an errno. */
int file_begin(struct file_writer *, const char *org);
int file_write(struct file_writer *, const void *, size_t);
/* Put it in its place; sha256 holds 65. */
int file_finish(struct file_writer *, char *sha256);
/* Leave nothing behind; after file_finish() it does nothing. */
void file_abort(struct file_writer *);

/* The media type of what has been written, told by libmagic: "image/png". */
const char *file_type(const struct file_writer *, struct arena *);
/* "<org>/<aa>/<sha256>", the same for disk and web server. */
const char *file_name(struct arena *, const char *org, const char *sha256);
/* state_dir/<kind>/<org>/<id>: the file of an import or an export. */
#define FILE_PATH 512
void file_path(char out[FILE_PATH], const char *kind, const char *org, const char *id);
/* All of it, whatever interrupts; 0, or an errno. */
int file_put(int fd, const void *, size_t);
/* Open it for reading and writing, made with its folders when it is not there; -1 and errno. */
int file_open(const char *path);

/* Remove what no attachment refers to after a day, and exports and imports after a week. Run by
 * the scheduler. */
void files_sweep(struct db *, struct arena *);

#endif

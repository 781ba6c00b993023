/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_IMPORT_READ_H
#define SERVICEOS_IMPORT_READ_H

/*
 * The records of a file, one after the other, however large it is: lines of
 * JSON, the objects of a JSON array, or rows of CSV (RFC 4180: quotes, line
 * breaks within them, CR LF). offset and line say where the next one begins,
 * so that the reading can go on later.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

#define RECORD_MAX 2097152
#define COLUMNS_MAX 512

struct import_reader {
	FILE *file;
	int64_t offset, line; /* of what comes next; lines from 1 */
	bool array;           /* objects of an array rather than lines */
	char delimiter;       /* of CSV */
	/* the record */
	int64_t at;          /* its line */
	const char *problem; /* why it cannot be read, or NULL */
	struct buf text;     /* of JSON */
	unsigned nfields;    /* of CSV */
	const char *fields[COLUMNS_MAX];
};

/* Skip a byte order mark; find out whether JSON is an array, alone or within {"tickets": […]}. */
void reader_start(struct import_reader *, bool json);
/* Find the delimiter of the header: comma, semicolon or tab. */
void reader_find_delimiter(struct import_reader *);
/* Go to offset and line, which are set. 0 or -1. */
int reader_seek(struct import_reader *);
/* The next record; false at the end. Memory is the arena's. */
bool reader_json(struct import_reader *, struct arena *);
bool reader_csv(struct import_reader *, struct arena *);

#endif

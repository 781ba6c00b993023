/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_IMPORT_READ_H
#define SERVICEOS_IMPORT_READ_H

/*
 * The records of a file, one after the other, however large it is: rows of CSV
 * (RFC 4180: quotes, line breaks within them, CR LF), or values of JSON, each on
 * a line or over several, those of a list, and those of a list that is a member of
 * an object, as in {"count": 2, "tickets": […]}; any number of these. offset and
 * line say where the next one begins, so that the reading can go on later.
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
	/* of JSON */
	const char *const *lists; /* names of members that are lists of records; ends in NULL */
	bool array;               /* within a list */
	bool wrapped;             /* within the object around it */
	char delimiter;           /* of CSV */
	/* the record */
	int64_t at;          /* its line */
	const char *problem; /* why it cannot be read, or NULL */
	struct buf text;     /* of JSON */
	unsigned nfields;    /* of CSV */
	const char *fields[COLUMNS_MAX];
};

/* Skip a byte order mark. */
void reader_start(struct import_reader *);
/* Find the delimiter of the header: comma, semicolon or tab. */
void reader_find_delimiter(struct import_reader *);
/* Go to offset and line, which are set. 0 or -1. */
int reader_seek(struct import_reader *);
/* The next record; false at the end. Memory is the arena's. */
bool reader_json(struct import_reader *, struct arena *);
bool reader_csv(struct import_reader *, struct arena *);

/* What both share: a character or EOF, the last one once more, and one of the record's text. */
int reader_next(struct import_reader *);
void reader_back(struct import_reader *, int c);
void reader_put(struct import_reader *, int c);

#endif

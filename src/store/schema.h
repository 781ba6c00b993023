/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_SCHEMA_FILES_H
#define SERVICEOS_SCHEMA_FILES_H

/* The database's schema, embedded in the program, and the runner that applies it. */

#include <libpq-fe.h>

struct schema_file {
	const char *name;
	char kind; /* 'm' migration, 'f' functions, 'v' views, 'g' grants */
	const char *text;
};
extern const struct schema_file schema_files[]; /* in order; ends in .name NULL */

/*
 * Apply what is missing: each migration once, in a transaction of its own;
 * then, when they differ from what is there, functions, views and grants
 * together. Two runners at once wait for each other. 0, or -1 with a sentence.
 */
int schema_migrate(PGconn *, const char **error);
/* Number of the newest migration in this program. */
int schema_version(void);
/* Number of the newest one applied; 0 for an empty database, -1 when it cannot be read. */
int schema_current(PGconn *);

#endif

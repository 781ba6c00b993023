/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_IMPORT_ROWS_H
#define SERVICEOS_IMPORT_ROWS_H

#include "jobs/import_map.h"
#include "jobs/import_read.h"

struct job;

struct import_batch {
	struct job *job;
	struct import_reader in;
	struct import_map map;
	struct buf rows, people, refused; /* JSON arrays without their brackets */
	unsigned n;
	bool ended;
};

/* The record that was read becomes a row of the batch, or is refused with its reason. */
void import_take(struct import_batch *);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/numbers.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/util.h"
#include "store/db.h"

#define SLOTS 4096
#define BLOCK_MAX 256
#define BUSY_US 1000000 /* leases closer together than this double the block */

struct block {
	char org[64];
	int64_t next, end;
	int64_t leased_us;
	int size;
};

struct table {
	pthread_mutex_t lock;
	struct block blocks[SLOTS];
};

static struct table *table;

void
numbers_init(void)
{
	pthread_mutexattr_t attr;

	if (table != NULL)
		return;
	table =
	    mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		fatal("cannot map the table of ticket numbers: %s", strerror(errno));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&table->lock, &attr);
}

/* A holder that was killed leaves at worst a half-written block: drop them all. */
static void
lock(void)
{
	if (pthread_mutex_lock(&table->lock) == EOWNERDEAD) {
		memset(table->blocks, 0, sizeof(table->blocks));
		pthread_mutex_consistent(&table->lock);
	}
}

/* The organisation's block; a collision takes the place over, which costs numbers only. */
static struct block *
find(const char *org)
{
	uint32_t hash = 2166136261u;
	const char *p;
	struct block *b;

	for (p = org; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	b = &table->blocks[hash % SLOTS];
	if (strcmp(b->org, org) != 0) {
		memset(b, 0, sizeof(*b));
		snprintf(b->org, sizeof(b->org), "%s", org);
	}
	return b;
}

static bool
take(const char *org, int64_t *number, int *size)
{
	int64_t now = mono_us();
	struct block *b;
	bool found;

	lock();
	b = find(org);
	found = b->next < b->end;
	if (found) {
		*number = b->next++;
	} else {
		b->size = b->size > 0 && now - b->leased_us < BUSY_US ? b->size * 2 : 1;
		if (b->size > BLOCK_MAX)
			b->size = BLOCK_MAX;
		b->leased_us = now;
		*size = b->size;
	}
	pthread_mutex_unlock(&table->lock);
	return found;
}

/* Offer the rest of a leased block to the others, unless somebody else just did. */
static void
share(const char *org, int64_t next, int64_t end)
{
	struct block *b;

	lock();
	b = find(org);
	if (b->next >= b->end) {
		b->next = next;
		b->end = end;
	}
	pthread_mutex_unlock(&table->lock);
}

bool
numbers_take(struct db *db, struct arena *arena, const char *org, int64_t *number)
{
	struct db_context context = { .org = org, .actor_type = "system", .actor_id = "numbers" };
	const char *value;
	char text[16];
	int size = 1;

	if (take(org, number, &size))
		return true;
	snprintf(text, sizeof(text), "%d", size);
	db_begin(db, arena, DB_WRITE, &context);
	/* Not waiting for the disk is safe: the ticket's own commit flushes this one too. */
	db_queue_text(db, "SET LOCAL synchronous_commit = off", 0, NULL);
	value = db_value(db, SQL_TAKE_NUMBERS, P(org, text));
	if (value != NULL)
		*number = strtoll(value, NULL, 10);
	if (!db_commit(db))
		return false;
	if (value == NULL)
		return false;
	FAULT(number_leased);
	share(org, *number + 1, *number + size);
	return true;
}

void
numbers_forget(const char *org)
{
	struct block *b;

	lock();
	b = find(org);
	b->next = b->end = 0;
	pthread_mutex_unlock(&table->lock);
}

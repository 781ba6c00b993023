/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_ARENA_H
#define SERVICEOS_ARENA_H

/*
 * Request-lifetime memory. Everything a request (or a job) allocates comes
 * from one arena and dies with arena_reset(); nothing is freed one by one.
 * Long-lived data is allocated at start with xmalloc() and never freed.
 */

#include <stddef.h>

struct arena;

/* A new arena with a 64 KiB first block. Never NULL: dies of memory. */
struct arena *arena_new(void);
/* Run the defers (last in, first out) and give all memory back. */
void arena_free(struct arena *);
/* Run the defers and rewind; the first block is kept. Poisoned under ASan. */
void arena_reset(struct arena *);

/* Zeroed memory, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *, size_t);
/* The same, but not zeroed: for what is written over at once. */
void *arena_room(struct arena *, size_t);
void *arena_memdup(struct arena *, const void *, size_t);
/* Copies are NUL-terminated. A NULL string gives NULL. */
char *arena_strdup(struct arena *, const char *);
char *arena_strndup(struct arena *, const char *, size_t);
char *arena_printf(struct arena *, const char *, ...) __attribute__((format(printf, 2, 3)));

/* Call fn(arg) at reset: for PGresult, json_object and the like. */
void arena_defer(struct arena *, void (*fn)(void *), void *arg);
/* The most bytes the arena has held since arena_new(). */
size_t arena_high_water(const struct arena *);

/* Long-lived memory, zeroed; these die of memory. */
void *xmalloc(size_t);
char *xstrdup(const char *);

#endif

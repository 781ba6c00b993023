/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of blocks. The first one is kept over resets, larger allocations get
 * blocks of their own. Unused memory is poisoned under ASan, so that a pointer
 * kept over a reset is caught.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define FIRST_BLOCK 65536
#define ALIGNMENT 16

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ALIGNMENT) char data[];
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct block *first; /* kept */
	struct block *last;  /* newest; equals first after a reset */
	struct deferred *defers;
	size_t held, high_water;
};

static void
die_of_memory(void)
{
	static const char text[] = "out of memory\n";

	fwrite(text, 1, sizeof(text) - 1, stderr);
	abort();
}

void *
xmalloc(size_t size)
{
	void *p = calloc(1, size == 0 ? 1 : size);

	if (p == NULL)
		die_of_memory();
	return p;
}

char *
xstrdup(const char *s)
{
	char *copy = strdup(s);

	if (copy == NULL)
		die_of_memory();
	return copy;
}

static struct block *
block_new(size_t size)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (b == NULL)
		die_of_memory();
	b->next = NULL;
	b->size = size;
	b->used = 0;
	POISON(b->data, size);
	return b;
}

struct arena *
arena_new(void)
{
	struct arena *a = xmalloc(sizeof(*a));

	a->first = a->last = block_new(FIRST_BLOCK);
	a->held = a->high_water = FIRST_BLOCK;
	return a;
}

void
arena_reset(struct arena *a)
{
	struct deferred *d;
	struct block *b, *next;

	for (d = a->defers; d != NULL; d = d->next)
		d->fn(d->arg);
	a->defers = NULL;
	for (b = a->first->next; b != NULL; b = next) {
		next = b->next;
		UNPOISON(b->data, b->size);
		free(b);
	}
	POISON(a->first->data, a->first->size);
	a->first->next = NULL;
	a->first->used = 0;
	a->last = a->first;
	a->held = FIRST_BLOCK;
}

void
arena_free(struct arena *a)
{
	arena_reset(a);
	UNPOISON(a->first->data, a->first->size);
	free(a->first);
	free(a);
}

void *
arena_room(struct arena *a, size_t size)
{
	struct block *b = a->last;
	size_t need;
	char *p;

	if (size > SIZE_MAX / 2)
		die_of_memory();
	need = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (need == 0)
		need = ALIGNMENT;
	if (b->size - b->used < need) {
		bool large = need > FIRST_BLOCK / 4;

		b = block_new(large ? need : FIRST_BLOCK);
		a->held += b->size;
		if (a->held > a->high_water)
			a->high_water = a->held;
		b->next = a->first->next;
		a->first->next = b;
		if (!large) /* the rest of the last block stays in use beside a large one */
			a->last = b;
	}
	p = b->data + b->used;
	b->used += need;
	UNPOISON(p, size);
	return p;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	return memset(arena_room(a, size), 0, size);
}

void *
arena_memdup(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_room(a, size);

	if (size > 0)
		memcpy(copy, p, size);
	return copy;
}

char *
arena_strndup(struct arena *a, const char *s, size_t size)
{
	char *copy = arena_room(a, size + 1);

	if (size > 0)
		memcpy(copy, s, size);
	copy[size] = '\0';
	return copy;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_strndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list args, again;
	char *text;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		die_of_memory();
	text = arena_room(a, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text;
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
	struct deferred *d = arena_alloc(a, sizeof(*d));

	*d = (struct deferred){ .next = a->defers, .fn = fn, .arg = arg };
	a->defers = d;
}

size_t
arena_high_water(const struct arena *a)
{
	return a->high_water;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The organisations that have streams here. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "stream/hub.h"

static unsigned
bucket(const char *name)
{
	unsigned h = 2166136261u;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h % ORG_BUCKETS;
}

struct org *
org_find(struct hub *h, const char *name)
{
	struct org *o;

	for (o = h->orgs[bucket(name)]; o != NULL; o = o->next)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

struct org *
org_get(struct hub *h, const char *name)
{
	struct org *o = org_find(h, name), **head = &h->orgs[bucket(name)];
	size_t len = strlen(name);

	if (o != NULL)
		return o;
	o = xmalloc(sizeof(*o));
	memcpy(o->name, name, len < sizeof(o->name) ? len : sizeof(o->name) - 1);
	o->seq = -1;
	o->next = *head;
	*head = o;
	return o;
}

void
org_leave(struct hub *h, struct org *o)
{
	struct org **p = &h->orgs[bucket(o->name)];

	if (--o->seats > 0)
		return;
	while (*p != o)
		p = &(*p)->next;
	*p = o->next;
	free(o);
}

void
each_stream(struct hub *h, void (*fn)(struct hub *, struct stream *))
{
	struct stream *s;
	struct org *o;
	unsigned i;

	for (i = 0; i < ORG_BUCKETS; i++)
		for (o = h->orgs[i]; o != NULL; o = o->next)
			for (s = o->streams; s != NULL; s = s->next)
				if (s->ended == NULL)
					fn(h, s);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_LIST_INTERNAL_H
#define SERVICEOS_LIST_INTERNAL_H

/* What list.c and list_custom.c share: a page of a list while its SELECT is composed. */

#include "base/buf.h"
#include "http/schema.h"

#define VALUES_MAX 320 /* more than a condition has, store/condition.c */

/* Of an order by a custom field: tickets without a value come behind those that have one. */
enum part { WITH_VALUE, WITHOUT_VALUE, WITH_OR_WITHOUT };

struct page {
	struct req *r;
	const struct resource *shape;
	const struct list *list;
	const struct sort *sort;
	bool descending;
	bool with_optional; /* the resource is not the declared one but its fuller twin */
	long limit;
	const char *join; /* what an order by a custom field needs: "JOIN …", else NULL */
	enum part part;
	struct buf sql;    /* the WHERE clause */
	const char *after; /* what the cursor adds to it */
	const char *values[VALUES_MAX];
	int nvalues;
};

/* The number of the parameter that has this value; -1 after a refusal. */
int list_value(struct page *, const char *value);
/* All values of parameters of that name, from this one on, as an array's text. */
const char *list_array(struct arena *, const struct query_value *, const char *name);
/* cf.<key>=value */
void list_custom_filters(struct page *);
/* sort=cf.<key> */
void list_custom_order(struct page *, const char *name);

#endif

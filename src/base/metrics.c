/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared memory: one block of counters and histograms per slot, so that
 * workers never write the same cache line; the sums are made when printed.
 */
#include "base/metrics.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/util.h"

#define LINE 64
#define CLASSES 6 /* index is the first digit of the status; 0 unused */

static const long bounds_ms[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000 };
#define BUCKETS (LENGTH(bounds_ms) + 1)

struct route_counts {
	_Atomic int64_t classes[CLASSES];
	_Atomic int64_t buckets[BUCKETS];
	_Atomic int64_t microseconds;
};

static const struct {
	const char *name, *text;
	bool gauge;
} table[] = {
#define COUNTER false
#define GAUGE true
#define METRIC(name, kind, text) { #name, text, kind },
#include "base/metrics.def"
#undef METRIC
#undef GAUGE
#undef COUNTER
};

static char *memory;
static size_t slot_size;
static unsigned slots, routes, mine;

static _Atomic int64_t *
counters(unsigned slot)
{
	return (_Atomic int64_t *)(void *)(memory + slot * slot_size);
}

static struct route_counts *
route_at(unsigned slot, unsigned route)
{
	size_t offset = (M__MAX * sizeof(int64_t) + LINE - 1) / LINE * LINE;

	return (struct route_counts *)(void *)(memory + slot * slot_size + offset) + route;
}

void
metrics_init(unsigned workers, unsigned nroutes)
{
	size_t head = (M__MAX * sizeof(int64_t) + LINE - 1) / LINE * LINE;

	slots = workers + 1;
	routes = nroutes + 1; /* the last one is "no route" */
	slot_size = (head + routes * sizeof(struct route_counts) + LINE - 1) / LINE * LINE;
	memory = mmap(
	    NULL, slots * slot_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fatal("cannot map the metrics");
}

void
metrics_slot(unsigned slot)
{
	mine = slot < slots ? slot : 0;
}

void
metric_add(enum metric m, int64_t n)
{
	if (memory != NULL)
		atomic_fetch_add_explicit(&counters(mine)[m], n, memory_order_relaxed);
}

void
metric_set(enum metric m, int64_t n)
{
	if (memory != NULL)
		atomic_store_explicit(&counters(mine)[m], n, memory_order_relaxed);
}

void
metric_set_host(enum metric m, int64_t n)
{
	if (memory != NULL)
		atomic_store_explicit(&counters(0)[m], n, memory_order_relaxed);
}

int64_t
metric_sum(enum metric m)
{
	int64_t sum = 0, n;
	unsigned i;

	for (i = 0; memory != NULL && i < slots; i++) {
		n = atomic_load_explicit(&counters(i)[m], memory_order_relaxed);
		sum = table[m].gauge ? (n > sum ? n : sum) : sum + n;
	}
	return sum;
}

void
metric_request(unsigned route, int status, long microseconds)
{
	struct route_counts *r;
	unsigned bucket = 0;

	if (memory == NULL || route >= routes || status < 100 || status > 599)
		return;
	r = route_at(mine, route);
	while (bucket < LENGTH(bounds_ms) && microseconds > bounds_ms[bucket] * 1000)
		bucket++;
	atomic_fetch_add_explicit(&r->classes[status / 100], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->buckets[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->microseconds, microseconds, memory_order_relaxed);
}

int64_t
metric_route_ok(unsigned route)
{
	int64_t sum = 0;
	unsigned i;

	for (i = 0; memory != NULL && i < slots; i++)
		sum += route_at(i, route)->classes[2];
	return sum;
}

static void
sum_route(unsigned route, struct route_counts *sum)
{
	unsigned i, n;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < slots; i++) {
		const struct route_counts *r = route_at(i, route);

		for (n = 0; n < CLASSES; n++)
			sum->classes[n] += r->classes[n];
		for (n = 0; n < BUCKETS; n++)
			sum->buckets[n] += r->buckets[n];
		sum->microseconds += r->microseconds;
	}
}

static void
print_route(struct buf *out, const char *name, const struct route_counts *r)
{
	int64_t total = 0;
	unsigned n;

	for (n = 1; n < CLASSES; n++)
		if (r->classes[n] > 0)
			buf_printf(out,
			    "serviceos_operation_requests_total{operation=\"%s\",class=\"%uxx\"} %lld\n",
			    name, n, (long long)r->classes[n]);
	for (n = 0; n < BUCKETS; n++) {
		total += r->buckets[n];
		if (n < LENGTH(bounds_ms))
			buf_printf(out,
			    "serviceos_request_seconds_bucket{operation=\"%s\",le=\"%g\"} %lld\n",
			    name, (double)bounds_ms[n] / 1000, (long long)total);
	}
	buf_printf(out,
	    "serviceos_request_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %lld\n"
	    "serviceos_request_seconds_sum{operation=\"%s\"} %.6f\n"
	    "serviceos_request_seconds_count{operation=\"%s\"} %lld\n",
	    name, (long long)total, name, (double)r->microseconds / 1e6, name, (long long)total);
}

void
metrics_print(struct buf *out, const char *(*route_name)(unsigned))
{
	struct route_counts sum;
	unsigned i, n;
	int64_t any;

	for (i = 0; i < M__MAX; i++)
		buf_printf(out,
		    "# HELP serviceos_%s %s.\n# TYPE serviceos_%s %s\nserviceos_%s %lld\n",
		    table[i].name, table[i].text, table[i].name,
		    table[i].gauge ? "gauge" : "counter", table[i].name,
		    (long long)metric_sum((enum metric)i));
	buf_str(out,
	    "# HELP serviceos_request_seconds Time to answer a request, by operation.\n"
	    "# TYPE serviceos_request_seconds histogram\n"
	    "# HELP serviceos_operation_requests_total Requests by operation and status class.\n"
	    "# TYPE serviceos_operation_requests_total counter\n");
	for (i = 0; memory != NULL && i < routes; i++) {
		sum_route(i, &sum);
		for (any = 0, n = 0; n < CLASSES; n++)
			any += sum.classes[n];
		if (any > 0) /* keeps the page short */
			print_route(out, route_name(i), &sum);
	}
}

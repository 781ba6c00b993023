/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_METRICS_H
#define SERVICEOS_METRICS_H

/*
 * Counters in shared memory, one cache-line-padded slot per worker, summed
 * when they are printed. Prometheus text format 0.0.4.
 */

#include <stdint.h>

struct buf;

enum metric {
#define METRIC(name, kind, text) M_##name,
#include "base/metrics.def"
#undef METRIC
	M__MAX
};

/* Map the shared memory for so many workers and routes; before the first fork. */
void metrics_init(unsigned workers, unsigned routes);
/* This process counts into this slot from now on (0 is the master's). */
void metrics_slot(unsigned slot);
void metric_add(enum metric, int64_t);
void metric_set(enum metric, int64_t);
/* A gauge of the whole host, whichever process sets it. */
void metric_set_host(enum metric, int64_t);
int64_t metric_sum(enum metric);
/* One answered request: status class counter and latency histogram of the route. */
void metric_request(unsigned route, int status, long microseconds);
/* 2xx answers of a route so far; the contract test fails on 0. */
int64_t metric_route_ok(unsigned route);
/* Print everything; route_name(i) gives the label of route i. */
void metrics_print(struct buf *, const char *(*route_name)(unsigned));

#endif

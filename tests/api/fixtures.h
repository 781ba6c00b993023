/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FIXTURES_H
#define SERVICEOS_TEST_FIXTURES_H

/* One of everything in two organisations, and each route's path and a body that it takes. */

#include "harness.h"

struct ids {
	char ticket[40], second[40], third[40], customer[40], spare[40], user[40], key[40],
	    comment[40], note[40], link[40], merge[40], view[40], company[40], team[40], hours[40],
	    field[40], bulk_job[40], queue[40], macro[40], survey[40], card[40], review[40],
	    attachment[40], export[40], waiting_export[40], import[40], webhook[40], delivery[40],
	    policy[40], timer[40], workflow[40];
};
extern struct ids own, other; /* of ORG and of OTHER */
extern char platform_token[];

/* Make one of everything in the caller's organisation. */
void make_all(struct ids *, const char *org);
/* The route's path with these ids, in ORG. */
const char *path_of(const struct route *, const struct ids *);
/* Whether the path names something besides the organisation. */
bool has_id(const struct route *);
/* A body of the fields' examples: right but for ids; NULL without a body. */
const char *example_body(const struct route *);
/* A body that leads to a 2xx with `own`. */
const char *body_of(const struct route *);
/* Take the platform's credential where the route wants it. */
void as_platform(const struct route *);

#endif

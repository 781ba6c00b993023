/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_PERIOD_H
#define SERVICEOS_PERIOD_H

/* The time that a report is about: query parameters from and to. */

#include "http/req.h"

/* For the filter tables of routes. */
#define PERIOD_FILTERS \
	{ "from", T_TIME, "", NULL, "Start of the period; 30 days before its end unless given.", \
		true }, \
	{ \
		"to", T_TIME, "", NULL, "End of the period (not part of it); now unless given.", \
		    true \
	}

struct period {
	const char *from, *to; /* RFC 3339 */
};

/* 0, or -1 when the period is empty or longer than 366 days. */
int period_of(struct req *, struct period *);

#endif

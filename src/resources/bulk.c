/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk: one change to many tickets. */
#include "http/req.h"

const struct route bulk_routes[] = {
	{ .path = NULL },
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Search: full text over tickets, comments and customers. */
#include "http/req.h"

const struct route search_routes[] = {
	{ .path = NULL },
};

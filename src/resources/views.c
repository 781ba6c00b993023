/* SPDX-License-Identifier: Apache-2.0 */
/* Views: saved filters. */
#include "http/req.h"

const struct route view_routes[] = {
	{ .path = NULL },
};

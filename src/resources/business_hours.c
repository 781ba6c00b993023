/* SPDX-License-Identifier: Apache-2.0 */
/* Business hours: when the desk is open. */
#include "http/req.h"

const struct route business_hours_routes[] = {
	{ .path = NULL },
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Custom fields: what an organization adds to its tickets. */
#include "http/req.h"

const struct route custom_field_routes[] = {
	{ .path = NULL },
};

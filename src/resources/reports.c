/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: figures of the desk. */
#include "http/req.h"

const struct route report_routes[] = {
	{ .path = NULL },
};

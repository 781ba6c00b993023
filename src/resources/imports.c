/* SPDX-License-Identifier: Apache-2.0 */
/* Imports: data of another desk. */
#include "http/req.h"

const struct route import_routes[] = {
	{ .path = NULL },
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Exports: the desk's data as files. */
#include "http/req.h"

const struct route export_routes[] = {
	{ .path = NULL },
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Macros: prepared replies and changes. */
#include "http/req.h"

const struct route macro_routes[] = {
	{ .path = NULL },
};

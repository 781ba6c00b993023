/* SPDX-License-Identifier: Apache-2.0 */
/* Companies: whom customers work for. */
#include "http/req.h"

const struct route company_routes[] = {
	{ .path = NULL },
};

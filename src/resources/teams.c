/* SPDX-License-Identifier: Apache-2.0 */
/* Teams: who works together. */
#include "http/req.h"

const struct route team_routes[] = {
	{ .path = NULL },
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Queues: where tickets wait for an agent. */
#include "http/req.h"

const struct route queue_routes[] = {
	{ .path = NULL },
};

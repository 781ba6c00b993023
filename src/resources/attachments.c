/* SPDX-License-Identifier: Apache-2.0 */
/* Attachments: files of a ticket. */
#include "http/req.h"

const struct route attachment_routes[] = {
	{ .path = NULL },
};

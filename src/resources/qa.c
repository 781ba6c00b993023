/* SPDX-License-Identifier: Apache-2.0 */
/* QA: what reviewers say of the work. */
#include "http/req.h"

const struct route qa_routes[] = {
	{ .path = NULL },
};

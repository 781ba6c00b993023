/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_PROBLEM_H
#define SERVICEOS_PROBLEM_H

#include "http/req.h"

/* Write the request's failure as its reply. */
void problem_write(struct req *);
/* The methods that the path supports: "GET, POST". */
const char *problem_allow(struct req *);

#endif

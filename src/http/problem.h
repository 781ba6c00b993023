/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_PROBLEM_H
#define SERVICEOS_PROBLEM_H

#include "http/req.h"

/* Write the request's failure as its reply. */
void problem_write(struct req *);
/* Its errors of fields as an array of {field, code, message}. */
void problem_errors(struct buf *, const struct field_error *);
/* The methods that the path supports: "GET, POST". */
const char *problem_allow(struct req *);

#endif

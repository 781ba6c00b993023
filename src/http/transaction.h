/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TRANSACTION_H
#define SERVICEOS_TRANSACTION_H

#include "http/req.h"

/*
 * Run the route's handler inside its transaction, with idempotency and
 * If-Match around it, commit, and write the reply into r->out. A transaction
 * that lost a race or its connection is run again, at most twice.
 */
void transaction_run(struct req *);

#endif

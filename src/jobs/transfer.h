/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TRANSFER_H
#define SERVICEOS_TRANSFER_H

/* One curl multi handle for all that the scheduler sends; whoever starts a transfer is told of its
 * end. */

#include <curl/curl.h>

struct transfer {
	CURL *curl;
	void (*done)(struct transfer *, CURLcode); /* the handle is off the multi then */
};

CURLM *transfers_new(void);
void transfer_start(CURLM *, struct transfer *);
/* Give it up without a word. */
void transfer_abort(CURLM *, struct transfer *);
/* Go on with all of them and tell of those that ended. */
void transfers_step(CURLM *);

#endif

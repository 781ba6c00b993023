/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/transfer.h"

#include <stddef.h>

#define KEPT 256L /* connections, for the next request to the same place */

CURLM *
transfers_new(void)
{
	CURLM *multi;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, KEPT);
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return multi;
}

void
transfer_start(CURLM *multi, struct transfer *t)
{
	curl_easy_setopt(t->curl, CURLOPT_PRIVATE, t);
	curl_multi_add_handle(multi, t->curl);
}

void
transfer_abort(CURLM *multi, struct transfer *t)
{
	curl_multi_remove_handle(multi, t->curl);
}

void
transfers_step(CURLM *multi)
{
	struct transfer *t;
	int running, left;
	CURLcode result;
	CURLMsg *m;

	curl_multi_perform(multi, &running);
	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		result = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		curl_multi_remove_handle(multi, t->curl);
		t->done(t, result);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/key_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/log.h"
#include "jobs/transfer.h"
#include "store/outgoing.h"

#define JWKS_MAX 262144

struct key_set {
	struct transfer transfer; /* first; without a handle between two */
	CURLM *multi;
	size_t len;
	char text[JWKS_MAX];
};

struct key_set *
key_set_new(CURLM *multi)
{
	struct key_set *k = xmalloc(sizeof(*k));

	k->multi = multi;
	k->transfer.curl = NULL;
	return k;
}

static void
end(struct key_set *k)
{
	curl_easy_cleanup(k->transfer.curl);
	k->transfer.curl = NULL;
}

void
key_set_free(struct key_set *k)
{
	if (k->transfer.curl != NULL) {
		transfer_abort(k->multi, &k->transfer);
		end(k);
	}
	free(k);
}

static size_t
collect(char *data, size_t size, size_t n, void *arg)
{
	struct key_set *k = arg;

	if (size * n > sizeof(k->text) - k->len)
		return 0; /* too large: curl gives up */
	memcpy(k->text + k->len, data, size * n);
	k->len += size * n;
	return size * n;
}

/* A whole file or none: written beside and renamed. */
static void
store(const struct key_set *k)
{
	char path[512], temporary[520];
	FILE *out;

	snprintf(path, sizeof(path), "%s/jwks.json", conf.state_dir);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	out = fopen(temporary, "we");
	if (out == NULL || fwrite(k->text, 1, k->len, out) != k->len || fclose(out) != 0 ||
	    rename(temporary, path) == -1)
		log_error("%s: %s", path, strerror(errno));
}

static void
done(struct transfer *t, CURLcode result)
{
	struct key_set *k = (struct key_set *)t;
	struct json_error error;

	if (result != CURLE_OK)
		log_warn("key set not fetched: %s", curl_easy_strerror(result));
	else if (json_scan(k->text, k->len, &error) == -1)
		log_warn("key set not taken: not JSON at byte %zu", error.offset);
	else
		store(k);
	end(k);
}

void
key_set_fetch(struct key_set *k)
{
	CURL *curl;

	if (conf.jwks_url[0] == '\0' || k->transfer.curl != NULL)
		return;
	curl = outgoing_handle();
	k->transfer = (struct transfer){ .curl = curl, .done = done };
	k->len = 0;
	curl_easy_setopt(curl, CURLOPT_URL, conf.jwks_url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, k);
	transfer_start(k->multi, &k->transfer);
}

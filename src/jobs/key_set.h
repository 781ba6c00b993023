/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_KEY_SET_H
#define SERVICEOS_KEY_SET_H

/* The keys of an issuer of tokens: conf.jwks_url, kept in state_dir/jwks.json, where workers look.
 */

#include <curl/curl.h>

struct key_set;

struct key_set *key_set_new(CURLM *);
void key_set_free(struct key_set *);
/* Ask for it, unless it is being asked for; without an address, nothing. Every five minutes. */
void key_set_fetch(struct key_set *);

#endif

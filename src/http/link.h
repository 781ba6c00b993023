/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_LINK_H
#define SERVICEOS_LINK_H

/*
 * Links that need no credential: <path>?org=…&expires=…&signature=…, signed
 * with HMAC-SHA256 by a key derived from conf.secret_key. A link opens one
 * path for a limited time.
 */

#include "http/req.h"

/* For the filter tables of routes that take such links. */
#define LINK_FILTERS \
	{ "org", T_STR, "", NULL, "With a signed link: the organization.", true }, \
	    { "expires", T_INT, "", NULL, \
		    "With a signed link: until when, in seconds since 1970.", true }, \
	{ \
		"signature", T_STR, "", NULL, "With a signed link: its signature.", true \
	}

/* A link to this path of the service; NULL while no secret_key is configured. */
const char *link_make(struct req *, const char *path);
/*
 * In a R_PUBLIC route: the link's signature, or else a credential with this
 * scope. Sets r->org; 0 or -1.
 */
int link_check(struct req *, const char *path, enum scope);
/* Write a row with this link as its member download_url. */
void link_put_row(struct req *, const PGresult *, const char *url);
/* A file under state_dir, such as "files/org/aa/…", of so many bytes: nginx sends it in our place.
 */
int link_send_file(
    struct req *, const char *file, uint64_t size, const char *type, const char *name, bool show);

#endif

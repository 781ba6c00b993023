/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_FORMATS_H
#define SERVICEOS_FORMATS_H

/* Whether a text is of a form that a field's type asks for; its length is the schema's business. */

#include <stdbool.h>
#include <stddef.h>

/* Line breaks and tabs are allowed with `lines`. */
bool has_control(const char *, size_t len, bool lines);
/* local@domain.tld, printable ASCII without blanks or quoting; the mail server knows the rest. */
bool email_valid(const char *);
/* Two labels or more of letters, digits and hyphens: ASCII, as in an address. */
bool domain_valid(const char *);
/* http or https, with a host. */
bool url_valid(const char *);
/* YYYY-MM-DD, a day that exists. */
bool date_valid(const char *);
/* 1 to 64 characters, no comma or blank at the ends. */
bool tag_valid(const char *);

#endif

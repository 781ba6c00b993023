/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_CURSOR_H
#define SERVICEOS_CURSOR_H

/*
 * Where a page of a list ended: base64url of "<order>\n<value>\n<id>". It says
 * nothing that the list itself does not, so it needs no signature.
 */

#include <stdbool.h>

struct arena;

/* order: "-created_at"; value: of the sort column in the last row; id: its key. */
const char *cursor_make(struct arena *, const char *order, const char *value, const char *id);
/* False when it is none, or one of another order. */
bool cursor_read(
    struct arena *, const char *cursor, const char *order, const char **value, const char **id);

#endif
